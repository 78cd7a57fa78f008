#!/usr/bin/env python3
"""docs/mapping.md is what the convention tables say (arguments: source folder, build folder)."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.exit(subprocess.call([sys.executable, str(ROOT / "tools" / "make-mapping-docs.py"), "--check"]))
