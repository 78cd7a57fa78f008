#!/usr/bin/env python3
"""Write tests/data/phones.tsv: texts with telephone numbers, and where `phonenumbers` finds them.

    python3 -m venv V && V/bin/pip install phonenumbers==9.0.43
    V/bin/python tools/make-phone-cases.py [COUNT [SEED]] >tests/data/phones.tsv

Numbers of all regions, made from the package's examples by changing their last digits, written in
several ways, some wrong, in words that stand around them. A line is the text and, behind a tab,
`from-to` in bytes of each match for each of the SDK's regions in turn, as noveum-trace asks.
"""
import random
import re
import sys

import phonenumbers
from phonenumbers import PhoneNumberFormat as Format
from phonenumbers import phonenumberutil as util

REGIONS = ("AE", "SA", "QA", "EG", "TR", "GB", "IN", "US")
BEFORE = ("call me at", "Tel:", "my number is", "order 12", "on 2026-10-07 at 12:28", "(office)", "ext", "phone=", "room 5",
          "und dann", "\u0627\u062a\u0635\u0644", "\u7535\u8bdd", "\u20ac", "$", "%", "abc", "id 7f3", "no.")
BEHIND = (".", " now", ", thanks", " x12", " ext. 123", " #44", ")", "/", ":30", "abc", "%", " 2026", "  and 050 123 4567",
          "; then", " - 12", "")


def number(region):
    """A number that is nearly always valid."""
    kinds = [random.randint(0, 10) for _ in range(3)]
    found = next(filter(None, (phonenumbers.example_number_for_type(region, kind) for kind in kinds)), None) \
        or phonenumbers.example_number(region)
    if found is None:
        return None
    digits = phonenumbers.national_significant_number(found)
    kept = len(digits) - random.randint(0, min(6, len(digits) - 1))
    digits = digits[:kept] + "".join(random.choice("0123456789") for _ in digits[kept:])
    made = phonenumbers.PhoneNumber(country_code=found.country_code, national_number=int(digits))
    util._set_italian_leading_zeros_for_phone_number(digits, made)
    return made


def rewritten(text):
    """As people write it, or not quite."""
    ways = (lambda t: t.replace(" ", "-"), lambda t: re.sub(r"[ ()-]", "", t), lambda t: t.replace(" ", "."),
            lambda t: t.replace("-", " "), lambda t: t.replace("+", "00"), lambda t: t.replace("+", ""), lambda t: f"({t})",
            lambda t: t.replace(" ", "  "), lambda t: t.replace(" ", "/"),
            lambda t: "".join(chr(0x660 + int(c)) if c.isdigit() else c for c in t),
            lambda t: t[:len(t) // 2] + random.choice("0123456789x-. (") + t[len(t) // 2:])
    return text if random.random() < 0.5 else random.choice(ways)(text)


def texts(count):
    """Texts with a number each."""
    every = sorted(phonenumbers.SUPPORTED_REGIONS)
    while count > 0:
        made = number(random.choice(REGIONS if random.random() < 0.6 else every))
        if made is None:
            continue
        form = random.choices((Format.INTERNATIONAL, Format.NATIONAL, Format.E164), (8, 9, 3))[0]
        written = rewritten(phonenumbers.format_number(made, form))
        yield f"{random.choice(BEFORE)}{random.choice(('  ', ' ', ' ', ''))}{written}{random.choice(BEHIND)}"
        count -= 1


def matches(text):
    """from-to of each."""
    for region in REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID):
            yield f"{len(text[:match.start].encode())}-{len(text[:match.end].encode())}"


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    for text in texts(count):
        print(f"{text}\t{' '.join(matches(text))}")


if __name__ == "__main__":
    sys.exit(main())
