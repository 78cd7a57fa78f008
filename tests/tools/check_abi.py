#!/usr/bin/env python3
"""The binary interfaces of libnoveum-trace and libnoveum are what their headers say, and nothing else.

    include/noveum/trace.h, agents.h ─┬─ functions ─▶ cmake/libnoveum-trace.map ─▶ libnoveum-trace.so, with the version that they came in
                                      └─ structs, enumerators ─▶ tests/data/trace-abi-1.txt: places and values that were given out once
    include/noveum/pipeline.h, the same: cmake/libnoveum.map, libnoveum.so, tests/data/pipeline-abi-1.txt

Also: the archive shows no other name, neither library needs more than it says below, and the code and data of
libnoveum-trace are at most 200 KB.

usage: check_abi.py SOURCE_DIR BUILD_DIR        check_abi.py --self-test        check_abi.py --write SOURCE_DIR
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from proved import proved

SIZE_MAX_BYTES = 200_000
LIBC = {"libc.so.6", "ld-linux-x86-64.so.2", "libm.so.6", "libpthread.so.0"}
# (headers, version script, library, layout, what it may need besides libc): libnoveum's stages are those without a network
TRACE = (("trace.h", "agents.h"), "libnoveum-trace.map", "libnoveum-trace.so", "trace-abi-1.txt", {"libcurl.so.4"})
PIPELINE = (("pipeline.h",), "libnoveum.map", "libnoveum.so", "pipeline-abi-1.txt",
            {"libyaml-0.so.2", "libcrypto.so.3", "libpcre2-8.so.0", "libutf8proc.so.2"})
SANITIZERS = re.compile(r"lib(asan|tsan|ubsan|clang_rt)\b")
FUNCTION = re.compile(r"^NOVEUM_API [^;]*?\b(noveum_\w+)\(", re.MULTILINE)
STRUCT = re.compile(r"typedef struct (\w+) \{(.*?)\n\} \1;", re.DOTALL)
ENUM = re.compile(r"typedef enum (\w+) \{(.*?)\n?\} \1;", re.DOTALL)


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def functions(header):
    return set(FUNCTION.findall(without_comments(header)))


def members(body):
    """Names of a struct's members."""
    names = []
    for line in re.sub(r"union \{.*?\}", "union", body, flags=re.DOTALL).split(";"):
        pointer = re.search(r"\(\*(\w+)\)\(", line)
        if pointer:
            names.append(pointer.group(1))
            continue
        for part in line.split(","):
            found = re.search(r"(\w+)(\[\w+\])?\s*$", part)
            if found:
                names.append(found.group(1))
    return names


def text_of(root, headers):
    return "\n".join((root / "include/noveum" / name).read_text("utf-8") for name in headers)


def layout_program(headers, header):
    """A C program that prints places of members and values of enumerators."""
    text = without_comments(header)
    lines = [*(f'#include "noveum/{name}"' for name in headers), "#include <stdio.h>", "int main(void) {"]
    for struct, body in STRUCT.findall(text):
        lines += [f'    printf("{struct}.{m} %zu\\n", offsetof({struct}, {m}));' for m in members(body)]
    for _, body in ENUM.findall(text):
        lines += [f'    printf("{value} %d\\n", (int){value});' for value in re.findall(r"\b(NOVEUM_\w+)\b", body)]
    return "\n".join(lines + ["    return 0;", "}", ""])


def layout(root, headers):
    """{name: number} as the compiler has it."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "a.c", pathlib.Path(folder) / "a"
        source.write_text(layout_program(headers, text_of(root, headers)), "utf-8")
        subprocess.run(["cc", "-I", root / "include", source, "-o", program], check=True)
        out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in out.splitlines())


def map_versions(text):
    """{function: version} of a version script."""
    found, version = {}, None
    for line in without_comments(text).splitlines():
        opened = re.match(r"(NOVEUM_(?:TRACE|PIPELINE)_\d+) \{", line)
        version = opened.group(1) if opened else version
        name = re.match(r"\s+(noveum_\w+);", line)
        if name:
            found[name.group(1)] = version
    return found


def exported(library):
    """{function: version} of a shared library."""
    out = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in out.splitlines()]
    return dict(row[2].split("@@") for row in rows if len(row) == 3 and "@@" in row[2])


def compare(what, one, other):
    yield from (f"{what}: {name} is gone" for name in sorted(set(one) - set(other)))
    yield from (f"{what}: {name} is new" for name in sorted(set(other) - set(one)))
    if isinstance(one, dict):
        yield from (f"{what}: {name} was {one[name]}, is {other[name]}" for name in sorted(set(one) & set(other)) if one[name] != other[name])


def check_archive(build):
    out = subprocess.run(["nm", "-g", "--defined-only", build / "libnoveum-trace.a"], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        name = line.split()[-1] if line.split() else ""
        if name and not name.endswith(":") and not name.startswith(("noveum_", "__odr_asan", "_ITM", "__asan", "__ubsan", "__tsan", "__gcov", "mangle_path")):
            yield f"libnoveum-trace.a shows {name}"


def check_size(library):
    out = subprocess.run(["size", library], capture_output=True, text=True, check=True).stdout
    text, data = map(int, out.splitlines()[1].split()[:2])
    print(f"libnoveum-trace.so: {text} bytes of code and constants, {data} of data")
    if text + data > SIZE_MAX_BYTES:
        yield f"libnoveum-trace.so has {text + data} bytes, at most {SIZE_MAX_BYTES}"


def check_build(root, build, which):
    headers, script, library_name, _, more = which
    library = build / library_name
    if shutil.which("nm") is None or not library.exists():
        print(f"skipped: no nm or no {library}")
        return
    versions = map_versions((root / "cmake" / script).read_text("utf-8"))
    yield from compare(f"cmake/{script}", functions(text_of(root, headers)), set(versions))
    out = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", out))
    if any(SANITIZERS.match(name) for name in needed):
        return
    yield from compare(library_name, versions, exported(library))
    yield from (f"{library_name} needs {name}" for name in sorted(needed - LIBC - more))
    if which is TRACE:
        yield from check_size(library)
        yield from check_archive(build)


def self_test():
    header = ("NOVEUM_API int noveum_a(void);\nNOVEUM_API const char *noveum_b(int (*f)(int),\n    int x);\n/* NOVEUM_API int noveum_c(void); */\n"
              "typedef struct noveum_s {\n    size_t a;\n    const char *b, *c; /* d; */\n    int (*e)(int f);\n    uint8_t g[16];\n    union {\n        int x;\n    } h;\n} noveum_s;\n"
              "typedef enum noveum_e { NOVEUM_X = 1, NOVEUM_Y } noveum_e;\n")
    body = STRUCT.findall(without_comments(header))[0][1]
    return (functions(header) == {"noveum_a", "noveum_b"} and members(body) == ["a", "b", "c", "e", "g", "h"]
            and "NOVEUM_Y" in layout_program(["x.h"], header)
            and map_versions("NOVEUM_TRACE_1 {\n  global:\n    noveum_a;\n};\nNOVEUM_TRACE_2 {\n    noveum_b;\n} NOVEUM_TRACE_1;\n") == {"noveum_a": "NOVEUM_TRACE_1", "noveum_b": "NOVEUM_TRACE_2"}
            and list(compare("x", {"a": "1", "b": "1"}, {"b": "2", "c": "1"})) == ["x: a is gone", "x: c is new", "x: b was 1, is 2"])


def main():
    root = pathlib.Path(sys.argv[2] if sys.argv[1] == "--write" else sys.argv[1])
    if shutil.which("cc") is None:
        print("skipped: no cc")
        return 0
    problems = []
    for which in (TRACE, PIPELINE):
        frozen = root / "tests/data" / which[3]
        now = layout(root, which[0])
        if sys.argv[1] == "--write":
            frozen.write_text("".join(f"{name} {number}\n" for name, number in now.items()), "utf-8")
            continue
        was = dict(line.split() for line in frozen.read_text("utf-8").splitlines())
        problems += [*compare(f"tests/data/{which[3]}", was, now), *check_build(root, pathlib.Path(sys.argv[2]), which)]
    for problem in problems:
        print(problem)
    if any("is new" in p for p in problems):
        print("new members and enumerators: check_abi.py --write SOURCE_DIR; new functions: a row of the version script")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
