"""taps.py once|each COUNT: each line on standard input asks for one block of COUNT hits at one place,
answered with the time of one in nanoseconds."""

import sys
import time

import alive_tap

MODE, COUNT = sys.argv[1], int(sys.argv[2])


def once():
    alive_tap.tap("bench")


def each():
    alive_tap.tap_each("bench")


HIT = once if MODE == "once" else each
for _ in sys.stdin:
    begin = time.monotonic_ns()
    for _ in range(COUNT):
        HIT()
    print((time.monotonic_ns() - begin) / COUNT, flush=True)
