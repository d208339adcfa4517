<?php
// hard.php FOLDER: taps where a client has it hard, through the client for PHP.
declare(strict_types=1);

require 'alive_tap.php';

function spent(): void
{
    AliveTap::tap('no.descriptor');
}

final class Stubborn
{
    public function __toString(): string
    {
        throw new RuntimeException('is no text');
    }
}

set_error_handler(static function (int $number, string $words): never {
    throw new ErrorException($words, 0, $number);
});
AliveTap::tap('stubborn', ['good' => 1, 'bad' => new Stubborn(), 'after' => 2]);
AliveTap::tap(new Stubborn());
AliveTap::tap();
AliveTap::tap('wrong', 'no array');

$taken = [];
try {
    while (true) {
        $taken[] = fopen('/dev/null', 'r');
    }
} catch (ErrorException $spent) {
    spent();
}
$taken = [];
spent();
spent();

pcntl_async_signals(true);
pcntl_signal(SIGUSR1, static function (): void {
    AliveTap::tap('handler');
});
posix_kill(getmypid(), SIGUSR1);
chroot($argv[1]);
AliveTap::tap('jail');
echo "done\n";
