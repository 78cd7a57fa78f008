"""A Collector of stock modules at either end of Kafka, and in front of three gateways without it.

Skipped where no such Collector was built (collector_stock.yaml), or no broker of Kafka can be started.
"""
import collections

import pytest

from collector_stock import OTLP, StockCollector, missing
from conftest import TIME
from kafka_broker import started
from kafka_mock import library
from otlp import Trace, post_ok

TRACES = 100
PARTITIONS = 4
MOVED = (0.15, 0.5)  # a third on average; the ring of three endpoints is uneven, and made of their ports


@pytest.fixture
def broker():
    if library() is None:
        pytest.skip("librdkafka is not installed (Debian: librdkafka1)")
    yield from started(PARTITIONS)


@pytest.fixture
def make_collector(directory):
    made = []

    def make(receiver, exporter):
        made.append(StockCollector(directory, receiver, exporter))
        return made[-1]
    yield make
    for collector in made:
        collector.close()


@pytest.fixture(autouse=True)
def has_parts(request):
    reason = missing("load_balancing" if "balanced" in request.node.name else "kafka")
    if reason:
        pytest.skip(reason)


@pytest.fixture
def make_role(make_gateway, backend):
    def make(role, broker, settings=None):
        settings = {"role": role, "assembly.quiet_ms": 3000, "assembly.open_ms": 60000, **(settings or {})}
        if broker:
            settings.update({"kafka.brokers": broker.brokers, "kafka.properties.session.timeout.ms": 6000})
        return make_gateway(settings, environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                                   "NOVEUM_PROJECT": "e2e"})
    return make


def halves_of(traces):
    """Two requests, each with half of every trace, and {(trace id, span id, name)} of what is in them."""
    sent, halves = set(), [b"", b""]
    for trace in traces:
        root = trace.span("root", question="why?")
        parts = ([trace.span(f"a{i}", parent=root, number=i) for i in range(4)], [trace.span(f"b{i}", parent=root) for i in range(3)] + [root])
        for at, spans in enumerate(parts):
            halves[at] += trace.request(spans)
            sent.update((trace.trace_id.hex(), span.span_id.hex(), span.name) for span in spans)
    return halves, sent


def send(port, traces):
    halves, sent = halves_of(traces)
    for half in halves:
        post_ok(port, half)
    return sent


def check_equal(backend, traces, sent):
    """Every trace is there once and whole, with the spans and attributes that were sent."""
    backend.wait_traces(len(traces), TIME + 60)
    found = collections.Counter()
    for trace in backend.traces.values():
        for span in trace["spans"]:
            found[(span["otel"]["trace_id"], span["otel"]["span_id"], span["name"])] += 1
            if span["name"].startswith("a"):
                assert span["attributes"]["number"] == int(span["name"][1:]), span
    assert {uuid: 8 for uuid in (trace.uuid for trace in traces)} == {uuid: len(trace["spans"]) for uuid, trace in backend.traces.items()}
    assert found == {key: 1 for key in sent}


def kafka_exporter(broker, keyed):
    return ("kafka", {"brokers": [broker.brokers], "traces": {"topic": "otlp_spans", "encoding": "otlp_proto"},
                      "partition_traces_by_id": keyed})


@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "rekeyed"])
def test_its_exporter_writes_what_role_assemble_reads(make_role, make_collector, backend, broker, keyed):
    """By default it writes many traces in a message without a key: kafka.rekey."""
    collector = make_collector(OTLP, kafka_exporter(broker, keyed))
    assembler = make_role("assemble", broker, {"kafka.rekey": "false" if keyed else "true"})
    traces = [Trace() for _ in range(TRACES)]
    check_equal(backend, traces, send(collector.port, traces))
    assembler.wait_status(lambda status: status["kafka"]["lag_messages"] == 0, TIME + 30)
    assembler.wait_balanced(delivered=8 * TRACES)
    metrics = assembler.metrics()
    assert metrics["noveum_kafka_messages_not_keyed_total"] == 0
    assert (metrics["noveum_kafka_messages_rekeyed_total"] > 0) is not keyed
    assert [collector.stop(), assembler.stop()] == [0, 0]


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_its_receiver_reads_what_role_receive_writes(make_role, make_collector, backend, broker, compression):
    gateway = make_role("all", None)
    receiver = make_role("receive", broker, {"kafka.compression": compression})
    traces = [Trace() for _ in range(TRACES)]
    sent = send(receiver.port, traces)
    collector = make_collector(("kafka", {"brokers": [broker.brokers], "group_id": "collector", "initial_offset": "earliest",
                                          "traces": {"topics": ["otlp_spans"], "encoding": "otlp_proto"}}),
                               ("otlp_grpc", {"endpoint": f"127.0.0.1:{gateway.ports['grpc']}", "tls": {"insecure": True}}))
    check_equal(backend, traces, sent)
    assert [collector.stop(), receiver.stop(), gateway.stop()] == [0, 0, 0]


def test_balanced_by_trace_id_over_three_gateways(make_role, make_collector, backend, directory):
    """docs/scale.md, Without Kafka: whole traces while nobody comes or goes; of what is open while one of
    three goes, both parts come under the same id, and the backend keeps the first."""
    def balance(gateways):
        return make_collector(OTLP, ("load_balancing", {"routing_key": "traceID", "protocol": {"otlp": {"tls": {"insecure": True}}}, "resolver": {
            "static": {"hostnames": [f"127.0.0.1:{gateway.ports['grpc']}" for gateway in gateways]}}}))
    gateways = [make_role("all", None, {"journal.directory": directory / f"journal-{i}"}) for i in range(3)]
    collector = balance(gateways)
    traces = [Trace() for _ in range(TRACES)]
    check_equal(backend, traces, send(collector.port, traces))
    assert all(gateway.status()["spans"]["received"] > 0 for gateway in gateways)
    moving = [Trace() for _ in range(3 * TRACES)]
    (first, second), sent = halves_of(moving)
    post_ok(collector.port, first)
    gateways[0].wait_status(lambda _: sum(gateway.status()["spans"]["received"] for gateway in gateways) == 8 * TRACES + 4 * len(moving))
    assert collector.stop() == 0
    leaving = gateways.pop()
    assert leaving.stop() == 0
    collector = balance(gateways)
    post_ok(collector.port, second)
    assert leaving.start() is leaving  # what it had is in its journal
    backend.wait_traces(TRACES + len(moving), TIME + 60)
    for one in gateways + [leaving]:
        one.wait_balanced(TIME + 60, held=0, queued=0)
    split = len(backend.duplicates)
    missing_spans = 8 * TRACES + len(sent) - backend.span_total()
    print(f"\none of three gateways left: {split} of {len(moving)} open traces in two parts under one id, of which the backend kept one: "
          f"{missing_spans} of {len(sent)} spans are not there")
    assert missing_spans == 4 * split
    assert MOVED[0] * len(moving) < split < MOVED[1] * len(moving)
    assert [one.stop() for one in [collector, leaving] + gateways] == [0] * 4
