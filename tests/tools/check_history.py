#!/usr/bin/env python3
"""The kept results of releases (bench/history/*.json) have the form that bench/history/README.md names, and all that was sent arrived.

usage: check_history.py SOURCE_DIR [BUILD_DIR]
"""
import json
import pathlib
import sys

NUMBER = (int, float)
MEMBERS = {"format": int, "release": str, "commit": str, "version": str, "date": str, "machine": dict, "settings": dict, "results": list}
MACHINE = {"cpu": str, "processors": int, "memory_mb": int, "kernel": str, "load": NUMBER}
RESULT = {"system": str, "case": str, "accepted": int, "delivered": int, "exact": bool, "bad": int, "cpu_us_per_span": NUMBER,
          "accepted_per_s": NUMBER, "delivered_per_s": int, "p50_ms": NUMBER, "p99_ms": NUMBER, "peak_rss_mb": NUMBER}


def wrong(where, value, members):
    """What is missing of an object or has another type."""
    for key, kind in members.items():
        if not isinstance(value.get(key), kind):
            yield f"{where}: {key} is {value.get(key)!r}"


def check(name, text):
    """What is wrong with one file."""
    kept = json.loads(text)
    yield from wrong(name, kept, MEMBERS)
    if kept.get("format") != 1 or f"{kept.get('release')}.json" != name:
        yield f"{name}: format or release is not that of the file"
    yield from wrong(f"{name}: machine", kept.get("machine", {}), MACHINE)
    for row in kept.get("results", []):
        where = f"{name}: {row.get('system')} {row.get('case')}"
        yield from wrong(where, row, RESULT)
        if not row.get("exact") or row.get("bad"):
            yield f"{where}: not all that was accepted was delivered"
    if not kept.get("results"):
        yield f"{name}: no results"


def self_test():
    """A good file passes; one without its machine, one that lost spans and one of another name do not."""
    row = {key: kind() if isinstance(kind, type) else 1 for key, kind in RESULT.items()} | {"exact": True}
    good = {key: kind() for key, kind in MEMBERS.items()} | {"format": 1, "release": "1", "results": [row], "machine": {k: t() if isinstance(t, type) else 1 for k, t in MACHINE.items()}}
    bad = [good | {"machine": {}}, good | {"results": [row | {"exact": False}]}, good | {"release": "2"}, good | {"results": []}]
    return not list(check("1.json", json.dumps(good))) and all(list(check("1.json", json.dumps(b))) for b in bad)


def main():
    """Command line."""
    problems = [] if self_test() else ["self-test failed"]
    for path in sorted((pathlib.Path(sys.argv[1]) / "bench" / "history").glob("*.json")):
        problems += check(path.name, path.read_text("utf-8"))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
