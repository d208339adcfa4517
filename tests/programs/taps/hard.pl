# hard.pl FOLDER: taps where a client has it hard, through the client for Perl.
use strict;
use warnings;
use threads;
use Alive;

sub spent { Alive->tap("no.descriptor"); return }

package Stubborn {
	use overload '""' => sub { die "is no text\n" };
}

Alive->tap("stubborn", good => 1, bad => bless({}, 'Stubborn'), after => 2);
Alive->tap(bless {}, 'Stubborn');
Alive->tap();
Alive->tap("odd.number", "of", "things");
eval 'Alive->tap("evaluated")' for 1 .. 3;

my @all;
while (open my $file, '<', '/dev/null') { push @all, $file }
spent();
@all = ();
spent() for 1 .. 2;

local $SIG{USR1} = sub { Alive->tap("handler") };
kill USR1 => $$;
threads->create(sub { Alive->tap("thread") })->join;
my ($folder) = $ARGV[0] =~ /(.*)/s;
chroot $folder and chdir '/' or die "no root directory of its own: $!\n";
Alive->tap("jail");
print "done\n";
