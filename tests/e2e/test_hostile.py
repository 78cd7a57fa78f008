"""Honest and hostile clients at once, a backend that flaps, SIGKILL again and again.

Honest senders send whole traces and measure how long an acknowledgement takes; hostile ones send
every request of hostile.py and hostile_work.py in turn; the backend changes its mind every few seconds; the program is
killed and started again. Nothing that was acknowledged to an honest sender may be lost, its p99 of
acknowledgements stays under a second, and the process stays under the memory that it was given.
Short in every run; NOVEUM_SOAK=1 makes it an hour with a kill every minute.
"""
import collections
import gzip
import http.client
import os
import random
import signal
import threading
import time

import pytest

import hostile_work
import test_memory
from backend import Backend, Fault
from conftest import SLOW, TIME
from otlp import post
from test_crash import Load, Sender

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
SECONDS = 3600 if SOAK else 20
KILL_EVERY_S = 60 if SOAK else 6
FLAP_EVERY_S = (2, 8) if SOAK else (0.5, 1.5)
HOSTILE_PAUSE_S = 0.5 if SOAK else 0.2
MEMORY_MAX = 256 << 20
SIZES = (50_000, 300_000, 1_500_000)  # bytes of a request, decompressed

MOODS = [
    Fault(), Fault(), Fault(),
    Fault(status=503, headers={"Retry-After": "1"}),
    Fault(status=429, headers={"Retry-After": "1"}),
    Fault(status=500),
    Fault(reset=True),
    Fault(delay_s=1.5),
]


class Keeper(Backend):
    """Keeps which spans it has, not the documents: an hour of them is too much to hold."""

    def __init__(self):
        super().__init__()
        self.spans, self.seen, self.again = set(), set(), 0

    def take(self, handler, raw):
        super().take(handler, raw)
        with self.lock:
            self.bodies.clear()
            self.traces.clear()

    def store(self, doc):
        for trace in doc["traces"]:
            if trace["trace_id"] in self.seen:
                self.again += 1
                continue
            self.seen.add(trace["trace_id"])
            source = trace["otel"]["trace_id"]
            self.spans.update((source, span["span_id"]) for span in trace["spans"])


class TimedSender(Sender):
    """An honest sender that notes how long each acknowledgement took."""

    def attempt(self, body):
        begin = time.monotonic()
        status = super().attempt(body)
        if status == 200:
            self.load.took_s.append(time.monotonic() - begin)
        return status


class HonestLoad(Load):
    def __init__(self, gateway):
        super().__init__(gateway, pause_s=0.1)
        self.took_s = []
        self.senders = [TimedSender(self, i) for i in range(4)]


def every(ending, pause, step):
    """Runs `step` until the end, with pauses of pause() seconds."""
    def run():
        while not ending.wait(pause()):
            step()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class Memory:
    """The largest resident size seen of the running process, in bytes."""

    def __init__(self, gateway):
        self.gateway, self.peak = gateway, 0

    def look(self):
        try:
            with open(f"/proc/{self.gateway.process.pid}/status", encoding="ascii") as file:
                text = file.read()
        except OSError:
            return
        for line in text.splitlines():
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) << 10)


def hostile_requests():
    """(body, headers) of every hostile request in an order of its own: long to work on, large to hold."""
    makes = [lambda make=make: [make()] for make in hostile_work.CASES.values()]
    makes += [lambda make=make: [(gzip.compress(body, 1), hostile_work.HEADERS)
                                 for body in make(random.choice(SIZES))]
              for make in test_memory.INPUTS.values()]
    random.shuffle(makes)
    return (request for make in makes for request in make())


class Hostile:
    """Sends the hostile requests in turn, in an order of its own, each by a connection of its own.

    What is answered does not matter; that the program lives on does.
    """

    def __init__(self, gateway):
        self.gateway, self.sent, self.answers = gateway, 0, collections.Counter()
        self.turn = iter(())

    def send(self):
        request = next(self.turn, None)
        if request is None:
            self.turn = hostile_requests()
            return
        body, headers = request
        try:
            status, _, _ = post(self.gateway.ports.get("http"), body, headers=headers, timeout=10)
        except (OSError, http.client.HTTPException, TypeError) as error:
            status = type(error).__name__
        self.sent += 1
        self.answers[status] += 1


class Flapping:
    """Gives the backend another mood every few seconds."""

    def __init__(self, backend):
        self.backend = backend

    def change(self):
        with self.backend.lock:
            self.backend.always = random.choice(MOODS)


def wait_delivered(backend, wanted, timeout):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with backend.lock:
            missing = len(wanted - backend.spans)
        if not missing:
            return 0
        time.sleep(0.5)
    return missing


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@pytest.fixture
def keeper():
    server = Keeper()
    yield server
    server.close()


def test_honest_clients_beside_hostile_ones(make_gateway, keeper):
    gateway = make_gateway(
        {"memory.max_bytes": MEMORY_MAX, "stop.deadline_ms": 5000},
        {"NOVEUM_API_KEY": keeper.key, "NOVEUM_ENDPOINT": keeper.url, "NOVEUM_PROJECT": "soak"})
    ending = threading.Event()
    load, enemy = HonestLoad(gateway).start(), Hostile(gateway)
    memory, flapping = Memory(gateway), Flapping(keeper)
    helpers = [every(ending, lambda: HOSTILE_PAUSE_S, enemy.send),
               every(ending, lambda: random.uniform(*FLAP_EVERY_S), flapping.change),
               every(ending, lambda: 0.1, memory.look)]
    kills, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(KILL_EVERY_S)
        memory.look()
        assert gateway.process.poll() is None, gateway.stderr()
        assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
        gateway.start()
        kills += 1
    ending.set()
    for helper in helpers:
        helper.join(TIME)
    with keeper.lock:
        keeper.always = None
    load.finish()
    lost = wait_delivered(keeper, load.acknowledged, 8 * TIME)
    p99 = percentile(load.took_s, 0.99)
    print(f"{SECONDS} s, {kills} kills, {len(load.acknowledged)} spans acknowledged, {lost} lost, "
          f"{keeper.again} traces again, p99 of acknowledgements {p99:.3f} s of {len(load.took_s)}, "
          f"hostile {enemy.sent} {dict(enemy.answers)}, refusals {dict(load.answers)}, "
          f"memory {memory.peak >> 20} MiB")
    assert lost == 0
    assert enemy.sent > 5 * kills
    assert not keeper.schema_errors, keeper.schema_errors[:5]
    assert p99 < SLOW
    assert SLOW > 1 or memory.peak <= MEMORY_MAX  # a sanitizer's own memory counts too
    gateway.assert_balanced()
