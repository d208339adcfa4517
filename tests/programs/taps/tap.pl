# tap.pl once|fork|odd|state: hits taps through the client for Perl.
use strict;
use warnings;
use Alive;

sub total {
	Alive->tap("checkout.legacy", order => 17);    # the tap
	return;
}

sub checkout {
	total();    # the call
	return;
}

my $mode = shift;
if ($mode eq 'once') {
	for (1 .. 3) {
		checkout();
		Alive->tap_each("every.time");
	}
} elsif ($mode eq 'fork') {
	checkout();
	my $pid = fork;
	if ($pid == 0) {
		checkout();
		exit 0;
	}
	waitpid $pid, 0;
} elsif ($mode eq 'odd') {
	Alive->tap("odd \t\n\e[31m\xff%=", "k\ney" => 'x' x 60_000, after => 'still', nothing => undef);
	Alive->tap('n' x 60_000);
	Alive->tap($_) for undef, '';
} elsif ($mode eq 'state') {
	# What a program looks at after a call that it does not expect to do anything.
	local $SIG{__DIE__} = sub { print "a handler for die was called\n" };
	($@, $!, $?) = ("mine\n", 2, 3);
	Alive->tap("state.kept");
	print "something changed\n" if $@ ne "mine\n" || $! != 2 || $? != 3;
	$? = 0;
}
print "done\n";
