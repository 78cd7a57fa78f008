"""A Collector of stock modules (collector_stock.yaml has how it is built), on ports of its own choice."""
import json
import os
import pathlib
import re
import subprocess
import time

from conftest import ROOT, TIME, clean_environment

PROGRAM = os.environ.get("NOVEUM_STOCK_COLLECTOR", str(ROOT / "build/collector-stock/collector"))


def missing(part):
    """Why there is none with that component, or None."""
    if pathlib.Path(PROGRAM).exists():
        return None if f"name: {part}\n" in components() else f"{PROGRAM} has no {part}"
    return f"no Collector of stock modules at {PROGRAM}: tests/e2e/collector_stock.yaml says how it is built"


def listening(pid):
    """Ports that a process listens on, by its descriptors and /proc/net."""
    found = set()
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(entry))
        except OSError:
            continue
        if match:
            inodes.add(match.group(1))
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                found.add(int(columns[1].split(":")[1], 16))
    return found


def components():
    """What it says that it has."""
    return subprocess.run([PROGRAM, "components"], capture_output=True, text=True, timeout=TIME * 4, check=True, env=clean_environment()).stdout


class StockCollector:
    """One pipeline; `receiver` and `exporter` are (name, configuration)."""

    def __init__(self, directory, receiver, exporter):
        self.log = directory / f"collector-{time.monotonic_ns()}.log"
        self.config = self.log.with_suffix(".yaml")
        self.wants_port = receiver[0] == "otlp"
        self.config.write_text(json.dumps({
            "receivers": dict([receiver]), "exporters": dict([exporter]),
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"traces": {"receivers": [receiver[0]], "exporters": [exporter[0]]}}}}))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([PROGRAM, "--config", self.config], stdout=log, stderr=log, env=clean_environment())
        self.port = self.wait_ready()

    def wait_ready(self):
        """The port of its OTLP receiver, if it has one."""
        deadline = time.monotonic() + TIME * 4
        while time.monotonic() < deadline:
            text = self.log.read_text("utf-8")
            assert self.process.poll() is None, text[-4000:]
            if "Everything is ready" in text:
                return min(listening(self.process.pid)) if self.wants_port else None
            time.sleep(0.02)
        raise AssertionError(self.log.read_text("utf-8")[-4000:])

    def wait_log(self, text):
        deadline = time.monotonic() + TIME * 2
        while text not in self.log.read_text("utf-8"):
            assert time.monotonic() < deadline, self.log.read_text("utf-8")[-4000:]
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(TIME * 2)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


OTLP = ("otlp", {"protocols": {"http": {"endpoint": "127.0.0.1:0"}}})
