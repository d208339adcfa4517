# answer.pl NUMBER: an answer for which modules are loaded each time.
use strict;
use warnings;

use Data::Dumper;
use File::Temp;
use JSON::PP;
use POSIX;

print JSON::PP->new->canonical->encode( { request => $ARGV[0] } ), "\n";
