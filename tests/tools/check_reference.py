#!/usr/bin/env python3
"""The reference of the public headers can be made, without a warning (skipped without Doxygen).

usage: check_reference.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

PAGES = {"trace_8h.html": "noveum_begin_below", "agents_8h.html": "noveum_agent_register", "pipeline_8h.html": "noveum_pipeline_accept", "direct_8h.html": "noveum_direct",
         "trace_8hpp.html": "noveum::span"}


def main():
    tool = pathlib.Path(sys.argv[1]).resolve() / "tools/reference.py"
    if subprocess.run([sys.executable, tool, "--self-test"], check=False).returncode != 0:
        return 1
    if shutil.which("doxygen") is None:
        print("skipped: no doxygen")
        return 0
    with tempfile.TemporaryDirectory() as out:
        made = subprocess.run([sys.executable, tool, out], capture_output=True, text=True, timeout=200, check=False)
        problems = [] if made.returncode == 0 else [made.stdout]
        for page, name in PAGES.items():
            path = pathlib.Path(out) / page
            if not path.exists() or name not in path.read_text("utf-8"):
                problems.append(f"{page} does not show {name}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
