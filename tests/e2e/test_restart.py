"""Nothing that was acknowledged is lost, however often the gateway is killed or stopped under load.

Eight senders post traces of five spans, each in two requests, and repeat a request until it is
acknowledged. Short here; NOVEUM_TEST_KILLS=50 makes the long form (make soak).
"""
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from conftest import SLOW, TIME
from otlp import Trace, post

KILLS = int(os.environ.get("NOVEUM_TEST_KILLS", "4"))
STOPS = max(2, KILLS * 2 // 5)
SENDERS = 8
PAUSE_S = 0.02 * SLOW


class Sender:
    """One client: remembers what was acknowledged to it."""

    def __init__(self, port, stopping):
        self.port = port
        self.stopping = stopping
        self.acked = {}  # span id (hex) -> trace's id as the backend shows it
        self.faults = []

    def run(self):
        while not self.stopping.is_set():
            trace = Trace("load")
            root = trace.span("root")
            spans = [trace.span(f"s{i}", parent=root) for i in range(4)]
            self.deliver(trace, spans[:3])
            self.deliver(trace, [spans[3], root])
            time.sleep(PAUSE_S)

    def deliver(self, trace, spans):
        """Repeats a request until it is acknowledged, as an SDK would for as long as it may."""
        body = trace.request(spans)
        deadline = time.monotonic() + TIME
        while time.monotonic() < deadline:
            try:
                status, _, _ = post(self.port, body, timeout=5)
            except OSError:
                time.sleep(0.02)
                continue
            if status == 200:
                self.acked.update({span.span_id.hex(): trace.uuid for span in spans})
                return
            if status not in (429, 502, 503, 504):
                self.faults.append(status)
                return
            time.sleep(0.02)
        self.faults.append("never acknowledged")


def send_until_told(port):
    """The body of the senders' process: ends when its input does, then prints what it knows."""
    stopping = threading.Event()
    senders = [Sender(port, stopping) for _ in range(SENDERS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stopping.set()
    for thread in threads:
        thread.join()
    acked = {}
    for sender in senders:
        acked.update(sender.acked)
    json.dump({"acked": acked, "faults": [f for sender in senders for f in sender.faults]},
              sys.stdout)


class Load:
    """The senders in a process of their own: beside the backend's threads they would slow it."""

    def __init__(self, port):
        self.acked, self.faults = {}, []
        self.process = subprocess.Popen([sys.executable, __file__, str(port)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop(self):
        out, _ = self.process.communicate(timeout=4 * TIME)
        told = json.loads(out)
        self.acked, self.faults = told["acked"], told["faults"]


def delivered(backend):
    """span id -> trace ids it was stored under."""
    found = {}
    with backend.lock:
        for trace_id, trace in backend.traces.items():
            for span in trace["spans"]:
                found.setdefault(span["span_id"], []).append(trace_id)
    return found


def wait_delivered(backend, load, timeout):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if load.acked.keys() <= delivered(backend).keys():
            return
        time.sleep(0.2)


def check(backend, load):
    found = delivered(backend)
    lost = [span for span in load.acked if span not in found]
    assert not lost, f"{len(lost)} of {len(load.acked)} acknowledged spans are lost"
    assert load.faults == []
    assert backend.schema_errors == []
    twice = [span for span, traces in found.items() if len(traces) > 1]
    assert not twice, f"{len(twice)} spans stand in two traces"
    again = sum(backend.traces[trace]["span_count"] for trace in backend.duplicates)
    return again / len(load.acked)


@pytest.mark.parametrize("durability", ["fsync", "os"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_restarts_under_load_lose_nothing(make_gateway, backend, how, durability):
    # What the backend has stored and not answered comes again: its threads must not make that long.
    sys.setswitchinterval(0.0002)
    environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                   "NOVEUM_PROJECT": "e2e"}
    gateway = make_gateway({"journal.durability": durability}, environment)
    gateway.settings["receiver.http.listen"] = f"127.0.0.1:{gateway.port}"
    load = Load(gateway.port)
    slowest = 0
    for _ in range(KILLS if how == signal.SIGKILL else STOPS):
        time.sleep(random.uniform(0.5, 1.5) * SLOW)
        code = gateway.stop(how)
        assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0), gateway.stderr()
        began = time.monotonic()
        gateway.start()
        slowest = max(slowest, time.monotonic() - began)
    time.sleep(0.5 * SLOW)
    load.stop()
    wait_delivered(backend, load, TIME)
    extra = check(backend, load)
    print(f"{how.name} {durability}: {len(load.acked)} acknowledged, 0 lost, "
          f"{100 * extra:.2f} % again, slowest start {slowest:.3f} s")
    # Extra is the rate times the milliseconds between the backend's storing and our noting it: on a
    # busy machine those are spent waiting for a processor.
    busy = os.getloadavg()[0] > os.cpu_count()
    assert extra <= (0.03 if busy or KILLS < 20 else 0.01)
    assert slowest <= 0.5 * SLOW + 1
    gateway.assert_balanced()
    gateway.wait_status(lambda status: status["spans"]["held"] == 0)


if __name__ == "__main__":
    send_until_told(int(sys.argv[1]))
