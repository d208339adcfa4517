<?php
// taps.php once|each COUNT: each line on standard input asks for one block of COUNT hits at one place,
// answered with the time of one in nanoseconds.
require __DIR__ . '/alive_tap.php';

[, $mode, $count] = $argv;
$hit = $mode === 'once' ? static fn () => AliveTap::tap('bench') : static fn () => AliveTap::tap_each('bench');
while (fgets(STDIN) !== false) {
    $begin = hrtime(true);
    for ($i = 0; $i < $count; $i++) {
        $hit();
    }
    echo (hrtime(true) - $begin) / $count, "\n";
}
