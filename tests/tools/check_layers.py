#!/usr/bin/env python3
"""Includes point one way:

    base < {net, model} < journal < {otlp, assembly, mapping, redaction, exporter, kafka} < gateway
    base < trace: a library of its own, which nothing of the gateway includes

The stages never include each other; they meet in model/ and in function pointers that gateway/
wires. Nor do the rooms of one stage (its folders, and what stands in the stage's own folder) include each other in a
circle. The headers of a library are included by as many files as LIBRARIES tells, most by one or two,
so that it can be replaced without reading the whole tree; libevent stays in one file of net/,
whose loops all others use, tests too.

usage: check_layers.py SOURCE_DIR [BUILD_DIR]        check_layers.py --self-test
"""
import collections
import pathlib
import re
import sys
from proved import proved

LAYERS = {
    "base": {"base"},
    "net": {"base", "net"},
    "model": {"base", "model"},
    "journal": {"base", "model", "journal"},
    "otlp": {"base", "net", "model", "otlp"},
    "assembly": {"base", "model", "journal", "assembly"},
    "mapping": {"base", "model", "mapping"},
    "redaction": {"base", "model", "redaction"},
    "exporter": {"base", "net", "model", "exporter"},
    "kafka": {"base", "net", "model", "kafka"},
    "gateway": {"base", "net", "model", "journal", "otlp", "assembly", "mapping", "redaction", "exporter", "kafka", "gateway",
                "noveum"},
    "trace": {"base", "trace", "noveum"},
}

# single headers that a layer may include besides
EXTRA = {"trace": {"model/otlp_fields.h"}}  # numbers, no code

# stages whose rooms still include each other in a circle: this only gets shorter
TIED_STAGES = set()

# asks every library for its version and for nothing else
ASKS_VERSIONS = "gateway/commands/version.c"

# header prefix -> (library, files that include it: one more is to be thought about, one less leaves a number that holds nothing)
LIBRARIES = {
    "event2/": ("libevent", 1),  # net/loop.c
    "curl/": ("libcurl", 2),  # exporter/send/libcurl.h, through which send_curl.c sees it; trace/send.c
    "jansson": ("jansson", 2),  # exporter/answer/backend_reply.c, gateway/doctor/running.c
    "nghttp2/": ("nghttp2", 2),
    "libdeflate": ("libdeflate", 2),
    "isa-l/": ("ISA-L", 1),  # exporter/encode/compress.c
    "zstd": ("zstd", 1),
    "yaml": ("libyaml", 1),
    "pcre2": ("PCRE2", 1),
    "openssl/": ("OpenSSL", 1),  # base/openssl.h, through which TLS, tokens, hashes, the journal's cipher and the exporter's authorities see it
    "xxhash": ("xxHash", 2),  # base/str.c, base/hash_wide.c
    "pb": ("nanopb", 1),
    "utf8proc": ("utf8proc", 2),
    "uthash": ("uthash", 1),  # base/tables/hash_map.h
    "librdkafka/": ("librdkafka", 1),  # kafka/rd.h, through which client, producer and consumer see it
    "sqlite3": ("SQLite", 1),  # gateway/traces/sqlite.h, through which sql.c sees it
}

# library -> the only place that may include it, of the whole tree
HOMES = {"libevent": "net/"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def library_of(name):
    for prefix, (library, _) in LIBRARIES.items():
        if name == prefix or name == prefix + ".h" or name.startswith(prefix) and (
            prefix.endswith("/") or name.startswith((prefix + ".", prefix + "_", prefix + "-"))
        ):
            return library
    return None


def room_circles(edges):
    """Sets of rooms that reach each other, of {room: rooms it includes}."""
    reach = {room: set(others) for room, others in edges.items()}
    rooms = set(reach).union(*edges.values()) if edges else set()
    for middle in rooms:  # Warshall: what reaches `middle` reaches what it reaches
        for room in reach:
            if middle in reach[room]:
                reach[room] |= reach.get(middle, set())
    found = {frozenset(b for b in rooms if b in reach.get(a, ()) and a in reach.get(b, ())) | {a}
             for a in rooms}
    return sorted(sorted(members) for members in found if len(members) > 1)


def check_rooms(root):
    """Problems: circles of rooms, with one include for each edge of them."""
    edges, example = collections.defaultdict(set), {}
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.[ch]")):
            room = str(path.parent.relative_to(root))
            for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
                other = str(pathlib.PurePosixPath(match.group(2)).parent)
                ours = match.group(1) == '"' and (root / match.group(2)).exists()  # not a generated one
                if ours and other != room and other.split("/")[0] == layer:
                    edges[room].add(other)
                    example.setdefault((room, other), f"{path.relative_to(root)} includes {match.group(2)}")
    problems = []
    for members in room_circles(edges):
        if members[0].split("/")[0] in TIED_STAGES:
            continue
        problems.append("rooms include each other in a circle: " + ", ".join(members))
        problems += [f"    {text}" for (a, b), text in sorted(example.items()) if a in members and b in members]
    return problems


def check_homes(root):
    problems = []
    for top in list(LAYERS) + ["bench", "tests"]:
        for path in sorted((root / top).rglob("*.[ch]")):
            name = str(path.relative_to(root))
            for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
                home = HOMES.get(library_of(match.group(2)))
                if home and not name.startswith(home):
                    problems.append(f"{name}: only {home} includes {match.group(2)}")
    return problems


def self_test():
    """A circle of two, one of three by way of the stage's own folder; a chain is none."""
    edges = {"a": {"a/x"}, "a/x": {"a"}, "b": {"b/p"}, "b/p": {"b/q"}, "b/q": {"b"}, "c": {"c/s"}, "c/s": {"c/t"}}
    return room_circles(edges) == [["a", "a/x"], ["b", "b/p", "b/q"]] and room_circles({}) == []


def main():
    root = pathlib.Path(sys.argv[1])
    problems = check_rooms(root)
    users = collections.defaultdict(set)
    for layer, allowed in LAYERS.items():
        for path in sorted((root / layer).rglob("*.[ch]")):
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                kind, name = match.groups()
                line = text.count("\n", 0, match.start()) + 1
                top = name.split("/")[0]
                where = f"{path.relative_to(root)}:{line}"
                if kind == '"' and top in LAYERS and top not in allowed and name not in EXTRA.get(layer, ()):
                    problems.append(f"{where}: {layer}/ may not include {name}")
                library = library_of(name)
                if library and str(path.relative_to(root)) != ASKS_VERSIONS:
                    users[library].add(str(path.relative_to(root)))
    problems += check_homes(root)
    limits = dict(LIBRARIES.values())
    for library, told in sorted(limits.items()):
        if len(users[library]) != told:
            problems.append(
                f"{library} is included by {len(users[library])} files, {told} are told in LIBRARIES: "
                + ", ".join(sorted(users[library]))
            )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
