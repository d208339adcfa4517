# taps.pl once|each COUNT: each line on standard input asks for one block of COUNT hits at one place, answered
# with the time of one in nanoseconds.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use Alive;

my ( $mode, $count ) = @ARGV;
my $hit = $mode eq 'once' ? sub { Alive->tap('bench') } : sub { Alive->tap_each('bench') };
$| = 1;
while (<STDIN>) {
    my $begin = clock_gettime(CLOCK_MONOTONIC);
    $hit->() for 1 .. $count;
    printf "%.1f\n", ( clock_gettime(CLOCK_MONOTONIC) - $begin ) * 1e9 / $count;
}
