"""Two gateways side by side, and upgrades: row F3 of the fault table.

Each gateway has a journal of its own. Senders stand for SDKs behind a balancer: a trace goes to one
gateway, and a request is sent again until it is answered 200, for ten seconds at most. What the
sender has to give up is a failure its user sees. Short in every run; NOVEUM_SOAK=1 makes it the 20
restarts of the row.
"""
import collections
import http.client
import os
import random
import signal
import socket
import threading
import time

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # nothing that is forked here uses it
import grpc  # noqa: E402
import pytest

from conftest import SLOW, TIME
from otlp import EXPORT, Trace
from test_crash import delivered, explain, wait_delivered

ROUNDS = 20 if os.environ.get("NOVEUM_SOAK") == "1" else 4
SENDERS = 4
GIVE_UP_S = 10 * SLOW  # an SDK's timeout for one export
CHANNEL = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
# A trace whose next request has to wait for a restart is still open then, also on a busy machine.
WAITS = {"assembly.open_ms": 20000 * SLOW}


class Sender(threading.Thread):
    """Sends traces of five spans in `parts` requests, each trace to one of the addresses."""

    def __init__(self, load, index):
        super().__init__(daemon=True)
        self.load, self.index = load, index
        self.connections = {}

    def run(self):
        number = self.index
        while not self.load.ending.is_set():
            number += 1
            self.send_trace(number)
            time.sleep(0.02)

    def send_trace(self, number):
        trace = Trace(service=f"sender-{self.index}")
        root = trace.span(f"root {number}")
        spans = [*(trace.span("step", parent=root, n=i) for i in range(4)), root]
        size = -(-len(spans) // self.load.parts)
        place = number % len(self.load.ports)
        for at in range(0, len(spans), size):
            place = self.send(trace, spans[at:at + size], place, bound=at > 0)

    def send(self, trace, spans, place, bound):
        """Until 200. Where a trace has begun (`bound`) it stays; a new one may go elsewhere."""
        body, end = trace.request(spans), time.monotonic() + GIVE_UP_S
        while time.monotonic() < end:
            answer = self.attempt(self.load.ports[place](), body)
            if answer == 200:
                self.load.acknowledge(trace, spans)
                return place
            self.load.answers[answer] += 1
            if not bound:
                place = (place + 1) % len(self.load.ports)
            time.sleep(0.02)
        self.load.failures.append((trace.trace_id.hex(), place))
        return place

    def attempt(self, port, body):
        if port is None:
            return "down"
        return self.call(port, body) if self.load.protocol == "grpc" else self.post(port, body)

    def call(self, port, body):
        if port not in self.connections:
            channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL)
            self.connections[port] = channel, channel.unary_unary(EXPORT)
        try:
            self.connections[port][1](body, timeout=5)
            return 200
        except grpc.RpcError as error:
            return error.code().name

    def post(self, port, body):
        try:
            if port not in self.connections:
                self.connections[port] = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection = self.connections[port]
            connection.request("POST", "/v1/traces", body,
                               {"Content-Type": "application/x-protobuf"})
            reply = connection.getresponse()
            reply.read()
            return reply.status
        except ConnectionRefusedError:
            self.connections.pop(port, None)
            return "refused"
        except (OSError, http.client.HTTPException):
            self.connections.pop(port, None)
            return "closed"


class Load:
    """The senders and what they were told. `ports`: functions that say where to send now."""

    def __init__(self, protocol, ports, parts):
        self.protocol, self.ports, self.parts = protocol, ports, parts
        self.lock = threading.Lock()
        self.acknowledged = set()
        self.answers = collections.Counter()
        self.failures = []
        self.ending = threading.Event()
        self.senders = [Sender(self, i) for i in range(SENDERS)]
        for sender in self.senders:
            sender.start()

    def acknowledge(self, trace, spans):
        with self.lock:
            self.acknowledged.update((trace.trace_id.hex(), s.span_id.hex()) for s in spans)

    def finish(self):
        self.ending.set()
        for sender in self.senders:
            sender.join(GIVE_UP_S + TIME)
        assert not any(sender.is_alive() for sender in self.senders)


def check(load, backend):
    """Nothing lost, nothing twice, no failure that a user sees, each trace whole and in one piece."""
    wait_delivered(backend, load.acknowledged, 4 * TIME)
    stored, again = delivered(backend)
    lost = load.acknowledged - stored
    print(f"{len(load.acknowledged)} acknowledged, {len(lost)} lost, {again} again, "
          f"{len(load.failures)} failures, seen on the way {dict(load.answers)}")
    assert not load.failures
    assert not lost, explain(backend, lost)
    assert again <= 0.001 * len(load.acknowledged)
    assert len(load.acknowledged) > 50 * ROUNDS / SLOW
    pieces = collections.Counter()
    for trace in backend.traces.values():
        pieces[trace["otel"]["trace_id"]] += 1
        assert trace["span_count"] == 5, trace
    assert set(pieces.values()) == {1}
    assert not backend.schema_errors and not backend.duplicates


def environment(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
            "NOVEUM_PROJECT": "rolling"}


def stop(gateway):
    assert gateway.stop(signal.SIGTERM) == 0, gateway.stderr()


def pause():
    time.sleep(random.uniform(0.3, 0.8))  # duration: a random moment


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_two_instances_restarted_in_turn(make_gateway, backend, directory, protocol):
    """Two ports, two journals: one is always there, and a trace of two requests waits for its own."""
    pair = [make_gateway({**WAITS, "journal.directory": str(directory / f"journal-{i}")},
                         environment(backend)) for i in range(2)]
    load = Load(protocol, [lambda g=g: g.ports.get(protocol) for g in pair], parts=2)
    for number in range(ROUNDS):
        gateway = pair[number % 2]
        pause()
        stop(gateway)
        gateway.ports = {}  # the balancer has seen that it is gone
        pause()
        gateway.start()
    pause()
    load.finish()
    check(load, backend)
    for gateway in pair:
        gateway.assert_balanced()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
@pytest.mark.parametrize("overlap", [False, True], ids=["one-after-the-other", "overlapping"])
def test_upgrade_with_the_socket_handed_over(make_gateway, backend, directory, overlap, protocol):
    """LISTEN_FDS: the socket outlives each process, so nobody is ever refused.

    One after the other they share a journal, and traces of two requests go on where they were.
    Overlapping, the new one has the other journal and the old one's open traces stay in its own until
    it is its turn again, so a trace is one request here.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        port = server.getsockname()[1]
        pair = [make_gateway({**WAITS, f"receiver.{protocol}.listen": f"127.0.0.1:{port}",
                              "journal.directory": str(directory / f"journal-{i * overlap}")},
                             {**environment(backend), "LISTEN_FDS": "1"}, start=False,
                             inherits=server.fileno()) for i in range(2)]
        pair[0].start()
        load = Load(protocol, [lambda: port], parts=1 if overlap else 2)
        for number in range(ROUNDS):
            old, new = pair[number % 2], pair[(number + 1) % 2]
            pause()
            if overlap:
                new.start()
                stop(old)
            else:
                stop(old)
                new.start()
        pause()
        load.finish()
        if overlap:
            pair[(ROUNDS + 1) % 2].start()  # what it had not sent yet
        check(load, backend)
        assert "refused" not in load.answers
        pair[ROUNDS % 2].assert_balanced()
