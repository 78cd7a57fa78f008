#!/usr/bin/env python3
"""Make mapping/prices.csv from the registry package genai-prices (PyPI, MIT, Pydantic Services Inc.).

    tools/make-prices.py [VERSION]        default: the newest

Downloads the wheel with pip, reads its data module without importing the package (its classes are
replaced by recorders, so nothing of it runs and nothing else is needed) and writes one row a model
pattern and starting date. Rows without a token price, and patterns that need a regular expression,
are left out. Review the difference as any other change of data.
"""
import datetime
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile
from decimal import Decimal

TARGET = pathlib.Path(__file__).resolve().parent.parent / "mapping" / "prices.csv"
COLUMNS = ("provider,model,from,input,cached,cache_write,output,input_audio,output_audio,"
           "batch_input,batch_cached,batch_output,tier_from,tier_input,tier_cached,tier_output")
NAMES = {"aws": ["bedrock"], "azure": ["azure_openai", "azure"], "x-ai": ["xai"]}
LEFT_OUT = re.compile(r"huggingface_|cursor|github-copilot|typesafe|openai-decisions|elevenlabs")


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


def globs(match):
    """Patterns of a match clause as globs; none for what globs can't say."""
    if match.kind == "ClauseOr":
        return [g for clause in match["or_"] for g in globs(clause)]
    forms = {"ClauseEquals": "{equals}", "ClauseStartsWith": "{starts_with}*", "ClauseEndsWith": "*{ends_with}",
             "ClauseContains": "*{contains}*"}
    pattern = forms[match.kind].format(**match).lower() if match.kind in forms else ""
    return [pattern] if pattern and not re.search(r"[,\"|]", pattern) else []


def plain(price):
    """(base, first tier's start, its price) of a price that may have tiers."""
    if isinstance(price, Record):
        tier = price["tiers"][0] if price.get("tiers") else None
        return price["base"], tier and tier["start"], tier and tier["price"]
    return price, None, None


def columns(prices, batch):
    """Numbers of one row, after `from`."""
    keys = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok", "input_audio_mtok", "output_audio_mtok")
    values = {k: plain(prices.get(k)) for k in keys}
    row = [values[k][0] for k in keys]
    row += [plain(batch.get(k))[0] for k in ("input_mtok", "cache_read_mtok", "output_mtok")]
    row += [values["input_mtok"][1]]
    row += [values[k][2] for k in ("input_mtok", "cache_read_mtok", "output_mtok")]
    return ["" if v is None else format(v, "f") if isinstance(v, Decimal) else str(v) for v in row]


def periods(model):
    """(first day, prices) of a model; prices by time of day are reduced to the standard one."""
    prices = model["prices"]
    for entry in prices if isinstance(prices, list) else [Record("", prices=prices)]:
        constraint = entry.get("constraint")
        if constraint is None:
            yield "", entry["prices"]
        elif constraint.kind == "StartDateConstraint":
            yield constraint["start_date"].isoformat(), entry["prices"]


def main():
    """Write the table."""
    version, providers = load(sys.argv[1] if len(sys.argv) > 1 else None)
    rows = []
    for provider in providers:
        if LEFT_OUT.match(provider["id"]):
            continue
        for model in provider["models"]:
            batch = next((v["prices"] for v in model.get("price_variants") or []
                          if (v.get("when") or {}).get("processing") == "batch"), {})
            for first_day, prices in periods(model):
                numbers = columns(prices, batch)
                if not numbers[0]:
                    continue
                for pattern in dict.fromkeys(globs(model["match"])):
                    for name in NAMES.get(provider["id"], [provider["id"]]):
                        rows.append([name, pattern, first_day, *numbers])
    text = [f"# Prices in USD per million tokens, from the package genai-prices {version} (PyPI, MIT licence,",
            f"# Copyright (c) Pydantic Services Inc. 2025 to present), read {datetime.date.today().isoformat()} by tools/make-prices.py.",
            COLUMNS, *(",".join(r) for r in rows)]
    TARGET.write_text("\n".join(text) + "\n", "utf-8")
    print(f"{TARGET}: {len(rows)} rows of genai-prices {version}")


main()
