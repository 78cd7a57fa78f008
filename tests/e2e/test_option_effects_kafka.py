"""Options of Kafka that no other test is about, by what a mock cluster has and what clients are answered. What librdkafka is
given is told by tests/unit/kafka/test_producer.c.

Skipped where librdkafka is not installed, or the program was built without it.
"""
import concurrent.futures

import pytest
from conftest import TIME
from kafka_mock import Cluster, library
from otlp import Trace, post, post_ok

pytestmark = pytest.mark.skipif(library() is None, reason="librdkafka is not installed (Debian: librdkafka1)")

def test_beyond_the_buffer_it_is_503(make_gateway):
    with Cluster() as cluster:
        gateway = make_gateway({"role": "receive", "kafka.brokers": cluster.brokers, "kafka.buffer_bytes": "1MiB", "kafka.timeout_ms": 60000,
                                "kafka.linger_ms": 2000, "receiver.threads": 1})
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            def send(_):
                trace = Trace()
                return post(gateway.port, trace.request([trace.span("s", text="x" * 600000)]), timeout=60)[0]
            answers = list(pool.map(send, range(4)))
    assert 503 in answers and 200 in answers, answers


def test_names_of_topics_and_group(make_gateway, backend):
    """Spans go by the topics named; garbage to the topic of the dead; a group of another name begins anew."""
    topics = {"kafka.traces_topic": "my-spans", "kafka.logs_topic": "my-logs", "kafka.delivered_topic": "my-delivered", "kafka.dead_topic": "my-dead"}
    with Cluster(topics=tuple(topics.values())) as cluster:
        common = {**topics, "kafka.brokers": cluster.brokers, "kafka.properties.session.timeout.ms": 6000, "assembly.quiet_ms": 300}
        environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}
        receiver = make_gateway({**common, "role": "receive"})
        trace = Trace()
        span = trace.span("root")
        post_ok(receiver.port, trace.request([span]))
        assert post(receiver.port, trace.logs(span, "x"), path="/v1/logs")[0] == 200
        assert len(cluster.read("my-spans", 1)) == len(cluster.read("my-logs", 1)) == 1
        for group in ("first", "second"):
            member = make_gateway({**common, "role": "assemble", "kafka.group": group}, environment)
            member.wait_status(lambda s: s["spans"]["received"] == 1, TIME + 30)
            member.wait_balanced(TIME, delivered=1)
            member.stop()
        assert cluster.read("my-delivered", 1)
    assert set(backend.traces) == {trace.uuid} and backend.duplicates == [trace.uuid]
