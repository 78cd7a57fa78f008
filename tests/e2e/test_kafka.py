"""Role receive against a mock cluster: what is answered with 200 lies in the log, keyed by trace.

Skipped where librdkafka is not installed, or the program was built without it.
"""
import collections
import os

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from conftest import TIME
from kafka_mock import Cluster, library
import otlp
from otlp import Trace

Reply = collections.namedtuple("Reply", "status headers body")

pytestmark = pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)")


@pytest.fixture
def cluster():
    with Cluster() as made:
        yield made


@pytest.fixture
def make_receiver(make_gateway, cluster):
    def make(settings=None, **options):
        return make_gateway({"role": "receive", "kafka.brokers": cluster.brokers, **(settings or {})}, **options)
    return make


def post(port, body, **options):
    return Reply(*otlp.post(port, body, **options))


def spans_of(messages):
    """{(key, span id)} of messages; each holds one trace, that of its key."""
    found = []
    for message in messages:
        request = ExportTraceServiceRequest.FromString(message.value)
        for resource in request.resource_spans:
            assert resource.resource.attributes[0].key == "service.name"
            for scope in resource.scope_spans:
                assert scope.scope.name == "e2e"
                for span in scope.spans:
                    assert span.trace_id.hex().encode() == message.key
                    found.append((message.key, span.span_id))
    return found


def test_a_request_becomes_a_message_a_trace(make_receiver, cluster):
    gateway = make_receiver()
    traces = [Trace() for _ in range(5)]
    spans = [trace.span(f"s{i}") for i in range(4) for trace in traces]
    logs = traces[0].logs(spans[0], "hello")
    reply = post(gateway.port, traces[0].request(spans), headers={"x-noveum-project": "shop"})
    assert reply.status == 200
    assert post(gateway.port, logs, path="/v1/logs").status == 200
    messages = cluster.read("otlp_spans", len(traces))
    assert sorted(spans_of(messages)) == sorted((span.trace_id.hex().encode(), span.span_id) for span in spans)
    assert all(message.headers == {"x-noveum-project": b"shop"} for message in messages)
    record = cluster.read("otlp_logs", 1)[0]
    same = [message for message in messages if message.key == record.key]
    assert same and same[0].partition == record.partition
    assert ExportLogsServiceRequest.FromString(record.value).resource_logs
    gateway.wait_balanced(delivered=len(spans))
    metrics = gateway.metrics()
    assert metrics["noveum_kafka_messages_produced_total"] == len(traces) + 1
    assert metrics["noveum_kafka_up"] == 1
    status = gateway.status()
    assert status["role"] == "receive" and status["kafka"]["partitions"] == 4
    assert gateway.get("/readyz")[0] == 200
    assert gateway.stop() == 0
    assert not (gateway.directory / "journal").exists()


def test_a_span_that_is_too_large_is_refused_by_name(make_receiver, cluster):
    gateway = make_receiver({"kafka.max_message_bytes": 100_000})
    trace = Trace()
    # random: nothing that compresses
    spans = [trace.span("fits", text=os.urandom(30_000).hex()), trace.span("far too large", text="x" * 100_000),
             trace.span("fits as well", text=os.urandom(30_000).hex())]
    reply = post(gateway.port, trace.request(spans))
    assert reply.status == 200
    partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert partial.rejected_spans == 1
    assert "far too large" in partial.error_message and trace.trace_id.hex() in partial.error_message
    # the two others do not fit into one message
    found = spans_of(cluster.read("otlp_spans", 2))
    assert sorted(found) == sorted((trace.trace_id.hex().encode(), spans[i].span_id) for i in (0, 2))
    assert gateway.metrics()['noveum_spans_rejected_total{reason="too_large"}'] == 1
    assert gateway.assert_balanced()["received"] == 2


def test_a_broker_that_is_away_is_503_and_comes_back(make_receiver, cluster):
    gateway = make_receiver({"kafka.timeout_ms": 1000})
    trace = Trace()
    body = trace.request([trace.span("again")])
    cluster.down()
    reply = post(gateway.port, body)
    assert reply.status == 503 and int(reply.headers["Retry-After"]) > 0
    gateway.wait_status(lambda status: not status["ready"], TIME + 10)
    assert gateway.get("/readyz")[0] == 503
    assert gateway.status()["spans"]["received"] == 0
    cluster.up()
    gateway.wait_status(lambda status: status["ready"], TIME + 10)
    assert post(gateway.port, body).status == 200
    assert len(spans_of(cluster.read("otlp_spans", 1))) == 1


def test_a_stop_flushes(make_receiver, cluster):
    """Requests that wait for their batch when SIGTERM comes are answered, and in the log."""
    import concurrent.futures

    gateway = make_receiver({"kafka.linger_ms": 2000})
    traces = [Trace() for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(len(traces)) as pool:
        replies = [pool.submit(post, gateway.port, trace.request([trace.span("s")])) for trace in traces]
        gateway.wait_status(lambda status: status["kafka"]["buffered_messages"] == len(traces))
        assert gateway.stop() == 0
        assert [reply.result().status for reply in replies] == [200] * len(traces)
    assert len(spans_of(cluster.read("otlp_spans", len(traces)))) == len(traces)


def test_what_is_wrong_is_told_at_the_start(run, cluster):
    arguments = ["--set=role=receive", f"--set=kafka.brokers={cluster.brokers}", "--set=receiver.http.listen=127.0.0.1:0",
                 "--set=receiver.grpc.listen=none", "--set=admin.listen=none"]
    cluster.create("three", 3)
    unequal = run(*arguments, "--set=kafka.logs_topic=three")
    assert unequal.returncode == 1 and "both must have as many" in unequal.stderr
    wrong = run(*arguments, "--set=kafka.properties.no.such=1")
    assert wrong.returncode == 1 and "no.such" in wrong.stderr
    none = run("--set=role=receive")
    assert none.returncode == 2 and "kafka.brokers" in none.stderr
    misspelt = run(environment={"NOVEUM_GATEWAY_ROEL": "receive"})
    assert misspelt.returncode == 2 and "NOVEUM_GATEWAY_ROLE" in misspelt.stderr


def test_a_password_is_shown_nowhere(run, make_receiver, cluster):
    secret = "hunter22-hunter22"
    shown = run("--print-config", "--set=kafka.properties=sasl.password=" + secret)
    assert shown.returncode == 0 and secret not in shown.stdout and "sasl.password=***" in shown.stdout
    gateway = make_receiver({"kafka.properties.ssl.key.password": secret, "log.level": "debug"})
    assert secret not in gateway.get("/status")[2] + gateway.get("/metrics")[2]
    assert gateway.stop() == 0
    assert secret not in "\n".join(gateway.log)


def test_role_all_loads_nothing_of_kafka(gateway):
    with open(f"/proc/{gateway.process.pid}/maps", encoding="utf-8") as maps:
        assert "librdkafka" not in maps.read()
