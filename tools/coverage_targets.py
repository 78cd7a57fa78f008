#!/usr/bin/env python3
"""Prints line coverage by stage from gcovr's summary and fails below the targets.

The targets are what the tests reach, rounded down; they only ever go up.
usage: coverage_targets.py SUMMARY_JSON
"""
import collections
import json
import sys

TARGETS = {
    "base": 98,
    "model": 98,
    "net": 96,
    "journal": 96,
    "otlp": 96,
    "assembly": 96,
    "mapping": 96,
    "redaction": 96,
    "exporter": 96,
    "gateway": 96,
}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        files = json.load(file)["files"]
    covered, total = collections.Counter(), collections.Counter()
    for row in files:
        stage = row["filename"].split("/")[0]
        covered[stage] += row["line_covered"]
        total[stage] += row["line_total"]
    below = False
    for stage, target in TARGETS.items():
        if not total[stage]:
            continue
        percent = 100 * covered[stage] / total[stage]
        mark = "" if percent >= target else "  BELOW"
        below = below or percent < target
        print(f"{stage:10} {covered[stage]:6} of {total[stage]:6} lines  {percent:5.1f} %  (target {target}){mark}")
    for row in sorted(files, key=lambda r: r["line_percent"] or 0)[:10]:
        print(f"  {row['filename']}: {row['line_percent']} %")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
