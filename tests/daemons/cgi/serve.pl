# serve.pl SCRIPT TIMES: a server whose one worker answers each of TIMES requests by executing SCRIPT with perl,
# as a CGI server does. Prints what the scripts print.
use strict;
use warnings;

my ( $script, $times ) = @ARGV;
my $worker = fork // die "fork: $!";
if ( !$worker ) {
    for my $request ( 1 .. $times ) {
        system( $^X, $script, $request ) == 0 or exit 1;
    }
    exit 0;
}
waitpid $worker, 0;
exit( $? ? 1 : 0 );
