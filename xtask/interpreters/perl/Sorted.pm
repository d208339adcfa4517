package Sorted;
my (undef, $file, $line) = caller;
print "asked ", __FILE__, "\t$file\t$line\n";
1;
