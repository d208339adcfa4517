<?php
// Includes in a forked child: in a function, from file to file, in a method. Each file prints its
// own name, and the file and the line that asked for it.
function asked(string $file): void
{
    $place = debug_backtrace()[1];
    echo "asked $file\t{$place['file']}\t{$place['line']}\n";
}

function in_a_function(): void
{
    require __DIR__ . '/outer.php';
}

final class Loader
{
    public function load(): void
    {
        include_once __DIR__ . '/method.php';
    }
}

echo 'version ', PHP_VERSION, "\n";
$child = pcntl_fork();
if ($child === 0) {
    in_a_function();
    (new Loader())->load();
    exit(0);
}
pcntl_waitpid($child, $status);
exit(pcntl_wexitstatus($status));
