#!/usr/bin/env python3
"""One dialect of C, where clang-format leaves a choice (CONTRIBUTING.md, "Code").

    braces      none around a single statement of one line, always around more; all branches of an if alike
    sizeof      `sizeof x` of an object, `sizeof(type)` of a type
    pointers    `if (p)`, `if (!p)`: compared with NULL only in an assert and where a bool is made of it
    errors      `err != NV_OK`, never `err` as a condition
    caps        a buffer's or an arena's cap has a name (base/limits.h): no number, no SIZE_MAX
    fields      a field number of OTLP has a name (model/otlp_fields.h)
    banners     a section's name stands once in a file
    width       text and banners of comments end at .clang-format's ColumnLimit too; drawings may not be cut

Reads lines as clang-format leaves them. `--fix` rewrites braces, sizeof, NULL, err and width in the files that are named (run clang-format after it).

usage: check_dialect.py SOURCE_DIR [BUILD_DIR]   check_dialect.py --fix FILE...   check_dialect.py --count SOURCE_DIR   check_dialect.py --self-test
"""
import collections
import pathlib
import re
import sys

from rooms import STAGES

# stages whose sources are still to be brought in line: this only gets shorter
OPEN_STAGES = ()

HEAD = re.compile(r"^( *)(\} )?(else )?(if|for|while) \(|^( *)(\} )?(else)( \{)?$")
TYPES = re.compile(r"^(const )?(struct|union|enum|unsigned|signed|long|short|int|char|float|double|void|bool|size_t|ssize_t|off_t|time_t|[a-z_]\w*_t|[A-Z]\w*)\b")


def blank(line):
    """The line with strings and characters emptied, and without a comment at its end."""
    line = re.sub(r'"(\\.|[^"\\])*"', lambda m: '"' + "_" * (len(m.group(0)) - 2) + '"', line)
    line = re.sub(r"'(\\.|[^'\\])*'", lambda m: "'" + "_" * (len(m.group(0)) - 2) + "'", line)
    return re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group(0)), line)


def code_lines(text):
    """Lines with strings and comments blanked out, and those of macros and of other directives as empty lines."""
    out, comment, directive = [], False, False
    for line in text.split("\n"):
        raw = line
        if comment:
            end = line.find("*/")
            line = "" if end < 0 else " " * (end + 2) + line[end + 2:]
            comment = end < 0
        line = blank(line)
        if "/*" in line:
            line, comment = line[:line.index("/*")], True
        if directive or line.lstrip().startswith("#"):
            directive = raw.endswith("\\")
            line = ""
        out.append(line.rstrip())
    return out


def branch_at(lines, texts, at):
    """(first line of the body, line behind it, braced) of the head that begins at `at`; None: no body of its own."""
    match = HEAD.match(lines[at])
    indent = len(match.group(1) or match.group(5) or "")
    if match.group(7):
        end, braced = at, bool(match.group(8))
    else:
        depth, end = 0, at
        start = match.end() - 1
        while True:
            for pos in range(start, len(lines[end])):
                depth += {"(": 1, ")": -1}.get(lines[end][pos], 0)
                if depth == 0:
                    break
            if depth == 0:
                rest = lines[end][pos + 1:].strip()
                break
            end, start = end + 1, 0
            if end >= len(lines):
                return None
        if rest not in ("", "{"):
            return None  # the end of a do, or an empty loop
        braced = rest == "{"
    behind = following = end + 1
    while following < len(lines) and (not texts[following].strip() or len(texts[following]) - len(texts[following].lstrip()) > indent):
        following += 1
        if texts[following - 1].strip():
            behind = following  # empty lines belong to the body when something of it follows
    return end, behind, braced


def chains(lines, texts):
    """Lists of branches that belong together: an if with its elses, a loop alone; a branch is (head, end of head, behind, braced)."""
    seen = set()
    for at, line in enumerate(lines):
        match = HEAD.match(line)
        if not match or at in seen or match.group(7) or match.group(3):
            continue
        branches, head = [], at
        while True:
            found = branch_at(lines, texts, head)
            if found is None:
                branches = []
                break
            end, behind, braced = found
            branches.append((head, end, behind, braced))
            seen.add(head)
            following = HEAD.match(lines[behind]) if behind < len(lines) else None
            if match.group(4) == "if" and following and (following.group(7) or following.group(3)) and len(
                lines[behind]) - len(lines[behind].lstrip()) == len(line) - len(line.lstrip()):
                head = behind
                continue
            break
        if branches:
            yield branches


def odd_braces(lines, texts):
    """Chains whose braces are wrong: [(branches, needed)]."""
    for branches in chains(lines, texts):
        needed = any(sum(1 for i in range(end + 1, behind) if texts[i].strip()) != 1 for _, end, behind, _ in branches)
        if any(braced != needed for _, _, _, braced in branches):
            yield branches, needed


POINTER = re.compile(r"(?<![\w.>\])])(\*?[A-Za-z_][\w\->.\[\]]*(?:\([^()]*\))?) (==|!=) NULL\b")
BOOL_MADE = re.compile(r"^\s*(return|(const )?bool |[\w\->.\[\]*]+ (\|=|&=|=) |\.\w+ = )|\bassert\(|\bck_assert")
ERROR = re.compile(r"\bif \(!?err\)|\bwhile \(!err\b|[(&|] ?!err\b|!\(err = |\berr (&&|\|\||\?)|(&&|\|\|) err\)")
SIZEOF = re.compile(r"\bsizeof\(([^()]*(?:\([^()]*\))?[^()]*)\)(?!->)")


def is_type(text):
    return bool(TYPES.match(text.strip())) and not re.match(r"^[a-z_]\w*(->|\.|\[)", text.strip()) and "->" not in text


def statement_start(lines, at):
    """The line where the statement of line `at` begins."""
    while at > 0 and lines[at - 1].strip() and not re.search(r"[;{}:]$|^\s*else$|\)$", lines[at - 1].rstrip()):
        at -= 1
    return at


def findings(text):
    """(line number, rule, what) of a file."""
    texts = text.split("\n")
    lines = code_lines(text)
    for branches, needed in odd_braces(lines, texts):
        yield branches[0][0] + 1, "braces", "needs braces" if needed else "braces around single lines"
    for at, line in enumerate(lines):
        for match in SIZEOF.finditer(line):
            if not is_type(match.group(1)):
                yield at + 1, "sizeof", match.group(0)
        if POINTER.search(line) and re.match(r"^\s*(\} else )?(if|while|else if|for) \(", lines[statement_start(lines, at)]):
            yield at + 1, "pointers", POINTER.search(line).group(0)
        if ERROR.search(line):
            yield at + 1, "errors", ERROR.search(line).group(0).strip()
        match = re.search(r"\bnv_(?:buf_init|arena_new)\((.*)\);", line)
        if match and re.search(r"\bSIZE_MAX\b|<<|\b\d{3,}", match.group(1).split(",")[-1]):
            yield at + 1, "caps", match.group(0)
        match = re.search(r"\b(field|part|known)(\.|->)number [!=]= [1-9]|\bnv_wire_(begin|put_\w+)\(\w+, \d", line)
        if match:
            yield at + 1, "fields", match.group(0)


COMMENT_LINE = re.compile(r"^( *)(/\*| \*) (\S.*)$")
BANNER = re.compile(r"^( *)(/\* -{2,} .* )(-+)( \*/)$")


def is_prose(text):
    """Words that may be moved from line to line; no list, no drawing, no code."""
    return "  " not in text and not re.match(r"[-*#|X>\d]", text) and not re.search(r"[^\x00-\x7f]", text) and "---" not in text


def wrap_comments(text, width):
    """Comments whose lines are longer than `width`: banners cut, prose moved on to the lines that follow."""
    lines, out, at = text.split("\n"), [], 0
    while at < len(lines):
        line = lines[at]
        banner, match = BANNER.match(line), COMMENT_LINE.match(line)
        if len(line) <= width or not (banner or match):
            out.append(line)
            at += 1
            continue
        if banner:
            room = width - len(banner.group(1) + banner.group(2) + banner.group(4))
            out.append(banner.group(1) + banner.group(2) + "-" * room + banner.group(4))
            at += 1
            continue
        indent, begin = match.group(1), match.group(2)
        words, closed, start = [], False, at
        while at < len(lines) and not closed:
            match = COMMENT_LINE.match(lines[at])
            if not match or match.group(1) != indent or (at > start and match.group(2) != " *"):
                break
            content = match.group(3)
            closed = content.endswith("*/")
            content = content[:-2].rstrip() if closed else content
            if "*/" in content or not is_prose(content):
                closed = False
                break
            words += content.split(" ")
            at += 1
        if at == start or (begin == " *" and not (out and out[-1].lstrip().startswith(("*", "/*")))):
            out += lines[start:max(at, start + 1)]
            at = max(at, start + 1)
            continue
        if closed:
            words[-1] += " */"
        row = indent + begin
        for word in words:
            if len(row) + 1 + len(word) > width:
                out.append(row)
                row = indent + " *"
            row += " " + word
        out.append(row)
    return "\n".join(out)


def twice(text):
    """Banners of sections that stand in the text before."""
    seen = set()
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r"/\* ---- (.*?) -+ \*/$", line)
        if match and match.group(1) in seen:
            yield number, "banners", f"a second section '{match.group(1)}'"
        if match:
            seen.add(match.group(1))


def column_limit(path):
    """ColumnLimit of the .clang-format that is nearest above `path`."""
    for folder in path.resolve().parents:
        if (folder / ".clang-format").exists():
            return int(re.search(r"ColumnLimit: (\d+)", (folder / ".clang-format").read_text(encoding="utf-8")).group(1))
    return 100


def fix(text):
    """The text with what can be done line by line done."""
    texts, lines = text.split("\n"), code_lines(text)
    for at, line in enumerate(lines):
        if not line:
            continue
        for match in reversed(list(SIZEOF.finditer(line))):
            inner = texts[at][match.start(1):match.end(1)]
            if not is_type(match.group(1)) and re.fullmatch(r"\*?[\w\->.\[\]*]+", inner):
                texts[at] = texts[at][:match.start()] + "sizeof " + inner + texts[at][match.end():]
                line = line[:match.start()] + "sizeof " + inner + line[match.end():]
    lines = code_lines("\n".join(texts))
    for at, line in enumerate(lines):
        if POINTER.search(line) and re.match(r"^\s*(\} else )?(if|while|else if|for) \(", lines[statement_start(lines, at)]):
            for match in reversed(list(POINTER.finditer(line))):
                sign = "!" if match.group(2) == "==" else ""
                texts[at] = texts[at][:match.start()] + sign + texts[at][match.start(1):match.end(1)] + texts[at][match.end():]
        for old, new in ((r"\bif \(err\)", "if (err != NV_OK)"), (r"\bif \(!err\)", "if (err == NV_OK)"), (r"\bwhile \(!err\)", "while (err == NV_OK)"),
                         (r"(?<=[=(&|] )!err\b", "err == NV_OK"), (r"(?<=\()!err\b", "err == NV_OK"), (r"(?<![!.>])(?<!== )\berr (?=&&|\|\||\?)", "err != NV_OK "),
                         (r"(?<=(?:&&|\|\|) )err\)", "err != NV_OK)"), (r"!\((err = [^()]*\([^()]*(?:\([^()]*\)[^()]*)*\))\)", r"(\1) == NV_OK")):
            if re.search(old, lines[at]):
                texts[at] = re.sub(old, new, texts[at])
    return fix_braces("\n".join(texts))


def fix_braces(text):
    """Braces put right, from the inside out."""
    for _ in range(12):
        texts, lines = text.split("\n"), code_lines(text)
        wrong = list(odd_braces(lines, texts))
        if not wrong:
            break
        branches, needed = wrong[-1]
        for head, end, behind, braced in reversed(branches):
            if needed and not braced:
                texts[end] = re.sub(r"(\)|else)(\s*/\*.*\*/)?$", r"\1 {\2", texts[end])
                if texts[behind].strip().startswith("else"):
                    texts[behind] = texts[behind].replace("else", "} else", 1)
                else:
                    indent = len(texts[head]) - len(texts[head].lstrip())
                    texts.insert(behind, " " * indent + "}")
            elif not needed and braced:
                texts[end] = re.sub(r" \{(\s*/\*.*\*/)?$", r"\1", texts[end])
                if texts[behind].strip() == "}":
                    del texts[behind]
                else:
                    texts[behind] = texts[behind].replace("} ", "", 1)
        text = "\n".join(texts)
    return text


def fix_all(text):
    previous = None
    while previous != text:
        previous, text = text, fix(text)
    return text


GOOD = """
static int f(char *p, enum nv_err err)
{
    bool there = p != NULL;
    assert(p != NULL && err == NV_OK);
    if (p && err != NV_OK)
        return sizeof *p;
    if (!p) {
        there = false; /* a } in a comment */
    } else if (there) {
        there = g(sizeof(struct nv_str),
                  1);
    }
    do
        there = h();
    while (there);
    if (p)
        return 2;

    /* of what follows */
    for (;;) {
        if (p)
            return 1;
    }
    return p == NULL;
}
"""
BAD = """
static int f(char *p, enum nv_err err)
{
    if (p == NULL) {
        return sizeof(there);
    }
    if (err)
        g(1,
          2);
    else
        return 1;
    while (!(err = next(&wire, &field)))
        if (p != NULL && strchr(" )", *p) == NULL)
            return 1;
    nv_buf_init(&buf, 4096);
    return field.number == 1;
}
"""


WIDE = "/*\n * one two three four\n * five\n *   draw  ing one two\n */\n/* six seven eight nine */\n/* ---- ten ----------- */\n"
WRAPPED = "/*\n * one two three\n * four five\n *   draw  ing one two\n */\n/* six seven\n * eight nine */\n/* ---- ten - */\n"


def self_test():
    """Nothing in GOOD, each rule in BAD, and what --fix leaves of BAD is what it can't mend."""
    rules = {rule for _, rule, _ in findings(BAD)}
    left = {rule for _, rule, _ in findings(fix_all(BAD))}
    return (list(findings(GOOD)) == [] and rules == {"braces", "sizeof", "pointers", "errors", "caps", "fields"}
            and left == {"caps", "fields"} and '!strchr(" )", *p)' in fix_all(BAD) and fix_all(GOOD) == GOOD
            and len(list(twice("/* ---- a ---- */\n/* ---- b - */\n/* ---- a ---- */\n"))) == 1
            and wrap_comments(WIDE, 16) == WRAPPED and wrap_comments(WRAPPED, 16) == WRAPPED)


def main():
    """Command line."""
    if not self_test():
        print("self-test failed", list(findings(GOOD)), fix_all(BAD))
        return 1
    if sys.argv[1] == "--self-test":
        return 0
    if sys.argv[1] == "--fix":
        for name in sys.argv[2:]:
            path = pathlib.Path(name)
            path.write_text(fix_all(wrap_comments(path.read_text(encoding="utf-8"), column_limit(path))), encoding="utf-8")
        return 0
    counting = sys.argv[1] == "--count"
    root = pathlib.Path(sys.argv[2] if counting else sys.argv[1])
    problems, counts = [], collections.Counter()
    limit = column_limit(root / "CONTRIBUTING.md")
    for stage in STAGES:
        for path in sorted((root / stage).rglob("*.[ch]")):
            text = path.read_text(encoding="utf-8")
            wide = [(1, "width", "comments are wider than .clang-format allows")] if wrap_comments(text, limit) != text else []
            for line, rule, what in list(findings(text)) + list(twice(text)) + wide:
                counts[stage, rule] += 1
                if stage not in OPEN_STAGES:
                    problems.append(f"{path.relative_to(root)}:{line}: {rule}: {what}")
    if counting:
        for (stage, rule), count in sorted(counts.items()):
            print(f"{stage:10} {rule:9} {count}")
        return 0
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
