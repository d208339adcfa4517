package Lazyd::Page::Text;

# Unicode: what a name becomes when it is composed, and what its letters are called.
use strict;
use warnings;

sub render {
    require Encode;
    require Unicode::Normalize;
    require Unicode::UCD;
    my $composed = Unicode::Normalize::NFC("na\x{69}\x{308}ve");
    my $lines = join '', map {
        my $info = Unicode::UCD::charinfo( ord $_ );
        sprintf "U+%04X %s\n", ord $_, $info ? $info->{name} : '?'
    } split //, $composed;
    return Encode::encode( 'UTF-8', "$composed\n$lines" );
}

1;
