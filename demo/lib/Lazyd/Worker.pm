package Lazyd::Worker;

# A worker: waits for an order, accepts one connection, serves it, says that it is idle again.
use strict;
use warnings;

use Lazyd::Routes ();

# Longest request head that is read, in bytes.
use constant MAX_HEAD => 8192;

sub new {
    my ( $class, $listener, $channel ) = @_;
    return bless { listener => $listener, channel => $channel }, $class;
}

# Until the parent closes the channel. TERM and INT are the parent's to answer: a terminal sends
# them to the whole group, and a request that is being served should still be finished.
sub run {
    my ($self) = @_;
    local $SIG{TERM} = 'IGNORE';
    local $SIG{INT}  = 'IGNORE';
    while ( sysread $self->{channel}, my $order, 1 ) {
        my $client = $self->{listener}->accept;
        if ($client) {
            syswrite $self->{channel}, 'B';
            $client->blocking(1);
            serve($client);
        }

        # Said before the client sees the end: when it comes again at once, this worker is the one
        # to serve it, not the next one.
        syswrite $self->{channel}, 'I';
        close $client if $client;
    }
    return 0;
}

sub serve {
    my ($client) = @_;
    my $head = '';
    while ( $head !~ /\r?\n\r?\n/ && length $head < MAX_HEAD ) {
        sysread $client, $head, 1024, length $head or last;
    }
    my ( $path, $query ) = $head =~ m{^GET\s+(/[^\s?]*)(?:\?(\S*))?\s+HTTP/1\.[01]\r?\n}
        or return respond( $client, '400 Bad Request', "only GET is understood here\n" );
    my %parameter = map { /^([^=]+)=(.*)$/ ? ( $1 => $2 ) : () } split /&/, $query // '';

    my $page = Lazyd::Routes::page($path)
        or return respond( $client, '404 Not Found', "nothing at $path\n" );
    my $body = eval { $page->( \%parameter ) };
    return respond( $client, '500 Internal Server Error', "$path failed: $@" ) unless defined $body;
    return respond( $client, '200 OK', $body );
}

sub respond {
    my ( $client, $status, $body ) = @_;
    my $message = join "\r\n", "HTTP/1.0 $status", 'Content-Type: text/plain; charset=utf-8',
        'Content-Length: ' . length $body, 'Connection: close', '', $body;
    my $sent = 0;
    while ( $sent < length $message ) {
        my $written = syswrite $client, $message, length($message) - $sent, $sent;
        last unless $written;    # the client went away; nothing here depends on it
        $sent += $written;
    }
    return;
}

1;
