# A PSGI application that requires at its first request what it could have used at its start.
# It answers with the number of files that this brought in.
use strict;
use warnings;

sub load {
    require $_ =~ s{::}{/}gr . '.pm'
        for qw(
            Archive::Tar Compress::Zlib CPAN::Meta Data::Dumper Digest::SHA Encode::Guess Encode::JP
            ExtUtils::MakeMaker File::Copy File::Temp Getopt::Long HTTP::Tiny IO::Compress::Bzip2 IO::Select
            IPC::Open3 JSON::PP Locale::Maketext Math::BigFloat Memoize MIME::QuotedPrint
            Net::FTP Net::SMTP Params::Check Pod::Man Pod::Usage Storable Sys::Hostname Term::ANSIColor
            Test::More Text::Balanced Text::Wrap Tie::File Time::Local Time::Piece
            Unicode::Normalize Unicode::UCD
        );
    eval { require Not::Installed };
    return;
}

sub {
    my ($request) = @_;
    my $before = keys %INC;
    load() if $request->{PATH_INFO} eq '/burst';
    return [ 200, [ 'Content-Type' => 'text/plain' ], [ keys(%INC) - $before ] ];
};
