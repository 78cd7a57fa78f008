#!/usr/bin/env python3
"""Write redaction/personal/phone_plans.inc from the metadata of the package `phonenumbers` of PyPI.

    python3 -m venv V && V/bin/pip install phonenumbers==9.0.43
    V/bin/python tools/make-phone-plans.py

The package is a port of Google's libphonenumber (Apache-2.0) with its metadata: which numbers a
region has, how they are dialled inside and from it. Taken are the regular expressions that say
whether a number is valid; names, examples and formats for print are left. The noveum-trace SDK
asks the package itself, so the same version gives the same numbers.
"""
import json
import pathlib
import re
import sys

import phonenumbers
from phonenumbers import phonenumbermatcher as matcher
from phonenumbers import phonenumberutil as util

TARGET = pathlib.Path(__file__).resolve().parent.parent / "redaction/personal/phone_plans.inc"
SEARCHED = {"CANDIDATE": matcher._PATTERN.pattern, "EXTENSION": f"(?:{util._EXTN_PATTERNS_FOR_MATCHING})$",
            "BRACKETS": matcher._MATCHING_BRACKETS.pattern, "PAGES": matcher._PUB_PAGES.pattern,
            "DATE": matcher._SLASH_SEPARATED_DATES.pattern, "STAMP": matcher._TIME_STAMPS.pattern}
KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail",
         "fixed_line", "mobile")


def text(value):
    """A string of C, or NULL."""
    return "NULL" if not value else json.dumps(re.sub(r"\s+", "", value))


def lengths(values):
    """Bit n: n digits."""
    return f"{sum(1 << n for n in values if n > 0):#x}"


def pattern_of(desc):
    return desc.national_number_pattern if desc and desc.possible_length != (-1,) else None


def valid(plan):
    """All kinds of numbers, each once."""
    return "|".join(dict.fromkeys(filter(None, (pattern_of(getattr(plan, kind)) for kind in KINDS))))


def searched(pattern):
    """A pattern that texts are searched for, as a string of C in UTF-8. Texts of ASCII are searched by its bytes:
    what it has beyond ASCII must be of no consequence to them, so a character that may be missing is no lone byte."""
    pattern = pattern.replace("o\u0301?", "(?:o\u0301|o)")
    return '"' + "".join(f'\\x{byte:02x}""' if not 32 <= byte < 127 else f"\\{byte:c}" if byte in b'"\\' else f"{byte:c}"
                         for byte in pattern.encode()) + '"'


def needs_prefix(form):
    """Must a number of that form be written with the prefix that is dialled inside the country?"""
    rule = form.national_prefix_formatting_rule
    return bool(rule) and not form.national_prefix_optional_when_formatting \
        and not util._formatting_rule_has_first_group_only(rule)


def plans():
    """Regions by country code, the main one first, then what belongs to no region."""
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        for region in regions:
            geographic = region != util.REGION_CODE_FOR_NON_GEO_ENTITY
            metadata = phonenumbers.PhoneMetadata
            yield (metadata.metadata_for_region(region, None) if geographic
                   else metadata.metadata_for_nongeo_region(code, None)), region, code


def main():
    out = [f"/* Made by tools/make-phone-plans.py from phonenumbers {phonenumbers.__version__}",
           " * (libphonenumber's metadata, Apache-2.0).",
           " *",
           " * PLAN(region, country code, leading digits, prefix abroad, prefix inside, its groups,",
           " *      what it becomes, all numbers, numbers of a known kind, their lengths as bits,",
           " *      lengths of numbers without an area as bits)",
           " * FORM(region, leading digits, digits, is the prefix inside written?) */",
           f'#define NV_PHONE_PLANS_VERSION "{phonenumbers.__version__}"', 
           *(f"#define NV_PHONE_{name} {searched(pattern)}" for name, pattern in SEARCHED.items()), "#ifdef PLAN"]
    forms = []
    for plan, region, code in plans():
        prefix = plan.national_prefix_for_parsing
        general = plan.general_desc
        rule = plan.national_prefix_transform_rule
        out.append(f"PLAN({json.dumps(region)}, {code}, {text(plan.leading_digits)}, {text(plan.international_prefix)}, "
                   f"{text(prefix)}, {re.compile(prefix).groups if prefix else 0}, {text(rule)}, "
                   f"{text(general.national_number_pattern)}, {text(valid(plan))}, {lengths(general.possible_length)}, "
                   f"{lengths(general.possible_length_local_only)})")
        for form in plan.number_format:
            leading = form.leading_digits_pattern[-1] if form.leading_digits_pattern else None
            forms.append(f"FORM({json.dumps(region)}, {code}, {text(leading)}, {text(form.pattern)}, "
                         f"{'true' if needs_prefix(form) else 'false'})")
    TARGET.write_text("\n".join([*out, "#endif", "#ifdef FORM", *forms, "#endif", ""]), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
