#!/usr/bin/env python3
"""Every source has a test of its own name in the place that mirrors its own (CONTRIBUTING.md, "Tests").

    base/text/utf8.c ─▶ tests/unit/base/text/test_utf8.c

Sources that have none are listed below with the reason; a line of that list whose source has a test, or is gone, is a
finding too. A test file must register a test: an empty one would only look like one.

usage: check_tests.py SOURCE_DIR [BUILD_DIR]        check_tests.py --self-test
"""
import pathlib
import re
import sys

from proved import proved
from rooms import STAGES

EXCEPTIONS = {
    "gateway/commands/main.c": "only main(), which a test program has itself; what it calls is in the library and tested there, the program by tests/e2e",
}
REGISTERS = re.compile(r"\btcase_add_(?:test|loop_test|test_raise_signal|loop_test_raise_signal|exit_test)\s*\(|\bnv_test_list_suite\s*\(")


def test_of(source):
    """Where the test of a source stands, both relative to the root."""
    path = pathlib.PurePosixPath(source)
    return str(pathlib.PurePosixPath("tests/unit") / path.parent / f"test_{path.name}")


def problems(sources, tests, exceptions):
    """What is wrong; `tests` are texts by name."""
    for source in sources:
        test = test_of(source)
        if test in tests and source in exceptions:
            yield f"{source}: has a test, take it off the list of exceptions"
        elif test in tests and not REGISTERS.search(tests[test]):
            yield f"{test}: registers no test"
        elif test not in tests and source not in exceptions:
            yield f"{source}: no test in {test}"
    for source in exceptions:
        if source not in sources:
            yield f"{source}: is gone, take it off the list of exceptions"


def self_test():
    good = {"tests/unit/a/b/test_c.c": "  tcase_add_test(tcase, x);", "tests/unit/a/test_more.c": ""}
    return list(problems(["a/b/c.c", "a/main.c"], good, {"a/main.c": "why"})) == [] and \
        len(list(problems(["a/b/c.c", "a/d.c"], good, {}))) == 1 and \
        len(list(problems(["a/b/c.c"], good, {"a/b/c.c": "why"}))) == 1 and \
        len(list(problems([], good, {"a/e.c": "why"}))) == 1 and \
        len(list(problems(["a/more.c"], good, {}))) == 1


def main():
    root = pathlib.Path(sys.argv[1])
    sources = sorted(str(path.relative_to(root)) for stage in STAGES for path in (root / stage).rglob("*.c"))
    tests = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in (root / "tests" / "unit").rglob("test_*.c")}
    found = list(problems(sources, tests, EXCEPTIONS))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
