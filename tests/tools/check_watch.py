#!/usr/bin/env python3
"""Alerts and dashboard are what tools/make-watch.py makes, name metrics that there are, and promtool takes them
(arguments: source folder, build folder). Without promtool on the path only the last is left out, and said so."""
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(sys.argv[1])
TESTS = ROOT / "tests" / "data" / "alerts_test.yaml"
bad = subprocess.call([sys.executable, str(ROOT / "tools" / "make-watch.py"), "--check"])
promtool = shutil.which("promtool")
if not promtool:
    print("promtool is not there (Debian: package prometheus): rules were not run")
    sys.exit(bad)
for command in (["check", "rules", str(ROOT / "deploy" / "prometheus" / "alerts.yaml")], ["test", "rules", str(TESTS)]):
    done = subprocess.run([promtool, *command], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
        bad = 1
sys.exit(bad)
