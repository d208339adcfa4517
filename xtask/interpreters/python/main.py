"""Imports in a forked child: in a function, from module to module, in a thread.

Each module prints its own name, and the file and the line that asked for it.
"""
import asked
import os
import platform
import sys
import threading

print("version", platform.python_version(), flush=True)


def in_a_function():
    import outer


def in_a_thread():
    import threaded


child = os.fork()
if child == 0:
    in_a_function()
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    sys.stdout.flush()
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
