#!/usr/bin/env python3
"""libnoveum.so exports noveum_* and nothing else, so that it can live in any program (which ones: check_abi.py).

usage: check_symbols.py SOURCE_DIR BUILD_DIR
"""
import pathlib
import shutil
import subprocess
import sys

# What linkers and sanitizers add on their own.
IGNORED = {"_init", "_fini", "_edata", "_end", "__bss_start"}
IGNORED_PREFIXES = ("__asan", "__tsan", "__ubsan", "__sanitizer", "__gcov", "__start_", "__stop_", "mangle_path")


def main():
    if len(sys.argv) < 3:
        print("skipped: no build folder given")
        return 0
    library = pathlib.Path(sys.argv[2]) / "libnoveum.so"
    nm = shutil.which("nm")
    if nm is None or not library.exists():
        print(f"skipped: no nm or no {library}")
        return 0
    out = subprocess.run([nm, "-D", "--defined-only", str(library)], capture_output=True, text=True,
                         check=True).stdout
    rows = [line.split() for line in out.splitlines() if line.strip()]
    names = {row[-1].split("@")[0] for row in rows if row[-2] != "A"}  # absolute: the names of versions
    wrong = sorted(
        name for name in names
        if not name.startswith("noveum_") and name not in IGNORED and not name.startswith(IGNORED_PREFIXES)
    )
    for name in wrong:
        print(f"libnoveum.so exports {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
