#!/usr/bin/env python3
"""No error is passed over unseen (CONTRIBUTING.md, "Code").

    a prototype that returns enum nv_err  ─┬─ has NV_MUST_USE ─▶ the compiler holds it
                                           ├─ fills a struct nv_buf ─▶ what failed stays in the buffer, looked at once at its end
                                           └─ else ─▶ reported
    a call of one as a statement of its own, in a stage ─▶ reported; `(void)` says that it is meant

Macros that define a function are not looked into.

usage: check_errors.py SOURCE_DIR [BUILD_DIR]        check_errors.py --self-test
"""
import pathlib
import re
import sys

from proved import proved
from rooms import STAGES

ALLOWED = {
    "nv_fail_set": "gives back what it is given",
    "nv_check_blame": "gives back what it is given",
}

PROTOTYPE = re.compile(r"^(?:static (?:inline )?)?enum nv_err\s+(\w+)\s*\(([^;{]*?)\)\s*([^;{]*)([;{])", re.MULTILINE)
STATEMENT = re.compile(r"(?<=[;{}])(\s*\n\s*)(\w+)\(|(\belse|\))(\n\s+)(\w+)\(")


def without_comments(text):
    """The text with comments and strings emptied; lines stay where they are."""
    keep = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|^[ \t]*#[^\n]*', keep, text, flags=re.DOTALL | re.MULTILINE)


def prototypes(text):
    """(name, parameters, what follows them, is it a prototype, line) of the functions that return an error."""
    for match in PROTOTYPE.finditer(text):
        name, parameters, after, end = match.groups()
        yield name, parameters, after, end == ";", text.count("\n", 0, match.start()) + 1


def needs_must_use(name, parameters, after):
    fills = re.search(r"(?<!const )struct nv_buf \*", parameters)
    return "NV_MUST_USE" not in after and not fills and name not in ALLOWED


def passed_over(text, names):
    """(name, line) of calls of `names` as statements of their own."""
    for match in STATEMENT.finditer(text):
        name = match.group(2) or match.group(5)
        if name in names:
            yield name, text.count("\n", 0, match.end()) + 1


def self_test():
    header = without_comments("enum nv_err nv_a(int x) NV_MUST_USE;\nenum nv_err nv_b(int x);\n"
                              "enum nv_err nv_c(struct nv_buf *b); /* enum nv_err nv_d(void); */\n"
                              "enum nv_err nv_e(const struct nv_buf *b,\n   int y);\n")
    missing = [name for name, parameters, after, _, _ in prototypes(header) if needs_must_use(name, parameters, after)]
    source = "{\n    f(1);\n    (void)f(2);\n    if (x)\n        f(3);\n    else\n        f(4);\n    y = f(5);\n    g(6);\n}\n"
    lines = [line for _, line in passed_over(source, {"f"})]
    return missing == ["nv_b", "nv_e"] and lines == [2, 5, 7]


def main():
    root = pathlib.Path(sys.argv[1])
    texts = {path: without_comments(path.read_text(encoding="utf-8"))
             for stage in STAGES for path in sorted((root / stage).rglob("*.[ch]"))}
    problems, shared = [], set()
    for path, text in texts.items():
        if path.suffix != ".h":
            continue
        for name, parameters, after, prototype, line in prototypes(text):
            shared.add(name)
            if prototype and needs_must_use(name, parameters, after):
                problems.append(f"{path.relative_to(root)}:{line}: {name} returns an error without NV_MUST_USE")
    shared -= set(ALLOWED)
    for path, text in texts.items():
        own = {name for name, *_ in prototypes(text)}
        for name, line in passed_over(text, shared | own):
            problems.append(f"{path.relative_to(root)}:{line}: the error of {name} is passed over: look at it, or say (void)")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
