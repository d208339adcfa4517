# Forks workers, each of which loads what it finds in a folder, also what comes there later.
use strict;
use warnings;

my ($workers, $folder) = @ARGV;
for (1 .. $workers) {
    next if fork;
    my %loaded;
    while (getppid != 1) {
        opendir my $listing, $folder or die "$folder: $!";
        for my $name (sort grep {/\.pm$/} readdir $listing) {
            require "$folder/$name" unless $loaded{$name}++;
        }
        select undef, undef, undef, 0.05;
    }
    exit;
}
1 while wait > 0;
