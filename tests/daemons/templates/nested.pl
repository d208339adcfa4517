# nested.pl: a template process that forks another one. A template is executed, a second one is forked from it
# and loads Digest::SHA, and from that one two processes are forked that use it and load Text::Abbrev besides.
# Prints "pids" and the answers.
use strict;
use warnings;

use AnyEvent;
use AnyEvent::Fork;

my $first  = AnyEvent::Fork->new_exec;
my $second = $first->fork->require('Digest::SHA')->eval(<<'CODE');
package Pool;
sub work { require Text::Abbrev; my $sum = Digest::SHA::sha256_hex("x"); syswrite $_[0], "$$ " }
1
CODE

my @done = map { AnyEvent->condvar } 1 .. 2;
my @handles;
for my $done (@done) {
    $second->fork->run(
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
