#!/usr/bin/env python3
"""Make mapping/prices.csv from the registry package genai-prices (PyPI, MIT, Pydantic Services Inc.).

    tools/make-prices.py [VERSION]        default: the newest

Downloads the wheel with pip, reads its data module without importing the package (its classes are
replaced by recorders, so nothing of it runs and nothing else is needed) and writes one row a model
pattern, starting date and hours of the day. Conditions become patterns of mapping/prices/price_pattern.h; one that
can't be said stops the tool. Rows without a token price are left out, and names that an earlier model of
the provider takes. Review the difference as any other change of data, and run tools/make-price-cases.py.
"""
import datetime
import itertools
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile
from decimal import Decimal

TARGET = pathlib.Path(__file__).resolve().parent.parent / "mapping" / "prices.csv"
COLUMNS = ("provider,model,from,input,cached,cache_write,output,input_audio,output_audio,"
           "batch_input,batch_cached,batch_output,tier_from,tier_input,tier_cached,tier_output,"
           "cache_write_1h,tier_cache_write,tier_cache_write_1h")
NAMES = {"aws": ["bedrock"], "azure": ["azure_openai", "azure"], "x-ai": ["xai"]}
LEFT_OUT = re.compile(r"huggingface_|cursor|github-copilot|typesafe|openai-decisions|elevenlabs")
# Aliases that the package left with a model of before: from that day they have the prices of another one.
# mistral-large-latest is Mistral Large 3 (docs.mistral.ai, changelog of 2025-12-02; litellm 1.110.2 prices it so).
MOVED = {("mistral", "mistral-large-latest"): ("mistral-large-2512", "2025-12-02")}


class Record(dict):
    """An instance of any class of the data module."""

    def __init__(self, kind, **members):
        super().__init__(members)
        self.kind = kind

    __getattr__ = dict.get


class Names(dict):
    """Global names of the data module: every unknown one makes Records."""

    def __missing__(self, name):
        if name in ("list", "str", "int", "dict", "tuple"):
            raise KeyError(name)
        return lambda **members: Record(name, **members)


def load(version):
    """(version, providers) of the package."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"genai-prices=={version}" if version else "genai-prices"
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, wanted], check=True)
        wheel = next(pathlib.Path(folder).glob("genai_prices-*.whl"))
        source = zipfile.ZipFile(wheel).read("genai_prices/data.py").decode("utf-8")
    source = re.sub(r"^from \.types.*$", "", source, flags=re.M)
    source = re.sub(r"^providers: .* = \[$", "providers = [", source, flags=re.M)
    names = Names(datetime=datetime, Decimal=Decimal)
    exec(compile(source, "data.py", "exec"), names)  # literals and recorders only
    return wheel.name.split("-")[1], names["providers"]


NOT_TTS = "^(?!.*-[tT][tT][sS](?:$|-))"


TOKEN = re.compile(r"(?P<group>\(([^()?]*)\)\?)|\\d(\{(?P<digits>\d+)\})?|\[(?P<any>[^\]\\^]+)\]|"
                   r"\\(?P<escaped>[^\w])|(?P<literal>[\w/@:-])")


def of_regex(regex):
    """Patterns for a regular expression made of literals, \\d, [ab] and (...)?; any other stops the tool."""
    if regex == NOT_TTS:
        return ["!*-tts&!*-tts-*"]
    body, end = (regex[1:-1], "") if regex.endswith("$") else (regex[1:], "*")
    done, at = [""], 0
    while at < len(body) and regex.startswith("^"):
        token = TOKEN.match(body, at)
        if token is None:
            break
        at = token.end()
        if token["group"]:
            heads = of_regex(f"^{token[2]}$")
            done = done + [d + h for d in done for h in heads]
        elif token["any"]:
            done = [d + c for d in done for c in token["any"]]
        else:
            done = [d + (token["escaped"] or token["literal"] or "#" * int(token["digits"] or 1)) for d in done]
    if at < len(body) or not body:
        raise SystemExit(f"a regular expression that is no pattern: {regex}")
    return [d + end for d in done]


def globs(match):
    """Patterns of a match clause."""
    if match.kind == "ClauseOr":
        return [g for clause in match["or_"] for g in globs(clause)]
    if match.kind == "ClauseAnd":
        parts = [globs(clause) for clause in match["and_"]]
        return ["&".join(part) for part in itertools.product(*parts)]
    if match.kind == "ClauseRegex":
        return [p.lower() for p in of_regex(match["regex"])]
    forms = {"ClauseEquals": "{equals}", "ClauseStartsWith": "{starts_with}*", "ClauseEndsWith": "*{ends_with}",
             "ClauseContains": "*{contains}*"}
    pattern = forms[match.kind].format(**match).lower()
    if re.search(r"[,\"|&!#]", pattern) or pattern.count("*") > 2:
        raise SystemExit(f"a name that is no pattern: {pattern}")
    return [pattern]


def matches(pattern, name):
    """Does a pattern match a name? As mapping/prices/price_pattern.c."""
    def one(term):
        parts = re.escape(term).replace(r"\*", ".*").replace(r"\#", "#").replace("#", "[0-9]")
        return re.fullmatch(parts, name) is not None
    return all(not one(t[1:]) if t.startswith("!") else one(t) for t in pattern.split("&"))


def plain(price):
    """(base, first tier's start, its price) of a price that may have tiers."""
    if isinstance(price, Record):
        tier = price["tiers"][0] if price.get("tiers") else None
        return price["base"], tier and tier["start"], tier and tier["price"]
    return price, None, None


def columns(prices, batch):
    """Numbers of one row, after `from`."""
    keys = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "input_audio_mtok", "output_audio_mtok")
    more = ("cache_write_1h_mtok",)
    values = {k: plain(prices.get(k)) for k in keys + more}
    row = [values[k][0] for k in keys]
    row += [plain(batch.get(k))[0] for k in ("input_mtok", "cache_read_mtok", "output_mtok")]
    row += [values["input_mtok"][1]]
    row += [values[k][2] for k in ("input_mtok", "cache_read_mtok", "output_mtok")]
    row += [values["cache_write_1h_mtok"][0], values["cache_write_mtok"][2], values["cache_write_1h_mtok"][2]]
    return ["" if v is None else format(v, "f") if isinstance(v, Decimal) else str(v) for v in row]


def starts(entry, day):
    """Is an entry of a list of conditions active on that day (None: before all days), hours aside?"""
    constraint = entry.get("constraint")
    if constraint is None or constraint.kind != "StartDateConstraint":
        return True
    return day is not None and constraint["start_date"] <= day


def batch_prices(model, day):
    """What a batch costs on that day: the first variant that tells a price has it. The package began to date
    batches late in 2026, though they were half as dear long before: earlier days have the first variant's."""
    variants = [v for v in model.get("price_variants") or [] if v["when"] == {"processing": "batch"}]
    prices = {}
    for variant in [v for v in variants if starts(v, day)] or variants[:1]:
        for key, price in variant["prices"].items():
            prices.setdefault(key, price)
    return prices


def periods(model):
    """(`from` cell, prices, batch prices) of a model: for each day on which something starts, the price that
    holds then (the last entry that is active), and those of hours of the day that go before it."""
    entries = model["prices"]
    entries = entries if isinstance(entries, list) else [Record("", prices=entries)]
    conditions = [e.get("constraint") for e in [*entries, *(model.get("price_variants") or [])]]
    days = sorted({c["start_date"] for c in conditions if c is not None and c.kind == "StartDateConstraint"})
    told = None
    for day in [None, *days]:
        text = day.isoformat() if day else ""
        active = [e for e in entries if starts(e, day)] or entries[:1]
        hours = []
        while len(active) > 1 and active[-1].get("constraint") is not None and \
                active[-1]["constraint"].kind == "TimeOfDateConstraint":
            hours.append(active.pop())
        if told == (told := [active[-1]["prices"], batch_prices(model, day), *hours]):
            continue
        yield text, active[-1]["prices"], batch_prices(model, day)
        for entry in hours:
            limits = [entry["constraint"][k] for k in ("start_time", "end_time")]
            if any(t.second or t.minute % 30 or t.utcoffset() for t in limits):
                raise SystemExit(f"hours of the day that are no half hours of UTC: {limits}")
            span = "-".join(t.strftime("%H:%M") for t in limits)
            yield f"{text} {span}".strip(), entry["prices"], batch_prices(model, day)


def rows_of(provider):
    """[pattern, from, numbers...] of all models of a provider."""
    taken = []
    for model in provider["models"]:
        patterns = list(dict.fromkeys(globs(model["match"])))
        for period, prices, batch in periods(model):
            numbers = columns(prices, batch)
            for pattern in patterns if numbers[0] else []:
                exact = not re.search(r"[*#&!]", pattern)
                if not exact or not any(matches(t, pattern) for t in taken):
                    yield [pattern, period, *numbers]
        taken += patterns


def main():
    """Write the table."""
    version, providers = load(sys.argv[1] if len(sys.argv) > 1 else None)
    rows = []
    for provider in providers:
        if LEFT_OUT.match(provider["id"]):
            continue
        for row in rows_of(provider):
            rows += [[name, *row] for name in NAMES.get(provider["id"], [provider["id"]])]
    for (provider, alias), (name, day) in MOVED.items():
        rows += [[provider, alias, max(day, row[2]), *row[3:]] for row in rows if row[:2] == [provider, name]]
    text = [f"# Prices in USD per million tokens, from the package genai-prices {version} (PyPI, MIT licence,",
            f"# Copyright (c) Pydantic Services Inc. 2025 to present), read {datetime.date.today().isoformat()} by tools/make-prices.py.",
            COLUMNS, *(",".join(r).rstrip(",") for r in rows)]
    TARGET.write_text("\n".join(text) + "\n", "utf-8")
    print(f"{TARGET}: {len(rows)} rows of genai-prices {version}")


main()
