"""Checklist A (routing and methods) and K (health) over OTLP/HTTP, one test a line."""

import time
import urllib.request

import pytest
from otlp_http_kit import JSON, PROTOBUF, Gateway, json_traces, logs, request, traces


@pytest.fixture(scope="module")
def gateway():
    with Gateway() as running:
        yield running


def test_a01_post_traces_protobuf(gateway):
    assert gateway.post().status == 200


def test_a02_post_traces_json(gateway):
    assert gateway.post(json_traces(), media=JSON).status == 200


def test_a03_metrics_are_accepted(gateway):
    assert gateway.ask(path="/v1/metrics").status == 200
    assert gateway.ask(path="/v1/metrics", body=b"{}", media=JSON).status == 200


def test_a04_logs_are_accepted(gateway):
    assert gateway.ask(path="/v1/logs").status == 200
    assert gateway.ask(path="/v1/logs", body=logs()).status == 200


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/trace", "/v1/tracesx", "/v1development/profiles", "/api/v1/traces"])
def test_a05_unknown_path_is_404(gateway, path):
    assert gateway.ask(path=path, body=traces()).status == 404


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_a06_unknown_path_has_a_status_body(gateway, media):
    gateway.ask(path="/v1/nothing", media=media).assert_status_body(media)


def test_a07_get_is_405(gateway):
    assert gateway.ask("GET", media=None, length=False).status == 405


def test_a08_405_names_post(gateway):
    for path in ("/v1/traces", "/v1/logs", "/v1/metrics"):
        assert "POST" in gateway.ask("GET", path, media=None, length=False).get("allow").split(", ")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_a09_other_methods_are_405(gateway, method):
    assert gateway.ask(method, body=traces()).status == 405


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_a10_405_has_a_status_body(gateway, media):
    gateway.ask("PUT", media=media).assert_status_body(media)


def test_a11_head_has_no_body(gateway):
    with gateway.connect() as client:
        client.send(request("HEAD", media=None, length=False) + request(body=traces()))
        assert client.response(head_only=True).status == 405
        assert client.response().status == 200


def test_a12_query_is_ignored(gateway):
    assert gateway.post(path="/v1/traces?a=b&c=/x?y").status == 200


def test_a13_absolute_form(gateway):
    assert gateway.post(path="http://test:4318/v1/traces").status == 200
    assert gateway.post(path="HTTP://test/v1/traces?x=1").status == 200


@pytest.mark.parametrize("path", ["/v1/traces/", "//v1/traces", "/v1/./traces", "/v1/../v1/traces", "/v1/%74races"])
def test_a14_unusual_paths_are_no_server_error(gateway, path):
    assert gateway.post(path=path).status < 500


@pytest.mark.parametrize("method", ["", " ", "G@T", "POST\t", "post", "P" * 9000, "(", "\x7f"])
def test_a15_invalid_methods(gateway, method):
    response = gateway.raw(request(method, body=traces()))
    assert response is None or 400 <= response.status < 500 or response.status == 501
    gateway.assert_alive()


def test_a16_options_without_origin(gateway):
    assert gateway.ask("OPTIONS", media=None, length=False).status < 500
    assert gateway.ask("OPTIONS", "*", media=None, length=False).status < 500


def test_rule17_root_path_takes_traces(gateway):
    assert gateway.post(path="/").status == 200
    assert gateway.ask("GET", "/", media=None, length=False).status == 405


def test_k01_health_is_answered_without_auth():
    with Gateway({"receiver.auth.token": "t"}) as gateway:
        gateway.port = gateway.admin_port
        for path in ("/healthz", "/readyz"):
            assert gateway.ask("GET", path, media=None, length=False).status == 200


@pytest.mark.parametrize("path", ["/v1/traces/", "/v1/logs/", "/v1/metrics/"])
def test_a_slash_at_the_end_is_accepted(gateway, path):
    assert gateway.post(logs() if "logs" in path else traces(), path=path).status == 200


def metric(gateway, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.admin_port}/metrics", timeout=15) as got:
        text = got.read().decode()
    return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))


@pytest.mark.parametrize("path,hint", [
    ("/v1/traces/v1/traces", "base URL"), ("/v1/v1/traces", "take the /v1 away"),
    ("/traces", "OTEL_EXPORTER_OTLP_ENDPOINT"), ("/v1/traces//", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", "gRPC port")])
def test_a_wrong_path_is_told_what_to_configure(gateway, path, hint):
    before = metric(gateway, 'noveum_requests_refused_total{reason="path"}')
    response = gateway.post(json_traces(), path=path, media=JSON)
    assert response.status == 404 and hint in response.body.decode()
    assert metric(gateway, 'noveum_requests_refused_total{reason="path"}') == before + 1


def test_http2_on_the_http_port_is_told(gateway):
    response = gateway.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert response.status == 505 and b"receiver.grpc.listen" in response.body
    gateway.wait_log("reason=protocol: HTTP/2 is not spoken on this port")
    assert metric(gateway, 'noveum_requests_refused_total{reason="protocol"}') >= 1


def test_tls_on_the_plain_port_is_told(gateway):
    response = gateway.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert response.status == 400 and b"use http://" in response.body
    gateway.wait_log("reason=protocol: TLS on a port")


def test_415_names_what_is_accepted(gateway):
    response = gateway.post(json_traces(), media="text/plain")
    assert response.status == 415 and b"application/x-protobuf or application/json" in response.body
    assert response.get("accept") == "application/x-protobuf, application/json"
    response = gateway.post(json_traces(), media=JSON, headers=[("Content-Encoding", "br")])
    assert response.status == 415 and b"gzip, deflate, zstd" in response.body
    assert response.get("accept-encoding") == "gzip, deflate, zstd"
    gateway.wait_log("reason=content_type")
    gateway.wait_log("reason=content_encoding")
