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


def render():
    """The page with its tables anew."""
    page = TARGET.read_text("utf-8")
    for name, make in {"rules": rules_table, "personal": personal_table, "names": names_table, "forms": shapes_table, "places": places_table}.items():
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
