"""A real broker of Apache Kafka (KRaft, one node) on free ports of loopback, from Maven's jars on Java 17.
Topics that nobody made have four partitions when somebody first asks for them.

The jars come once, by Maven, into build/kafka. Without Java, Maven or the jars `Broker.missing()` says what is not there.
"""
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

from kafka_mock import Client, library

VERSION = "3.9.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "kafka" / VERSION
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kafka</groupId><artifactId>jars</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
</dependencies></project>"""
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/log
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=3
num.partitions=4
"""


def free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


def create_topic(brokers, topic, partitions=4, settings=()):
    """A topic with these settings, by librdkafka's admin calls: Kafka's own command takes seconds to start."""
    rd, why = library(), ctypes.create_string_buffer(512)
    for name, result in (("NewTopic_new", ctypes.c_void_p), ("NewTopic_set_config", ctypes.c_int), ("queue_new", ctypes.c_void_p),
                         ("queue_poll", ctypes.c_void_p), ("event_CreateTopics_result", ctypes.c_void_p),
                         ("CreateTopics_result_topics", ctypes.POINTER(ctypes.c_void_p)), ("topic_result_error_string", ctypes.c_char_p)):
        getattr(rd, f"rd_kafka_{name}").restype = result
    client = Client(rd, 0, {"bootstrap.servers": brokers})
    made = ctypes.c_void_p(rd.rd_kafka_NewTopic_new(topic.encode(), partitions, 1, why, ctypes.c_size_t(512)))
    assert made.value, why.value
    for name, value in dict(settings).items():
        assert rd.rd_kafka_NewTopic_set_config(made, name.encode(), str(value).encode()) == 0
    handle, queue = ctypes.c_void_p(client.handle), ctypes.c_void_p(rd.rd_kafka_queue_new(ctypes.c_void_p(client.handle)))
    rd.rd_kafka_CreateTopics(handle, ctypes.byref(made), ctypes.c_size_t(1), None, queue)
    event, count = ctypes.c_void_p(rd.rd_kafka_queue_poll(queue, 30000)), ctypes.c_size_t()
    topics = rd.rd_kafka_CreateTopics_result_topics(ctypes.c_void_p(rd.rd_kafka_event_CreateTopics_result(event)), ctypes.byref(count))
    error = rd.rd_kafka_topic_result_error_string(ctypes.c_void_p(topics[0]))
    assert count.value == 1 and not error, error
    rd.rd_kafka_event_destroy(event)
    rd.rd_kafka_queue_destroy(queue)
    rd.rd_kafka_NewTopic_destroy(made)
    client.close()


class Broker:
    """Started in a directory of its own; `stop` and `start` keep what it has written."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="nvgw-kafka-")
        self.port, controller = free_port(), free_port()
        self.brokers = f"127.0.0.1:{self.port}"
        self.settings = pathlib.Path(self.directory) / "server.properties"
        self.settings.write_text(SETTINGS.format(port=self.port, controller=controller, directory=self.directory), "utf-8")
        self.process = None
        self.java("kafka.tools.StorageTool", "format", "-t", "4L6g3nShT-eMCtK--X86sw", "-c", str(self.settings))
        self.start()

    @staticmethod
    def missing():
        """Why there can be no broker, or None."""
        if not shutil.which("java"):
            return "Java is not installed"
        if any(CACHE.glob("kafka_2.13-*.jar")):
            return None
        if not shutil.which("mvn"):
            return "Maven is not installed, and build/kafka has no jars of Kafka"
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / "pom.xml").write_text(POM, "utf-8")
        done = subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={CACHE}"], cwd=CACHE,
                              capture_output=True, text=True, timeout=400, check=False)
        return None if done.returncode == 0 else f"Maven did not give the jars of Kafka: {done.stdout[-300:]}"

    def command(self, name, *arguments):
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{CACHE}/*", name, *arguments]

    def java(self, name, *arguments):
        done = subprocess.run(self.command(name, *arguments), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        with open(f"{self.directory}/out", "ab") as out:
            self.process = subprocess.Popen(self.command("kafka.Kafka", str(self.settings)), stdout=out, stderr=out)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert self.process.poll() is None, pathlib.Path(self.directory, "out").read_text("utf-8")[-3000:]
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the broker does not start")

    def make_topics(self, partitions):
        """The four topics of ours, as docs/scale.md has them."""
        for topic in ("otlp_spans", "otlp_logs", "otlp_spans_dead", "noveum_delivered"):
            create_topic(self.brokers, topic, partitions,
                         {"cleanup.policy": "compact,delete"} if topic == "noveum_delivered" else {})

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def started(partitions):
    """For a fixture: a broker with our topics; skips where there can be none."""
    reason = Broker.missing()
    if reason:
        pytest.skip(reason)
    made = Broker()
    try:
        made.make_topics(partitions)
        yield made
    finally:
        made.close()


if __name__ == "__main__":
    reason = Broker.missing()
    sys.exit(reason)
