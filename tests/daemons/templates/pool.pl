# pool.pl CODE: a pool of processes made by AnyEvent::Fork. A template process is executed first,
# loads one module and defines CODE, whose function is Pool::work; two processes are forked from it,
# and each runs the function and answers. Prints "pids" and the answers.
use strict;
use warnings;

use AnyEvent;
use AnyEvent::Fork;

my ($code) = @ARGV;
my $template = AnyEvent::Fork->new_exec->require('Time::Local')->eval($code);

my @done = map { AnyEvent->condvar } 1 .. 2;
my @handles;
for my $done (@done) {
    $template->fork->run(
        'Pool::work',
        sub {
            my ($handle) = @_;
            push @handles, $handle;
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
}
$| = 1;
print 'pids ', join( ' ', map { $_->recv } @done ), "\n";
