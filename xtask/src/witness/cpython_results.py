"""Runs CPython's own test runner, and writes a line for each test to the file that is named first.

The runner's output is for people: what tests and their children print goes in between its lines.
"""
import os
import sys
import traceback

from test.support import testresult

RESULTS = sys.argv.pop(1)
OWN = os.getpid()


class Result(testresult.RegressionTestResult):
    def tell(self, test, result, why=""):
        if os.getpid() != OWN:  # a forked child that runs on into its parent's test
            return
        words = [str(word).replace("\t", " ").replace("\n", " ") for word in (test.id(), result, why)]
        with open(RESULTS, "a", encoding="utf-8", errors="backslashreplace") as results:
            results.write("\t".join(words) + "\n")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tell(test, "ok")

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.tell(test, "FAIL", last_line(error))

    def addError(self, test, error):
        super().addError(test, error)
        self.tell(test, "ERROR", last_line(error))

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.tell(subtest, "FAIL" if issubclass(error[0], test.failureException) else "ERROR", last_line(error))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tell(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        super().addExpectedFailure(test, error)
        self.tell(test, "expected failure", last_line(error))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.tell(test, "unexpected success")


def last_line(error):
    return traceback.format_exception_only(*error[:2])[-1].strip()


if __name__ == "__main__":
    testresult.RegressionTestResult = Result
    from test.libregrtest import main

    main()
