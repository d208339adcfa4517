package Lazyd::Page::Fetch;

# Prepares a request to a backend. Nothing is sent: the demonstration stays on this machine.
use strict;
use warnings;

sub render {
    require HTTP::Tiny;
    require Time::HiRes;
    require Text::Wrap;
    my $began  = Time::HiRes::time();
    my $client = HTTP::Tiny->new( timeout => 1 );
    my $form   = $client->www_form_urlencode( { q => 'what is loaded late', page => 1 } );
    return Text::Wrap::wrap( '', '  ', sprintf "%s as %s, prepared in %.3f ms\n",
        $form, $client->agent, 1000 * ( Time::HiRes::time() - $began ) );
}

1;
