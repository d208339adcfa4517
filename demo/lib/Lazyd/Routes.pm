package Lazyd::Routes;

# Which package serves a path. The package is loaded at the first request for it, in the worker
# that got the request: cheap to start, and paid again in every worker.
use strict;
use warnings;

my %PACKAGE = (
    '/health'   => 'Lazyd::Page::Health',
    '/json'     => 'Lazyd::Page::Json',
    '/digest'   => 'Lazyd::Page::Digest',
    '/snapshot' => 'Lazyd::Page::Snapshot',
    '/text'     => 'Lazyd::Page::Text',
    '/upload'   => 'Lazyd::Page::Upload',
    '/fetch'    => 'Lazyd::Page::Fetch',
    '/optional' => 'Lazyd::Page::Optional',
);

# The function that renders a path, or nothing. Dies when its package cannot be loaded.
sub page {
    my ($path) = @_;
    my $package = $PACKAGE{$path} or return;
    ( my $file = "$package.pm" ) =~ s{::}{/}g;
    require $file;
    my $render = $package->can('render');
    return sub {
        my ($parameter) = @_;
        hold( $parameter->{hold} );
        return $render->($parameter);
    };
}

# Stands for the time that a real page spends waiting for a database: milliseconds, at most 2,000.
sub hold {
    my ($millis) = @_;
    return unless defined $millis && $millis =~ /^[0-9]{1,4}$/;
    select undef, undef, undef, ( $millis > 2000 ? 2000 : $millis ) / 1000;
    return;
}

1;
