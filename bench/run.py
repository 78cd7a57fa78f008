#!/usr/bin/env python3
"""make bench: the release build under a fixed load, with what it cost printed and kept.

Starts the counting sink, then the gateway, sends a fixed number of spans in a closed loop over 8
connections, waits until the sink has them all, and reports the gateway's CPU time a span (utime +
stime of the process, from just before the load until the last delivery), spans a second, latency of
the acknowledgements, memory, and whether delivered equals accepted. Every case is a fresh process.

With NOVEUM_BENCH_OTELCOL naming a Collector's program, that runs the same cases in the same run
(otlp receiver, groupbytrace where it has it, batch, otlphttp with JSON and gzip: the nearest to the
same work) and the ratio is printed. Results go to build/bench.json as well, with --keep NAME also to
bench/history/NAME.json, in the form of bench/history/README.md.

Needs only Python's standard library.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
CASES = {
    # name: shape, spans a request, spans in all
    "genai": ("genai", 64, 120_000),
    "small": ("small", 512, 400_000),
}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def get(url, timeout=5.0):
    with urllib.request.urlopen(url, timeout=timeout) as reply:
        return reply.read()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mb(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{what} took longer than {seconds} s")


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def answers(url):
    try:
        get(url, 0.5)
        return True
    except OSError:
        return False


class Process:
    """A child that is ended by its own pid, whatever happens."""

    def __init__(self, command, **options):
        self.child = subprocess.Popen(command, **options)
        self.pid = self.child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


def gateway_command(program, folder, sink_port, port, settings):
    admin = free_port()
    options = {
        "receiver.http.listen": f"127.0.0.1:{port}",
        "receiver.grpc.listen": f"127.0.0.1:{free_port()}",
        "admin.listen": f"127.0.0.1:{admin}",
        "journal.directory": f"{folder}/state",
        "exporter.noveum.endpoint": f"http://127.0.0.1:{sink_port}/v1/traces",
        "exporter.noveum.project": "bench",
        "log.level": "warn",
        **settings,
    }
    command = [str(program)]
    for key, value in options.items():
        command += ["--set", f"{key}={value}"]
    return command, f"http://127.0.0.1:{admin}/readyz"


def collector_command(program, folder, sink_port, port):
    listed = subprocess.run([program, "components"], capture_output=True, text=True, check=False).stdout
    grouping = "groupbytrace" in listed
    processors = ["groupbytrace", "batch"] if grouping else ["batch"]
    config = {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "processors": {
            **({"groupbytrace": {"wait_duration": "1s", "num_traces": 1000000, "num_workers": 1}} if grouping else {}),
            "batch": {"send_batch_size": 512, "send_batch_max_size": 2048, "timeout": "200ms"},
        },
        "exporters": {"otlphttp": {
            "endpoint": f"http://127.0.0.1:{sink_port}", "compression": "gzip", "encoding": "json",
            "sending_queue": {"queue_size": 500, "num_consumers": 4, "block_on_overflow": True},
        }},
        "service": {
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "processors": processors, "exporters": ["otlphttp"]}},
        },
    }
    path = pathlib.Path(folder) / "collector.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return [program, "--config", f"file:{path}"]


def run_case(name, case, program, args, settings):
    shape, batch, spans = CASES[case]
    spans = int(spans * args.scale) // batch * batch
    release = ROOT / "build" / "release"
    folder = tempfile.mkdtemp(prefix="noveum-bench-", dir=args.tmp)
    environment = {**os.environ, "NOVEUM_API_KEY": "bench-key", "HOME": folder}
    log_path = ROOT / "build" / f"bench-{name}-{case}.log"
    try:
        with open(log_path, "wb") as log, Process(
            [release / "bench-sink"], stdout=subprocess.PIPE, stderr=log
        ) as sink:
            sink_port = int(sink.child.stdout.readline().split()[1])
            port = free_port()
            if name == "otelcol":
                command, ready = collector_command(program, folder, sink_port, port), None
            else:
                command, ready = gateway_command(program, folder, sink_port, port, settings)
            started = time.monotonic()
            with Process(command, env=environment, stdout=log, stderr=log, cwd=folder) as gateway:
                wait_until(lambda: gateway.child.poll() is not None or connects(port) and (not ready or answers(ready)),
                           30, f"{name} to be ready")
                if gateway.child.poll() is not None:
                    raise RuntimeError(f"{name} did not start, see {log_path}")
                result = {"system": name, "case": case, "ready_ms": round((time.monotonic() - started) * 1000, 1)}
                time.sleep(1.0)
                result["idle_rss_mb"] = round(memory_mb(gateway.pid, "VmRSS"), 1)
                measure(result, gateway, release, sink_port, port, shape, batch, spans)
                return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(result, gateway, release, sink_port, port, shape, batch, spans):
    stats_url = f"http://127.0.0.1:{sink_port}/stats"
    before, start = cpu_seconds(gateway.pid), time.monotonic()
    load = subprocess.run(
        [release / "bench-loadgen", "-n", str(spans), "-b", str(batch), "-s", shape, "127.0.0.1", str(port)],
        capture_output=True, text=True, check=False, timeout=600,
    )
    if not load.stdout:
        raise RuntimeError(load.stderr.strip())
    sent = json.loads(load.stdout)
    deadline, stats, changed = time.monotonic() + 120, {}, time.monotonic()
    while time.monotonic() < deadline:
        now = json.loads(get(stats_url, 60))
        if now.get("spans") != stats.get("spans"):
            changed = time.monotonic()
        stats = now
        if stats["spans"] >= sent["accepted"] or time.monotonic() - changed > 20:
            break
        time.sleep(0.1)
    cpu = cpu_seconds(gateway.pid) - before
    delivery = stats["last_ns"] / 1e9 - start
    result.update(
        accepted=sent["accepted"], delivered=stats["spans"], exact=stats["spans"] == sent["accepted"],
        bad=stats["bad"], busy=sent["busy"], refused=sent["refused"],
        cpu_us_per_span=round(cpu / max(1, sent["accepted"]) * 1e6, 2),
        accepted_per_s=sent["spans_per_s"], delivered_per_s=round(stats["spans"] / max(delivery, 1e-9)),
        p50_ms=sent["p50_ms"], p99_ms=sent["p99_ms"], max_ms=sent["max_ms"],
        peak_rss_mb=round(memory_mb(gateway.pid, "VmHWM"), 1),
        bytes_in_per_span=sent["bytes_per_span"],
        bytes_out_per_span=round(stats["wire_bytes"] / max(1, stats["spans"])),
        json_per_span=round(stats["raw_bytes"] / max(1, stats["spans"])),
    )


COLUMNS = [("system", 16), ("case", 7), ("cpu_us_per_span", 9), ("accepted_per_s", 11), ("delivered_per_s", 11),
           ("p50_ms", 8), ("p99_ms", 8), ("idle_rss_mb", 8), ("peak_rss_mb", 8), ("bytes_out_per_span", 8), ("exact", 6)]
TITLES = {"cpu_us_per_span": "us/span", "accepted_per_s": "accepted/s", "delivered_per_s": "deliv/s",
          "idle_rss_mb": "idle MB", "peak_rss_mb": "peak MB", "bytes_out_per_span": "outB/sp"}


def show(results):
    print(" ".join(TITLES.get(key, key).rjust(width) for key, width in COLUMNS))
    for row in results:
        print(" ".join(str(row.get(key, "")).rjust(width) for key, width in COLUMNS))
    for row in results:
        if row["system"] == "otelcol" or row.get("cpu_us_per_span", 0) <= 0:
            continue
        peers = [r for r in results if r["system"] == "otelcol" and r["case"] == row["case"]]
        if peers and peers[0].get("cpu_us_per_span"):
            ratio = peers[0]["cpu_us_per_span"] / row["cpu_us_per_span"]
            print(f"{row['system']}, {row['case']}: {ratio:.1f} times fewer CPU seconds a span than the Collector")


def machine():
    """What the numbers were measured on."""
    cpu = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text("utf-8").splitlines() if line.startswith("model name")]
    return {"cpu": cpu[0] if cpu else os.uname().machine, "processors": len(os.sched_getaffinity(0)),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "kernel": os.uname().release, "load": round(os.getloadavg()[0], 2)}


def git(*arguments):
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def head(args):
    """All of a kept file but its results; taken before the load."""
    commit = git("rev-parse", "HEAD") + ("-dirty" if git("status", "--porcelain", "--untracked-files=no") else "")
    version = subprocess.run([args.program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"format": 1, "release": args.keep, "commit": commit, "version": version,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": machine(),
            "settings": dict(item.split("=", 1) for item in args.set)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "noveum-gateway"))
    parser.add_argument("--cases", default="genai,small")
    parser.add_argument("--durability", default="fsync,memory", help="journal.durability values to run")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the spans")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--tmp", default=None, help="where the journal goes")
    parser.add_argument("-o", "--output", default=str(ROOT / "build" / "bench.json"))
    parser.add_argument("--keep", metavar="NAME", help="keep the results of a whole run as bench/history/NAME.json")
    args = parser.parse_args()
    args.program = str(pathlib.Path(args.program).resolve())  # it runs in a folder of its own
    if args.keep and (args.scale != 1.0 or not all(c.isalnum() or c in ".-" for c in args.keep)):
        parser.error("--keep takes a release's name and a run at full scale")
    subprocess.run(["cmake", "--build", str(ROOT / "build" / "release"), "--target", "bench-loadgen", "bench-sink"],
                   check=True, stdout=subprocess.DEVNULL)
    results, kept = [], head(args) if args.keep else None
    collector = os.environ.get("NOVEUM_BENCH_OTELCOL")
    collector = str(pathlib.Path(collector).resolve()) if collector else None
    for case in args.cases.split(","):
        for durability in args.durability.split(","):
            settings = {"journal.durability": durability, **dict(item.split("=", 1) for item in args.set)}
            results.append(run_case(f"noveum-{durability}", case, args.program, args, settings))
        if collector:
            results.append(run_case("otelcol", case, collector, args, {}))
    show(results)
    pathlib.Path(args.output).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if kept is not None:
        (ROOT / "bench" / "history" / f"{args.keep}.json").write_text(json.dumps({**kept, "results": results}, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["exact"] and row["bad"] == 0 for row in results) else 1


if __name__ == "__main__":
    sys.exit(main())
