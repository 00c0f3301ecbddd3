# SPDX-License-Identifier: LGPL-2.1-or-later
"""tap.py FILE: runs the unittest cases of FILE and prints TAP, so that each is counted."""

import importlib.util
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self, count):
        super().__init__()
        self.count = count
        self.number = 0
        self.subtest_failed = False
        print(f'1..{count}', flush=True)

    def _say(self, good, test, directive=''):
        self.number += 1
        print(f'{"ok" if good else "not ok"} {self.number} {test.id()}{directive}', flush=True)

    def _explain(self, test, error):
        for line in self._exc_info_to_string(error, test).splitlines():
            print('# ' + line)

    def startTest(self, test):
        super().startTest(test)
        self.subtest_failed = False

    def addSuccess(self, test):
        self._say(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._say(True, test, ' # SKIP ' + reason)

    def addExpectedFailure(self, test, error):
        self._say(False, test, ' # TODO expected failure')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._say(False, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._explain(test, error)
        self._say(False, test)

    def addError(self, test, error):
        super().addError(test, error)
        self._explain(test, error)
        self._say(False, test)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        # addSuccess() is not called for a case one of whose subtests failed: one line for all of them.
        if error is not None:
            self._explain(subtest, error)
            if not self.subtest_failed:
                self._say(False, test)
            self.subtest_failed = True


def main():
    specification = importlib.util.spec_from_file_location('test', sys.argv[1])
    module = importlib.util.module_from_spec(specification)
    sys.modules['test'] = module
    specification.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    result = TapResult(suite.countTestCases())
    suite.run(result)
    # A fixture of a whole class that fails is no case of its own, but it is a failure.
    sys.exit(0 if result.wasSuccessful() else 1)


main()
