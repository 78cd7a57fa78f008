#!/usr/bin/env python3
"""make bench: the release build under fixed loads, with what it cost printed and kept.

Starts the counting sink, then the gateway, sends a fixed number of spans in a closed loop over 8
connections, waits until the sink has them all, and reports the gateway's CPU time a span (utime +
stime of the process, from just before the load until the last delivery) and by which threads, spans a
second, latency of the acknowledgements, memory, and whether delivered equals accepted. Every run is a
fresh process. Where there are two processors the gateway has one, load and sink have the other.

With NOVEUM_BENCH_OTELCOL naming a Collector's program, that runs the same cases in the same run
(otlp receiver, groupbytrace where it has it, batch, otlphttp with JSON and gzip: the nearest to the
same work) and the ratio is printed. What starting costs, the binary's size, and what each stage takes
alone come after. Results go to build/bench.json as well, with --keep NAME also to
bench/history/NAME.json, in the form of bench/history/README.md.

Needs only Python's standard library; for instructions beside times valgrind.
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
BASE = ["-s", "genai", "-b", "64"]
CASES = {
    # name: what bench-loadgen is told, spans in all, options of the gateway, the case that the Collector is compared in
    "genai": (BASE, 100_000, {}, "genai"),
    "small": (["-s", "small", "-b", "512"], 300_000, {}, "small"),
    "gzip": ([*BASE, "-z"], 100_000, {}, "gzip"),
    "json": ([*BASE, "-j"], 100_000, {}, "json"),
    "spread": ([*BASE, "-p"], 100_000, {}, "spread"),
    "chat": (["-s", "chat", "-b", "16"], 20_000, {}, "chat"),
    "tools": (["-s", "tools", "-b", "16"], 20_000, {}, "tools"),
    "fsync": (BASE, 100_000, {"journal.durability": "fsync"}, "genai"),
    "memory": (BASE, 100_000, {"journal.durability": "memory"}, "genai"),
    "unmasked": (BASE, 100_000, {"redaction.secrets": "false"}, "genai"),
    "paced": ([*BASE, "-r", "10000"], 60_000, {}, None),
    "minute": ([*BASE, "-r", "40000"], 2_400_000, {}, None),
}
SPANS_A_TRACE = 8  # of every shape
STARTS = 9


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


def pss_kb(pid):
    """Resident memory of a process: all, its share of what others map too, and what is its alone."""
    rows = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        key, value = line.split(":")
        rows[key] = int(value.split()[0])
    return rows


def thread_ns(pid):
    """CPU time of each thread that lives, by its id: (name, ns)."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text(encoding="utf-8").strip()
            found[task.name] = (name, int((task / "schedstat").read_text(encoding="ascii").split()[0]))
        except OSError:
            continue  # it has just ended
    return found


class Pinned:
    """What is started inside has processor `number` alone, where there are two."""

    def __init__(self, number):
        self.all = os.sched_getaffinity(0)
        self.mine = {sorted(self.all)[number]} if len(self.all) > 1 else self.all

    def __enter__(self):
        os.sched_setaffinity(0, self.mine)

    def __exit__(self, *_):
        os.sched_setaffinity(0, self.all)


def wait_until(condition, seconds, what, pause=0.02):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(pause)
    raise RuntimeError(f"{what} took longer than {seconds} s")


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def answers(url):
    """Is the reply 200? By a bare socket: urllib takes longer than the gateway to start."""
    host, path = url.removeprefix("http://").split("/", 1)
    name, port = host.split(":")
    try:
        with socket.create_connection((name, int(port)), 0.5) as sock:
            sock.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
            return b" 200 " in sock.recv(64)
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


def start(name, program, folder, sink_port, port, settings):
    """The command of a system and what tells that it is ready: a URL, or None for its port alone."""
    if name == "otelcol":
        return collector_command(program, folder, sink_port, port), None
    return gateway_command(program, folder, sink_port, port, settings)


def run_case(name, case, program, args, settings):
    load, spans, options, _ = CASES[case]
    batch = int(load[load.index("-b") + 1]) * (8 if "-p" in load else 1)
    spans = max(batch, int(spans * args.scale) // batch * batch)
    release = ROOT / "build" / "release"
    folder = tempfile.mkdtemp(prefix="noveum-bench-", dir=args.tmp)
    environment = {**os.environ, "NOVEUM_API_KEY": "bench-key", "HOME": folder}
    log_path = ROOT / "build" / f"bench-{name}-{case}.log"
    try:
        with open(log_path, "wb") as log, Process([release / "bench-sink"], stdout=subprocess.PIPE, stderr=log) as sink:
            os.sched_setaffinity(sink.pid, Pinned(-1).mine)
            sink_port = int(sink.child.stdout.readline().split()[1])
            port = free_port()
            command, ready = start(name, program, folder, sink_port, port, {**settings, **options})
            with Pinned(0):
                started = time.monotonic()
                gateway = Process(command, env=environment, stdout=log, stderr=log, cwd=folder)
            with gateway:
                wait_until(lambda: gateway.child.poll() is not None or (answers(ready) if ready else connects(port)),
                           30, f"{name} to be ready", 0.0005)
                if gateway.child.poll() is not None:
                    raise RuntimeError(f"{name} did not start, see {log_path}")
                result = {"system": name, "case": case, "ready_ms": round((time.monotonic() - started) * 1000, 1)}
                time.sleep(1.0)
                result["idle_rss_mb"] = round(memory_mb(gateway.pid, "VmRSS"), 1)
                measure(result, gateway, release, sink_port, port, [*load, "-n", str(spans)])
                return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def send(release, port, load):
    with Pinned(-1):
        child = subprocess.Popen([release / "bench-loadgen", *load, "127.0.0.1", str(port)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with child:
        try:
            out, err = child.communicate(timeout=300)
        finally:
            child.kill()
    if not out:
        raise RuntimeError(err.strip())
    return json.loads(out)


def by_thread(before, after, cpu, accepted):
    """us a span of threads by name; `ended`: of those that are no more."""
    names, known = {}, 0
    for thread, (name, ns) in after.items():
        used = ns - before.get(thread, (name, 0))[1]
        known += used
        names[name] = names.get(name, 0) + used
    names["ended"] = max(0, cpu * 1e9 - known)
    return {name: round(ns / 1e3 / max(1, accepted), 2) for name, ns in sorted(names.items(), key=lambda item: -item[1])
            if ns / 1e3 / max(1, accepted) >= 0.05}


def measure(result, gateway, release, sink_port, port, load):
    stats_url = f"http://127.0.0.1:{sink_port}/stats"
    threads = thread_ns(gateway.pid)
    before, start_s = cpu_seconds(gateway.pid), time.monotonic()
    sent = send(release, port, load)
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
    delivery = stats["last_ns"] / 1e9 - start_s
    result.update(
        accepted=sent["accepted"], delivered=stats["spans"], exact=stats["spans"] == sent["accepted"],
        whole=stats["traces"] * SPANS_A_TRACE == sent["accepted"],
        bad=stats["bad"], busy=sent["busy"], refused=sent["refused"],
        cpu_us_per_span=round(cpu / max(1, sent["accepted"]) * 1e6, 2),
        threads=by_thread(threads, thread_ns(gateway.pid), cpu, sent["accepted"]),
        accepted_per_s=sent["spans_per_s"], delivered_per_s=round(stats["spans"] / max(delivery, 1e-9)),
        p50_ms=sent["p50_ms"], p99_ms=sent["p99_ms"], p999_ms=sent["p999_ms"], max_ms=sent["max_ms"],
        peak_rss_mb=round(memory_mb(gateway.pid, "VmHWM"), 1),
        bytes_in_per_span=sent["bytes_per_span"],
        bytes_out_per_span=round(stats["wire_bytes"] / max(1, stats["spans"])),
        json_per_span=round(stats["raw_bytes"] / max(1, stats["spans"])),
    )


# ---- starting ---------------------------------------------------------------------------------

def one_start(name, program, settings):
    folder = tempfile.mkdtemp(prefix="noveum-bench-")
    try:
        port = free_port()
        command, ready = start(name, program, folder, free_port(), port, settings)
        environment = {**os.environ, "NOVEUM_API_KEY": "bench-key", "HOME": folder}
        with Pinned(0):
            began = time.monotonic()
            process = Process(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        with process:
            wait_until(lambda: process.child.poll() is not None or (answers(ready) if ready else connects(port)), 30,
                       f"{name} to be ready", 0.0005)
            ready_ms, cpu = (time.monotonic() - began) * 1000, sum(ns for _, ns in thread_ns(process.pid).values())
            time.sleep(0.5)
            rows = pss_kb(process.pid)
            return ready_ms, cpu / 1e6, rows["Rss"], rows["Pss"], rows["Anonymous"], len(thread_ns(process.pid))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def starts(name, program, settings):
    """Medians of some starts, idle."""
    rows = sorted(one_start(name, program, settings) for _ in range(STARTS))
    middle = [sorted(column)[STARTS // 2] for column in zip(*rows)]
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, program], check=True)
        size = os.stat(file.name).st_size
    return {"system": name, "ready_ms": round(middle[0], 1), "ready_best_ms": round(rows[0][0], 1), "cpu_ms": round(middle[1], 1),
            "rss_mb": round(middle[2] / 1024, 1), "pss_mb": round(middle[3] / 1024, 1), "anonymous_mb": round(middle[4] / 1024, 1),
            "threads": middle[5], "stripped_bytes": size}


# ---- what is printed --------------------------------------------------------------------------

COLUMNS = [("system", 14), ("case", 9), ("cpu_us_per_span", 8), ("ratio", 6), ("accepted_per_s", 10), ("delivered_per_s", 8),
           ("p50_ms", 7), ("p99_ms", 8), ("p999_ms", 8), ("idle_rss_mb", 7), ("peak_rss_mb", 7), ("bytes_in_per_span", 7),
           ("json_per_span", 7), ("bytes_out_per_span", 7), ("exact", 5), ("whole", 5)]
TITLES = {"cpu_us_per_span": "us/span", "accepted_per_s": "accepted/s", "delivered_per_s": "deliv/s", "idle_rss_mb": "idle MB",
          "peak_rss_mb": "peak MB", "bytes_in_per_span": "inB/sp", "json_per_span": "jsonB", "bytes_out_per_span": "outB/sp"}


def add_ratio(row, results):
    """How many times fewer CPU seconds a span than the Collector, in the case that is its equal."""
    peers = [r for r in results if r["system"] == "otelcol" and r["case"] == CASES[row["case"]][3]]
    if row["system"] != "otelcol" and peers and row["cpu_us_per_span"] > 0:
        row["ratio"] = round(peers[0]["cpu_us_per_span"] / row["cpu_us_per_span"], 1)


def show_table(rows, columns):
    print(" ".join(TITLES.get(key, key).rjust(width) for key, width in columns))
    for row in rows:
        print(" ".join(str(row.get(key, "")).rjust(width) for key, width in columns), flush=True)


def show(results):
    for row in results:
        add_ratio(row, results)
    show_table(results, COLUMNS)
    print("\nCPU by thread, us a span")
    for row in results:
        if row["system"] != "otelcol":
            print(f"  {row['system']}, {row['case']}: " + ", ".join(f"{name} {us}" for name, us in row["threads"].items()))
    for row in results:
        if row["case"] == "minute":
            print(f"\n10,000 traces of {SPANS_A_TRACE} spans a second would take {row['cpu_us_per_span'] * 1e4 * SPANS_A_TRACE / 1e6:.2f} "
                  f"processors, from what {row['accepted_per_s']:,} spans a second took")


def show_stages(args):
    """What bench-stages says, with instructions beside it where there is valgrind."""
    import instructions  # pylint: disable=import-outside-toplevel  # it uses this module
    for shape in args.stages.split(","):
        with Pinned(0):
            done = subprocess.run([ROOT / "build/release/bench-stages", shape, "1"], capture_output=True, text=True, check=True)
        counts = instructions.stages(ROOT, shape) if shutil.which("valgrind") else {}
        print(f"\nStages alone, {shape}: us and instructions a span")
        for line in done.stdout.splitlines():
            print(f"  {line}" + (f" {counts[line.split()[0]]:12,.0f}" if line.split()[0] in counts else ""), flush=True)


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


def median_of(runs):
    """The run in the middle by CPU time, with what the others took."""
    runs = sorted(runs, key=lambda row: row["cpu_us_per_span"])
    row = runs[len(runs) // 2]
    if len(runs) > 1:
        row["cpu_us_runs"] = [other["cpu_us_per_span"] for other in runs]
    row["exact"] = all(other["exact"] for other in runs)
    row["whole"] = all(other["whole"] for other in runs)
    row["bad"] = sum(other["bad"] for other in runs)
    return row


def run_all(args, collector):
    rows = {}
    for _ in range(args.repeat):  # the systems in turn, so that a machine that slows down does so for both
        for case in args.cases.split(","):
            for durability in args.durability.split(","):
                settings = {"journal.durability": durability, **dict(item.split("=", 1) for item in args.set)}
                name = f"noveum-{CASES[case][2].get('journal.durability', durability)}"
                rows.setdefault((name, case), []).append(run_case(name, case, args.program, args, settings))
            if collector and CASES[case][3] == case:
                rows.setdefault(("otelcol", case), []).append(run_case("otelcol", case, collector, args, {}))
    return [median_of(runs) for runs in rows.values()]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "noveum-gateway"))
    parser.add_argument("--cases", default=",".join(CASES), help="of " + ", ".join(CASES))
    parser.add_argument("--durability", default="os", help="journal.durability values to run each case with")
    parser.add_argument("--repeat", type=int, default=1, help="run all so often and keep the medians")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the spans")
    parser.add_argument("--stages", default="genai,small", help="shapes of bench-stages, or nothing")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--tmp", default=None, help="where the journal goes")
    parser.add_argument("-o", "--output", default=str(ROOT / "build" / "bench.json"))
    parser.add_argument("--keep", metavar="NAME", help="keep the results of a whole run as bench/history/NAME.json")
    args = parser.parse_args()
    args.program = str(pathlib.Path(args.program).resolve())  # it runs in a folder of its own
    if args.keep and (args.scale != 1.0 or not all(c.isalnum() or c in ".-" for c in args.keep)):
        parser.error("--keep takes a release's name and a run at full scale")
    unknown = [case for case in args.cases.split(",") if case not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]}: there are {', '.join(CASES)}")
    return args


def main():
    args = parse()
    subprocess.run(["cmake", "--build", str(ROOT / "build" / "release"), "--target", "bench-loadgen", "bench-sink", "bench-stages"],
                   check=True, stdout=subprocess.DEVNULL)
    kept = head(args) if args.keep else None
    collector = os.environ.get("NOVEUM_BENCH_OTELCOL")
    collector = str(pathlib.Path(collector).resolve()) if collector else None
    results = run_all(args, collector)
    show(results)
    idle = [starts(f"noveum-{args.durability.split(',', maxsplit=1)[0]}", args.program, {})]
    if collector:
        idle.append(starts("otelcol", collector, {}))
    print(f"\nStarting, medians of {STARTS}")
    show_table(idle, [(key, max(len(key), 14 if key == "system" else 8)) for key in idle[0]])
    if args.stages:
        show_stages(args)
    pathlib.Path(args.output).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if kept is not None:
        kept |= {"starts": idle, "results": results}
        (ROOT / "bench" / "history" / f"{args.keep}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0 if all(row["exact"] and row["bad"] == 0 and (row["whole"] or row["system"] == "otelcol") for row in results) else 1


if __name__ == "__main__":
    sys.exit(main())
