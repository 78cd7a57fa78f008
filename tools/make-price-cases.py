#!/usr/bin/env python3
"""Make tests/data/price-cases.csv: what the package genai-prices itself asks for calls of all its models.

    tools/make-price-cases.py [VERSION]        default: the version that mapping/prices.csv was made of

Installs the package into a folder of its own with pip and runs its calculator; tests/unit/mapping/test_price_cases.c
compares mapping/prices.csv with it, without network. One line a provider, model and name: ten pairs of input and output
cost in USD, one pair a usage; the usages stand in the first lines. A pair that the table can't give is written `-` with
its reason behind the line's last comma, so that each exception is a line of this file.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "tests" / "data" / "price-cases.csv"
NAMES = {"aws": "bedrock", "azure": "azure_openai", "x-ai": "xai"}
LEFT_OUT = re.compile(r"huggingface_|cursor|github-copilot|typesafe|openai-decisions|elevenlabs")
# time, input, cached, cache_write, cache_write_1h, output, input_audio, output_audio, batch; input includes the parts
USAGES = [("2026-11-22T12:00:00Z", 1000, 0, 0, 0, 200, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 1, 0, 0, 0, 1, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 20000, 15000, 0, 0, 700, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 20000, 1000, 9000, 0, 700, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 20000, 1000, 9000, 9000, 700, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 301000, 50000, 0, 0, 9000, 0, 0, 0),
          ("2026-11-22T12:00:00Z", 9000, 0, 0, 0, 3000, 4000, 2000, 0),
          ("2026-11-22T12:00:00Z", 9000, 500, 0, 0, 3000, 0, 0, 1),
          ("2025-06-01T01:30:00Z", 9000, 500, 0, 0, 3000, 0, 0, 0),
          ("2027-02-01T17:00:00Z", 9000, 500, 0, 0, 3000, 0, 0, 0)]
RUN = '''
import datetime, json, sys
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
usages = json.loads(sys.argv[1])
snapshot, out = get_snapshot(), []
def literals(clause):
    kind = type(clause).__name__
    if kind in ("ClauseOr", "ClauseAnd"):
        return [n for c in (clause.or_ if kind == "ClauseOr" else clause.and_) for n in literals(c)]
    return {"ClauseEquals": lambda: [clause.equals], "ClauseStartsWith": lambda: [clause.starts_with, clause.starts_with + "-x"],
            "ClauseContains": lambda: [clause.contains], "ClauseEndsWith": lambda: [clause.ends_with]}.get(kind, lambda: [])()
for provider in snapshot.providers:
    for model in provider.models:
        names = [n for n in dict.fromkeys([model.id, *literals(model.match)])
                 if provider.find_model(n.lower()) is model]
        for name in names[:2]:
            pairs = []
            for time, i, cached, write, hour, o, ia, oa, batch in usages:
                usage = Usage(input_tokens=i, output_tokens=o, cache_read_tokens=cached or None, cache_write_tokens=write or None,
                              cache_write_1h_tokens=hour or None, input_audio_tokens=ia or None, output_audio_tokens=oa or None)
                when = datetime.datetime.fromisoformat(time)
                kind = {"processing": "batch"} if batch else None
                prices = model.get_prices(when, kind)
                told = {k: v for k, v in prices.__dict__.items() if v is not None}
                try:
                    p = model.calc_price(usage, provider, genai_request_timestamp=when, price_context=kind)
                    pairs.append([str(p.input_price), str(p.output_price), str(p.total_price)])
                except Exception as e:
                    pairs.append(["error", str(e), ""])
                pairs[-1].append({k: len(getattr(v, "tiers", [])) for k, v in told.items()})
            out.append([provider.id, name, pairs])
json.dump(out, sys.stdout)
'''


def version():
    """The version in the table's head."""
    return re.search(r"genai-prices ([\d.]+)", (ROOT / "mapping" / "prices.csv").read_text("utf-8")).group(1)


def reason(provider, name, usage, pair):
    """Why the table can't give this pair, or None."""
    told = pair[3]
    if name == "mistral-large-latest" and usage[0] > "2025-12-02":
        return "moved to Mistral Large 3 (MOVED in tools/make-prices.py)"
    if LEFT_OUT.match(provider):
        return "a provider that no span names so"
    if "input_mtok" not in told:
        return "no price of a token"
    if pair[0] == "error":
        return "the package refuses this usage"
    if any(n > 1 for n in told.values()) and usage[1] > 32000:
        return "a second tier"
    if usage[8] and told["input_mtok"]:
        return "tiers of a batch" if usage[1] > 100000 else None
    return None


def number(text):
    """A cost as the gateway rounds it."""
    return format(round(float(text), 8), ".8f").rstrip("0").rstrip(".")


def main():
    """Write the file."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else version()
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = pathlib.Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", f"genai-prices=={wanted}"], check=True)
        told = json.loads(subprocess.run([python, "-c", RUN, json.dumps(USAGES)], check=True, capture_output=True).stdout)
    lines = [f"# What genai-prices {wanted} (PyPI, MIT licence, Copyright (c) Pydantic Services Inc. 2025 to present) asks,",
             "# by tools/make-price-cases.py. usage,time,input,cached,cache_write,cache_write_1h,output,input_audio,output_audio,batch",
             *("usage," + ",".join(str(cell) for cell in usage) for usage in USAGES)]
    for provider, name, pairs in told:
        reasons = [reason(provider, name, usage, pair) for usage, pair in zip(USAGES, pairs)]
        cells = ["-" if why else f"{number(pair[0])}/{number(pair[1])}" for why, pair in zip(reasons, pairs)]
        why = "; ".join(dict.fromkeys(r for r in reasons if r))
        lines.append(",".join([NAMES.get(provider, provider), name.lower(), *cells, why]))
    TARGET.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{TARGET}: {len(lines)} lines of genai-prices {wanted}")


main()
