<?php
// tap.php once|fork|odd: hits taps through the client for PHP.
require 'alive_tap.php';

function total(): void
{
    AliveTap::tap('checkout.legacy', ['order' => 17]); // the tap
}

function checkout(): void
{
    total(); // the call
}

set_error_handler(function (int $level, string $message): bool {
    echo "the handler was called: $message\n";
    return true;
});
if ($argv[1] === 'once') {
    for ($i = 0; $i < 3; $i++) {
        checkout();
        AliveTap::tap_each('every.time');
    }
} elseif ($argv[1] === 'fork') {
    checkout();
    $pid = pcntl_fork();
    if ($pid === 0) {
        checkout();
        exit(0);
    }
    pcntl_waitpid($pid, $status);
} elseif ($argv[1] === 'odd') {
    AliveTap::tap("odd \t\n\e[31m\xff%=", ["k\ney" => str_repeat('x', 60000), 'after' => 'still', 'nothing' => null]);
    AliveTap::tap(str_repeat('n', 60000));
    foreach ([null, '', [], new stdClass()] as $name) {
        AliveTap::tap($name);
    }
}
echo "done\n";
