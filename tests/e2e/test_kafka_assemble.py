"""Roles receive and assemble over a mock cluster: what the receiver answered arrives whole at the backend, once,
also when the assembler is killed or stopped in between, and nothing is kept on its disk.

The mock's consumer groups do not get through a rebalance of two members; those need a real broker.
"""
import json
import signal

import pytest

from conftest import TIME
from kafka_mock import Cluster, library
from otlp import Trace, post_ok

pytestmark = pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)")
TOPICS = ("otlp_spans", "otlp_logs", "noveum_delivered", "otlp_spans_dead")


@pytest.fixture
def cluster():
    with Cluster(topics=TOPICS) as made:
        yield made


@pytest.fixture
def make_role(make_gateway, cluster, backend):
    """The mock keeps a killed member for its session: 6 s is the shortest that brokers take."""
    def make(role, settings=None):
        return make_gateway({"role": role, "kafka.brokers": cluster.brokers,
                             "kafka.properties.session.timeout.ms": 6000,
                             "kafka.properties.heartbeat.interval.ms": 500,
                             "assembly.quiet_ms": 3000, "assembly.open_ms": 60000, **(settings or {})},
                            environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                         "NOVEUM_PROJECT": "e2e"})
    return make


def send(gateway, traces):
    """Each trace in two requests of four spans, the second after all firsts: {uuid: number of spans}."""
    roots = {}
    for trace in traces:
        root = trace.span("root")
        roots[trace.uuid] = root
        post_ok(gateway.port, trace.request([root] + [trace.span(f"a{i}", parent=root) for i in range(3)]))
    for trace in traces:
        post_ok(gateway.port, trace.request([trace.span(f"b{i}", parent=roots[trace.uuid]) for i in range(4)]))


def check_whole(backend, traces):
    """Each trace is there with all its spans, and nothing else: a part would have an id of its own."""
    assert {trace.uuid: 8 for trace in traces} == {uuid: len(trace["spans"]) for uuid, trace in backend.traces.items()}


def test_traces_arrive_whole(make_role, backend, cluster):
    receiver, assembler = make_role("receive"), make_role("assemble")
    traces = [Trace() for _ in range(30)]
    send(receiver, traces)
    backend.wait_traces(len(traces), TIME + 45)
    check_whole(backend, traces)
    assembler.wait_balanced(delivered=8 * len(traces))
    assembler.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 10)
    assert assembler.get("/readyz")[0] == 200
    assert assembler.stop() == 0
    assert not (assembler.directory / "journal").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_assembler_that_ends_is_replaced(make_role, backend, cluster, how):
    receiver, first = make_role("receive"), make_role("assemble")
    before = [Trace() for _ in range(15)]
    send(receiver, before)
    backend.wait_traces(len(before), TIME + 45)
    open_traces = [Trace() for _ in range(10)]
    roots = {trace.uuid: trace.span("root") for trace in open_traces}
    for trace in open_traces:  # the rest of them comes to the next member
        post_ok(receiver.port, trace.request([trace.span(f"a{i}", parent=roots[trace.uuid]) for i in range(4)]))
    first.wait_status(lambda status: status["kafka"]["unread_messages"] == 0, TIME + 10)
    first.stop(how)
    for trace in open_traces:
        root = roots[trace.uuid]
        post_ok(receiver.port, trace.request([root] + [trace.span(f"b{i}", parent=root) for i in range(3)]))
    second = make_role("assemble")
    backend.wait_traces(len(before) + len(open_traces), TIME + 45)
    check_whole(backend, before + open_traces)
    second.wait_balanced(held=0, queued=0)
    assert second.stop() == 0


def test_messages_under_no_key_are_written_again(make_role, backend, cluster):
    traces = [Trace() for _ in range(20)]
    roots = {trace.uuid: trace.span("root") for trace in traces}
    halves = [b"".join(trace.request([roots[trace.uuid]] + [trace.span(f"a{i}", parent=roots[trace.uuid]) for i in range(3)]) for trace in traces),
              b"".join(trace.request([trace.span(f"b{i}", parent=roots[trace.uuid]) for i in range(4)]) for trace in traces)]
    for partition, half in enumerate(halves):  # both halves of all traces, in two partitions
        cluster.write("otlp_spans", partition, half)
    assembler = make_role("assemble", {"kafka.rekey": "true"})
    backend.wait_traces(len(traces), TIME + 45)
    check_whole(backend, traces)
    assembler.wait_balanced(delivered=8 * len(traces))
    assembler.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 10)
    metrics = assembler.metrics()
    assert metrics["noveum_kafka_messages_rekeyed_total"] == 2
    assert metrics["noveum_kafka_messages_not_keyed_total"] == 0
    assert metrics['noveum_spans_dropped_total{reason="rekeyed"}'] == 8 * len(traces)
    assert assembler.stop() == 0


def test_a_refused_trace_is_in_the_topic_of_dead_messages(make_role, backend, cluster):
    receiver, assembler = make_role("receive"), make_role("assemble")
    backend.validate = lambda doc: (None, (400, {"message": "no such thing"}))
    refused = Trace()
    send(receiver, [refused])
    letter, = cluster.read("otlp_spans_dead", 1, TIME + 45)
    assert json.loads(letter.value)["trace_id"] == refused.uuid
    assert json.loads(letter.headers["x-noveum-reason"])["trace_id"] == refused.uuid
    assert letter.headers["x-noveum-piece"] == b"1/1"
    assembler.wait_balanced(dead_lettered=8)
    # the mark passes it, because somebody has it
    assembler.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 10)
    assert assembler.stop() == 0
