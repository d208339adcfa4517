package Outer;
my (undef, $file, $line) = caller;
print "asked ", __FILE__, "\t$file\t$line\n";

use Inner;

1;
