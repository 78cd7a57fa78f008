#!/usr/bin/env python3
"""Every cap that a header names is named by a test (CONTRIBUTING.md, "Code": "a test at the cap and one past it").

    mapping/content/documents.h: #define NV_DOCUMENTS_MAX 10000u ─▶ a test that brings NV_DOCUMENTS_MAX, and one more

By its name and not by its number: a test of `1001` still passes when the cap has become 2000. Caps of base/limits.h are held by
tests/unit/base/test_limits.c, which reads that header. Those that a source keeps to itself have no name that a test could use; its
own test has them by what they do.

usage: check_caps.py SOURCE_DIR [BUILD_DIR]        check_caps.py --self-test
"""
import pathlib
import re
import sys

from rooms import STAGES

CAP = re.compile(r"^#define (\w*_MAX)\b|(?:^|[{,])\s*(\w*_MAX) = ", re.MULTILINE)
# name: why no test names it
ALLOWED = {}


def caps(text):
    """Names of the caps that a header defines."""
    return {one or other for one, other in CAP.findall(text) if (one or other).startswith(("NV_", "NOVEUM_"))}


def problems(headers, tests, allowed):
    """What is wrong; `headers` are texts by name, `tests` all of them in one."""
    named = set(re.findall(r"\bN(?:V|OVEUM)_\w*_MAX\b", tests))
    for name, text in headers.items():
        for cap in sorted(caps(text) - named - set(allowed)):
            yield f"{name}: no test names {cap}"
    for cap in sorted(set(allowed) & named):
        yield f"ALLOWED names {cap}, which is tested"


def self_test():
    headers = {"a.h": "#define NV_A_MAX 3\nenum { NV_B_MAX = 2, NV_C = 1 };\n#define OTHER_MAX 1\n"}
    return list(problems(headers, "NV_A_MAX + 1; NV_B_MAX", {})) == [] and len(list(problems(headers, "NV_A_MAX_2", {}))) == 2 and \
        list(problems(headers, "NV_B_MAX", {"NV_A_MAX": "why"})) == [] and len(list(problems(headers, "NV_A_MAX NV_B_MAX", {"NV_A_MAX": "why"}))) == 1


def main():
    if not self_test():
        print("self-test failed")
        return 1
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    headers = {str(path.relative_to(root)): path.read_text(encoding="utf-8")
               for stage in (*STAGES, "include") for path in sorted((root / stage).rglob("*.h"))}
    tests = "\n".join(path.read_text(encoding="utf-8") for path in sorted((root / "tests").rglob("*.c")))
    found = list(problems(headers, tests, ALLOWED))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
