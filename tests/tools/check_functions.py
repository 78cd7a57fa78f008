#!/usr/bin/env python3
"""No function over 60 lines or with more than 6 parameters (CONTRIBUTING.md).

Needs universal-ctags, which knows where a function ends; without it the check is skipped and says
so. Generated sources are not looked at.

usage: check_functions.py SOURCE_DIR [BUILD_DIR]
"""
import json
import pathlib
import shutil
import subprocess
import sys

from rooms import STAGES

FOLDERS = (*STAGES, "tools", "tests")
LINES_MAX = 60
PARAMETERS_MAX = 6

# Function -> why it is as it is: callbacks that a library calls.
EXCEPTIONS = {
    "on_h2_header": "nghttp2_on_header_callback",
    "on_h2_read_data": "nghttp2_data_source_read_callback",
    "on_request_sent": "rd_kafka_interceptor_f_on_request_sent_t",
    "on_response_received": "rd_kafka_interceptor_f_on_response_received_t",
}


def parameters(signature):
    """Number of parameters in '(int a, void (*f)(int, int))'."""
    inside = signature.strip()[1:-1].strip()
    if inside in ("", "void"):
        return 0
    depth, count = 0, 1
    for char in inside:
        depth += (char in "([") - (char in ")]")
        count += char == "," and depth == 0
    return count


def main():
    root = pathlib.Path(sys.argv[1])
    ctags = shutil.which("ctags-universal") or shutil.which("ctags")
    if ctags is None:
        print("skipped: no universal-ctags (apt-get install universal-ctags)")
        return 0
    files = [str(p) for folder in FOLDERS for p in sorted((root / folder).rglob("*.c"))]
    out = subprocess.run(
        [ctags, "--output-format=json", "--fields=+neS", "--kinds-C=f", "--languages=C", "-f", "-", *files],
        capture_output=True, text=True, check=False,
    )
    if out.returncode != 0:
        print("skipped: this ctags has no JSON output:", out.stderr.strip()[:200])
        return 0
    problems = []
    for line in out.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("_type") != "tag" or "end" not in tag or tag["name"] in EXCEPTIONS:
            continue
        where = f"{pathlib.Path(tag['path']).relative_to(root)}:{tag['line']}: {tag['name']}"
        length = tag["end"] - tag["line"] + 1
        if length > LINES_MAX:
            problems.append(f"{where}: {length} lines, at most {LINES_MAX}")
        count = parameters(tag.get("signature", "()"))
        if count > PARAMETERS_MAX:
            problems.append(f"{where}: {count} parameters, at most {PARAMETERS_MAX}")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
