#!/usr/bin/env python3
"""Measures the page over many traces: the API as scripts use it, and what a person waits for in Chromium.

    10,000 traces of 8 spans, one of 1,000 ──▶ gateway in local mode ──▶ /api/..., each asked 11 times: median
                                                        └──▶ page.mjs in Chromium: list, trace, burst of 1,000 traces

Prints one line a figure with what is aimed at, CPU time beside it and the load of the machine, for a machine that others use. Needs tools/test-environment.sh, node and chromium; without these two only the API.
A debug build is measured as any other: name a release build with --program.

usage: bench/page.py [--program build/release/noveum-gateway] [--traces 10000]
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/e2e"))
NODE = ROOT / "build/node/node_modules"
ASKED = 11
BURST = 1000
# figure: what is aimed at, in its unit
AIMS = {"list, API": 200, "list in the browser": 200, "trace of 1,000 spans, to interactive": 300, "nodes, list": 5000, "nodes, trace of 1,000 spans": 5000}


def show(name, value, unit="ms"):
    aim = f"   at most {AIMS[name]:,}" if name in AIMS else ""
    verdict = "" if name not in AIMS else "   ok" if value <= AIMS[name] else "   MISSED"
    print(f"{name:42} {value:>9,.1f} {unit}{aim}{verdict}", flush=True)


def ask(gateway, path):
    began = time.monotonic()
    status, _, text = gateway.get(path)
    assert status == 200, text[:300]
    return (time.monotonic() - began) * 1000, json.loads(text)


def spent_ms(gateway):
    """CPU time of the gateway: what the machine does besides does not count in it."""
    fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show_median(gateway, name, path):
    before = spent_ms(gateway)
    show(name, statistics.median(ask(gateway, path)[0] for _ in range(ASKED)))
    show(f"  {name}, CPU of the gateway, mean", (spent_ms(gateway) - before) / ASKED)


def large(spans):
    from otlp import Trace
    trace = Trace(service="large")
    root = trace.span("root", **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "worker"})
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "done " * 40}]}])
    made = [trace.span(f"chat {i}", parent=root, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 100, "gen_ai.output.messages": said})
            for i in range(spans - 1)]
    return trace, trace.request([root, *made])


def fill(gateway, count):
    """Sends the traces, from the oldest on, and waits until the store has them."""
    from otlp import post_ok
    from page_traces import support
    now, began = time.time_ns(), time.monotonic()
    for i in range(count):
        post_ok(gateway.port, support(now - (count - i) * 10**9, i, failed=i % 97 == 3)[1])
    trace, body = large(1000)
    post_ok(gateway.port, body)
    while ask(gateway, "/api/traces?limit=1")[1]["total"]["traces"] <= count:
        time.sleep(0.2)
    print(f"{count:,} traces of 8 spans and one of 1,000 in the store after {time.monotonic() - began:.0f} s", flush=True)
    return trace.uuid


def burst(gateway, first):
    from otlp import post_ok
    from page_traces import support
    for i in range(BURST):
        post_ok(gateway.port, support(time.time_ns(), first + i)[1])


def in_browser(gateway, uuid, count):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium or not shutil.which("node") or not (NODE / "playwright-core").exists():
        print("no chromium, node or playwright-core: the browser is left out")
        return
    command = ["node", str(ROOT / "bench/page.mjs"), f"http://127.0.0.1:{gateway.ports['admin']}", chromium, uuid]
    sender = threading.Thread(target=burst, args=(gateway, count))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(NODE)}) as process:
        for line in process.stdout:
            if line.strip() == "burst":
                sender.start()
                continue
            name, value, unit = json.loads(line)
            show(name, value, unit)
    if sender.is_alive():
        sender.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=str(ROOT / "build/release/noveum-gateway"))
    parser.add_argument("--traces", type=int, default=10000)
    options = parser.parse_args()
    os.environ["NOVEUM_GATEWAY_PROGRAM"] = str(pathlib.Path(options.program).resolve())
    from conftest import Gateway
    directory = tempfile.mkdtemp(prefix="nvpage-")
    gateway = Gateway(directory).start()
    print("load of the machine, of", os.cpu_count(), "CPUs:", *(f"{load:.1f}" for load in os.getloadavg()), flush=True)
    try:
        uuid = fill(gateway, options.traces)
        paths = {"list, API": "/api/traces?limit=200&sort=arrival", "list by cost, API": "/api/traces?limit=200&sort=cost",
                 "search, a rare word, API": "/api/traces?limit=200&search=nowhere-at-all", "search, a frequent word, API": "/api/traces?limit=200&search=order",
                 "names, API": "/api/names", "sessions, API": "/api/sessions", "overview, API": "/api/overview", "trace of 1,000 spans, API": f"/api/trace?id={uuid}"}
        for name, path in paths.items():
            show_median(gateway, name, path)
        in_browser(gateway, uuid, options.traces)
    finally:
        gateway.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
