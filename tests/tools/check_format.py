#!/usr/bin/env python3
"""All files of C and C++ are as clang-format makes them (.clang-format). Skipped, saying so, without it.

Versions of clang-format differ in details; the check is made with version 14 (Debian 12) only.

usage: check_format.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import re
import shutil
import subprocess
import sys

from rooms import STAGES

FOLDERS = (*STAGES, "include", "tools", "tests", "bench", "examples")
SUFFIXES = (".c", ".h", ".cpp", ".hpp")
VERSION = "14"


def main():
    root = pathlib.Path(sys.argv[1])
    program = shutil.which("clang-format-" + VERSION) or shutil.which("clang-format")
    if program is None:
        print("skipped: no clang-format")
        return 0
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\d+)", version)
    if not found or found.group(1) != VERSION:
        print(f"skipped: {version.strip()}, the tree is formatted with {VERSION}")
        return 0
    files = [str(p) for folder in FOLDERS for p in sorted((root / folder).rglob("*"))
             if p.suffix in SUFFIXES and "node_modules" not in p.parts]
    result = subprocess.run([program, "--dry-run", *files], capture_output=True, text=True, check=False,
                            cwd=root)
    wrong = sorted({line.split(":")[0] for line in result.stderr.splitlines() if "warning:" in line})
    for name in wrong:
        print(f"{pathlib.Path(name).relative_to(root)}: run clang-format -i")
    return 1 if wrong or result.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
