package Lazyd::Page::Optional;

# Uses a faster module where it is installed. Where it is not, every request searches for it again
# in each folder of @INC: Perl does not remember that a require failed to find its file.
use strict;
use warnings;

sub render {
    my $found = eval { require Acme::Optional; 1 };
    return $found ? "with Acme::Optional\n" : "without Acme::Optional\n";
}

1;
