#!/usr/bin/env python3
"""Packs the files of the page (ui/) into a C source: each compressed by gzip, as an array of bytes.

Nothing is bundled or changed: the browser gets the modules as they stand in ui/. The same input gives
the same output (no times in it). Fails when the page is larger than BYTES_MAX.

usage: make-page.py OUT.c FILE...
"""
import gzip
import pathlib
import sys

BYTES_MAX = 250 * 1024  # compressed, all files together
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main():
    out, files = pathlib.Path(sys.argv[1]), sorted(pathlib.Path(name) for name in sys.argv[2:])
    packed = [(file, gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files]
    total = sum(len(data) for _, data in packed)
    if total > BYTES_MAX:
        sys.exit(f"make-page.py: the page has {total} bytes compressed, at most {BYTES_MAX}")
    lines = ['#include "gateway/admin/page.h"\n']
    rows = []
    for number, (file, data) in enumerate(packed):
        lines.append(f"static const unsigned char file_{number}[] = {{{','.join(map(str, data))}}};\n")
        path = "/" if file.name == "index.html" else f"/ui/{file.name}"
        rows.append(f'    {{"{path}", "{TYPES[file.suffix]}", file_{number}, {len(data)}}},\n')
    lines.append("const struct nv_page_file nv_page_files[] = {\n" + "".join(rows) + "};\n")
    lines.append(f"const size_t nv_page_file_count = {len(rows)};\n")
    out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
