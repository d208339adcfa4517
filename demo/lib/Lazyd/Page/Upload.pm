package Lazyd::Page::Upload;

# Spools a body into a temporary file and tells its size and time.
use strict;
use warnings;

sub render {
    my ($parameter) = @_;
    require File::Temp;
    require POSIX;
    my $file = File::Temp->new;
    print {$file} $parameter->{text} // 'x' x 1000;
    $file->flush;
    return sprintf "%d bytes, %s\n", -s $file->filename, POSIX::strftime( '%Y-%m-%d', gmtime );
}

1;
