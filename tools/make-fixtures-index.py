#!/usr/bin/env python3
"""Write the last section of tests/fixtures/INDEX.md, the cases that the section before does not tell of, from their case.json;
and how many cases there are, there and in tests/fixtures/README.md.

    tools/make-fixtures-index.py            writes the files
    tools/make-fixtures-index.py --check    exit 1 when they are not what the folders say
"""
import json
import pathlib
import re
import sys

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures"
TARGET = FIXTURES / "INDEX.md"
README = FIXTURES / "README.md"
HEAD = """
## Cases made since
Written by `tools/make-fixtures-index.py` from the `case.json` of each.

| case | language | instrumentation | convention | wire | requests | spans | scenario |
|---|---|---|---|---|---|---|---|
"""


def row(case):
    """A line of the table."""
    told = json.loads((FIXTURES / case / "case.json").read_text("utf-8"))
    requests = told.get("requests", [])
    name = told.get("instrumentation") or ""
    version = told.get("packages", {}).get(name)
    wire = sorted({"json" if "json" in (request.get("content_type") or "") else "pb" for request in requests})
    cells = [case, told.get("language"), f"{name} {version}" if version else name, told.get("convention"), "+".join(wire), len(requests),
             told.get("span_count", sum(request.get("spans") or 0 for request in requests)), told.get("scenario")]
    return "| " + " | ".join(str(cell if cell is not None else "").replace("|", "/").replace("\n", " ") for cell in cells) + " |\n"


def names():
    """The cases that are there."""
    return sorted(path.name for path in FIXTURES.iterdir() if (path / "case.json").exists())


def counted(text):
    """A page that begins by saying how many cases there are."""
    return re.sub(r"^\d+ (?=cases of real export requests)", f"{len(names())} ", text, count=1, flags=re.MULTILINE)


def render(text):
    """The whole page: what stands before the section stays."""
    text = text.split(HEAD.split("\n", 2)[1])[0].rstrip("\n") + "\n"
    told = set(re.findall(r"^\| ([\w.-]+) \|", text.split("## All cases")[1], re.MULTILINE))
    return counted(text) + HEAD + "".join(row(case) for case in names() if case not in told)


def main():
    """Command line."""
    stale = 0
    for target, made in ((TARGET, render), (README, counted)):
        old = target.read_text("utf-8")
        new = made(old)
        if "--check" not in sys.argv[1:]:
            target.write_text(new, "utf-8")
        elif new != old:
            print(f"tests/fixtures/{target.name} is not what the folders say: run tools/make-fixtures-index.py")
            stale = 1
    return stale


sys.exit(main())
