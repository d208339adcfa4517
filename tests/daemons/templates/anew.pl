# anew.pl CODE TIMES: a worker that executes a perl anew for each of TIMES jobs, where one template process
# could be forked. CODE's function is Pool::work. Prints the answers.
use strict;
use warnings;

use AnyEvent;
use AnyEvent::Fork;

my ( $code, $times ) = @ARGV;
my $worker = fork // die "fork: $!";
if ($worker) {
    waitpid $worker, 0;
    exit( $? ? 1 : 0 );
}
$| = 1;
for ( 1 .. $times ) {
    my $done = AnyEvent->condvar;
    my $handle;
    AnyEvent::Fork->new_exec->eval($code)->run(
        'Pool::work',
        sub {
            ($handle) = @_;
            my ( $told, $watch ) = ('');
            $watch = AnyEvent->io(
                fh   => $handle,
                poll => 'r',
                cb   => sub {
                    my $read = sysread $handle, $told, 100, length $told;
                    if ( !$read ) { undef $watch; $done->send($told) }
                },
            );
        }
    );
    print $done->recv, "\n";
}
# They end by themselves, and tell what they took only then.
1 while waitpid( -1, 0 ) > 0;
exit 0;
