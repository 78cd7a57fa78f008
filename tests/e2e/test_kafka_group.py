"""A group of three assemblers over a real broker of Apache Kafka: one is killed and one stopped while spans come in by two
receivers, and each is replaced. Every trace arrives whole and once.

NOVEUM_SOAK=1, with Java and Maven (or the jars in build/kafka): it starts a broker and takes a minute or two. librdkafka's
mock does not get through a rebalance of two members.
"""
import os
import signal
import threading

import pytest

from conftest import TIME
from kafka_broker import create_topic, started
from kafka_mock import library
from otlp import Trace, post

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
TRACES = 400
pytestmark = [pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)"),
              pytest.mark.skipif(not SOAK, reason="starts a broker on Java: NOVEUM_SOAK=1")]


@pytest.fixture
def broker():
    yield from started(4)


@pytest.fixture
def make_role(make_gateway, broker, backend):
    def make(role, settings=None, **options):
        return make_gateway({"role": role, "kafka.brokers": broker.brokers, "assembly.quiet_ms": 3000,
                             "assembly.open_ms": 60000, "kafka.properties.session.timeout.ms": 6000,
                             "kafka.properties.heartbeat.interval.ms": 1000, **(settings or {})},
                            environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                         "NOVEUM_PROJECT": "e2e"}, **options)
    return make


def send(receivers, traces, pause):
    """Each trace in two requests, one to each receiver; a 503 comes again."""
    for trace in traces:
        root = trace.span("root")
        first = [root] + [trace.span(f"a{i}", parent=root) for i in range(3)]
        second = [trace.span(f"b{i}", parent=root) for i in range(4)]
        for receiver, spans in zip(receivers, (first, second)):
            while post(receiver.port, trace.request(spans))[0] != 200:
                pause.wait(0.5)
        pause.wait(0.1)


def test_members_come_and_go(make_role, backend):
    receivers = [make_role("receive") for _ in range(2)]
    members = [make_role("assemble") for _ in range(3)]
    traces, pause = [Trace() for _ in range(TRACES)], threading.Event()
    threads = [threading.Thread(target=send, args=(receivers, traces[i::4], pause)) for i in range(4)]
    for thread in threads:
        thread.start()
    backend.wait_traces(TRACES // 20, TIME + 60)
    members.pop(0).stop(signal.SIGKILL)
    members.append(make_role("assemble"))
    backend.wait_traces(TRACES // 4, TIME + 60)
    assert members.pop(0).stop() == 0
    members.append(make_role("assemble"))
    for thread in threads:
        thread.join()
    backend.wait_traces(TRACES, TIME + 120)
    assert {trace.uuid: 8 for trace in traces} == {uuid: len(trace["spans"]) for uuid, trace in backend.traces.items()}
    for member in members:
        member.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 30)
        member.assert_balanced()
    assert [gateway.stop() for gateway in members + receivers] == [0] * 5


REFUSED = {
    "traces_topic": [({"cleanup.policy": "compact"}, "kafka.traces_topic: topic \"traces_topic-0\": cleanup.policy=compact destroys traces"),
                     ({"retention.ms": 60000}, "retention.ms=60000 is shorter than assembly.max_wait_ms"),
                     ({"partitions": 3}, "3 partitions")],
    "logs_topic": [({"cleanup.policy": "compact,delete"}, "kafka.logs_topic: topic \"logs_topic-0\": cleanup.policy=compact destroys traces")],
    "delivered_topic": [({}, "is not compacted; set cleanup.policy=compact,delete")],
}


def test_topics_that_would_lose_traces_are_refused(make_role, broker):
    for option, cases in REFUSED.items():
        for number, (settings, said) in enumerate(cases):
            topic = f"{option}-{number}"
            settings = dict(settings)
            create_topic(broker.brokers, topic, settings.pop("partitions", 4), settings)
            gateway = make_role("assemble", {f"kafka.{option}": topic}, start=False).start(wait=False)
            assert gateway.wait_exit() == 1
            assert said in gateway.stderr(), gateway.stderr()
    # a receiver does not know what assemblers wait for
    gateway = make_role("receive", {"kafka.traces_topic": "traces_topic-1"})
    assert gateway.stop() == 0
