"""Who asked for a module, as the interpreter itself tells it."""
import sys


def asked(module):
    frame = sys._getframe(2)
    while frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back
    print("asked ", module, "\t", frame.f_code.co_filename, "\t", frame.f_lineno, sep="")
