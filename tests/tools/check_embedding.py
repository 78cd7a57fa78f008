#!/usr/bin/env python3
"""What docs/embedding.md says of the two libraries is there: features, functions, settings and their tests.

    table of features ─▶ every feature of the vendor's list has a row
    row ─▶ its functions are in include/noveum/, its tests are files that call one of them
    include/noveum/*.h ─▶ every function is called by a test, every variable is set by one

usage: check_embedding.py SOURCE_DIR [BUILD_DIR]        check_embedding.py --self-test
"""
import pathlib
import re
import sys

FEATURES = ["decorators, context managers", "manual client", "agent registry", "agent graphs", "agent workflows", "messages between agents", "clean-up", "streaming",
            "conversations", "CPU, memory; cost", "health", "transport", "compression", "direct to Noveum's API", "configuration by program and environment",
            "configuration by file", "redaction", "custom endpoints, bearer, API key", "validation"]
HEADERS = ("trace.h", "agents.h", "pipeline.h")
FUNCTION = re.compile(r"^NOVEUM_API [^;]*?\b(noveum_\w+)\(", re.MULTILINE)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def variables(header):
    """Names of the environment in the contract, OTEL_X_[TRACES_]Y being two."""
    names = set()
    for line in header.splitlines():
        if not line.startswith(" *"):
            continue
        for name in re.findall(r"\bOTEL_[A-Z_]*(?:\[TRACES_\])?[A-Z_]*[A-Z]\b|\bNOVEUM_(?:PROJECT|ENVIRONMENT|SERVICE_VERSION|PERFORMANCE|API_KEY|ENDPOINT)\b", line):
            names |= {name.replace("[TRACES_]", ""), name.replace("[TRACES_]", "TRACES_")}
    return {name for name in names if "[" not in name}


def rows(document):
    """(feature, functions, tests) of the table of features."""
    section = document.split("## What is there, and the test of it", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group(0)
    found = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
    return [cells for cells in found[2:] if len(cells) == 3]


def words(cell):
    """`noveum_agent_register`, `_begin` ─▶ noveum_agent_register, and what `_begin` may stand for: its ends are cut one after another."""
    last, found = "", []
    for word in re.findall(r"`([^`]+)`", cell):
        if word.startswith("noveum_") and re.fullmatch(r"\w+\*?", word):
            last = word
            found.append([word.rstrip("*")])
        elif word.startswith("_") and last:
            pieces = last.split("_")
            found.append(["_".join(pieces[:n]) + word for n in range(len(pieces), 0, -1)])
    return found


def tests_of(root, cell):
    """{name in the cell: its text, None where there is no such file}."""
    texts = {}
    for name in re.findall(r"`([\w/]+\.(?:c|py))`", cell):
        path = root / name if "/" in name else root / "tests/unit/trace" / name
        texts[name] = path.read_text("utf-8") if path.is_file() else None
    return texts


def check_row(root, header, feature, functions, tests):
    names = words(functions)
    texts = tests_of(root, tests)
    for choices in names:
        if not any(re.search(rf"\b{choice}", header) for choice in choices):
            yield f"{feature}: no header has {choices[0]}"
    yield from (f"{feature}: there is no {name}" for name, text in texts.items() if text is None)
    if not texts:
        yield f"{feature}: no test is named"
    called = "\n".join(text for text in texts.values() if text)
    said = {choice for choices in names for choice in choices} | set(re.findall(r"`(\w+)`", functions))
    if said and re.search(r"\.c`", tests) and not any(name in called for name in said):
        yield f"{feature}: its tests call none of its functions"


def check(root):
    header = "\n".join((root / "include/noveum" / name).read_text("utf-8") for name in HEADERS)
    table = rows((root / "docs/embedding.md").read_text("utf-8"))
    for feature in FEATURES:
        if not any(row[0].startswith(feature) for row in table):
            yield f"docs/embedding.md: no row for {feature}"
    for row in table:
        yield from (f"docs/embedding.md: {problem}" for problem in check_row(root, header, *row))
    tests = "\n".join(path.read_text("utf-8") for folder in ("tests/unit/trace", "tests/unit/gateway/embed", "tests/e2e")
                      for path in sorted((root / folder).glob("test_*")) if path.suffix in (".c", ".py"))
    for name in sorted(set(FUNCTION.findall(without_comments(header)))):
        if not re.search(rf"\b{name}\b", tests):
            yield f"no test calls {name}"
    for name in sorted(variables(header)):
        if not re.search(rf'\b{name}\b', tests):
            yield f"no test sets {name}"


def self_test():
    document = "## What is there, and the test of it\n\n| a | b | c |\n|---|---|---|\n| x | `noveum_agent_get`, `_set`, `y` | `test_a.c` |\n\nz\n"
    return (rows(document) == [["x", "`noveum_agent_get`, `_set`, `y`", "`test_a.c`"]]
            and words("`noveum_agent_get`, `_set`, `y`") == [["noveum_agent_get"], ["noveum_agent_get_set", "noveum_agent_set", "noveum_set"]]
            and variables(" *   a   OTEL_X_[TRACES_]Y, OTEL_Z\nint OTEL_NO;\n") == {"OTEL_X_Y", "OTEL_X_TRACES_Y", "OTEL_Z"})


def main():
    if not self_test():
        print("self-test failed")
        return 1
    problems = [] if sys.argv[1] == "--self-test" else list(check(pathlib.Path(sys.argv[1])))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
