#!/usr/bin/env python3
"""The form of the sources: what CONTRIBUTING.md asks for and no compiler checks.

Every prototype in a header has its contract above it (95 % at least). Every .c opens with an overview comment of at least four lines, includes base/banned.h last,
is at most 600 lines long and 100 columns wide; nothing is marked as left to
do; every header has a guard named after its path and opens with a comment. A
public header, which is reference for the most part, may have 700 lines.

usage: check_tree.py SOURCE_DIR [BUILD_DIR]
"""
import pathlib
import re
import sys

from rooms import OTHERS, STAGES

LINES_MAX = 600
PUBLIC_LINES_MAX = 700  # one header is one interface, and its reference
TEST_LINES_MAX = 900  # tables of cases are long
WIDTH_MAX = 100
OVERVIEW_LINES_MIN = 4

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

DOCUMENTED_PERCENT_MIN = 95
PROTOTYPE = re.compile(r"^(?!typedef|return|static|struct \w* ?\{|enum \w* ?\{)[A-Za-z_][\w\s*(),]*\b\w+\s*\([^;{]*")
LEFT_TO_DO = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")


def overview_lines(text):
    """Lines of the comment the file opens with."""
    match = re.match(r"/\*.*?\*/", text, re.DOTALL)
    return match.group(0).count("\n") + 1 if match else 0


def check_text(name, text, lines_max=LINES_MAX):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > WIDTH_MAX:
            yield f"{name}:{number}: {len(line)} columns, at most {WIDTH_MAX}"
        if LEFT_TO_DO.search(line):
            yield f"{name}:{number}: marked as left to do"
    lines = text.count("\n")
    if lines > lines_max:
        yield f"{name}: {lines} lines, at most {lines_max}"
    if text and not text.endswith("\n"):
        yield f"{name}: no newline at the end"


def check_source(name, text):
    if overview_lines(text) < OVERVIEW_LINES_MIN:
        yield f"{name}:1: opens without an overview of {OVERVIEW_LINES_MIN} lines"
    includes = [i for i in INCLUDE.findall(text) if not i.endswith(".inc")]  # tables, X macros
    if not includes or includes[-1] != "base/banned.h":
        yield f"{name}: base/banned.h is not the last include"


def undocumented(name, text):
    """Prototypes without a comment directly above them, and how many prototypes there are."""
    count, found = 0, []
    documented = in_comment = False
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        code = line.strip()
        if in_comment or code.startswith("/*"):
            in_comment = "*/" not in code
            documented = True
            continue
        if depth == 0 and PROTOTYPE.match(line) and "{" not in code and "=" not in code:
            count += 1
            if not documented:
                found.append(f"{name}:{number}: prototype without a comment")
        depth += code.count("{") - code.count("}")
        if not code or code.endswith(";") and not code.startswith("#"):
            documented = False
    return count, found


def check_header(name, text):
    if not text.startswith("/*"):
        yield f"{name}:1: opens without a comment saying what it is"
    guard = "NV_" + re.sub(r"[/.]", "_", name).upper()
    if f"#ifndef {guard}\n#define {guard}\n" not in text and not name.startswith("include/"):
        yield f"{name}: no include guard {guard}"


def unlisted(root):
    """Folders with sources that no check would look into."""
    return [f"{folder.name}/ has sources and is not in tests/tools/rooms.py" for folder in sorted(root.iterdir())
            if folder.is_dir() and folder.name not in (*STAGES, *OTHERS, "build") and not folder.name.startswith(".")
            and any(path.suffix in (".c", ".cpp") for path in folder.rglob("*"))]


def main():
    root = pathlib.Path(sys.argv[1])
    problems, bare = unlisted(root), []
    prototypes = 0
    for stage in STAGES:
        for path in sorted((root / stage).rglob("*.[ch]")):
            name = str(path.relative_to(root))
            text = path.read_text(encoding="utf-8")
            problems += check_text(name, text)
            problems += check_source(name, text) if path.suffix == ".c" else check_header(name, text)
            if path.suffix == ".h":
                count, found = undocumented(name, text)
                prototypes += count
                bare += found
    for path in sorted((root / "include").rglob("*.h*")):
        problems += check_text(str(path.relative_to(root)), path.read_text(encoding="utf-8"), PUBLIC_LINES_MAX)
    for path in sorted((root / "tests").rglob("*.[ch]")) + sorted((root / "tools").glob("*.c")):
        name = str(path.relative_to(root))
        problems += check_text(name, path.read_text(encoding="utf-8"), TEST_LINES_MAX)
    if len(bare) * 100 > prototypes * (100 - DOCUMENTED_PERCENT_MIN):
        problems += bare
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
