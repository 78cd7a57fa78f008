#!/usr/bin/env python3
"""Conventions are tables: the code that reads them knows none of their attributes by name (mapping/conventions/README.md).

    mapping/conventions/livekit.rules: lk.user_input | span | …     ─▶ "lk." is a convention's
    mapping/settle/deltas.c: NV_STR("lk.input.base_span_id")        ─▶ found

The first part of a table's keys is its own when nothing of the standard's tables begins with it and no other attribute becomes one
that does. OpenTelemetry's own words (gen_ai.*, exception.*, ...), which the engine speaks, are not looked for; nor is what a comment says.

usage: check_conventions.py SOURCE_DIR [BUILD_DIR]        check_conventions.py --self-test
"""
import pathlib
import re
import sys
from proved import proved

ROOMS = ("mapping/engine", "mapping/settle", "mapping/content", "mapping/rules", "mapping/prices", "mapping", "model")
# file: why it may name them
ALLOWED = {"mapping/rules/field.h": "is the table of fields, and one goes out under a framework's name"}
# tables of the standard, and those that say what other tables mean
STANDARD = {"otel_genai", "otel_genai_legacy", "semconv", "events", "fields", "kinds", "evaluations", "noveum", "mcp"}
FRAMEWORKS = {"langgraph", "langchain", "livekit"}
# first words of names that are words of everybody
COMMON = {"anthropic", "claude", "gemini", "google", "vector", "copilot", "spring", "vercel", "microsoft"}
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def rows(text):
    """(key, target) of a table's rows."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and not line.lstrip().startswith("#"):
            yield cells[0], cells[3]


def first(word):
    """What stands before the first dot, without the underscores that join a prefix to what follows."""
    return word.split(".")[0].rstrip("_")


def names(tables):
    """What the conventions are called, with the frameworks that share a table with others."""
    return {re.split("_", name)[0] for name in tables if name not in STANDARD} | FRAMEWORKS


def prefixes(tables):
    """First parts of keys that conventions have of their own; `tables` are texts by name."""
    theirs, ours = set(), set()
    for name, text in tables.items():
        for key, target in rows(text):
            (ours if name in STANDARD else theirs).add(first(key))
            # many attributes of a convention go out under their own names
            if name in STANDARD or first(target) != first(key):
                ours.add(first(target))
    return {word for word in theirs - ours if re.fullmatch(r"\w+", word)}


def problems(tables, sources):
    """What is wrong; both are texts by name."""
    theirs, called = prefixes(tables), names(tables) - COMMON
    for name, text in sources.items():
        # comments become blanks, so that lines keep their numbers
        text = COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
        for number, line in enumerate(text.splitlines(), 1):
            # a text may be a list
            for word in (part for literal in LITERAL.findall(line) for part in literal.split(",")):
                key = first(word) in theirs and re.search(r"\w[.]|_$", word) and "%" not in word
                if key or re.split(r"[._ -]", word)[0].lower() in called:
                    yield f'{name}:{number}: "{word}" is a convention\'s: a row in mapping/conventions/'


def self_test():
    tables = {"a": "acme.x | span | | llm.model | copy | 1 |\nllm.y | span | | llm.y | copy | 1 |\n# no.row | a | b | c |", "semconv": "http.x | span | | http.x | copy | 1 |"}
    tables["wile"] = ""
    bad = {"b.c": 'f("acme.z");\n/* "acme.z" */ g("llm.y", "http.x", "acme");\nh("acme_");\ni("wile-agents");\nj("http.x,acme.z");\n'}
    return prefixes(tables) == {"acme"} and [p.split(":")[1] for p in problems(tables, bad)] == ["1", "3", "4", "5"] and not list(problems(tables, {"c.c": 'f("other.z");'}))


def main():
    root = pathlib.Path(sys.argv[1])
    tables = {path.stem: path.read_text(encoding="utf-8") for path in sorted((root / "mapping/conventions").glob("*.rules"))}
    sources = {str(path.relative_to(root)): path.read_text(encoding="utf-8")
               for room in ROOMS for path in sorted((root / room).glob("*.[ch]"))
               if str(path.relative_to(root)) not in ALLOWED}
    found = list(problems(tables, sources))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
