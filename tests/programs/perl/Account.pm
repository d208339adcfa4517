# Perl's own account of who asks: a line in the file $ACCOUNT for each module, "PID HOW FILE FRAME...",
# with the file and each frame, innermost first, as "FILE:LINE:SUB", in hex; HOW is "all" or, where only
# some frames are told, "first". A module calls `Account::told` at its top, or `use Account 'watch'`
# writes down what is required from then on.
package Account;
use strict;
use warnings;

my $log;

sub import {
    my ( undef, $what ) = @_;
    my ($path) = ( $ENV{ACCOUNT} // '' ) =~ /(.+)/s or die 'ACCOUNT names no file';
    open $log, '>>', $path or die "$path: $!" unless $log;
    return if ( $what // '' ) ne 'watch';
    unshift @INC, sub {
        my ( undef, $file ) = @_;
        written( 'all', $file, frames(1) );
        return;
    };
}

sub told {
    my ( $file, $at_most ) = @_;
    my @frames = frames( 2, $at_most );
    written( $at_most ? 'first' : 'all', $file, @frames );
}

# What `caller` tells, brought into the form of a stack: the block of an `eval {}` is a part of the
# sub around it, of frames that follow each other on one line only the innermost counts, and what has
# no line, because Perl itself calls it, has no place. Of `caller` itself, a format's caller cannot be
# asked for: $at_most ends the frames before it.
sub frames {
    my ( $level, $at_most ) = @_;
    my ( @rows, @frames );
    while ( my @row = caller $level++ ) {
        my $is_block = $row[3] eq '(eval)' && !defined $row[6] && !defined $row[7];
        push @rows, [ @row[ 1, 2 ], $row[3] eq '(eval)' ? '' : $row[3] ] unless $is_block;
        last if $at_most && @rows > $at_most;
    }
    for my $index ( 0 .. $#rows ) {
        my ( $file, $line ) = @{ $rows[$index] };
        my $inside = $index < $#rows ? $rows[ $index + 1 ][2] : '';
        next if @frames && ( $line == 0 || $frames[-1][0] eq $file && $frames[-1][1] == $line );
        push @frames, [ $file, $line, $inside ];
        last if $at_most && @frames == $at_most;
    }
    return @frames;
}

sub written {
    my ( $how, $file, @frames ) = @_;
    my @words = ( $$, $how, map { unpack 'H*', $_ } $file, map { join ':', @$_ } @frames );
    syswrite $log, "@words\n";
}

1;
