#!/usr/bin/env python3
"""What comments and pages point at is in the tree.

Followed are, in every page and every comment of a source, table or script:

  [text](path#section)         links of pages: the file is there, and so is the heading
  docs/x.md#section, x.c       names of files: by path from the root, from the file's folder, or by their own name
  nv_x, nv_x_*, NV_X           names of functions, types and constants: used in code (comments of C sources, overviews of pages)
  trap 12                      a heading of docs/traps.md
  F6 of the fault table, F12   a row of docs/operations.md
  checklist D10, conformance   a letter of the list in docs/otlp.md
  contract section 2, ...      papers that are not in the tree: always dead

What must wait stands in references.waiting, one reference a line; a line there that nothing needs any more is named.

usage: check_references.py SOURCE_DIR [BUILD_DIR]        check_references.py --self-test
"""
import fnmatch
import pathlib
import re
import subprocess
import sys
import tempfile
from proved import proved

COMMENTED = {".c", ".h", ".inc", ".cpp", ".proto", ".js", ".mjs", ".java", ".go"}  # /* */ and //
HASHED = {".rules", ".sh", ".py", ".cmake", ".txt", ".yaml", ".yml", ".csv"}  # #, and """ of Python
PAGES = {".md"}
# Captured and generated text quotes other trees; the change log tells of files that are gone.
SKIPPED = ("tests/fixtures/", "tests/golden/", "tests/fuzz/corpus/", "tests/data/", "docs/mapping.md", "CHANGELOG.md", "tests/capture/")
SKIPPED_NAMES = {"check_references.py", "references.waiting", "package-lock.json", "package.json", "requirements.txt"}

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"(?<![\w./$*{}<>-])((?:\.\.?/)?(?:[\w.*{},-]+/)*[\w*{},-][\w.*{},-]*\.(?:c|h|inc|rules|md|py|sh|cmake|proto|csv|yaml))(#[\w-]+)?(?![\w/*.-]*\w)")
NAME = re.compile(r"\b(nv_[a-z0-9_]+|NV_[A-Z0-9_]+)(\*)?")
TRAP = re.compile(r"\btraps? (\d+(?:(?:, | and | to |-)\d+)*)")
FAULT = re.compile(r"\b(F\d{1,2})(?:[-–](F\d{1,2}))?\b(?= of the fault table|\)|:)|(?<=fault table \()(F\d{1,2})")
LETTER = re.compile(r"\b[Cc]hecklist,? ([A-Z])(?:\d\d)?\b")
GONE = re.compile(r"\bcontract,? section|\b(?:design|conventions|reliability|journal|interface|checklist)(?:\.md)?,? section \d|\bchecklist,? rule"
                  r"|\bconventions 17|\bOTLP checklist", re.IGNORECASE)
# Names of other trees (OTLP's and Google's messages, gRPC's documents) and of what a user makes.
FOREIGN = re.compile(r"^(?:(?:opentelemetry/proto/)?(?:trace|logs|common|resource|metrics)(?:/v1/\w+)?\.proto|google/.*\.proto|(?:status|error_details|any|duration)\.proto"
                     r"|noveum-trace\.yaml|PROTOCOL-HTTP2\.md|compression\.md|(?:\w+/)*[a-z]\.(?:rules|c|h)|OUT\.c|file\.c|a\.b\.c|conf\.h)$")


def slug(heading):
    """The anchor that is made of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def headings(text):
    """Anchors of a page, code blocks left out."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return {slug(line.lstrip("#")) for line in text.splitlines() if line.startswith("#")}


def blank(text):
    """The same lines with nothing on them."""
    return re.sub(r"[^\n]", " ", text)


def split_c(text):
    """(comments, code), each with the lines of the whole."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    comments, code, at = [], [], 0
    for match in pattern.finditer(text):
        piece, between = match.group(), text[at : match.start()]
        comment = piece.startswith("/")
        comments.append(blank(between) + (piece if comment else blank(piece)))
        code.append(between + (blank(piece) if comment else piece))
        at = match.end()
    return "".join(comments) + blank(text[at:]), "".join(code) + text[at:]


def split_hash(text, python):
    """The comments of a script or table, lines kept."""
    out, inside = [], False
    for line in text.split("\n"):
        quotes = line.count('"""') if python else 0
        if inside or quotes:
            out.append(line)
            inside = inside != (quotes % 2 == 1)
        else:
            match = re.search(r"(?:^|\s)#(?!!).*", line)
            out.append(" " * match.start() + match.group() if match else "")
    return "\n".join(out)


class Tree:
    """What there is to point at."""

    def __init__(self, root, files):
        self.root, self.files = root, set(files)
        self.folders = {str(parent) for f in files for parent in pathlib.PurePosixPath(f).parents}
        self.names = {pathlib.PurePosixPath(f).name for f in files}
        self.text = {}
        self.used, self.prose = set(), {}
        for name in files:
            suffix = pathlib.PurePosixPath(name).suffix
            if name.startswith(SKIPPED) or pathlib.PurePosixPath(name).name in SKIPPED_NAMES:
                continue
            if suffix not in COMMENTED | HASHED | PAGES and not name.endswith(("Makefile", "Dockerfile")):
                continue
            text = (root / name).read_text("utf-8", "replace")
            self.text[name] = text
            if suffix in COMMENTED:
                self.prose[name], code = split_c(text)
                self.used |= set(re.findall(r"\bnv_\w+|\bNV_\w+", code))
            elif suffix in PAGES:
                self.prose[name] = re.sub(r"^```.*?^```", lambda m: blank(m.group()), text, flags=re.M | re.S)
            else:
                self.prose[name] = split_hash(text, suffix == ".py")
                self.used |= set(re.findall(r"\bnv_\w+|\bNV_\w+", text))
        self.anchors = {n: headings(t) for n, t in self.text.items() if n.endswith(".md")}
        page = self.text.get("docs/traps.md", "")
        self.traps = {int(n) for n in re.findall(r"^## (\d+)\.", page, re.M)}
        self.faults = set(re.findall(r"\bF\d+\b", self.text.get("docs/operations.md", "").partition("## What is broken")[2]))
        rows = self.text.get("docs/otlp.md", "").partition("## The conformance list")[2]
        self.letters = set(re.findall(r"\b([A-Z])(?:\d\d)?\b", "\n".join(r.split("|")[1] for r in rows.splitlines() if r.startswith("|"))))

    def file(self, name, near):
        """The file that `name` means in a file of the folder `near`, or None."""
        if "*" in name or "{" in name:
            patterns = [name]
            while any("{" in p for p in patterns):
                patterns = [p[: m.start()] + part + p[m.end() :] for p in patterns if (m := re.search(r"\{([^{}]*)\}", p))
                            for part in m.group(1).split(",")]
            return next((f for f in sorted(self.files) if any(fnmatch.fnmatch(f, p) or fnmatch.fnmatch(f, "*/" + p) for p in patterns)), None)
        for candidate in (name, str(pathlib.PurePosixPath(near) / name)):
            candidate = re.sub(r"(^|/)\./", r"\1", candidate)
            while re.search(r"[^/]+/\.\./", candidate):
                candidate = re.sub(r"(?!\.\.)[^/]+/\.\./", "", candidate, count=1)
            if candidate in self.files or candidate.rstrip("/") in self.folders:
                return candidate.rstrip("/")
        if "/" in name:
            return next((f for f in self.files if f.endswith("/" + name)), None)
        return name if name in self.names else None


def numbers(text):
    """Numbers of '2, 4 to 6'."""
    out = [int(n) for n in re.findall(r"\d+", text)]
    for low, high in re.findall(r"(\d+)(?: to |-)(\d+)", text):
        out += range(int(low), int(high))
    return out


def dead_in_line(tree, name, line, after):
    """References that begin in `line`, which `after` follows, and lead nowhere."""
    near = str(pathlib.PurePosixPath(name).parent)
    page = name.endswith(".md")
    for target in LINK.findall(line) if page else []:
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        found = tree.file(path, near) if path else name
        if found is None or anchor and anchor not in tree.anchors.get(found, {anchor}):
            yield target
    text = LINK.sub(" ", line) if page else line
    for match in FILE.finditer(text):
        path, anchor = match.group(1), (match.group(2) or "")[1:]
        if FOREIGN.search(path.removeprefix("./")):
            continue
        found = tree.file(path, near)
        if found is None or anchor and anchor not in tree.anchors.get(found, {anchor}):
            yield match.group()
    joined = text.rstrip() + " " + after.lstrip(" */#")
    for match in (m for m in TRAP.finditer(joined) if m.start() < len(text.rstrip())):
        if any(n not in tree.traps for n in numbers(match.group(1))):
            yield match.group()
    for match in FAULT.finditer(text):
        if any(f and f not in tree.faults for f in match.groups()):
            yield match.group()
    for match in LETTER.finditer(text):
        if match.group(1) not in tree.letters:
            yield match.group()
    for match in (m for m in GONE.finditer(joined) if m.start() < len(text.rstrip())):
        yield match.group()
    if pathlib.PurePosixPath(name).suffix in COMMENTED | PAGES:
        for match in NAME.finditer(text):
            word = match.group(1)
            part = match.group(2) or word.endswith("_") or text[match.end() : match.end() + 1] in "<{"
            if word not in tree.used and not (part and any(u.startswith(word) for u in tree.used)):
                yield match.group()


def check(root, files, waiting):
    """Dead references as lines of text; what of `waiting` was not needed."""
    tree, problems, needed = Tree(root, files), [], set()
    for name, prose in sorted(tree.prose.items()):
        lines = prose.split("\n") + [""]
        for number, line in enumerate(lines[:-1], 1):
            for reference in dead_in_line(tree, name, line, lines[number]):
                allowed = reference.lower() in waiting
                needed |= {reference.lower()} if allowed else set()
                if not allowed:
                    problems.append(f"{name}:{number}: {reference} leads nowhere")
    return problems, sorted(waiting - needed)


PLANTED = {
    "docs/traps.md": "# Traps\n## 1. One\n",
    "docs/otlp.md": "## The conformance list\n| D10, D11 | x |\n",
    "docs/operations.md": "## What is broken on purpose\n| F1 | x |\n",
    "docs/a.md": "# A title, `really`\n[good](otlp.md#the-conformance-list) [dead](otlp.md#nothing) [gone](b.md) `walk.c` `talk.c` docs/traps.md#1-one docs/traps.md#2-two\n",
    "otlp/request/walk.c": "/* walk.h? otlp/request/walk.c, docs/a.md; trap 1, trap 2; checklist D10, checklist Q10; F1 of the fault table,\n"
                   " * F9 of the fault table; nv_walk, nv_stroll, nv_w*; contract section 4; design.md section 2a. */\nint nv_walk;\n",
}
EXPECTED = ["otlp.md#nothing", "b.md", "talk.c", "docs/traps.md#2-two", "walk.h", "trap 2", "checklist Q10", "F9", "nv_stroll", "contract section", "design.md"]


def self_test():
    """Every planted dead reference is found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in PLANTED.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        problems, _ = check(root, PLANTED, set())
        missed = [e for e in EXPECTED if not any(f": {e}" in p for p in problems)]
        false = [p for p in problems if not any(f": {e}" in p for e in EXPECTED)]
        unused = check(root, PLANTED, {"b.md", "c.md"})[1]
    for line in [f"self-test: {m} was planted and not found" for m in missed] + [f"self-test: {f}" for f in false]:
        print(line)
    return not missed and not false and unused == ["c.md"]


def main():
    """Command line."""
    root = pathlib.Path(sys.argv[1])
    listed = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        print("skipped: not a clone")
        return 0
    files = [f for f in listed.stdout.splitlines() if (root / f).is_file()]
    waiting_file = root / "tests/tools/references.waiting"
    lines = waiting_file.read_text("utf-8").splitlines() if waiting_file.exists() else []
    waiting = {line.strip().lower() for line in lines if line.strip() and not line.startswith("#")}
    problems, unused = check(root, files, waiting)
    for line in problems:
        print(line)
    for line in unused:
        print(f"note: references.waiting: {line} is not needed any more")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(proved(self_test, main))
