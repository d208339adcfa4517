package Lazyd::Server;

# The parent. It alone watches the listening socket, and orders one idle worker at a time to accept.
#
# Over each worker's socketpair single bytes go both ways:
#
#   parent -> worker   A   accept a connection and serve it
#   worker -> parent   B   accepted, busy now
#   worker -> parent   I   idle again (also when there was nothing to accept)
#
# A closed channel is the end of either side, so nobody has to poll for a death.
use strict;
use warnings;

use IO::Select         ();
use IO::Socket::INET   ();
use Lazyd::Scoreboard  ();
use Lazyd::Worker      ();
use Socket             qw(AF_UNIX SOCK_STREAM PF_UNSPEC SOMAXCONN);

# Seconds between two looks at the number of spare workers when nothing else happens.
use constant SCALE_EVERY => 0.5;

# Seconds that a worker too many is kept: the next burst would only have to fork it again.
use constant KEEP_SPARE => 10;

sub new {
    my ( $class, %option ) = @_;
    my $listener = IO::Socket::INET->new(
        LocalAddr => $option{listen},
        Proto     => 'tcp',
        Listen    => SOMAXCONN,
        ReuseAddr => 1,
    ) or die "lazyd: cannot listen on $option{listen}: $@\n";

    # A worker that is told to accept must never sleep there: the client may be gone again.
    $listener->blocking(0);

    return bless {
        listener => $listener,
        board    => Lazyd::Scoreboard->new(%option),
        stopping => 0,
    }, $class;
}

sub run {
    my ($self) = @_;
    local $SIG{TERM} = sub { $self->{stopping} = 1 };
    local $SIG{INT}  = sub { $self->{stopping} = 1 };
    local $SIG{PIPE} = 'IGNORE';

    $self->scale;
    local $| = 1;
    printf "lazyd: listening on %s:%d\n", $self->{listener}->sockhost, $self->{listener}->sockport;

    until ( $self->{stopping} ) {
        $self->turn;
        $self->scale;
    }
    $self->shut_down;
    return 0;
}

# Waits for one of: a connection (when somebody is there to take it), a worker's word, the clock.
# Words are heard first, so that the lowest idle worker is chosen from what is true now.
sub turn {
    my ($self)   = @_;
    my $board    = $self->{board};
    my $listener = $self->{listener};
    my $select   = IO::Select->new( map { $_->{channel} } $board->workers );
    $select->add($listener) if $board->lowest_idle && !$board->accepting;

    my @ready = $select->can_read(SCALE_EVERY);
    for my $channel ( grep { $_ != $listener } @ready ) {
        my ($speaker) = grep { $_->{channel} == $channel } $board->workers;
        $self->hear($speaker);
    }
    if ( grep { $_ == $listener } @ready ) {
        my $worker = $board->lowest_idle;
        $worker->{state} = 'accepting' if $worker && syswrite $worker->{channel}, 'A';
    }
    return;
}

sub hear {
    my ( $self, $worker ) = @_;
    my $read = sysread $worker->{channel}, my $words, 64;
    return if !defined $read && $!{EINTR};
    if ( !$read ) {    # gone, by its own will or not
        $self->forget($worker);
        return;
    }
    $worker->{state} = substr( $words, -1 ) eq 'I' ? 'idle' : 'busy';
    return;
}

sub scale {
    my ($self) = @_;
    $self->start_worker for 1 .. $self->{board}->wanted;
    my $worker = $self->{board}->superfluous;
    if ( !$worker ) {
        delete $self->{spare_since};
    }
    elsif ( time - ( $self->{spare_since} //= time ) >= KEEP_SPARE ) {
        delete $self->{spare_since};
        $self->forget($worker);
    }
    return;
}

sub start_worker {
    my ($self) = @_;
    socketpair my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC
        or die "lazyd: socketpair: $!\n";
    my $pid = fork;
    die "lazyd: fork: $!\n" unless defined $pid;
    if ( $pid == 0 ) {
        close $ours;

        # Copies of its siblings' channels would keep them from seeing the parent's end.
        close $_->{channel} for $self->{board}->workers;
        exit Lazyd::Worker->new( $self->{listener}, $theirs )->run;
    }
    close $theirs;
    $self->{board}->add( { pid => $pid, channel => $ours } );
    return;
}

# Closing the channel tells the worker to go once it is idle; then it is reaped.
sub forget {
    my ( $self, $worker ) = @_;
    $self->{board}->remove( $worker->{slot} );
    close $worker->{channel};
    waitpid $worker->{pid}, 0;
    return;
}

sub shut_down {
    my ($self) = @_;
    close $self->{listener};
    $self->forget($_) for reverse $self->{board}->workers;
    return;
}

1;
