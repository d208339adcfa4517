"""Imports in interpreters beside the main one, which a forked child makes and ends one after another:
mod_wsgi has one for each application."""

import os
import sys

import _xxsubinterpreters as beside

FOLDER = os.path.join(os.getcwd(), "modules")

INSIDE = f"""
import sys
sys.path.insert(0, {FOLDER!r})
def ask():
    import of_inside
    import _lsprof
    try:
        import of_nobody_inside
    except ImportError:
        pass
    import of_inside_again

ask()
"""


def in_child():
    for _ in range(3):
        interpreter = beside.create()
        beside.run_string(interpreter, f"exec(compile({INSIDE!r}, 'inside', 'exec'))")
        beside.destroy(interpreter)
    import of_outside  # noqa: F401


if __name__ == "__main__":
    os.mkdir(FOLDER)
    for name in ("of_inside", "of_inside_again", "of_outside"):
        open(os.path.join(FOLDER, name + ".py"), "w").close()
    sys.path.insert(0, FOLDER)
    pid = os.fork()
    if pid == 0:
        in_child()
        sys.exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
