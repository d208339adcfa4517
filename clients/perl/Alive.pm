package Alive;

# Tells a collector that code is alive: Alive->tap("checkout.legacy") sends one datagram, the first time in
# each process and at each place. Alive->tap_each(...) sends one every time.
#
#     use Alive;
#     Alive->tap("checkout.legacy");
#     Alive->tap("checkout.legacy", order => 17);
#
# Never waits, never dies, writes nothing, leaves $@, $! and $? alone. ALIVE_ADDR is the collector's address
# (127.0.0.1:25483), ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all are read once.

use strict;
use warnings;
use Socket ();

my ($to, $family, $off, $service, $host, $pid, %seen);

sub tap      { return _hit(0, @_) }
sub tap_each { return _hit(1, @_) }

sub _begin {
	my $address = $ENV{ALIVE_ADDR};
	$address = '127.0.0.1:25483' if !defined $address || $address eq '';
	my $set = $ENV{ALIVE_OFF};
	$off = 1;
	return if defined $set && $set ne '' && $set ne '0';
	# Numbers only: to look a name up could take seconds.
	if ($address =~ /\A(\d+(?:\.\d+){3}):(\d{1,5})\z/ && $2 < 65536) {
		my $bytes = Socket::inet_aton($1) or return;
		($family, $to) = (Socket::AF_INET(), Socket::pack_sockaddr_in($2, $bytes));
	} elsif ($address =~ /\A\[([0-9a-fA-F:.]+)\]:(\d{1,5})\z/ && $2 < 65536) {
		my $bytes = Socket::inet_pton(Socket::AF_INET6(), $1) or return;
		($family, $to) = (Socket::AF_INET6(), Socket::pack_sockaddr_in6($2, $bytes));
	} else {
		return;
	}
	$service = $ENV{ALIVE_NAME};
	($service) = $0 =~ m{([^/]*)\z} if !defined $service || $service eq '';
	if (open my $file, '<', '/proc/sys/kernel/hostname') {
		$host = <$file>;
		chomp $host if defined $host;
	}
	$off = 0;
	return;
}

sub _hit {
	return if $off;
	my $each = shift;
	# Called as Alive->tap or as Alive::tap.
	shift if @_ && defined $_[0] && !ref $_[0] && $_[0] eq __PACKAGE__;
	my $name = shift;
	$name = _text($name) if ref $name;
	return if !defined $name || $name eq '';
	my (undef, $file, $line) = caller 1;
	# Text that is evaluated has a number, another one each time.
	$file = '(eval)' if substr($file, 0, 6) eq '(eval ';
	if (!defined $pid || $pid != $$ || keys %seen > 10000) {
		($pid, %seen) = ($$);
	}
	my $site = "$name\0$file\0$line";
	return if !$each && $seen{$site}++;
	local ($@, $!, $?, $SIG{__DIE__}, $SIG{__WARN__});
	$SIG{__WARN__} = sub { };
	eval {
		_begin() if !defined $off;
		# Without a descriptor for a socket nothing was told: the next one tries again.
		$off || _send($name, $file, $line, @_) || delete $seen{$site};
	};
	return;
}

# What something is as a text; undef where it does not want to be one.
sub _text {
	my ($value) = @_;
	return $value if !ref $value;
	local ($@, $!, $?, $SIG{__DIE__}, $SIG{__WARN__});
	$SIG{__WARN__} = sub { };
	return scalar eval { "$value" };
}

# False where there is no descriptor for a socket.
sub _send {
	my ($name, $file, $line, @context) = @_;
	my (undef, $caller_file, $caller_line, $function) = caller 4;
	my $caller_function = (caller 5)[3];
	my @columns = (name => $name, file => $file, line => $line, pid => $$);
	push @columns, function => $function if defined $function;
	if (defined $caller_file) {
		my $caller = "$caller_file:$caller_line";
		push @columns, caller => defined $caller_function ? "$caller $caller_function" : $caller;
	}
	push @columns, service => $service if defined $service;
	push @columns, host => $host if defined $host;
	my $datagram = "alive1\tping";
	push @columns, @context;
	while (my ($key, $value) = splice @columns, 0, 2) {
		($key, $value) = (_text($key), _text($value));
		next if !defined $key || !defined $value;
		my $column = "\t" . _escaped($key, 64) . '=' . _escaped($value, $key eq 'name' ? 255 : 300);
		$datagram .= $column if length($datagram) + length($column) < 1400;
	}
	# A socket for this one call: a daemon closes the descriptors that it does not know.
	my $flags = Socket::SOCK_DGRAM() | Socket::SOCK_NONBLOCK() | Socket::SOCK_CLOEXEC();
	socket my $socket, $family, $flags, 0 or return 0;
	send $socket, "$datagram\n", Socket::MSG_DONTWAIT() | Socket::MSG_NOSIGNAL(), $to;
	close $socket;
	return 1;
}

# At most so many bytes; what is no letter, digit or mark as % and two digits.
sub _escaped {
	my ($text, $longest) = @_;
	$text = "$text";
	utf8::encode($text) if utf8::is_utf8($text);
	$text = substr $text, 0, $longest;
	$text =~ s/([^A-Za-z0-9_.:\/,+<>()\[\]-])/sprintf '%%%02X', ord $1/ge;
	return $text;
}

1;
