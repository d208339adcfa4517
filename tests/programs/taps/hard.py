"""hard.py FOLDER: taps where a client has it hard, through the client for Python."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.environ["CLIENT"])
import alive_tap


def spent():
    alive_tap.tap("no.descriptor")


class Stubborn:
    __hash__ = None

    def __str__(self):
        raise ValueError("is no text")


alive_tap.tap("stubborn", good=1, bad=Stubborn(), after=2)
alive_tap.tap(Stubborn())
alive_tap.tap()
alive_tap.tap("named", name="twice")

taken = []
try:
    while True:
        taken.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
spent()
for number in taken:
    os.close(number)
spent()
spent()

signal.signal(signal.SIGUSR1, lambda *_: alive_tap.tap("handler"))
os.kill(os.getpid(), signal.SIGUSR1)
thread = threading.Thread(target=lambda: alive_tap.tap("thread"))
thread.start()
thread.join()
os.chroot(sys.argv[1])
os.chdir("/")
alive_tap.tap("jail")
print("done")
