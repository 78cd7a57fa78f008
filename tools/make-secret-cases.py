#!/usr/bin/env python3
"""Write tests/data/secrets.csv: keys made from the published forms of gitleaks and detect-secrets.

    tools/make-secret-cases.py --gitleaks PROGRAM [--toml FILE]

PROGRAM is gitleaks 8, whose default rules lie in the program itself; they are read from there, or from FILE.
For each rule with a form, keys are made from its regular expression by chance with a fixed seed; what gitleaks
itself does not find is left out (entropy, words that it stops at). Rules that know a key only by the name before it
get one of three ways to write that. detect-secrets (pip, 1.5) gives the expressions of its plugins likewise. So what
our table must find was not made from our table. One line a case: source, text, the secret in it.
"""
import argparse
import csv
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import tomllib
import warnings

warnings.simplefilter("ignore")
import sre_constants as what  # noqa: E402
import sre_parse  # noqa: E402

TARGET = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "secrets.csv"
EACH = 2
NAMED = re.compile(r"\(\?:=\|>\|")  # gitleaks' way to say: behind a name and an operator
WAYS = ('{}_api_key = "{}"', "{}_TOKEN={}", '{{"{}_secret": "{}"}}')
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORD = LETTERS + LETTERS.upper() + "0123456789"


def rules_of(program, toml):
    """gitleaks' default rules."""
    if toml:
        text = pathlib.Path(toml).read_text("utf-8")
    else:
        data = pathlib.Path(program).read_bytes()
        begin = data.index(b'title = "gitleaks config"')
        last = data.index(b'keywords = ["zendesk"]', begin)
        text = data[begin:last].decode("utf-8") + 'keywords = ["zendesk"]\n'
    return tomllib.loads(text)["rules"]


def python_form(expression):
    """What Go's expressions have and Python's have not."""
    expression = expression.replace(r"\z", r"\Z")
    return re.sub(r"\(\?i\)", "", expression)


def one_of(chance, items):
    """A character of a class, of ASCII that is seen."""
    allowed = set()
    negated = False
    for kind, value in items:
        if kind == what.NEGATE:
            negated = True
        elif kind == what.LITERAL:
            allowed.add(chr(value))
        elif kind == what.RANGE:
            allowed.update(chr(c) for c in range(value[0], min(value[1], 126) + 1))
        elif kind == what.CATEGORY:
            allowed.update({what.CATEGORY_DIGIT: "0123456789", what.CATEGORY_WORD: WORD + "_",
                            what.CATEGORY_SPACE: " "}.get(value, WORD))
    if negated:
        allowed = set(WORD) - allowed
    seen = sorted(c for c in allowed if "!" <= c <= "~") or [" "]
    return chance.choice(seen)


def made(chance, parsed, groups):
    """A text of the form; groups gets what each group took."""
    out = ""
    for kind, value in parsed:
        if kind == what.LITERAL:
            out += chr(value)
        elif kind == what.IN:
            out += one_of(chance, value)
        elif kind == what.ANY:
            out += chance.choice(WORD)
        elif kind in (what.MAX_REPEAT, what.MIN_REPEAT):
            low, high, body = value
            for _ in range(chance.randint(low, max(low, min(high, low + 3, 400)))):
                out += made(chance, body, groups)
        elif kind == what.SUBPATTERN:
            text = made(chance, value[3], groups)
            if value[0] is not None:
                groups[value[0]] = text
            out += text
        elif kind == what.BRANCH:
            out += made(chance, chance.choice(value[1]), groups)
        elif kind == what.NOT_LITERAL:
            out += chance.choice(WORD.replace(chr(value), ""))
    return out


def cases_of_rule(chance, rule):
    """(source, text, secret) of one of gitleaks' rules."""
    expression = rule["regex"]
    parsed = sre_parse.parse(python_form(expression))
    group = rule.get("secretGroup", 1)
    for number in range(EACH):
        groups = {}
        text = made(chance, parsed, groups)
        secret = groups.get(group, text).strip("`'\"; \n\r\\")
        if NAMED.search(expression):
            name = rule["keywords"][0].strip("_") if rule.get("keywords") else "db"
            yield rule["id"], WAYS[number % len(WAYS)].format(name, secret), secret
        else:
            yield rule["id"], text.strip("`'\"; \n\r\\"), secret


def found_by_gitleaks(program, cases):
    """Those that gitleaks finds, each in a file of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for number, (_, text, _) in enumerate(cases):
            (folder / f"{number}.txt").write_text(text + "\n", "utf-8")
        report = folder / "report.json"
        subprocess.run([program, "dir", "--no-banner", "--exit-code=0", f"--report-path={report}", str(folder)],
                       check=True, timeout=300, capture_output=True)
        found = {int(pathlib.Path(f["File"]).stem) for f in json.loads(report.read_text("utf-8"))}
    return [case for number, case in enumerate(cases) if number in found]


def cases_of_detect_secrets(chance):
    """(source, text, secret) of the plugins with a form."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class  # pylint: disable=import-outside-toplevel
    for plugin in sorted(get_mapping_from_secret_type_to_class().values(), key=lambda p: p.__name__):
        if plugin.__name__ == "PrivateKeyDetector":  # its expressions hold no key, only the line before one
            continue
        for expression in getattr(plugin, "denylist", ()):
            for _ in range(EACH):
                text = made(chance, sre_parse.parse(expression.pattern), {})
                secrets = [s for s in plugin().analyze_string(text) if len(s) >= 8]
                if secrets:
                    yield f"detect-secrets {plugin.__name__}", text, secrets[0]


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gitleaks", required=True)
    parser.add_argument("--toml")
    args = parser.parse_args()
    chance = random.Random(12)
    cases = [case for rule in rules_of(args.gitleaks, args.toml) if rule.get("regex") and not rule.get("path")
             for case in cases_of_rule(chance, rule)]
    cases = [(f"gitleaks {source}", text, secret) for source, text, secret in found_by_gitleaks(args.gitleaks, cases)]
    cases += cases_of_detect_secrets(chance)
    with open(TARGET, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["source", "text", "secret"])
        writer.writerows(case for case in cases if "\n" not in case[1] and len(case[1]) < 2000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
