#!/usr/bin/env python3
"""Prints an analyser's findings that a list of reviewed ones does not know; fails when there are any.

Reads what clang-tidy and gcc -fanalyzer write: file:line:column: warning: text [check], which gcc has
as [CWE-401] [-Wanalyzer-malloc-leak]. Paths are absolute, or relative to a build directory where ccache
made them so (CCACHE_BASEDIR).

usage: lint_findings.py LOG REVIEWED ROOT
"""
import pathlib
import re
import sys

FINDING = re.compile(r"^((?:/|(?:\.\./)+)[^:]+):(\d+):\d+: (?:error|warning): (.*?)(?: \[CWE-\d+\])? \[(?:-W)?([^\],]+)[^\]]*\]$")


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
        # an error in a header of the system is a finding as well
        name = path.lstrip("./") if path.startswith("../") else path.removeprefix(f"{pathlib.Path(root).resolve()}/")
        if (name, check) in reviewed:
            reviewed[name, check] = True
        else:
            new.add(f"{name}:{number}: {message} [{check}]")
    for line in sorted(new):
        print(line)
    for (name, check), seen in reviewed.items():
        if not seen:
            print(f"note: {reviewed_path}: nothing of {check} in {name} any more")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main())
