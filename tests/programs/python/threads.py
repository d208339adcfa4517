"""400 modules imported by four threads of a forked child at once, while three more execute strings
and run generators; account.py writes down who asked."""

import os
import sys
import threading

import account  # noqa: F401

FOLDER = os.path.join(os.getcwd(), "modules")
THREADS, MODULES = 4, 100
sys.dont_write_bytecode = True


def name(thread, number):
    return f"of_{thread}_{number}"


def load(thread, begun):
    begun.wait()
    for number in range(MODULES):
        if number % 2:
            exec(f"import {name(thread, number)}")
        else:
            __import__(name(thread, number))


def numbers(count):
    for number in range(count):
        yield from (number * other for other in range(3))


def keep_busy(begun, over):
    begun.wait()
    while not over.is_set():
        exec("def made(x):\n    return [y for y in x]\nmade(range(20))", {})
        sum(numbers(50))


def in_child():
    # Threads take turns often: so often does one stand in an import when another goes on.
    sys.setswitchinterval(0.0002)
    begun, over = threading.Barrier(THREADS + 3), threading.Event()
    busy = [threading.Thread(target=keep_busy, args=(begun, over)) for _ in range(3)]
    loading = [threading.Thread(target=load, args=(thread, begun)) for thread in range(THREADS)]
    for thread in busy + loading:
        thread.start()
    for thread in loading:
        thread.join()
    over.set()
    for thread in busy:
        thread.join()
    assert all(name(thread, number) in sys.modules for thread in range(THREADS) for number in range(MODULES))


if __name__ == "__main__":
    os.mkdir(FOLDER)
    sys.path.insert(0, FOLDER)
    for thread in range(THREADS):
        for number in range(MODULES):
            with open(os.path.join(FOLDER, name(thread, number) + ".py"), "w") as file:
                file.write("value = 1\n")
    pid = os.fork()
    if pid == 0:
        in_child()
        sys.exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
