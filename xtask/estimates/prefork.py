"""prefork.py measured|plain WORKERS STATEMENT

Forks workers, one after another, that execute one statement. When it is to be measured each prints what the
statement took it: microseconds, of them on a CPU, minor faults, KiB of private memory.
"""
import os
import resource
import sys
import time


def private():
    fd = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
    text = os.read(fd, 4096)
    os.close(fd)
    lines = text.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith((b"Private_Clean:", b"Private_Dirty:")))


def used():
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return time.monotonic_ns() // 1000, time.process_time_ns() // 1000, faults


def measured(statement):
    # What measuring itself touches is private from here on.
    private(), used()
    memory, before = private(), used()
    exec(statement)
    after, grown = used(), private() - memory
    print(*(late - early for early, late in zip(before, after)), grown, flush=True)


def plain(statement):
    exec(statement)


def main():
    how, workers = sys.argv[1], int(sys.argv[2])
    statement = compile(sys.argv[3], "<statement>", "exec")
    for _ in range(workers):
        worker = os.fork()
        if worker == 0:
            {"measured": measured, "plain": plain}[how](statement)
            os._exit(0)
        if os.waitpid(worker, 0)[1] != 0:
            sys.exit(1)


main()
