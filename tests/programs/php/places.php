<?php
// ask() includes a file of its own from every kind of place that PHP code can ask from. Each file writes
// down who asked for it by PHP's own `debug_backtrace`: its name, then the frames, innermost first, as
// "file:line", all in hex.
//
// PHP's account has a frame for each function in C that calls PHP's code; of neighbours with one file and
// line, one is written down. Where a generator hands over to another with `yield from`, PHP makes up the
// frames in between from the tree of generators; there the innermost frame alone is written down, and
// that others follow.
declare(ticks=1);

define('FOLDER', __DIR__ . '/lib' . getmypid());

function account(string $file): void
{
    // The first frame is the file's own call of this function; functions in C have no file.
    $frames = array_slice(debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS), 1);
    $frames = array_filter($frames, fn ($frame) => isset($frame['file']));
    $places = [];
    foreach ($frames as $frame) {
        $place = "$frame[file]:$frame[line]";
        end($places) === $place || $places[] = $place;
    }
    if (str_contains($file, 'in_yield_from')) {
        $places = [$places[0], '...'];
    }
    file_put_contents(__DIR__ . '/account', implode(' ', array_map('bin2hex', [$file, ...$places])) . "\n", FILE_APPEND);
}

// The path of a file of this name, which is made when it is asked for.
function made(string $name, string $body = '', string $namespace = ''): string
{
    $path = FOLDER . "/$name.php";
    is_dir(dirname($path)) || mkdir(dirname($path), 0777, true);
    file_put_contents($path, "<?php\n$namespace\n\\account(__FILE__);\n$body\nreturn 1;\n");
    return $path;
}

// As Composer's: the file is included by a closure that is bound to nothing.
class ClassLoader
{
    private static ?Closure $include = null;

    public function __construct()
    {
        self::$include = Closure::bind(static function ($file) {
            include $file;
        }, null, null);
    }

    public function loadClass(string $class): ?bool
    {
        if (is_file($file = FOLDER . '/' . strtr($class, '\\', '/') . '.php')) {
            $include = self::$include;
            $include($file);
            return true;
        }
        return null;
    }
}

class Shop implements IteratorAggregate, Countable
{
    public function __construct() { include made('in_constructor'); }
    public function __destruct() { include made('in_destructor' . spl_object_id($this)); }
    public function add() { include made('in_method'); }
    public static function open() { include made('in_static'); }
    public function __invoke() { include made('in_invoke'); }
    public function __call($name, $arguments) { include made('in_call'); }
    public function __get($name) { return include made('in_get'); }
    public function __toString(): string { include made('in_string'); return 'shop'; }
    public function evaluated() { eval("\n\ninclude made('in_eval_in_method');"); }
    public function getIterator(): Iterator { include made('in_iterator'); return new ArrayIterator([]); }
    public function count(): int { return include made('in_count'); }
    public function __unserialize(array $data): void { include made('in_unserialize'); }
    public function __serialize(): array { return []; }
}

trait Loading
{
    public function load() { include made('in_trait'); }
}

class Loader
{
    use Loading;
}

function plain() { include made('in_function'); }
function deep(int $left) { $left ? deep($left - 1) : include made('in_deep'); }
function numbers() { yield 1; include made('in_generator'); yield 2; }
function inner() { yield 1; include made('in_yield_from'); yield 2; }
function outer() { yield from inner(); }
function failing()
{
    try {
        throw new Exception();
    } catch (Exception) {
        include made('in_catch');
    } finally {
        include made('in_finally');
    }
}

function ask(): void
{
    include made('plain');
    include_once made('once');
    require made('required');
    require_once made('required_once');
    include
        made(
            'on_many_lines'
        );
    plain();
    (function () { include made('in_closure'); })();
    (fn () => include made('in_arrow'))();
    (new class { public function go() { include made('in_anonymous'); } })->go();
    $shop = new Shop();
    $shop->add();
    Shop::open();
    $shop();
    $shop->anything();
    $shop->anything;
    "$shop";
    foreach ($shop as $nothing) {
    }
    count($shop);
    $shop->evaluated();
    unserialize(serialize($shop));
    (new Loader())->load();
    eval("\n\ninclude made('in_eval');");
    array_map(function ($number) { include made('in_array_map'); }, [1]);
    $numbers = [2, 1];
    usort($numbers, function ($a, $b) { include_once made('in_sort'); return $a <=> $b; });
    call_user_func('call_user_func_array', fn () => include made('in_call_user_func'), []);
    preg_replace_callback('/a/', function ($match) { include made('in_regex'); return ''; }, 'a');
    (new ReflectionFunction(fn () => include made('in_reflection')))->invoke();
    foreach (numbers() as $number) {
    }
    foreach (outer() as $number) {
    }
    set_error_handler(function () { include made('in_error_handler'); return true; });
    echo $undefined;
    restore_error_handler();
    failing();
    echo match (1) { 1 => include made('in_match') };
    ob_start(function ($text) { include made('in_output'); return ''; });
    echo 'x';
    ob_end_flush();
    deep(100);
    include made('in_outer', "\n\ninclude made('in_inner');");
    made('App/Base', 'class Base {}', 'namespace App;');
    made('App/Child', 'class Child extends Base {}', 'namespace App;');
    made('App/Thing', 'class Thing {}', 'namespace App;');
    class_exists('App\Thing');
    new App\Child();
    $ticked = false;
    $tick = function () use (&$ticked) { $ticked || (($ticked = true) && include made('in_tick')); };
    register_tick_function($tick);
    $ticked = $ticked;
    unregister_tick_function($tick);
    if (PHP_VERSION_ID >= 80100) {
        $fiber = new Fiber(function () {
            include made('in_fiber');
            Fiber::suspend();
            include made('in_fiber_resumed');
            $inside = new Fiber(fn () => include made('in_fiber_of_fiber'));
            $inside->start();
        });
        $fiber->start();
        $fiber->resume();
    }
    for ($number = 0; $number < 50; $number++) {
        plain();
    }
    $GLOBALS['kept'] = new Shop();
    register_shutdown_function(function () { include made('in_shutdown'); });
    set_exception_handler(function ($exception) { include made('in_exception_handler'); exit(7); });
    @include FOLDER . '/not_there.php';
    throw new Exception();
}

spl_autoload_register([new ClassLoader(), 'loadClass'], true, true);
