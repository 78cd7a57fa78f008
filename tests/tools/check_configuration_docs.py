#!/usr/bin/env python3
"""docs/configuration.md is what the program prints, and interface keys are all there.

usage: check_configuration_docs.py SOURCE_DIR BUILD_DIR
"""
import pathlib
import subprocess
import sys


def main(source, build):
    program = pathlib.Path(build) / "noveum-gateway"
    kept = pathlib.Path(source) / "docs/configuration.md"
    printed = subprocess.run([program, "--print-docs"], capture_output=True, text=True, check=True)
    if kept.read_text(encoding="utf-8") != printed.stdout:
        print(f"{kept} is out of date: {program} --print-docs >docs/configuration.md")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
