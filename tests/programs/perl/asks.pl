# Loads a module of its own from every kind of place that Perl code can ask from, in a forked child.
# Each of them has Perl's own account of it written down. Arguments pick the cases.
use strict;
use warnings;
use Account;
use lib 'lib';

sub module {
    my ($name, $body) = @_;
    # What calls a format cannot be asked for, and five thousand calls are not followed to their end.
    my $at_most = $name =~ m{In/(?:Deep|Format)\.pm} ? 1 : 0;
    open my $out, '>', "lib/$name" or die "$name: $!";
    print {$out} "Account::told(__FILE__, $at_most);\n", $body // '', "\n1;\n";
    close $out;
}

mkdir 'lib';
my %cases;

$cases{sub} = sub { require In::Sub };
$cases{method} = sub { Shop->new->add };
sub Shop::new { bless {}, shift }
sub Shop::add { require In::Method }
$cases{closure} = sub { my $load = sub { require In::Closure }; $load->() };
$cases{name} = sub { my $name = 'In/Name.pm'; require $name };
$cases{string} = sub { eval "\n\nrequire In::Text; 1" or die };
$cases{strings} = sub { eval q{ eval q{ require In::Texts; 1 } or die; 1 } or die };
$cases{block} = sub {
    eval {
        require In::Block;
        1;
    } or die;
};
$cases{branch} = sub {
    my ($yes) = @_;
    if ( !$yes ) {
        require In::If;
    }
    if ($yes) {
        die;
    }
    elsif ( require In::Elsif ) {
        branch_sub();
    }
    unless ($yes) {
        $yes || do {
            require In::Do1;
        };
    }
};
sub branch_sub {
    for my $module ('In/Loop.pm') {
        require $module;
    }
    foreach_hash( { file => 'In/Hash.pm', list => [ map { { number => $_ } } 1 .. 3 ] } );
}
sub foreach_hash {
    my ($of) = @_;
    require $of->{file}
        if $of->{file}
        && @{ $of->{list} };
}
$cases{begin} = sub { eval "BEGIN { require In::Begin }\n1" or die };
$cases{use} = sub { eval "package Other;\nuse In::Use;\n1" or die };
$cases{nested} = sub { require In::Outer };
$cases{chain} = sub { require In::One };
$cases{sort} = sub {
    my @sorted = sort {
        require In::Sort;
        $a <=> $b
    } 3, 1, 2;
};
sub by_number { require In::SortSub; $a <=> $b }
$cases{sort_sub} = sub { my @sorted = sort by_number 3, 1, 2 };
$cases{map} = sub {
    my @all = map {
        require In::Map;
        $_
    } 1;
};
$cases{autoload} = sub { Auto->anything };
sub Auto::AUTOLOAD { our $AUTOLOAD; require In::Autoload if $Auto::AUTOLOAD !~ /DESTROY/ }
$cases{destroy} = sub { my $gone = bless [], 'Dying'; undef $gone; 1 };
sub Dying::DESTROY { require In::Destroy }
$cases{tie} = sub { tie my $tied, 'Tied'; my $value = $tied };
sub Tied::TIESCALAR { bless [], shift }
sub Tied::FETCH { require In::Tie; 1 }
{
    package Over;
    use overload '""' => sub { require In::Overload; 'text' };
}
$cases{overload} = sub { my $text = '' . bless [], 'Over' };
$cases{do} = sub { do './lib/In/Do.pl'; die $@ if $@ };
$cases{line} = sub {
    eval qq{#line 7 "other place.pl"\nrequire In::Line; 1} or die;
};
$cases{goto} = sub { goto &going };
sub going { require In::Goto }
$cases{local_sub} = sub { local *borrowed = sub { require In::Borrowed }; borrowed() };
$cases{regex} = sub { 'a' =~ /a(?{ require In::Regex })/ };
$cases{substitution} = sub { (my $text = 'a') =~ s/a/require In::Substitution; 'b'/e };
$cases{format} = sub {
    open my $null, '>', '/dev/null' or die;
    my $before = select $null; $~ = 'LOADING'; select $before;
    write $null;
};
sub filled { require In::Format; 'x' }
format LOADING =
@<<<
filled()
.
$cases{signal} = sub { local $SIG{USR1} = sub { require In::Signal }; kill USR1 => $$; my $later = 1 };
$cases{warn} = sub { local $SIG{__WARN__} = sub { require In::Warn }; warn 'x' };
$cases{die} = sub { local $SIG{__DIE__} = sub { require In::Die }; eval { die 'x' } };
$cases{hook} = sub {
    local @INC = (sub { require In::Hook if $_[1] eq 'In/Hooked.pm'; return }, @INC);
    require In::Hooked;
};
no warnings 'recursion';
sub deep { my $left = shift; return require In::Deep unless $left; deep($left - 1) }
$cases{deep} = sub { deep(5000) };
sub deep_a {
    my $left = shift; return require In::Zigzag unless $left;
    deep_b($left - 1);
}
sub deep_b { deep_a(shift() - 1) }
$cases{zigzag} = sub { deep_a(5000) };
$cases{odd_name} = sub { do "./lib/In/odd\n\xff name.pl"; die $@ if $@ };
$cases{from_odd} = sub { do "./lib/In/from\n\xfe.pl"; die $@ if $@ };
$cases{long_package} = sub { no strict 'refs'; my $package = 'P' x 200; eval "package $package; sub f { require In::Long }"; &{"${package}::f"}() };
$cases{deleted} = sub { my $code = \&Doomed::f; undef %Doomed::; $code->() };
sub Doomed::f { require In::Deleted }
$cases{filtered} = sub { require In::Filtered };
$cases{filter_inside} = sub { require In::FilterInside };
$cases{lexical} = sub { eval q{use feature 'lexical_subs'; no warnings; my sub named { require In::Lexical } named(); 1} or die $@ };

my %modules = map { ("In/$_.pm" => undef) } qw(
    If Elsif Do1 Loop Hash Sub Method Closure Name Text Texts Block Begin Use Inner Sort SortSub Map Autoload Destroy Tie
    Overload Line Goto Borrowed Regex Substitution Format Signal Warn Die Hook Hooked Deep Zigzag
    Long Deleted Lexical Unfiltered FromOdd AtEnd);
mkdir 'lib/In';
$modules{'In/Outer.pm'} = "\nsub In::Outer::import {}\nuse In::Inner;\n";
$modules{'In/One.pm'} = "\n\nsub In::One::import {}\nuse In::Two;\n";
$modules{'In/Two.pm'} = "\nsub In::Two::import {}\nBEGIN {\n    require In::Three;\n}\n";
$modules{'In/Three.pm'} = "use In::Inner;";
$modules{'In/Do.pl'} = undef;
$modules{"In/odd\n\xff name.pl"} = undef;
$modules{"In/from\n\xfe.pl"} = "\n\nrequire In::FromOdd;";
$modules{'In/Rot.pm'} = "package In::Rot; use Filter::Util::Call;\n"
    . "sub import { filter_add(sub { my \$got = filter_read(); tr/a-zA-Z/n-za-mN-ZA-M/ if \$got > 0; \$got }) }";
$modules{'In/Filtered.pm'} = "use In::Rot;\nerdhver Va::Hasvygrerq;";
$modules{'In/Lazy.pm'} = "package In::Lazy; use Filter::Util::Call;\n"
    . "sub import { filter_add(sub { require In::Filter; filter_read() }) }";
$modules{'In/FilterInside.pm'} = "use In::Lazy;\n1;";
$modules{'In/Filter.pm'} = undef;
module($_, $modules{$_}) for sort keys %modules;

my @wanted = @ARGV ? @ARGV : sort keys %cases;
my $pid = fork // die;
if (!$pid) {
    for my $case (@wanted) {
        ($cases{$case} // die "no case $case")->();
    }
    exit 0;
}
END { require In::AtEnd if defined $pid && !$pid }
waitpid $pid, 0;
exit($? ? 1 : 0);
