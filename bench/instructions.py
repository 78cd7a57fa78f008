#!/usr/bin/env python3
"""Instructions a span, counted by callgrind: what a change costs, to a fraction of a per cent.

    bench/instructions.py [--tree DIR] [--cases translate-genai,encode,...] [--check]

Each case runs twice with different amounts of work and the difference of the totals is divided by
the difference of the spans, so that the start is not in it. DIR is a tree whose build/release has
the bench programs and the gateway (this one by default): a second tree is how before and after are
compared. `--check` fails when a case takes more than its limit here. `gateway-*` is the whole program between bench-loadgen and bench-sink, journal `os`, with
what its own code takes (door, journal, assembly, translation, encoding) apart from the libraries
(gzip, memory, curl). Needs valgrind; only Python's standard library.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import run

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_S = 300
# name: program with its arguments, then less and more work
PASSES = {
    "translate-genai": (["bench-translate", "genai", "passes", "{}"], 1, 4),
    "translate-small": (["bench-translate", "small", "passes", "{}"], 1, 4),
    "masked-genai": (["bench-translate", "genai", "passes", "{}", "masked"], 1, 4),
    "masked-small": (["bench-translate", "small", "passes", "{}", "masked"], 1, 4),
    "secrets-genai": (["bench-translate", "genai", "passes", "{}", "secrets"], 1, 4),
    "pseudonyms-genai": (["bench-translate", "genai", "passes", "{}", "pseudonyms"], 1, 4),
    "translate-genai-one": (["bench-translate", "genai-one", "passes", "{}"], 0, 1),
    "translate-small-one": (["bench-translate", "small-one", "passes", "{}"], 0, 1),
    "encode": (["bench-encode", "passes", "{}"], 50, 250),
}
# what a case may take a span, some per cent more than it takes; with no limit yet: not here
LIMITS = {"pseudonyms-genai": 67000, "encode": 7100, "translate-small": 5600, "translate-genai": 17600,
          "masked-small": 9900, "gateway-small": 28900, "gateway-genai": 84500}
# name: shape, spans a request, then fewer and more spans
GATEWAY = {"gateway-genai": ("genai", 64, 640, 3200), "gateway-small": ("small", 512, 1024, 9216)}


def totals(path):
    """Self cost by object file, from callgrind's output."""
    names, sums, current, called = {}, {}, "", False
    for line in path.read_text("utf-8", "replace").splitlines():
        match = re.match(r"ob=\((\d+)\)(?: (.*))?$", line)
        if match:
            current = names.setdefault(match.group(1), pathlib.Path(match.group(2) or "?").name)
        elif (match := re.match(r"cob=\((\d+)\)(?: (.*))?$", line)) and match.group(2):
            names[match.group(1)] = pathlib.Path(match.group(2)).name
        elif line.startswith("calls="):
            called = True
        elif line and line[0] in "0123456789+-*":
            if not called:
                sums[current] = sums.get(current, 0) + int(line.split()[1])
            called = False
    return sums


def callgrind(command, out):
    return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *map(str, command)]


def run_passes(tree, folder, command, amount):
    out = folder / "callgrind"
    command = [tree / "build/release" / command[0], *(part.format(amount) for part in command[1:])]
    done = subprocess.run(callgrind(command, out), capture_output=True, text=True, check=True, timeout=LIMIT_S)
    return totals(out), int(re.search(r"(\d+) spans", done.stdout).group(1))


def run_gateway(tree, folder, shape, batch, spans):
    """The counts of the whole program, its start and stop included."""
    release, out = tree / "build/release", folder / "callgrind"
    state = pathlib.Path(tempfile.mkdtemp(dir=folder))
    environment = {**os.environ, "NOVEUM_API_KEY": "bench-key", "HOME": str(state)}
    with open(state / "log", "wb") as log, run.Process([release / "bench-sink"], stdout=subprocess.PIPE, stderr=log) as sink:
        sink_port = int(sink.child.stdout.readline().split()[1])
        port = run.free_port()
        command, ready = run.gateway_command(release / "noveum-gateway", state, sink_port, port, {"journal.durability": "os"})
        with run.Process(callgrind(command, out), env=environment, stdout=log, stderr=log, cwd=state) as gateway:
            run.wait_until(lambda: gateway.child.poll() is not None or run.answers(ready), 60, "the gateway to be ready")
            load = subprocess.run(
                [release / "bench-loadgen", "-c", "1", "-n", str(spans), "-b", str(batch), "-s", shape, "127.0.0.1", str(port)],
                capture_output=True, text=True, check=True, timeout=LIMIT_S)
            sent = json.loads(load.stdout)["accepted"]
            run.wait_until(lambda: json.loads(run.get(f"http://127.0.0.1:{sink_port}/stats", 60))["spans"] >= sent,
                           LIMIT_S, "delivery")
            gateway.child.terminate()
            if gateway.child.wait(60) != 0:
                raise RuntimeError((state / "log").read_text("utf-8", "replace"))
    return totals(out), sent


def inclusive(path, prefix):
    """Cost of functions of that prefix with all that they call, by name behind it."""
    done = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(path)], capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(rf"\s*([\d,]+) .*:{prefix}(\w+)", line)
        if match:
            found.setdefault(match.group(2), int(match.group(1).replace(",", "")))
    return found


def stages(tree, shape):
    """Instructions a span of each stage of bench-stages."""
    less, more = 2, 6
    counts, spans = [], []
    with tempfile.TemporaryDirectory(prefix="noveum-instructions-") as name:
        for passes in (less, more):
            out = pathlib.Path(name) / "callgrind"
            command = [tree / "build/release/bench-stages", shape, "passes", str(passes)]
            done = subprocess.run(callgrind(command, out), capture_output=True, text=True, check=True, timeout=LIMIT_S)
            counts.append(inclusive(out, "stage_"))
            spans.append(int(re.search(r"(\d+) spans", done.stdout).group(1)))
    return {stage: (count - counts[0].get(stage, 0)) / (spans[1] - spans[0]) for stage, count in counts[1].items()}


def difference(less, more):
    spans = more[1] - less[1]
    return {name: (count - less[0].get(name, 0)) / spans for name, count in more[0].items()}


def show(name, program, counts):
    own = counts.pop(program, 0)
    rest = ", ".join(f"{lib} {count:,.0f}" for lib, count in sorted(counts.items(), key=lambda item: -item[1]) if count >= 20)
    total = own + sum(counts.values())
    print(f"{name:20} {total:10,.0f} a span: {own:,.0f} own" + (f", {rest}" if rest else ""), flush=True)
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tree", type=pathlib.Path, default=ROOT, help="a tree with a release build")
    parser.add_argument("--cases", default=",".join([*PASSES, *GATEWAY]))
    parser.add_argument("--check", action="store_true", help="fail when a case takes more than its limit")
    args = parser.parse_args()
    tree, past = args.tree.resolve(), []
    with tempfile.TemporaryDirectory(prefix="noveum-instructions-") as name:
        folder = pathlib.Path(name)
        for case in args.cases.split(","):
            if case in PASSES:
                command, *amounts = PASSES[case]
                program, runs = command[0], [run_passes(tree, folder, command, amount) for amount in amounts]
            else:
                shape, batch, *amounts = GATEWAY[case]
                program, runs = "noveum-gateway", [run_gateway(tree, folder, shape, batch, spans) for spans in amounts]
            if show(case, program, difference(*runs)) > LIMITS.get(case, float("inf")):
                past.append(case)
    for case in past if args.check else ():
        print(f"{case} takes more than its limit of {LIMITS[case]:,}", file=sys.stderr)
    return 1 if past and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
