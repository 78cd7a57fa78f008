#!/usr/bin/env python3
"""The last section of tests/fixtures/INDEX.md is what the folders say (arguments: source folder, build folder)."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.exit(subprocess.call([sys.executable, str(ROOT / "tools" / "make-fixtures-index.py"), "--check"]))
