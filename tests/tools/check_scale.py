#!/usr/bin/env python3
"""The tables of docs/scale.md, "On paper", are what tools/simulate-scale.py makes (arguments: source folder, build folder)."""
import pathlib
import subprocess
import sys

sys.exit(subprocess.call([sys.executable, str(pathlib.Path(sys.argv[1]) / "tools" / "simulate-scale.py"), "--check"]))
