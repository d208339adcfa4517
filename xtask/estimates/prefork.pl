# prefork.pl measured|plain WORKERS STATEMENT
#
# Forks workers, one after another, that execute one statement. When it is to be measured each prints what the
# statement took it: microseconds, of them on a CPU, minor faults, KiB of private memory.
use strict;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

sub private {
    my $sum = 0;
    $sum += $_ for slurp('/proc/self/smaps_rollup') =~ /^Private_(?:Clean|Dirty):\s+(\d+)/mg;
    return $sum;
}

sub used {
    my @stat = split ' ', slurp('/proc/self/stat') =~ s/.*\) //sr;
    return (clock_gettime(CLOCK_MONOTONIC) * 1e6, clock_gettime(CLOCK_PROCESS_CPUTIME_ID) * 1e6, $stat[7]);
}

my ($how, $workers, $statement) = @ARGV;
my $work = eval "sub { $statement }" or die $@;
for (1 .. $workers) {
    defined(my $worker = fork) or die "fork: $!";
    if ($worker == 0) {
        if ($how eq 'plain') {
            $work->();
            exit 0;
        }
        # What measuring itself touches is private from here on.
        private(), used();
        my ($memory, @before) = (private(), used());
        $work->();
        my @after = used();
        my $grown = private() - $memory;
        printf "%d %d %d %d\n", (map { $after[$_] - $before[$_] } 0 .. 2), $grown;
        exit 0;
    }
    waitpid $worker, 0;
    die "the worker failed\n" if $?;
}
