"""Long runs over a real broker of Apache Kafka: eight senders, traces of eight spans in two requests to two receivers, three
assemblers; members that are killed and stopped, a broker that is away for a minute, a rebalance every five seconds, and what
a span costs in the two roles against role all. Nothing that was acknowledged is lost, no trace is split.

NOVEUM_SOAK=1, with Java and Maven (or the jars in build/kafka): about ten minutes. NOVEUM_KAFKA_SPANS: spans of the first
run (200,000), the others have a fifth or a quarter of them.
"""
import collections
import os
import pathlib
import signal
import threading
import time

import pytest

from conftest import TIME
from kafka_broker import started
from kafka_mock import library
from otlp import Trace, post

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
SPANS = int(os.environ.get("NOVEUM_KAFKA_SPANS", "200000"))
SENDERS, EACH, AT_ONCE = 8, 8, 25
PACE = 4000  # spans a second, so that a run lasts long enough for what happens in it
AGAIN_MAX = 0.005  # of 200,000: a kill sends again what was on its way, however long the run is
pytestmark = [pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)"),
              pytest.mark.skipif(not SOAK, reason="starts a broker on Java and runs for minutes: NOVEUM_SOAK=1")]


@pytest.fixture
def broker():
    yield from started(12)


@pytest.fixture
def counting(backend):
    """Keeps the number of spans of each trace and no more: a run would fill the memory."""
    backend.bodies = collections.deque(maxlen=4)
    backend.again = 0
    backend.began, backend.kills = time.monotonic(), []
    backend.when = collections.Counter()  # spans that came again, by the tenth of a second of their first coming after the last kill

    def store(doc):
        now = time.monotonic() - backend.began
        for trace in doc["traces"]:
            first = backend.traces.get(trace["trace_id"])
            if first:
                backend.again += len(trace["spans"])
                backend.when[round(first["at"] - max([kill for kill in backend.kills if kill < now], default=0), 1)] += len(trace["spans"])
            else:
                backend.traces[trace["trace_id"]] = {"spans": range(len(trace["spans"])), "at": now}
    backend.store = store
    return backend


@pytest.fixture
def make_role(make_gateway, broker, backend):
    """The root comes last: what waits between two requests is bounded by open_ms alone. A member that is killed sends
    again at least what the backend was taking: here that is slow, so batches are small."""
    def make(role):
        settings = {"role": role, "assembly.quiet_ms": 3000, "assembly.open_ms": 300000, "exporter.noveum.batch_traces": 10}
        if role != "all":
            settings.update({"kafka.brokers": broker.brokers, "kafka.properties.session.timeout.ms": 6000,
                             "kafka.properties.heartbeat.interval.ms": 1000})
        return make_gateway(settings, environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                                   "NOVEUM_PROJECT": "e2e"})
    return make


class Load:
    """Senders that go on until every request was answered 200."""

    def __init__(self, receivers, spans, pace=PACE):
        self.receivers, self.pause = receivers, threading.Event()
        self.traces = [Trace() for _ in range(spans // EACH)]
        self.refused = 0
        self.threads = [threading.Thread(target=self.send, args=(self.traces[i::SENDERS], SENDERS * AT_ONCE * EACH / pace))
                        for i in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def post(self, receiver, body):
        while True:
            try:
                if post(receiver.port, body)[0] == 200:
                    return
            except OSError:
                pass
            self.refused += 1
            self.pause.wait(0.5)

    def send(self, traces, interval):
        due = time.monotonic()
        for at in range(0, len(traces), AT_ONCE):
            firsts, seconds = b"", b""  # requests one behind the other are one request of both
            for trace in traces[at:at + AT_ONCE]:
                root = trace.span("root")
                firsts += trace.request([trace.span(f"a{i}", parent=root) for i in range(EACH // 2)])
                seconds += trace.request([trace.span(f"b{i}", parent=root) for i in range(EACH // 2 - 1)] + [root])
            self.post(self.receivers[0], firsts)
            self.post(self.receivers[-1], seconds)
            due += interval
            self.pause.wait(max(0, due - time.monotonic()))

    def wait(self):
        for thread in self.threads:
            thread.join()


def check(backend, load, what, members, receivers):
    """Every acknowledged trace is there, whole, and little was sent again; the log is read to its end."""
    load.wait()
    try:
        backend.wait_traces(len(load.traces), TIME + 180)
    except AssertionError as error:
        print(error)
    wanted = {trace.uuid: EACH for trace in load.traces}
    found = {uuid: len(trace["spans"]) for uuid, trace in backend.traces.items()}
    lost = sum(uuid not in found for uuid in wanted)
    split = sum(found.get(uuid, EACH) != EACH for uuid in wanted) + sum(uuid not in wanted for uuid in found)
    spans = len(wanted) * EACH
    print(f"\n{what}: {spans} spans, {lost} traces lost, {split} split, {backend.again} spans sent again "
          f"({100 * backend.again / spans:.3f} %), {load.refused} requests refused and sent again; "
          f"first sent so many seconds after the last kill: {dict(sorted(backend.when.items()))}", flush=True)
    assert (lost, split) == (0, 0)
    assert backend.again <= AGAIN_MAX * spans
    for member in members:
        member.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 60)
        member.assert_balanced()
    assert [gateway.stop() for gateway in members + receivers] == [0] * (len(members) + len(receivers))


def test_members_are_killed_and_stopped(make_role, counting):
    receivers, members = [make_role("receive") for _ in range(2)], [make_role("assemble") for _ in range(3)]
    load = Load(receivers, SPANS)
    for share, how in ((0.15, signal.SIGKILL), (0.3, signal.SIGTERM), (0.45, signal.SIGKILL), (0.6, signal.SIGTERM)):
        counting.wait_traces(int(share * len(load.traces)), TIME + 300)
        print(f"{time.monotonic() - counting.began:.1f} s: {how.name}, {counting.again} sent again so far", flush=True)
        if how == signal.SIGKILL:
            counting.kills.append(time.monotonic() - counting.began)
        assert members.pop(0).stop(how) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        members.append(make_role("assemble"))
    check(counting, load, "one killed, one stopped, twice", members, receivers)


def test_a_broker_is_away_for_a_minute(make_role, counting, broker):
    receivers, members = [make_role("receive") for _ in range(2)], [make_role("assemble") for _ in range(3)]
    load = Load(receivers, SPANS // 5, PACE // 4)
    counting.wait_traces(len(load.traces) // 5, TIME + 120)
    broker.stop()
    load.pause.wait(60)
    broker.start()
    check(counting, load, "a broker away for 60 s", members, receivers)


def test_members_come_and_go_every_five_seconds(make_role, counting):
    receivers, members = [make_role("receive") for _ in range(2)], [make_role("assemble") for _ in range(3)]
    load = Load(receivers, SPANS // 5, SPANS / 5 / 120)
    end = time.monotonic() + 120
    rebalances = 0
    while time.monotonic() < end:
        members.append(make_role("assemble"))
        load.pause.wait(5)
        assert members.pop(0).stop() == 0
        load.pause.wait(5)
        rebalances += 2
    check(counting, load, f"{rebalances} rebalances in two minutes", members, receivers)


def cpu(gateways):
    """Seconds of processor that they have used."""
    ticks = 0
    for gateway in gateways:
        fields = pathlib.Path(f"/proc/{gateway.process.pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_what_a_span_costs(make_role, counting):
    costs = {}
    for what, roles in (("all", ["all"]), ("receive and assemble", ["receive", "assemble"])):
        gateways = [make_role(role) for role in roles]
        before, spans = cpu(gateways), SPANS // 4
        counting.traces.clear()
        load = Load(gateways[:1], spans, 1000000)
        load.wait()
        counting.wait_traces(len(load.traces), TIME + 180)
        costs[what] = (cpu(gateways) - before) / spans * 1e6
        assert [gateway.stop() for gateway in gateways] == [0] * len(gateways)
    print("\nCPU a span:", ", ".join(f"{what} {cost:.1f} us" for what, cost in costs.items()),
          f"({costs['receive and assemble'] / costs['all']:.2f} times)", flush=True)
    assert costs["receive and assemble"] <= 2.5 * costs["all"]  # a build for tests beside other work; bench/kafka.py measures (docs/scale.md)
