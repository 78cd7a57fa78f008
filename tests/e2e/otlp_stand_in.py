"""A stand-in OTLP/HTTP receiver that believes nothing: metrics and traces are decoded by opentelemetry-proto and held to its rules.

    receiver = Receiver()
    receiver.plan("traces", Answer(status=503, headers={"Retry-After": "1"}))
    ... receiver.url, receiver.metrics[-1], receiver.spans, receiver.errors

An Answer may hang, reset, be a page, or be larger than anybody should read.
"""
import collections
import dataclasses
import http.server
import socket
import struct
import threading
import time

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2


@dataclasses.dataclass
class Answer:
    """Instead of an empty 200 in protobuf."""

    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    kind: str = "application/x-protobuf"
    reset: bool = False
    hang: bool = False  # until the receiver is closed


def attributes_of(pairs):
    """{key: value} of KeyValues; a key that comes twice is refused."""
    found = {}
    for pair in pairs:
        assert pair.key not in found, f"{pair.key} twice"
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


def check_point(metric, point, kind):
    assert point.time_unix_nano > 1e18, f"{metric.name}: no time"
    if kind == "gauge":
        assert point.start_time_unix_nano == 0
    else:
        assert 1e18 < point.start_time_unix_nano < point.time_unix_nano, metric.name
    if kind == "histogram":
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, metric.name
        assert sum(point.bucket_counts) == point.count and point.HasField("sum"), metric.name
        assert list(point.explicit_bounds) == sorted(set(point.explicit_bounds)), metric.name
    else:
        assert point.WhichOneof("value"), metric.name


def values_of(name, point, kind):
    """((name, labels), value) pairs of a point, as Prometheus has them."""
    pairs = attributes_of(point.attributes)
    if kind != "histogram":
        yield (name, tuple(sorted(pairs.items()))), getattr(point, point.WhichOneof("value"))
        return
    below = 0
    for bound, count in zip([*point.explicit_bounds, float("inf")], point.bucket_counts):
        below += count
        yield (f"{name}_bucket", tuple(sorted({**pairs, "le": str(bound)}.items()))), below
    yield (f"{name}_sum", tuple(sorted(pairs.items()))), point.sum
    yield (f"{name}_count", tuple(sorted(pairs.items()))), point.count


def read_metrics(raw):
    """({(name, labels): value}, resource, {name: Metric}) of a body; AssertionError says what is wrong."""
    request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(raw)
    values, metrics = {}, {}
    (group,) = request.resource_metrics
    (scope,) = group.scope_metrics
    assert scope.scope.name == "ai.noveum.gateway" and scope.scope.version
    for metric in scope.metrics:
        assert metric.name not in metrics, f"{metric.name} twice"
        assert metric.description, metric.name
        kind = metric.WhichOneof("data")
        data = getattr(metric, kind)
        if kind != "gauge":
            assert data.aggregation_temporality == metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
        assert kind != "sum" or data.is_monotonic
        assert data.data_points, metric.name
        metrics[metric.name] = metric
        for point in data.data_points:
            check_point(metric, point, kind)
            for key, value in values_of(metric.name, point, kind):
                assert key not in values, key
                values[key] = value
    return values, attributes_of(group.resource.attributes), metrics


def read_spans(raw):
    """The spans of a body, each with its `resource` and `values` as {key: value}."""
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(raw)
    found = []
    (group,) = request.resource_spans
    (scope,) = group.scope_spans
    assert scope.scope.name == "ai.noveum.gateway" and scope.scope.version and scope.spans
    for span in scope.spans:
        assert len(span.trace_id) == 16 and any(span.trace_id), span.name
        assert len(span.span_id) == 8 and any(span.span_id), span.name
        assert len(span.parent_span_id) in (0, 8), span.name
        assert span.name and span.kind and 1e18 < span.start_time_unix_nano <= span.end_time_unix_nano, span.name
        found.append((span, attributes_of(span.attributes), attributes_of(group.resource.attributes)))
    return found


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.receiver.take(self, raw)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Receiver:
    """One receiver on a port of its own. Threads: the server's and the test's, under one lock."""

    patience_s = 15.0

    def __init__(self, tls=None):
        self.changed = threading.Condition()
        self.closed = threading.Event()
        self.plans = {"metrics": collections.deque(), "traces": collections.deque()}
        self.always = {}  # signal -> Answer of all that is not planned
        self.requests = []  # (signal, headers, raw)
        self.metrics = []  # (values, resource, metrics) of each request that was taken
        self.spans = []  # (Span, attributes, resource)
        self.errors = []
        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.receiver = self
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()

    def plan(self, signal, *answers):
        """The next requests of `signal` get these, one each."""
        with self.changed:
            self.plans[signal].extend(answers)

    def take(self, handler, raw):
        signal = handler.path.removeprefix("/v1/")
        with self.changed:
            self.requests.append((signal, dict(handler.headers), raw))
            plan = self.plans.get(signal)
            answer = plan.popleft() if plan else self.always.get(signal) or Answer()
            if plan is None or handler.headers.get("Content-Type") != "application/x-protobuf":
                self.errors.append(f"{handler.path} {handler.headers.get('Content-Type')}")
                answer = Answer(status=400)
            elif answer.status == 200 and not answer.reset and answer.kind != "text/html":
                self.keep(signal, raw)
            self.changed.notify_all()
        if answer.hang:
            self.closed.wait()
        elif answer.reset:
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            handler.connection.close()
        else:
            self.reply(handler, answer)

    @staticmethod
    def reply(handler, answer):
        handler.send_response(answer.status)
        for key, value in answer.headers.items():
            handler.send_header(key, value)
        handler.send_header("Content-Type", answer.kind)
        handler.send_header("Content-Length", str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)

    def keep(self, signal, raw):
        try:
            if signal == "metrics":
                self.metrics.append(read_metrics(raw))
            else:
                self.spans += read_spans(raw)
        except (AssertionError, ValueError) as error:
            self.errors.append(f"{signal}: {error!r}")

    def wait(self, what, seconds=None):
        """Until what(self) is true; it is looked at whenever a request came."""
        deadline = time.monotonic() + (seconds or self.patience_s)
        with self.changed:
            while not what(self):
                left = deadline - time.monotonic()
                assert left > 0, f"not in time; {len(self.requests)} requests, errors {self.errors}"
                self.changed.wait(left)
            return self
