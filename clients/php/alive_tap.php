<?php
/**
 * Tells a collector that code is alive.
 *
 *     require 'alive_tap.php';
 *     AliveTap::tap('checkout.legacy');
 *     AliveTap::tap('checkout.legacy', ['order' => 17]);
 *
 * tap() sends one datagram, the first time in each process and at each place; tap_each() sends one every
 * time. Neither waits, throws or writes anything. ALIVE_ADDR is the collector's address (127.0.0.1:25483),
 * ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all are read at the first call.
 *
 * A web server's PHP forgets everything when a request ends: there, "once" is once for each request.
 */
final class AliveTap
{
    private static ?string $to = null;
    private static bool $off = false;
    private static string $service = '';
    private static string $host = '';
    private static ?int $pid = null;
    private static array $seen = [];

    // Nothing is refused, for a wrong type would be thrown back: a context that is no array counts for none.
    public static function tap($name = '', $context = []): void
    {
        if (!self::$off) {
            self::hit(false, $name, is_array($context) ? $context : []);
        }
    }

    public static function tap_each($name = '', $context = []): void
    {
        if (!self::$off) {
            self::hit(true, $name, is_array($context) ? $context : []);
        }
    }

    private static function begin(): void
    {
        $off = getenv('ALIVE_OFF');
        $address = getenv('ALIVE_ADDR') ?: '127.0.0.1:25483';
        // Numbers only: to look a name up could take seconds.
        $found = preg_match('/\A(\d+(\.\d+){3}|\[[0-9a-fA-F:.]+\]):\d{1,5}\z/', $address) === 1;
        self::$off = !$found || ($off !== false && $off !== '' && $off !== '0');
        self::$to = 'udp://' . $address;
        self::$service = getenv('ALIVE_NAME') ?: basename($_SERVER['SCRIPT_NAME'] ?? '');
        self::$host = (string) gethostname();
    }

    private static function hit(bool $each, $name, array $context): void
    {
        // An application's own handler would turn what goes wrong here into an exception.
        set_error_handler(static fn () => true);
        try {
            if (self::$to === null) {
                self::begin();
            }
            $name = (string) $name;
            if (self::$off || $name === '') {
                return;
            }
            $frames = debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 4);
            $file = $frames[1]['file'] ?? '';
            $line = $frames[1]['line'] ?? 0;
            if (self::$pid !== getmypid() || count(self::$seen) > 10000) {
                self::$pid = getmypid();
                self::$seen = [];
            }
            $site = "$name\0$file\0$line";
            if ($each || !isset(self::$seen[$site])) {
                self::$seen[$site] = true;
                if (!self::send($name, $file, $line, $frames, $context)) {
                    // Without a descriptor for a socket nothing was told: the next one tries again.
                    unset(self::$seen[$site]);
                }
            }
        } catch (\Throwable $never) {
        } finally {
            restore_error_handler();
        }
    }

    /** False where there is no descriptor for a socket. */
    private static function send(string $name, string $file, int $line, array $frames, array $context): bool
    {
        $columns = ['name' => $name, 'file' => $file, 'line' => $line, 'pid' => self::$pid];
        $columns['function'] = self::called($frames[2] ?? []);
        if (isset($frames[2]['file'])) {
            $columns['caller'] = rtrim("{$frames[2]['file']}:{$frames[2]['line']} " . self::called($frames[3] ?? []));
        }
        $columns += ['service' => self::$service, 'host' => self::$host] + $context;
        $datagram = "alive1\tping";
        foreach ($columns as $key => $value) {
            $value = self::escaped(is_scalar($value) ? $value : gettype($value), $key === 'name' ? 255 : 300);
            $column = "\t" . self::escaped($key, 64) . '=' . $value;
            if ($value !== '' && strlen($datagram) + strlen($column) < 1400) {
                $datagram .= $column;
            }
        }
        // A socket for this one call: a daemon closes the descriptors that it does not know.
        $socket = stream_socket_client(self::$to, $code, $why, 0.0, STREAM_CLIENT_CONNECT);
        if ($socket === false) {
            return false;
        }
        stream_set_blocking($socket, false);
        fwrite($socket, "$datagram\n");
        fclose($socket);
        return true;
    }

    private static function called(array $frame): string
    {
        return ($frame['class'] ?? '') . ($frame['type'] ?? '') . ($frame['function'] ?? '');
    }

    private static function escaped($value, int $longest): string
    {
        return preg_replace_callback(
            '/[^A-Za-z0-9_.:\/,+<>()\[\]-]/',
            static fn (array $byte): string => sprintf('%%%02X', ord($byte[0])),
            substr((string) $value, 0, $longest)
        );
    }
}
