"""What was acknowledged arrives, whatever ends the program: SIGKILL and SIGTERM under load.

Eight senders send traces of five spans, each split over two requests, and send a request again until
it is answered 200, as an SDK does. The program is killed and started again and again. Short in every
run; NOVEUM_SOAK=1 makes it 50 and 20 restarts.
"""
import collections
import http.client
import os
import pathlib
import random
import signal
import threading
import time

import pytest

from conftest import SLOW, TIME
from otlp import Trace

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
SENDERS = 8


class Sender(threading.Thread):
    """Sends traces one after another to wherever the gateway listens now."""

    def __init__(self, load, index):
        super().__init__(daemon=True)
        self.load, self.index = load, index
        self.connection, self.port = None, None

    def run(self):
        number = 0
        while not self.load.ending.is_set():
            number += 1
            trace = Trace(service=f"sender-{self.index}")
            root = trace.span(f"root {number}")
            children = [trace.span("step", parent=root, **{"n": i}) for i in range(4)]
            for part in (children[:2], [*children[2:], root]):
                self.send(trace, part)
            time.sleep(self.load.pause_s)

    def send(self, trace, spans):
        body = trace.request(spans)
        while not self.load.given_up.is_set():
            status = self.attempt(body)
            if status == 200:
                return self.load.acknowledge(trace, spans)
            self.load.answers[status] += 1
            time.sleep(0.01)

    def attempt(self, body):
        port = self.load.gateway.ports.get("http")
        try:
            if self.connection is None or port != self.port:
                self.port = port
                self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            self.connection.request("POST", "/v1/traces", body,
                                    {"Content-Type": "application/x-protobuf"})
            reply = self.connection.getresponse()
            reply.read()
            return reply.status
        except (OSError, http.client.HTTPException, TypeError):
            self.connection = None
            return "no answer"


class Load:
    """The senders, and what was acknowledged to them: (trace id, span id) in hex."""

    def __init__(self, gateway, pause_s=0.02):
        self.gateway, self.pause_s = gateway, pause_s
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.answers = collections.Counter()
        self.ending, self.given_up = threading.Event(), threading.Event()
        self.senders = [Sender(self, i) for i in range(SENDERS)]

    def start(self):
        for sender in self.senders:
            sender.start()
        return self

    def acknowledge(self, trace, spans):
        with self.lock:
            self.acknowledged.update((trace.trace_id.hex(), s.span_id.hex()) for s in spans)

    def wait_more(self, spans):
        """Waits until so many more spans are acknowledged."""
        goal, deadline = len(self.acknowledged) + spans, time.monotonic() + 2 * TIME
        while len(self.acknowledged) < goal:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} acknowledged, {goal} wanted"
            time.sleep(0.02)

    def finish(self):
        """Lets each sender end its trace."""
        self.ending.set()
        for sender in self.senders:
            sender.join(TIME)
        self.given_up.set()
        assert not any(sender.is_alive() for sender in self.senders)


def delivered(backend):
    """(spans that the backend has, spans that came again): the first POST of a trace id wins."""
    with backend.lock:
        bodies = [doc for _, _, doc in backend.bodies if doc]
    stored, first, again = set(), set(), 0
    for trace in (trace for doc in bodies for trace in doc["traces"]):
        source = trace["otel"]["trace_id"]
        spans = {(source, span["span_id"]) for span in trace["spans"]}
        if trace["trace_id"] in first:
            again += len(spans)
        else:
            first.add(trace["trace_id"])
            again += len(spans & stored)
            stored |= spans
    return stored, again


def wait_delivered(backend, wanted, timeout):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if wanted <= delivered(backend)[0]:
            return
        time.sleep(0.2)


def explain(backend, lost):
    """What the backend got of the first few traces with a loss."""
    told = []
    with backend.lock:
        bodies = [doc for _, _, doc in backend.bodies if doc]
    for source in sorted({trace for trace, _ in lost})[:3]:
        told.append(f"lost of {source}: {[span for trace, span in lost if trace == source]}")
        told += [f"  {t['trace_id']} {t['attributes']} {[s['span_id'] for s in t['spans']]}"
                 for doc in bodies for t in doc["traces"] if t["otel"]["trace_id"] == source]
    return "\n".join(told)


def waited_s(task):
    """How long a thread could have run and had no processor; 0 where the kernel does not count it."""
    path = pathlib.Path(f"/proc/{task}/schedstat")
    return int(path.read_text(encoding="ascii").split()[1]) / 1e9 if path.exists() else 0.0


def restart(gateway, how, ready_s):
    """Ends the program, starts it again, notes how long it took to be ready, without its turns among others."""
    code = gateway.stop(how)
    assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0), gateway.stderr()
    gateway.ports = {}
    begin, before_s = time.monotonic(), waited_s("thread-self")
    gateway.start()
    ready_s.append(time.monotonic() - begin - (waited_s("thread-self") - before_s) - waited_s(gateway.process.pid))


@pytest.mark.parametrize("durability, encryption", [("fsync", "off"), ("os", "off"), ("fsync", "on")])
@pytest.mark.parametrize("how, rounds", [(signal.SIGKILL, 50 if SOAK else 5),
                                         (signal.SIGTERM, 20 if SOAK else 3)])
def test_restarts_lose_nothing(make_gateway, backend, durability, encryption, how, rounds):
    gateway = make_gateway(
        {"journal.durability": durability, "journal.encryption": encryption},
        {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "crash"})
    load, ready_s = Load(gateway).start(), []
    for _ in range(rounds):
        time.sleep(random.uniform(0.5, 3.0) if SOAK else random.uniform(0.3, 1.2))  # duration: a random moment
        restart(gateway, how, ready_s)
    load.wait_more(20)
    load.finish()
    acknowledged = load.acknowledged
    wait_delivered(backend, acknowledged, 4 * TIME)
    stored, again = delivered(backend)
    lost = acknowledged - stored
    print(f"{durability} encryption {encryption} {how.name}: {rounds} restarts, {len(acknowledged)} acknowledged, "
          f"{len(lost)} lost, {again} extra, slowest start {max(ready_s):.3f} s, "
          f"refusals {dict(load.answers)}")
    assert len(acknowledged) > 100 * rounds / SLOW
    assert not lost, explain(backend, lost)
    # what the backend had stored and not yet answered for when the program died comes again; a short
    # run on a busy machine says little of how much that is
    assert again <= (0.01 * len(acknowledged) if SOAK else 200 * SLOW * rounds)
    assert not backend.schema_errors
    # by the clock, so what else wants the processors counts: a start waits its turn among them
    crowd = 1 if SOAK else max(1, os.getloadavg()[0] / os.cpu_count())
    assert max(ready_s) <= 0.5 * SLOW * crowd
    gateway.assert_balanced()
