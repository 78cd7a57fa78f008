#!/usr/bin/env python3
"""The reference of the public headers, by Doxygen: HTML in build/reference.

    include/noveum/*.h ─▶ comments as Doxygen has them (in memory, line by line) ─▶ doxygen ─▶ OUT/index.html
                                                                                 └ any warning is an error

The headers' comments are plain C: one before what it is about, or behind it on its line. What stands without one directly below
another declaration shares its comment, and says so.

usage: reference.py [OUT]        reference.py --filter HEADER (what Doxygen reads)        reference.py --self-test
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ("noveum.h", "trace.h", "agents.h", "pipeline.h", "direct.h", "trace.hpp")
OPTIONS = {
    "PROJECT_NAME": '"libnoveum-trace and libnoveum"', "OPTIMIZE_OUTPUT_FOR_C": "YES", "GENERATE_LATEX": "NO", "QUIET": "YES",
    "EXTRACT_STATIC": "YES", "JAVADOC_AUTOBRIEF": "YES", "MACRO_EXPANSION": "YES", "EXPAND_ONLY_PREDEF": "YES", "ENABLE_PREPROCESSING": "YES",
    "PREDEFINED": '"NOVEUM_API=" "__GNUC__=12"', "TYPEDEF_HIDES_STRUCT": "YES", "SORT_MEMBER_DOCS": "NO", "WARN_AS_ERROR": "NO",
    "WARN_IF_UNDOCUMENTED": "YES", "WARN_NO_PARAMDOC": "NO", "EXTRACT_ALL": "NO", "HTML_TIMESTAMP": "NO", "SHOW_INCLUDE_FILES": "NO", "AUTOLINK_SUPPORT": "YES",
    "SHOW_USED_FILES": "NO", "VERBATIM_HEADERS": "YES", "FULL_PATH_NAMES": "NO", "INCLUDE_PATH": f'"{ROOT}/include"', "SEARCHENGINE": "NO", "HAVE_DOT": "NO",
}
# What its struct, the list that it stands in, or the C function of the same name says.
SHARED = re.compile(r"is not documented|Compound noveum::")
SAID_ELSEWHERE = re.compile(r"\((?:variable|macro definition)\) of (?:struct|file)|trace\.hpp:")
SECTION = re.compile(r"^/\* ---- (.*?) -*\s*\*/$")
SPECIAL = re.compile(r"([@\\<>&#%$\"])")
DECLARED = re.compile(r"^(?:NOVEUM_API|static inline|typedef)\b")
NAME = re.compile(r"\b(noveum_\w+)\(")
MEMBER = re.compile(r"^ +[\w:<>]+[^()=]*(?:\(\*\w+\)\(.*\))?[^()]*[;,]$")


def text(line):
    """A line of a comment without what Doxygen would take for a command; what is indented by four is shown as it is."""
    inner = re.sub(r"^\s*\* ?", "", line)
    return line if inner.startswith("    ") else SPECIAL.sub(r"\\\1", line)


def comment(line):
    """The same of a whole line: the slashes and stars of its ends stay."""
    opened = re.match(r"^(\s*)/\*(?!\*)(.*)$", line)
    return f"{opened.group(1)}/**{text(opened.group(2))}" if opened else text(line)


def member(line):
    """A line of a struct with what stands behind it."""
    behind = re.match(r"^(.*\S)\s*/\*(?!\*)(.*)$", line)
    if behind:
        return f"{behind.group(1)} /**<{text(behind.group(2))}"
    return line


def lines_of(lines):
    """What Doxygen reads, as many lines as there were."""
    inside, about, documented, first = False, "", False, True
    for line in lines:
        if inside:
            inside = "*/" not in line
            yield text(line)
        elif SECTION.match(line):
            yield ""
        elif line.lstrip().startswith("/*"):
            inside = "*/" not in line
            yield comment(line) + (" @file" if first else "")
            first, documented = False, True
        elif DECLARED.match(line) and not documented and about:
            yield f"/** As {about}(). */ {line}" if NAME.search(line) else line
            about = NAME.search(line).group(1) if NAME.search(line) else about
        else:
            name = NAME.search(line) if DECLARED.match(line) else None
            about = name.group(1) if name else about
            inside = "/*" in line and "*/" not in line
            yield member(line)
            documented = documented and not line.rstrip().endswith((";", "}")) and bool(line.strip())


def run_doxygen(out):
    out.mkdir(parents=True, exist_ok=True)
    options = {**OPTIONS, "OUTPUT_DIRECTORY": f'"{out}"', "HTML_OUTPUT": ".", "INPUT": " ".join(f'"{ROOT / "include/noveum" / name}"' for name in HEADERS),
               "INPUT_FILTER": f'"{sys.executable} {ROOT / "tools/reference.py"} --filter"', "FILTER_SOURCE_FILES": "NO"}
    made = subprocess.run(["doxygen", "-"], input="\n".join(f"{key} = {value}" for key, value in options.items()), capture_output=True, text=True,
                          timeout=200, check=False)
    said = sorted({line.replace(f"{ROOT}/", "") for line in made.stderr.splitlines() if line.strip()})
    problems = [line for line in said if not (SHARED.search(line) and SAID_ELSEWHERE.search(line))]
    return problems or (["doxygen failed"] if made.returncode != 0 else [])


def self_test():
    made = list(lines_of(["/*", " * a <b>", " */", "/* ---- x ---- */", "/* Does. */", "NOVEUM_API void noveum_a(int b);", "NOVEUM_API void noveum_c(int b);",
                          "    int d; /* one; two", "            * @three */"]))
    return made == ["/** @file", " * a \\<b\\>", " */", "", "/** Does. */", "NOVEUM_API void noveum_a(int b);", "/** As noveum_a(). */ NOVEUM_API void noveum_c(int b);",
                    "    int d; /**< one; two", "            * \\@three */"]


def main():
    if not self_test():
        print("self-test failed")
        return 1
    if sys.argv[1:2] == ["--self-test"]:
        return 0
    if sys.argv[1:2] == ["--filter"]:
        print("\n".join(lines_of(pathlib.Path(sys.argv[2]).read_text("utf-8").splitlines())))
        return 0
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/reference").resolve()
    if shutil.which("doxygen") is None:
        print("reference: skipped: no doxygen (Debian's package of that name)")
        return 77
    problems = run_doxygen(out)
    print("\n".join(problems) if problems else f"reference: {out / 'index.html'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
