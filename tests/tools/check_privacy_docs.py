#!/usr/bin/env python3
"""The tables of docs/privacy.md are what the sources mask (arguments: source folder, build folder)."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.exit(subprocess.call([sys.executable, str(ROOT / "tools" / "make-privacy-docs.py"), "--check"]))
