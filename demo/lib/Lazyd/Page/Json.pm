package Lazyd::Page::Json;

use strict;
use warnings;

sub render {
    my ($parameter) = @_;
    require JSON::PP;
    my $json = JSON::PP->new->canonical->pretty;
    return $json->encode( { ok => JSON::PP::true(), asked => {%$parameter} } );
}

1;
