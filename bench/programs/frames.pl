# A worker of Perl that opens files of code, some calls deep.
#
#     frames.pl PATH COUNT
#
# Each line on standard input asks a forked child for one block: COUNT opens and closes, answered with
# the median time of one and the least, in nanoseconds.
use strict;
use warnings;
use Fcntl;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use constant DEPTH => 10;

my ( $path, $count ) = @ARGV;

sub once {
    my $begin = clock_gettime(CLOCK_MONOTONIC);
    sysopen my $file, $path, O_RDONLY or die "$path: $!";
    close $file;
    return ( clock_gettime(CLOCK_MONOTONIC) - $begin ) * 1e9;
}

sub descend {
    my ($depth) = @_;
    return $depth ? descend( $depth - 1 ) : sort { $a <=> $b } map { once() } 1 .. $count;
}

my $pid = fork // die "fork: $!";
if ($pid) {
    waitpid $pid, 0;
    exit( $? >> 8 );
}
$| = 1;
while (<STDIN>) {
    my @times = descend(DEPTH);
    printf "%.1f %.1f\n", $times[ @times / 2 ], $times[0];
}
