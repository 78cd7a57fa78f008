#!/usr/bin/env python3
"""Bytes that spans send twice, over translated bodies.

    GOLDEN_OUT=DIR build/dev/mapping_test_golden
    bench/repeats.py DIR [--keys N]

DIR holds bodies, one trace a line. Of each span the attributes are taken that are no fields; one
repeats when each of its leaves (JSON and Python's repr in texts are opened) stands in a field of the
span, alone or inside of a text of eight bytes or more. Prints the bytes of all attributes and of
those that repeat, then the keys that repeat most. Only Python's standard library.
"""
import argparse
import ast
import collections
import json
import pathlib

FIELDS = ("llm.", "agent.", "tool.", "chain.", "retrieval.", "embedding.", "rerank.", "stt.", "tts.", "vector",
          "mcp.", "crew.", "task.", "turn.", "graph.", "http.", "exception.", "noveum.", "error")
LEVELS = 3


def opened(value, level=0):
    """What a text holds as JSON or repr, else itself."""
    if not isinstance(value, str) or level == LEVELS or value[:1] not in ("{", "[", '"'):
        return value
    for read in (json.loads, ast.literal_eval):
        try:
            return opened(read(value), level + 1)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return value


def leaves(value):
    value = opened(value)
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None or value == "" else [str(value).strip()]


def size(value):
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def is_field(key):
    return key.startswith(FIELDS) and not key.endswith(".source")


def repeats(span):
    """(key, bytes) of the attributes that say nothing new."""
    attributes = span["attributes"]
    said = {leaf for key, value in attributes.items() if is_field(key) for leaf in leaves(value)}
    said.add(span["name"])
    text = "\n".join(leaf for leaf in said if len(leaf) > 3)
    for key, value in attributes.items():
        found = [] if is_field(key) else leaves(value)
        if found and all(leaf in said or (len(leaf) >= 8 and leaf in text) for leaf in found):
            yield key, size({key: value})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bodies", type=pathlib.Path)
    parser.add_argument("--keys", type=int, default=20)
    options = parser.parse_args()
    total, by_key = 0, collections.Counter()
    for path in sorted(options.bodies.glob("*.jsonl")):
        for line in path.read_text("utf-8").strip().split("\n"):
            for span in json.loads(line)["spans"]:
                total += size(span["attributes"])
                for key, count in repeats(span):
                    by_key[key] += count
    twice = sum(by_key.values())
    print(f"attributes {total} bytes, repeated {twice} ({100 * twice / max(total, 1):.2f} %)")
    for key, count in by_key.most_common(options.keys):
        print(f"{count:9} {key}")


if __name__ == "__main__":
    main()
