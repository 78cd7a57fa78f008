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
from kafka_broker import Broker
from kafka_mock import library
from otlp import Trace, post

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
TRACES = 400
pytestmark = [pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)"),
              pytest.mark.skipif(not SOAK, reason="starts a broker on Java: NOVEUM_SOAK=1")]


@pytest.fixture
def broker():
    reason = Broker.missing()
    if reason:
        pytest.skip(reason)
    made = Broker()
    yield made
    made.close()


@pytest.fixture
def make_role(make_gateway, broker, backend):
    def make(role, settings=None):
        return make_gateway({"role": role, "kafka.brokers": broker.brokers, "assembly.quiet_ms": 3000,
                             "assembly.open_ms": 60000, "kafka.properties.session.timeout.ms": 6000,
                             "kafka.properties.heartbeat.interval.ms": 1000, **(settings or {})},
                            environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                         "NOVEUM_PROJECT": "e2e"})
    return make


def make_topics(make_role):
    """The broker makes topics when a receiver asks for them."""
    make_role("receive", {"kafka.traces_topic": "noveum_delivered", "kafka.logs_topic": "otlp_spans_dead"}).stop()


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
    make_topics(make_role)
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
