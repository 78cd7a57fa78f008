#!/usr/bin/env python3
"""Every option has a test that shows what it does (tests/data/option_effects.tsv).

    gateway/config/option_table.inc: OPTION(assembly_max_spans, "assembly.max_spans", ...)
        ─▶ tests/data/option_effects.tsv: assembly.max_spans   tests/e2e/test_option_effects.py::test_larger_traces_are_cut_into_linked_parts
        ─▶ that function is there, and its file names the option

One end-to-end test is enough, as it looks at the running program. Of unit tests it takes two files, one of gateway/ (the option reaches
its stage) and one of the stage (what it does there), or one of the stage whose configuration has the option's own name. A file names an
option by its key, its variable, `a__b` for `a.b`, or in C by its field. Lines whose option is gone are findings, too.

usage: check_option_effects.py SOURCE_DIR [BUILD_DIR]        check_option_effects.py --self-test
"""
import pathlib
import re
import sys

OPTION = re.compile(r'^OPTION\((\w+), "([^"]+)"', re.MULTILINE)
LIST = "tests/data/option_effects.tsv"


def has_function(name, function, text):
    """Is there a test of this name in the file?"""
    begin = rf"START_TEST\({function}\)" if name.endswith(".c") else rf"^def {function}\("
    return re.search(begin, text, re.MULTILINE) is not None


def is_named(name, key, field, text):
    """Does a test's file name the option?"""
    if name.endswith(".c"):
        words = [rf"\b(?:NV_OPT_)?{field}\b", rf"[.>]{key.rsplit('.', 1)[-1]}\b"]
    else:
        words = [rf"(?<![\w.]){re.escape(key)}(?![\w.])", rf"\b{key.replace('.', '__')}\b",
                 rf"NOVEUM_GATEWAY_{key.upper().replace('.', '_')}\b"]
    return any(re.search(word, text) for word in words)


def row_problems(key, field, tests, files):
    """What is wrong with the tests of one option; `files` are texts by name."""
    if not tests:
        yield f"{LIST}: no test shows what {key} does"
    for test in tests:
        name, _, function = test.partition("::")
        if not has_function(name, function, files.get(name, "")):
            yield f"{LIST}: {key}: there is no {test}"
    names = {test.partition("::")[0] for test in tests}
    if tests and not any(is_named(name, key, field, files.get(name, "")) for name in names):
        yield f"{LIST}: {key}: none of its tests names it"
    units = {name for name in names if name.endswith(".c")}
    if units == names and len(units) == 1 and any(name.startswith("tests/unit/gateway/") for name in units):
        yield f"{LIST}: {key}: one test of gateway/ shows that it arrives, none what it does"


def problems(table, listed, files):
    """What is wrong; `table` is [(field, key)], `listed` {key: tests}."""
    for field, key in table:
        yield from row_problems(key, field, listed.get(key, []), files)
    for key in sorted(set(listed) - {key for _, key in table}):
        yield f"{LIST}: {key} is no option"


def read_list(text):
    """{key: tests} of the list."""
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return {words[0]: words[1:] for words in lines}


def self_test():
    table, good = [("a_b", "a.b")], {"a.b": ["tests/e2e/test_x.py::test_y"]}
    files = {"tests/e2e/test_x.py": 'def test_y(make):\n    make({"a.b": 1})\n', "tests/e2e/test_z.py": 'def test_y(make):\n    make({"a.bc": 1})\n',
             "tests/unit/gateway/test_s.c": "START_TEST(t)\n NV_OPT_a_b", "tests/unit/k/test_k.c": "START_TEST(t)\n"}
    unit = ["tests/unit/gateway/test_s.c::t", "tests/unit/k/test_k.c::t"]
    wrong = [{}, {"a.b": []}, {"a.b": ["tests/e2e/test_x.py::test_n"]}, {"a.b": ["tests/e2e/test_z.py::test_y"]}, {**good, "a.c": []},
             {"a.b": unit[:1]}, {"a.b": unit[1:]}]
    return list(problems(table, good, files)) == [] and list(problems(table, {"a.b": unit}, files)) == [] and \
        [len(list(problems(table, rows, files))) for rows in wrong] == [1] * len(wrong) and \
        read_list("# c\na.b\tx y\n") == {"a.b": ["x", "y"]}


def main():
    if not self_test():
        print("self-test failed")
        return 1
    if sys.argv[1] == "--self-test":
        return 0
    root = pathlib.Path(sys.argv[1])
    table = OPTION.findall((root / "gateway/config/option_table.inc").read_text(encoding="utf-8"))
    listed = read_list((root / LIST).read_text(encoding="utf-8"))
    names = {test.partition("::")[0] for tests in listed.values() for test in tests}
    found = list(problems(table, listed, {name: (root / name).read_text(encoding="utf-8") for name in names if (root / name).exists()}))
    for problem in found:
        print(problem)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
