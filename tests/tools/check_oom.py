#!/usr/bin/env python3
"""Every source that allocates has a test in which its allocations fail one by one (CONTRIBUTING.md, "Tests").

    assembly/door/services.c calls calloc ─▶ tests/unit/assembly/door/test_services.c uses oom.h
                                        or ─▶ a test_*_oom.c beside it or in a room around it does
                                        or ─▶ the list below says which test does, or why none can

Counted are direct calls: buffers, arenas and tables have their own tests, and what they are used for fails with
NV_ERR_NO_MEMORY like all else. A line of the list that is not needed any more is a finding too.

usage: check_oom.py SOURCE_DIR [BUILD_DIR]        check_oom.py --self-test
"""
import pathlib
import re
import sys

from proved import proved
from rooms import STAGES

ALLOCATES = re.compile(r"\b(?:malloc|calloc|realloc|reallocarray|strdup|strndup|aligned_alloc)\s*\(")
FAILS = re.compile(r"\boom_fail_(?:nth|from)\s*\(|\bnv_test_oom_\w+\s*\(")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
# source: the test that does it, or a reason in words
ELSEWHERE = {
    "exporter/send/send_curl.c": "tests/unit/exporter/send/test_send_thread.c",
    "net/http/http_connection.c": "tests/unit/net/http/test_http_server.c",
    "net/http/http_exchange.c": "tests/unit/net/http/test_http_server.c",
}


def covers(source, tests):
    """The test that fails allocations for this source by its name and place, or None."""
    path = pathlib.PurePosixPath("tests/unit") / source
    own = str(path.with_name(f"test_{path.name}"))
    if FAILS.search(tests.get(own, "")):
        return own
    for room in path.parents:
        for name, text in tests.items():
            test = pathlib.PurePosixPath(name)
            if test.parent == room and test.name.endswith("_oom.c") and FAILS.search(text):
                return name
    return None


def problems(sources, tests, elsewhere):
    """What is wrong; `sources` and `tests` are texts by name."""
    needed = set()
    for source, text in sources.items():
        if not ALLOCATES.search(COMMENT.sub("", text)) or covers(source, tests):
            continue
        needed.add(source)
        other = elsewhere.get(source)
        if other is None:
            yield f"{source}: allocates, and no test lets an allocation fail"
        elif other.startswith("tests/") and not FAILS.search(tests.get(other, "")):
            yield f"{source}: {other} lets no allocation fail"
    for source in sorted(set(elsewhere) - needed):
        yield f"{source}: take it off the list, it has a test or allocates nothing"


def self_test():
    sources = {"a/b/c.c": "x = malloc(1);", "a/d.c": "/* malloc( */"}
    with_own = {"tests/unit/a/b/test_c.c": "oom_fail_nth(n);"}
    with_room = {"tests/unit/a/test_a_oom.c": "oom_fail_from(1);"}
    return list(problems(sources, with_own, {})) == [] and list(problems(sources, with_room, {})) == [] and \
        len(list(problems(sources, {}, {}))) == 1 and list(problems(sources, {}, {"a/b/c.c": "why"})) == [] and \
        len(list(problems(sources, with_own, {"a/b/c.c": "why"}))) == 1 and \
        len(list(problems(sources, {}, {"a/b/c.c": "tests/unit/x.c"}))) == 1


def texts(root, folder, pattern):
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sorted((root / folder).rglob(pattern))}


def main():
    root = pathlib.Path(sys.argv[1])
    sources = {name: text for stage in STAGES for name, text in texts(root, stage, "*.c").items()}
    found = list(problems(sources, texts(root, "tests/unit", "test_*.c"), ELSEWHERE))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
