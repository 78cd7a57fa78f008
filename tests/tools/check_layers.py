#!/usr/bin/env python3
"""Includes point one way:

    base < {net, model} < journal < {otlp, assembly, mapping, redaction, exporter} < gateway

The stages never include each other; they meet in model/ and in function pointers that gateway/
wires. Third-party headers stay in at most two files each, a source and a header of ours not counted
twice, so that a library can be replaced without reading the whole tree.

usage: check_layers.py SOURCE_DIR [BUILD_DIR]
"""
import collections
import pathlib
import re
import sys

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
    "gateway": {"base", "net", "model", "journal", "otlp", "assembly", "mapping", "redaction", "exporter", "gateway",
                "noveum"},
}

# header prefix -> (library, most files that may include it)
LIBRARIES = {
    "event2/": ("libevent", 8),  # one loop a thread for server, gRPC, sender and admin
    "curl/": ("libcurl", 2),
    "jansson": ("jansson", 8),  # small JSON in several places: backend replies, admin, prices
    "nghttp2/": ("nghttp2", 2),
    "zlib": ("zlib", 2),
    "libdeflate": ("libdeflate", 2),
    "zstd": ("zstd", 2),
    "yaml": ("libyaml", 2),
    "cyaml/": ("libcyaml", 2),
    "pcre2": ("PCRE2", 2),
    "openssl/": ("OpenSSL", 6),  # TLS in listener and connection, HMAC, certificate reload
    "xxhash": ("xxHash", 2),
    "pb": ("nanopb", 2),
    "utf8proc": ("utf8proc", 2),
    "uthash": ("uthash", 1),  # base/hash_map.h
    "sqlite3": ("SQLite", 0),
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def library_of(name):
    for prefix, (library, _) in LIBRARIES.items():
        if name == prefix or name == prefix + ".h" or name.startswith(prefix) and (
            prefix.endswith("/") or name.startswith((prefix + ".", prefix + "_", prefix + "-"))
        ):
            return library
    return None


def main():
    root = pathlib.Path(sys.argv[1])
    problems = []
    users = collections.defaultdict(set)
    for layer, allowed in LAYERS.items():
        for path in sorted((root / layer).rglob("*.[ch]")):
            text = path.read_text(encoding="utf-8")
            for match in INCLUDE.finditer(text):
                kind, name = match.groups()
                line = text.count("\n", 0, match.start()) + 1
                top = name.split("/")[0]
                where = f"{path.relative_to(root)}:{line}"
                if kind == '"' and top in LAYERS and top not in allowed:
                    problems.append(f"{where}: {layer}/ may not include {name}")
                library = library_of(name)
                if library:
                    users[library].add(str(path.relative_to(root)))
    limits = dict(LIBRARIES.values())
    for library, files in sorted(users.items()):
        if len(files) > limits[library]:
            problems.append(
                f"{library} is included by {len(files)} files, at most {limits[library]}: "
                + ", ".join(sorted(files))
            )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
