"""When nothing arrives, or leaves, the log says why: each stumble of a newcomer, with the bytes that are really sent."""
import json
import os
import signal
import socket
import ssl

import pytest
from conftest import TIME
from otlp import Trace, post, post_ok

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


def raw(port, data):
    """Sends bytes and reads until the peer has answered or closed."""
    with socket.create_connection(("127.0.0.1", port), TIME) as sock:
        sock.sendall(data)
        try:
            return sock.recv(65536)
        except ConnectionResetError:
            return b""


def client_hello():
    """The first bytes of a TLS client of today."""
    context, out = ssl.create_default_context(), ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def lines(gateway, text):
    return [line for line in gateway.log if text in line]


def message(gateway, text):
    gateway.wait_log(text)
    return json.loads(lines(gateway, text)[0])["message"]


STUMBLES = {
    "wrong path": (lambda g: post(g.port, b"", path="/traces"), "reason=path", "/v1/traces"),
    "base URL with a path": (lambda g: post(g.port, b"", path="/v1/traces/v1/traces"), "reason=path", "base URL"),
    "gRPC on the HTTP port": (lambda g: raw(g.port, PREFACE), "protocol=http reason=protocol", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
    "TLS on the HTTP port": (lambda g: raw(g.port, client_hello()), "protocol=http reason=protocol", "use http://"),
    "HTTP on the gRPC port": (lambda g: raw(g.ports["grpc"], b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"),
                              "protocol=grpc reason=protocol", "OTLP/HTTP has a port"),
    "TLS on the gRPC port": (lambda g: raw(g.ports["grpc"], client_hello()), "protocol=grpc reason=protocol", "http://"),
    "bad JSON": (lambda g: post(g.port, b'{"resourceSpans": [', content_type="application/json"), "reason=malformed", ""),
    "bad protobuf": (lambda g: post(g.port, b"\x0a\xff\xff\xff\xff\x0f"), "reason=malformed", ""),
    "unknown content type": (lambda g: post(g.port, b"x", content_type="text/plain"), "reason=content_type", "application/x-protobuf"),
    "unknown encoding": (lambda g: post(g.port, b"x", encoding="br"), "reason=content_encoding", "gzip"),
}


@pytest.mark.parametrize("stumble", STUMBLES)
def test_a_refused_request_is_told_once_with_its_sender(make_gateway, stumble):
    send, reason, hint = STUMBLES[stumble]
    gateway = make_gateway()
    for _ in range(10):
        send(gateway)
    gateway.wait_log("count=10")
    told = lines(gateway, "request refused")
    assert len(told) == 2, told  # the first and the tenth
    text = json.loads(told[0])["message"]
    assert reason in text and hint in text and "sender=127.0.0.1" in text, text
    gateway.assert_balanced()


def test_a_wrong_token_is_told_and_not_shown(make_gateway):
    gateway = make_gateway({"receiver.auth.token": "right-0123456789abcdef"})
    assert post(gateway.port, b"", headers={"Authorization": "Bearer wrong-0123456789abcdef"})[0] == 401
    text = message(gateway, "reason=token")
    assert "sender=127.0.0.1" in text
    assert "0123456789abcdef" not in gateway.stderr()


def test_rejected_spans_are_told(make_gateway):
    gateway = make_gateway()
    trace = Trace()
    bad = trace.span("bad")
    bad.span_id = b"\0" * 8
    assert post(gateway.port, trace.request([trace.span("good"), bad]))[0] == 200
    text = message(gateway, "spans rejected")
    assert "spans=1, the others are kept" in text and "span" in text and "sender=127.0.0.1" in text
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)


def test_the_first_span_of_each_service_is_told(make_gateway):
    gateway = make_gateway()
    for service in ("shop", "shop", "bill\x1b[2Jing\u202e"):
        trace = Trace(service)
        post_ok(gateway.port, trace.request([trace.span("x")]))
    gateway.wait_log('arrived service=\\"bill')
    told = [json.loads(line)["message"] for line in lines(gateway, "first spans of a service")]
    assert len(told) == 2 and 'service="shop"' in told[0], told
    shown = lines(gateway, "first spans of a service")[1]
    assert "\\u001b[2Jing\\u202e" in shown and "\x1b" not in shown and "\u202e" not in shown


def test_senders_and_services_without_number_do_not_flood(make_gateway):
    gateway = make_gateway()
    for i in range(150):
        trace = Trace(f"service-{i}")
        post_ok(gateway.port, trace.request([trace.span("x")]))
        assert post(gateway.port, b"", path=f"/nowhere/{i}", headers={"User-Agent": f"client-{i}"})[0] == 404
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 150)
    assert len(lines(gateway, "first spans of a service")) <= 11
    assert len(lines(gateway, "request refused")) <= 11


@pytest.mark.parametrize("on_stop", ["keep", "send"])
def test_a_trace_that_waits_is_told_and_at_ctrl_c_its_fate(make_gateway, on_stop):
    gateway = make_gateway({"assembly.open_ms": 600000, "assembly.on_stop": on_stop})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("child", parent=os.urandom(8))]))
    text = message(gateway, "a trace waits")
    assert trace.trace_id.hex() in text and "reason=open" in text and "until=2" in text
    assert "parent has not come" in text
    assert gateway.stop(signal.SIGINT) == 0
    text = message(gateway, "traces still wait")
    assert "traces=1 spans=1" in text
    assert ("stay in the journal" if on_stop == "keep" else "sent as it is") in text


def test_a_stop_with_nothing_held_says_nothing(make_gateway):
    gateway = make_gateway()
    assert gateway.stop(signal.SIGINT) == 0
    assert not lines(gateway, "still wait") and not lines(gateway, "not delivered")


def test_metrics_alone_get_a_tip(make_gateway):
    gateway = make_gateway()
    for _ in range(3):
        assert post(gateway.port, b"", path="/v1/metrics")[0] == 200
    assert "OTEL_TRACES_EXPORTER" in message(gateway, "metrics arrive and no spans")
    assert len(lines(gateway, "metrics arrive")) == 1


def test_spans_without_any_ai_attribute_get_a_tip(make_gateway):
    gateway = make_gateway()
    for _ in range(5):
        trace = Trace("web")
        post_ok(gateway.port, trace.request([trace.span("GET /", **{"http.request.method": "GET"})]))
    assert 'service="web"' in message(gateway, "no AI attribute")
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 5)
    assert len(lines(gateway, "no AI attribute")) == 1


def test_ai_work_gets_none(make_gateway):
    gateway = make_gateway()
    for attributes in ({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, {}, {}, {}, {}):
        trace = Trace("web")
        post_ok(gateway.port, trace.request([trace.span("x", **attributes)]))
        gateway.wait_status(lambda s: s["spans"]["held"] == 0 and s["spans"]["queued"] == 0)
    assert not lines(gateway, "no AI attribute")
