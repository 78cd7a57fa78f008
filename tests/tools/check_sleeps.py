#!/usr/bin/env python3
"""Tests wait for events, not for time.

A sleep is allowed inside a loop that looks for its event (the nearest enclosing block is a `while` or `for`), and where a stretch of time is
what the test is about; such a line says so behind it: `# duration: why` or `/* duration: why */`.

usage: check_sleeps.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import re
import sys

SLEEP = re.compile(r"\b(?:time\.sleep|usleep|nanosleep|sleep|clock_nanosleep)\(")
LOOP = re.compile(r"^\s*(?:while|for)\b")
# Things that are slow because that is what they stand for.
SLOW_THINGS = {"backend.py": "a backend that answers late", "slow_disk.c": "a disk that syncs slowly"}


def indent(line):
    """Columns before the first letter."""
    return len(line) - len(line.lstrip())


def in_loop(lines, number):
    """Is the line in the block of a loop? Blocks are told by indentation, in C too: clang-format sees to it."""
    depth = indent(lines[number])
    for line in reversed(lines[:number]):
        if not line.strip() or indent(line) >= depth:
            continue
        if LOOP.match(line):
            return True
        if indent(line) == 0 or re.match(r"^\s*(?:async )?def ", line):
            return False
        depth = indent(line)
    return False


def check(name, text):
    """Sleeps that wait for time."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if SLEEP.search(line) and "duration: " not in line and not in_loop(lines, number) and not line.lstrip().startswith(("#", "*", "/*")):
            yield f"{name}:{number + 1}: a sleep waits for no event: {line.strip()}"


def self_test():
    """Sleeps of each kind are told apart."""
    good = "def f():\n    while not done():\n        if x:\n            time.sleep(1)\n    time.sleep(2)  # duration: of the load\n"
    return not list(check("", good)) and len(list(check("", good.replace("while not", "if not").replace("# duration: ", "# ")))) == 2


def main():
    """Command line."""
    problems = [] if self_test() else ["self-test failed"]
    tests = pathlib.Path(sys.argv[1]) / "tests"
    for folder in ("e2e", "unit", "support", "fuzz"):
        for path in sorted((tests / folder).rglob("*")):
            if path.suffix in (".py", ".c", ".h", ".js", ".mjs") and path.name not in SLOW_THINGS:
                problems += check(path.relative_to(tests.parent), path.read_text("utf-8"))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
