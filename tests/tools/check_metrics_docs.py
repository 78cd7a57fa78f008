#!/usr/bin/env python3
"""docs/metrics.md is what the sources give /metrics (arguments: source folder, build folder)."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
sys.exit(subprocess.call([sys.executable, str(ROOT / "tools" / "make-metrics-docs.py"), "--check"]))
