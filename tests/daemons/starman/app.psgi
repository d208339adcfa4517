# A PSGI application that requires at its requests what it could have used at its start.
use strict;
use warnings;

# Long enough for the second worker to be asked while the first one answers, in seconds.
use constant HOLD => 0.05;

my %page = (
    '/' => sub { return 'well' },

    '/json' => sub {
        require JSON::PP;
        return JSON::PP->new->canonical->encode( { ok => JSON::PP::true(), list => [ 1 .. 3 ] } );
    },

    # XS: each of these brings a shared object.
    '/native' => sub {
        require Digest::SHA;
        require Storable;
        require Unicode::Normalize;
        require Compress::Zlib;
        my $copy = Storable::dclone( { text => Unicode::Normalize::NFC("a\x{301}") } );
        return Digest::SHA::sha256_hex( Compress::Zlib::compress( 'x' x length $copy->{text} ) );
    },

    '/text' => sub {
        require Encode;
        require Encode::JP;
        require Text::Wrap;
        return length Encode::encode( 'shiftjis', Text::Wrap::wrap( '', '', "\x{3042}" ) );
    },

    '/dump' => sub {
        require Data::Dumper;
        require Time::Local;
        return Data::Dumper::Dumper( [ Time::Local::timegm( 0, 0, 0, 1, 0, 100 ) ] );
    },

    '/files' => sub {
        require File::Temp;
        require File::Copy;
        require Sys::Hostname;
        my $file = File::Temp->new;
        return File::Copy::copy( '/etc/hostname', $file->filename ) ? 'copied' : 'not copied';
    },

    '/process' => sub {
        my $said = `/bin/echo executed`;
        return $said;
    },

    '/late' => sub {
        require Text::Abbrev;
        return join ' ', sort keys %{ Text::Abbrev::abbrev('list') };
    },

    '/optional' => sub {
        return eval { require Acme::NotInstalled; 1 } ? 'with it' : 'without it';
    },
);

sub {
    my ($request) = @_;
    select undef, undef, undef, HOLD;
    my $render = $page{ $request->{PATH_INFO} }
        or return [ 404, [ 'Content-Type' => 'text/plain' ], ['nothing here'] ];
    return [ 200, [ 'Content-Type' => 'text/plain' ], [ $render->() ] ];
};
