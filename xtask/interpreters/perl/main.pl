# Loads in a forked child, in every way in which a line of Perl can ask for a file. Each file
# prints its own name, and the file and the line that asked for it.
use strict;
use warnings;
BEGIN { unshift @INC, $0 =~ s{/[^/]+$}{}r }

printf "version %vd\n", $^V;
$| = 1;
my $child = fork // die "fork: $!";
if ($child == 0) {
    in_a_sub();
    my @sorted = sort { require Sorted; $a <=> $b } 2, 1;
    exit 0;
}
waitpid $child, 0;
exit $? >> 8;

sub in_a_sub {
    require Outer;
}
