#!/usr/bin/env python3
"""Prints coverage of lines and branches by stage from gcovr's summary and fails below the targets.

The targets are what the tests reach, rounded down; they only ever go up.
usage: coverage_targets.py SUMMARY_JSON
"""
import collections
import json
import sys

TARGETS = {  # per cent of lines, of branches
    "base": (98, 80),
    "model": (98, 80),
    "net": (96, 80),
    "journal": (96, 80),
    "otlp": (96, 80),
    "assembly": (96, 80),
    "mapping": (96, 80),
    "redaction": (96, 80),
    "exporter": (96, 80),
    "trace": (96, 80),
    "gateway": (96, 80),
}
KINDS = ("line", "branch")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        files = json.load(file)["files"]
    covered, total = collections.Counter(), collections.Counter()
    for row in files:
        for kind in KINDS:
            of = row["filename"].split("/")[0], kind
            covered[of] += row[f"{kind}_covered"]
            total[of] += row[f"{kind}_total"]
    below = False
    for stage, targets in TARGETS.items():
        for kind, target in zip(KINDS, targets):
            of = stage, kind
            if not total[of]:
                continue
            percent = 100 * covered[of] / total[of]
            mark = "" if percent >= target else "  BELOW"
            below = below or percent < target
            print(f"{stage:10} {covered[of]:6} of {total[of]:6} {kind:6}  {percent:5.1f} %  (target {target}){mark}")
    for row in sorted(files, key=lambda r: r["line_percent"] or 0)[:10]:
        print(f"  {row['filename']}: {row['line_percent']} %")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
