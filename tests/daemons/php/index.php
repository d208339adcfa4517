<?php
// Includes at its requests: each page by a way of its own.

// The usual autoloader: one folder after the other, the second one has it.
spl_autoload_register(function (string $class): void {
    foreach (['first', 'second'] as $folder) {
        $file = __DIR__ . "/$folder/" . str_replace('\\', '/', $class) . '.php';
        if (is_file($file)) {
            require $file;
            return;
        }
    }
});

// Long enough for the second worker to be asked while the first one answers, in microseconds.
const HOLD = 50000;
usleep(HOLD);

switch ($_SERVER['PATH_INFO'] ?? '/') {
    case '/include':
        include __DIR__ . '/one.inc';
        echo ONE;
        break;
    case '/class':
        echo (new App\Thing())->name();
        break;
    case '/no-class':
        echo class_exists('App\NotInstalled') ? 'with it' : 'without it';
        break;
    case '/no-file':
        echo (@include __DIR__ . '/not_there.php') ? 'with it' : 'without it';
        break;
    default:
        echo 'well';
}
// Who answered.
echo ' by ', getmypid();
