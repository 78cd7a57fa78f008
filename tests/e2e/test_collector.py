"""A real Collector with the exporter `noveum`: whole traces from the Python SDK, and nothing lost when it is killed under load.

The Collector is what NOVEUM_COLLECTOR names (tools/collector.sh builds one), else NOVEUM_SOAK=1 builds it here, which takes
minutes and needs Go 1.26 and the Go module proxy; without either these tests are skipped.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest
from collector_stock import listening
from conftest import PROGRAM, ROOT, TIME, clean_environment
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from otlp import Trace

BUILD = pathlib.Path(os.environ.get("NOVEUM_BUILD_DIR", ROOT / "build/dev"))
pytestmark = pytest.mark.skipif(re.search(r"/(asan|tsan|coverage)/", PROGRAM) is not None, reason="a program without their flags can't link it")


@pytest.fixture(scope="module")
def program():
    named = os.environ.get("NOVEUM_COLLECTOR")
    if named:
        return named
    if os.environ.get("NOVEUM_SOAK") != "1":
        pytest.skip("builds a Collector, which takes minutes: NOVEUM_SOAK=1, or NOVEUM_COLLECTOR=build/collector/bin/noveum-collector")
    out = ROOT / "build/collector"
    made = subprocess.run([ROOT / "tools/collector.sh", BUILD, out], capture_output=True, text=True, timeout=5000, check=False)
    if made.returncode == 77:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stdout[-4000:] + made.stderr[-4000:]
    return str(out / "bin/noveum-collector")


class Collector:
    """One Collector after another over the same directory, on ports of its own choice."""

    def __init__(self, program, directory, backend):
        self.program, self.directory, self.backend = program, directory, backend
        self.config = directory / "config.yaml"
        self.log = directory / "collector.log"
        self.process, self.otlp, self.admin = None, None, None

    def start(self, processors="[]", protocol="http", exporter=None, **settings):
        """`exporter`: (name, configuration) of another one than `noveum`."""
        waits = {"assembly.quiet_ms": 200, "assembly.open_ms": 1500, "assembly.quiet_distributed_ms": 600, **settings}
        self.config.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {protocol: {"endpoint": "127.0.0.1:0"}}}},
            "processors": {"groupbytrace": {"wait_duration": "100ms", "num_traces": 1000},
                           "tail_sampling": {"decision_wait": "100ms", "policies": [{"name": "all", "type": "always_sample"}]}},
            "exporters": dict([exporter]) if exporter else {"noveum": {"endpoint": self.backend.url, "api_key": self.backend.key, "project": "collector",
                                     "directory": str(self.directory / "spans"), "retry_initial": "20ms", "retry_max": "200ms",
                                     "settings": waits}},
            "service": {"telemetry": {"metrics": {"level": "normal", "readers": [{"pull": {"exporter": {"prometheus": {
                "host": "127.0.0.1", "port": 0}}}}]}},
                "pipelines": {name: {"receivers": ["otlp"], "processors": json.loads(processors) if name == "traces" else [],
                                     "exporters": [exporter[0] if exporter else "noveum"]} for name in ("traces", "logs")}},
        }))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.program, "--config", self.config], stdout=log, stderr=log, env=clean_environment())
        self.find_ports()
        return self

    def find_ports(self):
        deadline = time.monotonic() + TIME * 2
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-4000:]
            for port in listening(self.process.pid):
                if self.is_admin(port):
                    self.admin = port
                else:
                    self.otlp = port
            if self.admin and self.otlp:
                return
            time.sleep(0.02)
        raise AssertionError(self.log.read_text()[-4000:])

    @staticmethod
    def is_admin(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIME) as reply:
                return reply.status == 200
        except OSError:
            return False

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=TIME) as reply:
            return reply.read().decode()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(TIME * 2)
        self.otlp = self.admin = None
        return code


@pytest.fixture
def collector(program, directory, backend):
    made = Collector(program, directory, backend)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def one_trace(port, name):
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"http://127.0.0.1:{port}/v1/traces")))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span(name):
        with tracer.start_as_current_span("chat gpt-4o-mini") as call:
            call.set_attribute("gen_ai.operation.name", "chat")
            call.set_attribute("gen_ai.provider.name", "openai")
            call.set_attribute("gen_ai.request.model", "gpt-4o-mini")
            call.set_attribute("gen_ai.usage.input_tokens", 21)
    provider.shutdown()


@pytest.mark.parametrize("processors", ["[]", '["groupbytrace"]', '["tail_sampling"]'], ids=["alone", "groupbytrace", "tail_sampling"])
def test_whole_traces_of_the_python_sdk(collector, backend, processors):
    collector.start(processors)
    for name in ("first", "second"):
        one_trace(collector.otlp, name)
    traces = backend.wait_traces(2, TIME)
    backend.assert_clean()
    assert {trace["name"] for trace in traces} == {"first", "second"}
    for trace in traces:
        assert len(trace["spans"]) == 2 and trace["project"] == "collector"
        call = next(span for span in trace["spans"] if span["parent_span_id"])
        assert call["attributes"]["llm.model"] == "gpt-4o-mini" and call["attributes"]["llm.input_tokens"] == 21
    assert re.search(r'otelcol_exporter_noveum_accepted_spans[^\n]* 4\n', collector.metrics())
    assert 'place="delivered"' in collector.metrics()
    assert backend.key not in collector.log.read_text()
    assert collector.end() == 0


def test_a_tier_behind_the_load_balancing_exporter(program, directory, backend):
    """Two Collectors share the traces of a third, which sends all spans of one to the same of them."""
    tier = []
    try:
        for name in ("a", "b"):
            (directory / name).mkdir()
            tier.append(Collector(program, directory / name, backend).start(protocol="grpc"))
        (directory / "front").mkdir()
        hosts = [f"127.0.0.1:{one.otlp}" for one in tier]
        front = Collector(program, directory / "front", backend)
        tier.append(front.start(exporter=("loadbalancing", {"routing_key": "traceID", "protocol": {"otlp": {"tls": {"insecure": True}}},
                                                            "resolver": {"static": {"hostnames": hosts}}})))
        for i in range(30):
            trace = Trace(service="shop")
            root = trace.span(f"root {i}")
            for spans in ([trace.span("step", parent=root)], [root]):
                Load(front, [], threading.Event()).send(trace.request(spans))
        traces = backend.wait_traces(30, TIME * 2)
        backend.assert_clean()
        assert all(len(trace["spans"]) == 2 for trace in traces)
        accepted = [int(re.search(r"otelcol_exporter_noveum_accepted_spans[^\n]* (\d+)\n", one.metrics()).group(1)) for one in tier[:2]]
        assert sum(accepted) == 60 and min(accepted) > 0
    finally:
        codes = [one.end() for one in reversed(tier) if one.process.poll() is None]
    assert codes == [0, 0, 0]


class Load(threading.Thread):
    """Sends traces one after another, each in two requests, until they are acknowledged."""

    def __init__(self, collector, acknowledged, ending):
        super().__init__(daemon=True)
        self.collector, self.acknowledged, self.ending = collector, acknowledged, ending

    def run(self):
        while not self.ending.is_set():
            trace = Trace(service="load")
            root = trace.span("root")
            children = [trace.span("step", parent=root) for _ in range(3)]
            for spans in (children, [root]):
                self.send(trace.request(spans))
            self.acknowledged.append(trace.trace_id.hex())

    def send(self, body):
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.collector.otlp or 9, timeout=5)
                connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException, socket.timeout):
                pass
            time.sleep(0.02)


def test_nothing_acknowledged_is_lost_when_it_is_killed(collector, backend):
    collector.start()
    acknowledged, ending = [], threading.Event()
    senders = [Load(collector, acknowledged, ending) for _ in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(3):
        have = len(acknowledged)
        deadline = time.monotonic() + TIME * 2
        while len(acknowledged) < have + 25 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(acknowledged) >= have + 25
        collector.end(signal.SIGKILL)
        collector.start()
    ending.set()
    for sender in senders:
        sender.join(TIME)
    wanted = {(trace_id, 4) for trace_id in acknowledged}

    def arrived():
        spans = {}
        for trace in list(backend.traces.values()):
            spans.setdefault(trace["otel"]["trace_id"], set()).update(span["span_id"] for span in trace["spans"])
        return {(trace_id, len(ids)) for trace_id, ids in spans.items()}
    deadline = time.monotonic() + TIME * 4
    while wanted - arrived() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not wanted - arrived()
    assert len(acknowledged) >= 75 and not backend.schema_errors
    assert collector.end() == 0


def test_otlp_exporter_with_defaults_in_front_of_a_gateway(collector, gateway, backend):
    """The Collector's own exporter, its queue and its retry as they come: also over a restart of the gateway."""
    grpc_port, http_port = gateway.ports["grpc"], gateway.port
    collector.start(exporter=("otlp_grpc", {"endpoint": f"127.0.0.1:{grpc_port}", "tls": {"insecure": True}}))
    one_trace(collector.otlp, "first")
    backend.wait_traces(1, TIME * 2)
    assert gateway.stop() == 0
    one_trace(collector.otlp, "second")  # acknowledged by the Collector, which waits for the gateway
    gateway.settings |= {"receiver.grpc.listen": f"127.0.0.1:{grpc_port}", "receiver.http.listen": f"127.0.0.1:{http_port}"}
    gateway.start()
    traces = backend.wait_traces(2, TIME * 3)
    assert {trace["name"] for trace in traces} == {"first", "second"}
    backend.assert_clean()
