package Lazyd::Page::Digest;

use strict;
use warnings;

sub render {
    my ($parameter) = @_;
    require Digest::SHA;
    require MIME::Base64;
    my $text = $parameter->{text} // 'lazyd';
    return MIME::Base64::encode_base64( Digest::SHA::sha256($text) );
}

1;
