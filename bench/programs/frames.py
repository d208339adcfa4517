"""A worker of Python that opens files of code, some calls deep.

    frames.py PATH COUNT

Each line on standard input asks a forked child for one block: COUNT opens and closes, answered with
the median time of one and the least, in nanoseconds.
"""

import os
import sys
import time

DEPTH = 10


def once(path):
    begin = time.monotonic_ns()
    os.close(os.open(path, os.O_RDONLY))
    return time.monotonic_ns() - begin


def descend(depth, path, count):
    if depth:
        return descend(depth - 1, path, count)
    return sorted(once(path) for _ in range(count))


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for _ in sys.stdin:
        times = descend(DEPTH, path, count)
        print(times[len(times) // 2], times[0], flush=True)
    return 0


sys.exit(main())
