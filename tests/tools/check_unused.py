#!/usr/bin/env python3
"""Functions and data of the program that nothing of the program uses.

    defined in an object of the library ─┬─ needed by another object, or named again in its own source ─▶ used
                                         ├─ needed by tests, fuzz targets or benches alone ─▶ reported, unless ALLOWED says why
                                         └─ needed by nobody ─▶ reported

What only tests call is kept alive by them: nobody finds out when it no longer fits. A function that only its own file and a test use is
a seam and no fault; one that only its own file uses is to be `static`. Rows of the error table, the ledger and the counters that no
source names but their table are reported too: a code that is never returned is a promise that nobody keeps.

By what the linker sees (nm): what a build for another purpose leaves out counts as unused. Reads the build, so it runs after one.

usage: check_unused.py SOURCE_DIR BUILD_DIR        check_unused.py --self-test
"""
import pathlib
import re
import shutil
import subprocess
import sys

from proved import proved
from rooms import STAGES

# name or prefix* -> why it may be used by tests alone
ALLOWED = {
    # state of the whole process: a test begins without the one before it
    "nv_count_reset": "counters are global",
    "nv_ledger_reset": "the ledger is global",
    "nv_mask_clear": "the values to mask are global",
    "nv_log_set_sink": "the log is global, tests read its lines",
    # of the shared library, whose objects are not all the program's
    "nv_lent_allocator": "gateway/embed/lent_memory.c asks for it",
    # seams: what the world does in a test
    "nv_fake_clock_init": "time that a test moves",
    "nv_fake_clock_advance": "time that a test moves",
    "nv_exporter_set_transport": "a backend without a network",
    "nv_kafka_producer_break": "a client that fails as only real brokers make it fail",
    # looks: what a test or a bench has to see and the program need not
    "nv_account_used": "bytes that are counted",
    "nv_arena_bytes": "bytes that a translation takes, in benches",
    "nv_stream_alpn": "the protocol that was agreed on",
    "nv_value_json": "a value as text, to compare it",
    # what programs of others call
    "noveum_*": "the libraries' interface, held by check_abi.py",
    # rows of tables that make a prototype each
    "nv_step_*": "steps of conventions, named by the table of transform_steps.h",
    # the other side
    "nv_crc32c_portable": "for machines without the instruction; compared with it",
    "nv_wire_put_varint": "odd encodings, which the program reads and never writes",
}
# where rows X(NAME, ...) stand that must each be named by a source
TABLES = ("base/error.h", "base/log/counters.h", "model/ledger.h")


def symbols(path):
    """(defined, needed) global names of an object."""
    text = subprocess.run(["nm", "-P", "-g", str(path)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines() if line.strip()]
    rows = [r for r in rows if not r[0].startswith("__")]  # a sanitizer's own
    return {r[0] for r in rows if r[1] not in "Uuwv"}, {r[0] for r in rows if r[1] == "U"}


def judge(defined, needed_by_program, needed_by_tests, named_again):
    """{name: verdict} of what is not used; `defined` is {name: source}, `named_again` names used in their own source."""
    out = {}
    for name, source in sorted(defined.items()):
        if name in needed_by_program:
            continue
        if name in named_again:
            if name not in needed_by_tests:
                out[name] = f"{source}: {name} is used in this file alone: make it static"
        elif name in needed_by_tests:
            out[name] = f"{source}: {name} is used by tests alone"
        else:
            out[name] = f"{source}: {name} is used by nobody"
    return out


def allowed(name):
    return any(name == key or key.endswith("*") and name.startswith(key[:-1]) for key in ALLOWED)


COMMENT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", re.DOTALL)


def named_more_than_once(text, name):
    """Is `name` in `text`, comments and strings left out, more often than where it is defined?"""
    return len(re.findall(rf"\b{re.escape(name)}\b", COMMENT.sub(" ", text))) > 1


def dead_rows(root):
    """Rows of TABLES that no source names."""
    sources = [COMMENT.sub(" ", p.read_text(encoding="utf-8")) for stage in STAGES
               for p in sorted((root / stage).rglob("*.[chi]*")) if str(p.relative_to(root)) not in TABLES and p.suffix in (".c", ".h", ".inc")]
    named = set(re.findall(r"\bNV_[A-Z0-9_]+\b", " ".join(sources)))
    problems = []
    for table in TABLES:
        for row in re.findall(r"\bX\((NV_[A-Z0-9_]+),", (root / table).read_text(encoding="utf-8")):
            if row not in named:
                problems.append(f"{table}: nothing of the program names {row}")
    return problems


def self_test():
    """One of each verdict."""
    found = judge({"a": "1.c", "b": "1.c", "c": "1.c", "d": "1.c", "e": "1.c"}, {"a"}, {"b", "e"}, {"d", "e"})
    return (
        sorted(found) == ["b", "c", "d"] and "tests alone" in found["b"] and "nobody" in found["c"] and "static" in found["d"]
        and named_more_than_once("int f(void); /* f */ int g(void) { return f(); }", "f")
        and not named_more_than_once('int f(void) { return 0; } /* f */ char *s = "f";', "f")
    )


def main():
    """Command line."""
    root, build = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if shutil.which("nm") is None:
        print("skipped: no nm (apt-get install binutils)")
        return 0
    cache = build / "CMakeCache.txt"
    if cache.exists() and "NOVEUM_WITH_KAFKA:BOOL=OFF" in cache.read_text(encoding="utf-8"):
        print("skipped: without Kafka what is shared with its roles is used by tests alone")
        return 0
    defined, program, tests, named = {}, set(), set(), set()
    built = set()
    for path in sorted((build / "CMakeFiles").rglob("*.o")):
        target, _, rest = str(path.relative_to(build / "CMakeFiles")).partition(".dir/")
        source = rest.removesuffix(".o")
        ours = target in ("noveum_objects", "noveum-gateway", "noveum_trace_objects")
        if not source.startswith("generated/") and not (root / source).exists():
            continue  # of a source that moved
        built.add(pathlib.Path(source))
        own, needed = symbols(path)
        if not ours:
            tests |= needed
            continue
        program |= needed - own
        if source.split("/")[0] in STAGES:
            text = (root / source).read_text(encoding="utf-8")
            for name in own:
                defined[name] = source
                if named_more_than_once(text, name):
                    named.add(name)
    missing = [p for p in (root / "tests" / "unit").rglob("test_*.c") if p.relative_to(root) not in built]
    if "main" not in defined or missing:
        print("skipped: not all was built" + (f": {missing[0]}" if missing else ""))
        return 0
    del defined["main"]
    problems = [text for name, text in judge(defined, program, tests, named).items() if not allowed(name)]
    problems += [f"ALLOWED names {key}, which is used or gone" for key in ALLOWED
                 if not key.endswith("*") and (key not in defined or key in program)]
    problems += dead_rows(root)
    for problem in problems:
        print(problem)
    print(f"{len(problems)} of {len(defined)} names")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
