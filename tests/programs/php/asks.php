<?php
// Includes files from every kind of place, in a forked child.
$child = pcntl_fork();
if ($child === 0) {
    require __DIR__ . '/places.php';
    ask();
}
pcntl_waitpid($child, $status);
// The handler of the exception that nobody caught ends the child.
exit(pcntl_wexitstatus($status) === 7 ? 0 : 1);
