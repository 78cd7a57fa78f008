#!/usr/bin/env python3
"""Prints clang-tidy's findings that tools/lint.reviewed does not know; fails when there are any.

usage: lint_findings.py CLANG_TIDY_LOG REVIEWED ROOT
"""
import pathlib
import re
import sys

FINDING = re.compile(r"^(/[^:]+):(\d+):\d+: (?:error|warning): (.*) \[([^\],]+)")


def main():
    log, reviewed_path, root = sys.argv[1:4]
    reviewed = {}
    for line in pathlib.Path(reviewed_path).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, check, _ = line.split(None, 2)
            reviewed[name, check] = False
    new = set()
    for line in pathlib.Path(log).read_text(encoding="utf-8", errors="replace").splitlines():
        match = FINDING.match(line)
        if not match:
            continue
        path, number, message, check = match.groups()
        name = str(pathlib.Path(path).relative_to(pathlib.Path(root).resolve()))
        if (name, check) in reviewed:
            reviewed[name, check] = True
        else:
            new.add(f"{name}:{number}: {message} [{check}]")
    for line in sorted(new):
        print(line)
    for (name, check), seen in reviewed.items():
        if not seen:
            print(f"note: tools/lint.reviewed: nothing of {check} in {name} any more")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
