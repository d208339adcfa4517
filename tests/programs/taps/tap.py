"""tap.py once|fork|odd: hits taps through the client for Python."""
import os
import sys

import alive_tap


def total():
    alive_tap.tap("checkout.legacy", order=17)  # the tap


def checkout():
    total()  # the call


mode = sys.argv[1]
if mode == "once":
    for _ in range(3):
        checkout()
        alive_tap.tap_each("every.time")
elif mode == "fork":
    checkout()
    pid = os.fork()
    if pid == 0:
        checkout()
        os._exit(0)
    os.waitpid(pid, 0)
elif mode == "odd":
    alive_tap.tap("odd \t\n\x1b[31m\udcff%=", **{"k\ney": "x" * 60000, "after": "still", "nothing": None})
    alive_tap.tap("n" * 60000)
    for name in (None, "", [], object):
        alive_tap.tap(name)
print("done")
