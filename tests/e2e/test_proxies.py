"""nginx and HAProxy in front of the gateway, as configs/nginx.conf and configs/haproxy.cfg have them: what clients send through them is
delivered as if they were not there. Names with S are lines of the OTLP conformance list (section S, delivery).

Skipped where a proxy is not installed (tools/install-dependencies.sh test).
"""
import gzip
import json
import shutil
import socket
import subprocess
import threading
import time
import zlib

import grpc
import pytest
from conftest import ROOT, SLOW, TIME
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import EXPORT, Trace, post, post_ok
from otlp_http_kit import free_port
from test_end_to_end import run_agent, sdk_exporter

PROXIES = {"nginx": ("configs/nginx.conf", lambda path, directory: [
               "nginx", "-p", directory, "-c", path, "-g", f"daemon off; pid {directory}/nginx.pid; error_log stderr;"]),
           "haproxy": ("configs/haproxy.cfg", lambda path, _: ["haproxy", "-db", "-f", path])}


def program_of(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def ready(port, process):
    deadline = time.monotonic() + TIME
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read().decode()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("the proxy does not listen")


class Proxy:
    """One proxy before `gateway`, with the configuration of the tree on ports of its own."""

    def __init__(self, name, gateway, directory):
        source, command = PROXIES[name]
        self.http, self.grpc = free_port(), free_port()
        text = (ROOT / source).read_text("utf-8")
        for old, new in (("127.0.0.1:14318", f"127.0.0.1:{gateway.port}"), ("127.0.0.1:14317", f"127.0.0.1:{gateway.ports['grpc']}"),
                         ("listen 4318;", f"listen 127.0.0.1:{self.http};"), ("listen 4317 http2;", f"listen 127.0.0.1:{self.grpc} http2;"),
                         ("bind :4318\n", f"bind 127.0.0.1:{self.http}\n"), ("bind :4317 proto h2\n", f"bind 127.0.0.1:{self.grpc} proto h2\n")):
            text = text.replace(old, new)
        path = directory / source.rpartition("/")[2]
        path.write_text(text, "utf-8")
        directory.chmod(0o755)
        start = command(path, directory)
        self.process = subprocess.Popen([program_of(name), *start[1:]], cwd=directory, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for port in (self.http, self.grpc):
            ready(port, self.process)

    def stop(self):
        self.process.terminate()
        self.process.wait(15)
        self.process.stderr.close()


@pytest.fixture(params=sorted(PROXIES))
def proxy(request, gateway, directory):
    if program_of(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    made = Proxy(request.param, gateway, directory)
    yield made
    made.stop()


def one(backend):
    """The only trace of the backend, with no fault in it."""
    (trace,) = backend.wait_traces(1, TIME)
    backend.assert_clean()
    return trace


def request_of(name="chat 東京", **attributes):
    trace = Trace("behind")
    return trace, trace.request([trace.span(name, **attributes)])


def json_of(**span):
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "json", "kind": 3,
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000001000000000", **span}]}]}]}).encode()


# ---- what is delivered --------------------------------------------------------------------------


def test_S01_ids_and_names(proxy, backend):
    trace, body = request_of()
    post_ok(proxy.http, body)
    got = one(backend)
    assert got["trace_id"] == trace.uuid and got["spans"][0]["name"] == "chat 東京"


@pytest.mark.parametrize("number", ['"9007199254740993"', "9007199254740993", '"-9223372036854775808"'])
def test_S02_S03_json_with_whole_numbers(proxy, backend, number):
    body = json_of(attributes=[{"key": "big", "value": {"intValue": "@"}}]).replace(b'"@"', number.encode())
    post_ok(proxy.http, body, content_type="application/json")
    got = one(backend)
    assert got["trace_id"] == "5b8efff7-9803-8103-d269-b633813fc60c"
    assert number.strip('"') in json.dumps(got)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_S04_compressed(proxy, backend, encoding):
    trace, body = request_of()
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    status, _, reply = post(proxy.http, packed, headers={"Content-Encoding": encoding})
    assert status == 200, reply
    assert one(backend)["trace_id"] == trace.uuid


def test_S05_S09_unknown_and_old_fields(proxy, backend):
    trace, body = request_of()
    unknown = b"\xfa\x3e\x03abc"  # field 1007, bytes
    post_ok(proxy.http, body + unknown)
    assert one(backend)["trace_id"] == trace.uuid
    post_ok(proxy.http, json_of(unknownField={"a": [1]}), content_type="application/json")
    backend.wait_traces(2, TIME)
    old = ExportTraceServiceRequest.FromString(request_of("old")[1]).resource_spans[0].scope_spans[0].SerializeToString()
    inner = b"\xc2\x3e" + bytes([len(old) & 0x7F | 0x80, len(old) >> 7]) + old  # ResourceSpans.instrumentation_library_spans
    post_ok(proxy.http, b"\x0a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7]) + inner)
    backend.wait_traces(3, TIME)
    backend.assert_clean()


def test_S06_text_that_is_no_utf8(proxy, backend):
    trace, body = request_of("before @@ after")
    assert post(proxy.http, body.replace(b"@@", b"\xff\xfe"))[0] == 200
    got = one(backend)
    assert got["trace_id"] == trace.uuid and got["spans"][0]["name"].startswith("before ")


def test_S07_refused_is_not_delivered(proxy, gateway, backend):
    status, headers, _ = post(proxy.http, b"\x0a\xff\xff\xff")
    assert status == 400 and {key.lower(): value for key, value in headers.items()}["content-type"] == "application/x-protobuf"
    trace, body = request_of()
    post_ok(proxy.http, body)
    assert one(backend)["trace_id"] == trace.uuid
    assert gateway.wait_status(lambda status: status["spans"]["delivered"] == 1)["spans"]["received"] == 1


def test_S08_each_once(proxy, gateway, backend):
    sent = set()
    for _ in range(200):
        trace, body = request_of()
        post_ok(proxy.http, body)
        sent.add(trace.uuid)
    backend.wait_traces(200, TIME)
    assert set(backend.traces) == sent and not backend.duplicates
    gateway.wait_status(lambda status: status["spans"]["delivered"] == 200)
    backend.assert_clean()


def test_a_body_of_many_megabytes(proxy, backend):
    trace, body = request_of(text="x" * 12_000_000)
    post_ok(proxy.http, body)
    assert one(backend)["trace_id"] == trace.uuid


# ---- real clients -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["protobuf", "json", "gzip", "grpc", "grpc-gzip"])
def test_the_python_sdk(proxy, backend, kind):
    exporter = grpc_exporter(proxy.grpc, kind) if kind.startswith("grpc") else sdk_exporter(kind, proxy.http)
    trace_id = run_agent(exporter)
    got = one(backend)
    assert got["trace_id"].replace("-", "") == trace_id and got["span_count"] == 3


def grpc_exporter(port, kind="grpc"):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    chosen = grpc.Compression.Gzip if kind == "grpc-gzip" else grpc.Compression.NoCompression
    return OTLPSpanExporter(endpoint=f"127.0.0.1:{port}", insecure=True, compression=chosen)


def test_many_calls_on_one_connection(proxy, gateway, backend):
    with grpc.insecure_channel(f"127.0.0.1:{proxy.grpc}") as channel:
        export = channel.unary_unary(EXPORT)
        calls = [export.future(request_of()[1], timeout=30 * SLOW) for _ in range(1500)]
        for call in calls:
            call.result()
    backend.wait_traces(1500, TIME + 15)
    assert not backend.duplicates


def code_of(port, body):
    """What gRPC tells of a body that is not taken."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, pytest.raises(grpc.RpcError) as told:
        channel.unary_unary(EXPORT)(body, timeout=TIME)
    return told.value.code()


def test_what_went_wrong_is_told_as_it_is(proxy):
    """Codes that SDKs decide by: 405, 415 and the codes of gRPC are not the proxy's pages."""
    assert post(proxy.http, b"", content_type="text/plain")[0] == 415
    assert code_of(proxy.grpc, b"\x0a\xff\xff\xff") == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("kind", ["protobuf", "grpc"])
def test_a_gateway_that_restarts_loses_nothing(proxy, gateway, backend, kind):
    """Meanwhile the proxy says 502, 503 or UNAVAILABLE, which SDKs send again."""
    ports = {"receiver.http.listen": f"127.0.0.1:{gateway.port}", "receiver.grpc.listen": f"127.0.0.1:{gateway.ports['grpc']}"}
    assert gateway.stop() == 0
    exporter = grpc_exporter(proxy.grpc) if kind == "grpc" else sdk_exporter(kind, proxy.http)
    sent = []
    client = threading.Thread(target=lambda: sent.append(run_agent(exporter)))
    client.start()
    if kind == "grpc":
        assert code_of(proxy.grpc, b"") == grpc.StatusCode.UNAVAILABLE
    else:
        assert post(proxy.http, b"")[0] in (502, 503)
    gateway.settings.update(ports)
    gateway.start()
    client.join(TIME + 30)
    assert one(backend)["trace_id"].replace("-", "") == sent[0]
