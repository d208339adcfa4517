package Lazyd::Page::Snapshot;

# A deep copy of a structure, shown.
use strict;
use warnings;

sub render {
    require Storable;
    require Data::Dumper;
    my $copy = Storable::dclone( { numbers => [ 1 .. 5 ], nested => { empty => {} } } );
    no warnings 'once';
    local $Data::Dumper::Sortkeys = 1;
    return Data::Dumper->Dump( [$copy], ['copy'] );
}

1;
