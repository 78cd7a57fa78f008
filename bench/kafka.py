#!/usr/bin/env python3
"""What a span costs roles receive and assemble together, against role all, beside each other in one run.

Starts a broker of Apache Kafka (tests/e2e/kafka_broker.py: Java and Maven) with 12 partitions. A round sends the same
spans to a gateway of role all (journal fsync) and to a receiver behind which an assembler reads, each time as fresh
processes; all mask secrets and send gzip to the counting sink. CPU time is utime + stime of the gateways' processes
from just before the load until the last delivery. Prints a line a round and the median of the ratios.

--rate paces the load (spans a second over all connections) and says whether what the assembler had not read stayed flat:
the mean of the last quarter of the load against that of the second. Build the release preset before: make bench does.

    bench/kafka.py --systems kafka --cases genai --rounds 1 --rate 20000 --spans 1200000     a minute of it
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import run as bench

sys.path.insert(0, str(bench.ROOT / "tests" / "e2e"))
from kafka_broker import Broker  # pylint: disable=wrong-import-position

ROLES = {"all": ["all"], "kafka": ["receive", "assemble"]}
SETTLE_S = 1.0
TRACE_SPANS = 8  # of the load's traces, each of which is one message


def start(stack, args, role, folder, sink_port, brokers):
    """A gateway of that role, ready: (process, OTLP port, admin url)."""
    port = bench.free_port()
    settings = {"role": role, **dict(item.split("=", 1) for item in args.set)}
    if role != "all":
        settings["kafka.brokers"] = brokers
    home = pathlib.Path(folder) / role
    home.mkdir()
    command, ready = bench.gateway_command(args.program, home, sink_port, port, settings)
    log = stack.enter_context(open(home / "log", "wb"))
    environment = {**os.environ, "NOVEUM_API_KEY": "bench-key", "HOME": str(home)}
    gateway = stack.enter_context(bench.Process(command, env=environment, stdout=log, stderr=log, cwd=home))
    bench.wait_until(lambda: gateway.child.poll() is not None or bench.answers(ready), 60, f"role {role} to be ready")
    if gateway.child.poll() is not None:
        raise RuntimeError((home / "log").read_text("utf-8"))
    return gateway, port, ready.rsplit("/", 1)[0]


def wait_until_taken(stats_url, accepted, watch):
    """Until the sink has all, or nothing has come for 20 s: its last word. `watch` is called ten times a second."""
    changed, stats = time.monotonic(), {"spans": -1}
    while True:
        now = json.loads(bench.get(stats_url, 60))
        if now["spans"] != stats["spans"]:
            changed = time.monotonic()
        stats = now
        watch()
        if accepted is not None and stats["spans"] >= accepted() or time.monotonic() - changed > 20:
            return stats
        time.sleep(0.1)


class Load:
    """The generator in the background: `accepted` is None until it has ended."""

    def __init__(self, args, case, port):
        load, spans, _, _ = bench.CASES[case]
        batch = int(load[load.index("-b") + 1])
        spans = int(args.spans or spans) // batch * batch
        pace = ["-r", str(args.rate)] if args.rate else []
        self.child = subprocess.Popen(
            [bench.ROOT / "build" / "release" / "bench-loadgen", "-n", str(spans), *load, *pace,
             "127.0.0.1", str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.sent = None

    def accepted(self):
        if self.sent is None and self.child.poll() is not None:
            self.sent = json.loads(self.child.stdout.read())
        return self.sent["accepted"] if self.sent else float("inf")


def unread(admin):
    return json.loads(bench.get(f"{admin}/status", 10))["kafka"]["unread_messages"]


def measure(args, case, what, brokers, during=None):
    """One of the two systems under one load: a dict of what it cost. `during(roles, pids)` is called when all is ready, for
    a profiler."""
    folder = tempfile.mkdtemp(prefix="noveum-bench-kafka-")
    try:
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(bench.Process([bench.ROOT / "build" / "release" / "bench-sink"], stdout=subprocess.PIPE))
            sink_port = int(sink.child.stdout.readline().split()[1])
            gateways = [start(stack, args, role, folder, sink_port, brokers) for role in ROLES[what]]
            lags = []
            admin = gateways[-1][2]
            time.sleep(SETTLE_S)
            before = [bench.cpu_seconds(gateway.pid) for gateway, _, _ in gateways]
            if during:
                during(ROLES[what], [gateway.pid for gateway, _, _ in gateways])
            began = time.monotonic()
            load = Load(args, case, gateways[0][1])

            def watch():
                if what == "kafka" and args.rate and load.child.poll() is None:
                    lags.append((time.monotonic() - began, unread(admin)))
            stats = wait_until_taken(f"http://127.0.0.1:{sink_port}/stats", load.accepted, watch)
            load.child.wait()
            after = [bench.cpu_seconds(gateway.pid) for gateway, _, _ in gateways]
            spans = load.accepted()
            each = [(now - then) / spans * 1e6 for now, then in zip(after, before)]
            return {"cpu": sum(each), "each": each, "exact": stats["spans"] == spans, "spans": spans, "lags": lags,
                    "accepted_per_s": load.sent["spans_per_s"], "p50_ms": load.sent["p50_ms"], "p99_ms": load.sent["p99_ms"],
                    "delivered_per_s": spans / (stats["last_ns"] / 1e9 - began), "peak_mb": [bench.memory_mb(g.pid, "VmHWM") for g, _, _ in gateways]}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(case, what, result):
    each = " + ".join(f"{cpu:.1f}" for cpu in result["each"])
    print(f"{case:6} {what:6} {result['cpu']:6.2f} us/span ({each})  {result['accepted_per_s']:,.0f} accepted/s, "
          f"{result['delivered_per_s']:,.0f} delivered/s, p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms, "
          f"peak {', '.join(f'{mb:.0f}' for mb in result['peak_mb'])} MB{'' if result['exact'] else ', NOT EXACT'}", flush=True)
    if result["lags"]:
        every = max(1, len(result["lags"]) // 20)
        print("       unread messages by second: " + ", ".join(f"{at:.0f}: {lag}" for at, lag in result["lags"][::every]), flush=True)
        print("       " + verdict(result), flush=True)


def verdict(result):
    """Flat: at the end no more is unread than at first, but for what arrives in half a second."""
    lags = [lag for _, lag in result["lags"]]
    quarter = len(lags) // 4
    if quarter < 5:
        return "too short to say whether it is flat"
    second, last = (statistics.mean(lags[at * quarter:(at + 1) * quarter]) for at in (1, 3))
    room = result["accepted_per_s"] / TRACE_SPANS / 2
    return (f"{'flat' if last <= second + room else 'NOT flat'} at {result['accepted_per_s']:,.0f} accepted spans/s: {second:,.0f} messages unread in "
            f"the second quarter, {last:,.0f} in the last")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=str(bench.ROOT / "build" / "release" / "noveum-gateway"))
    parser.add_argument("--cases", default="genai,small")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--systems", default="all,kafka")
    parser.add_argument("--spans", type=int, help="instead of those of make bench")
    parser.add_argument("--rate", type=int, help="spans a second; default: as fast as they are answered")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of all gateways")
    args = parser.parse_args()
    args.program = str(pathlib.Path(args.program).resolve())
    reason = Broker.missing()
    if reason:
        parser.error(reason)
    broker, exact = Broker(), True
    try:
        broker.make_topics(12)
        for case in args.cases.split(","):
            ratios = []
            for _ in range(args.rounds):
                results = {what: measure(args, case, what, broker.brokers) for what in args.systems.split(",")}
                for what, result in results.items():
                    show(case, what, result)
                    exact = exact and result["exact"]
                if len(results) == 2:
                    ratios.append(results["kafka"]["cpu"] / results["all"]["cpu"])
                    print(f"{case:6} ratio  {ratios[-1]:6.2f}", flush=True)
            if ratios:
                print(f"{case:6} median {statistics.median(ratios):6.2f} of {len(ratios)}", flush=True)
    finally:
        broker.close()
    return 0 if exact else 1


if __name__ == "__main__":
    sys.exit(main())
