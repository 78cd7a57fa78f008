#!/usr/bin/env python3
"""Write the tables of docs/privacy.md from what the sources mask: rules, forms, names, places.

    tools/make-privacy-docs.py            writes the file
    tools/make-privacy-docs.py --check    exit 1 when the file is not what the sources say

The text around the tables is kept; each table stands between two lines that name it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "privacy.md"
TEXT = r'"((?:[^"\\]|\\.)*)"'


def macro(path, name):
    """The body of a table of rows X(...)."""
    source = (ROOT / path).read_text("utf-8")
    body = source.split(f"#define {name}(X)", 1)[1]
    return re.sub(r"\\\n\s*", " ", body.split("\n\n", 1)[0])


def cell(text):
    """Text that is safe in a table."""
    return text.replace("|", "\\|")


def rules():
    """Rules with what they are."""
    body = macro("redaction/secrets/rules.h", "NV_SECRET_RULES") + macro("redaction/rules.h", "NV_OTHER_RULES")
    return re.findall(rf"X\((\w+), {TEXT}, {TEXT}\)", body)


def rules_table():
    """One row a rule."""
    return "| rule | what becomes `***` or goes |\n|---|---|\n" + "".join(
        f"| `{name}` | {cell(what)} |\n" for _, name, what in rules())


def labels():
    """Labels of personal data: name, rule, what."""
    return re.findall(rf"X\(\w+, {TEXT}, {TEXT}, {TEXT}\)", macro("redaction/personal/patterns.h", "NV_PERSONAL_LABELS"))


def phones_version():
    """Whose plans of telephone numbers these are."""
    source = (ROOT / "redaction/personal/phone_plans.inc").read_text("utf-8")
    return f", by the plans of `phonenumbers` {re.search(f'PLANS_VERSION {TEXT}', source).group(1)}"


def personal_table():
    """One row a label."""
    return "| label | rule | is |\n|---|---|---|\n" + "".join(
        f"| `{label}` | `{rule}` | {cell(what)}{phones_version() if label == 'PHONE' else ''} |\n" for label, rule, what in labels())


def shapes_table():
    """One row a form."""
    names = {ident: name for ident, name, _ in rules()}
    body = macro("redaction/secrets/rules.h", "NV_SECRET_SHAPES")
    rows = re.findall(rf"X\((\w+), {TEXT}, {TEXT}, {TEXT}, (\w+), (\d+),\s*{TEXT}\)", body)
    out = "| rule | form | begins | least entropy | source |\n|---|---|---|--:|---|\n"
    for rule, before, anchor, behind, edge, entropy, source in rows:
        form = f"{before}**{anchor}**{behind}".replace("_", "\\_").replace("~", "\\~").replace("|", "\\|")
        least = f"{int(entropy) / 10:g}" if entropy != "0" else ""
        out += f"| `{names[rule]}` | {form} | {'at a word' if edge == 'EDGE' else 'anywhere'} | {least} | {cell(source)} |\n"
    return out


def names_table():
    """Names by strength."""
    body = macro("redaction/secrets/names.h", "NV_SECRET_NAMES")
    rows = re.findall(rf"X\({TEXT}, (\w+)\)", body)
    what = {"SURE": "any value", "RANDOM": "one that looks made by chance: 12 bytes or more of one word, letters and digits, "
            "3 bits a byte", "LINE": "a value with `=` in it, to the end of the line", "LOCAL": "any value but a path"}
    return "| a name that ends in | masks |\n|---|---|\n" + "".join(
        f"| {', '.join(f'`{name}`' for name, strength in rows if strength == key)} | {text} |\n" for key, text in what.items())


def places_table():
    """Places with text."""
    source = (ROOT / "redaction/places.h").read_text("utf-8")
    rows = re.findall(rf"X\((nv_\w+), (\w+), (\w+), {TEXT}\)", source)
    return "| place | is |\n|---|---|\n" + "".join(
        f"| `{place}` | {'a text' if what == 'TEXT' else 'keys and values, however nested'} |\n"
        for _, _, what, place in rows if place)


# What is on the disk: (sources that make the file, what, where, form, what `journal.encryption` does with it, until).
# A source that makes files and stands in no row is refused, so that none can be forgotten.
DISK = [
    (["journal/journal_segment.c"], "requests as they came", "`journal.directory`, files `journal-…`",
     "**as they came**: a request is written before it is understood, so that what was acknowledged survives a crash", "encrypted",
     "every trace of it is delivered, dropped or a dead letter; then until its file is used again or removed"),
    (["journal/journal_segment.c"], "translated traces that wait for the backend (outbox)", "the same files", "redacted", "encrypted",
     "delivered, or a dead letter"),
    (["journal/journal_segment.c"], "pictures and sounds that wait for their upload, and their dead letters", "the same files",
     "**as they came**", "encrypted", "uploaded, by `dead retry` too, or `dead drop`: no age ends them"),
    (["journal/journal_segment.c"], "dead letters of translated traces", "the same files", "redacted", "encrypted",
     "`dead retry` or `dead drop`: no age ends them"),
    (["journal/journal_segment.c"], "dead letters of what could not be translated, and of requests that no longer decode", "the same files",
     "**as they came**, so that a later version can translate them; `dead show` prints them so", "encrypted", "`dead retry` or `dead drop`: no age ends them"),
    (["journal/journal_segment.c"], "notes of what was sent", "the same files", "ids and numbers", "encrypted", "no request they speak of lives"),
    (["journal/journal_files.c"], "files set aside: `damaged-…`, `locked-…`", "`journal.directory`", "as they were", "as they were",
     "somebody removes them"),
    (["journal/journal_keys.c"], "the generated key", "`journal.directory`, `key`", "64 digits, mode 0600", "", "somebody removes it"),
    (["journal/journal_files.c", "gateway/translating.c"], "how far the journal is, which traces are being translated",
     "`journal.directory`, `lock` and `translating`", "numbers and trace ids", "no", "written over"),
    (["exporter/files/files.c"], "trace files of the local mode", "`exporter.file.directory`", "redacted", "no", "somebody removes them"),
    (["exporter/files/media_files.c"], "media that are not uploaded", "`media.directory`", "**as they came**", "no",
     "`media.directory_max_files`, `_max_bytes` or `_max_age_ms` is passed"),
    (["gateway/traces/sql.c"], "copies of traces for the page", "`store.file`, and beside it `-wal` and `-shm`", "redacted", "no",
     "`store.max_traces`, `store.max_age_ms` or `store.max_bytes` is passed"),
    (["gateway/doctor/check_disk.c", "journal/journal_files.c"], "probes of `doctor` and of the start", "in these directories", "no contents", "no", "at once"),
    ([], "log", "standard error", "no contents of traces, values of ours masked", "no", ""),
    ([], "core files", "", "none: the process is not dumpable, the unit has `LimitCORE=0`", "", ""),
    ([], "swapped memory", "the system's", "as in memory; use encrypted swap or none", "no", ""),
]
MAKES_FILES = re.compile(r"\bO_CREAT\b|\bO_TMPFILE\b|\bfopen\(|\bmkstemp|\btmpfile\(")


def makers():
    """Sources of the program that make files."""
    for folder in ("base", "net", "model", "journal", "otlp", "assembly", "mapping", "redaction", "exporter", "kafka", "gateway"):
        for path in sorted((ROOT / folder).rglob("*.c")):
            if MAKES_FILES.search(path.read_text("utf-8")):
                yield str(path.relative_to(ROOT))


def disk_table():
    """One row for each thing on the disk."""
    told, made = {source for row in DISK for source in row[0]}, set(makers())
    if told != made:
        sys.exit(f"make-privacy-docs.py: DISK says {sorted(told - made)} make files, and leaves out {sorted(made - told)}")
    return "| what | where | form | with `journal.encryption` | until |\n|---|---|---|---|---|\n" + "".join(
        f"| {' | '.join(cell(text) for text in row[1:])} |\n" for row in DISK)


def render():
    """The page with its tables anew."""
    page = TARGET.read_text("utf-8")
    for name, make in {"rules": rules_table, "personal": personal_table, "names": names_table, "forms": shapes_table,
                       "places": places_table, "disk": disk_table}.items():
        begin, end = f"<!-- table {name} -->\n", f"<!-- end of {name} -->\n"
        head, rest = page.split(begin, 1)
        page = head + begin + make() + end + rest.split(end, 1)[1]
    return page


def main():
    """Command line."""
    page = render()
    if sys.argv[1:] == ["--check"]:
        if TARGET.read_text("utf-8") != page:
            print(f"{TARGET} is out of date: tools/make-privacy-docs.py")
            return 1
        return 0
    TARGET.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
