"""Backends that fail in every way the contract and the fault table know (F8-F11 of the fault table, docs/operations.md)."""
import email.utils
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from backend import Backend, Fault
from conftest import SLOW, TIME
from otlp import Trace, post_ok


def send(gateway, count, name="step"):
    """`count` traces of one span; returns their ids as the backend shows them."""
    ids = []
    for _ in range(count):
        trace = Trace()
        post_ok(gateway.port, trace.request([trace.span(name)]))
        ids.append(trace.uuid)
    return ids


@pytest.fixture
def start(make_gateway, backend):
    def run(settings=None, url=None, **environment):
        return make_gateway(settings=settings, environment={
            "NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": url or backend.url,
            "NOVEUM_PROJECT": "e2e", **environment})
    return run


def finish(gateway, backend, ids, duplicates=False):
    backend.wait_traces(len(ids), TIME)
    assert set(backend.traces) == set(ids)
    assert backend.schema_errors == []
    if not duplicates:
        assert backend.duplicates == []
    gateway.wait_status(lambda s: s["spans"]["delivered"] == len(ids))
    gateway.assert_balanced()


RETRY_AFTER = {
    "none": None, "seconds": "1", "zero": "0", "negative": "-1", "garbage": "soon",
    "date": lambda: email.utils.formatdate(time.time() + 2, usegmt=True),
}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("value", RETRY_AFTER)
def test_later_with_and_without_retry_after(start, backend, status, value):
    text = RETRY_AFTER[value]
    headers = {} if text is None else {"Retry-After": text() if callable(text) else text}
    backend.plan(Fault(status=status, headers=headers))
    gateway = start()
    finish(gateway, backend, send(gateway, 1))
    waited = backend.bodies[1][0] - backend.bodies[0][0]
    assert waited >= (0.9 if value in ("seconds", "date") else 0)
    assert len(backend.bodies) == 2


def test_an_absurd_retry_after_is_bounded(start, backend):
    backend.plan(Fault(status=503, headers={"Retry-After": "1000000000000"}))
    gateway = start()
    send(gateway, 1)
    status = gateway.wait_status(lambda s: s["exporter"]["state"] == "backing off")
    assert 0 < status["exporter"]["next_try_ms"] <= 330_500


def test_a_storm_of_503_is_not_fed(start, backend):
    backend.always = Fault(status=503)
    gateway = start()
    ids = send(gateway, 5)
    time.sleep(4)  # duration: how often is a dead backend asked?
    assert len(backend.bodies) <= 16
    backend.always = None
    finish(gateway, backend, ids)


def test_resets_before_and_after_storing(start, backend):
    backend.plan(Fault(reset=True), Fault(reset=True, store=True))
    gateway = start()
    ids = send(gateway, 1)
    backend.wait(lambda b: len(b.bodies) >= 3, TIME)
    finish(gateway, backend, ids, duplicates=True)
    assert backend.duplicates == ids


def test_409_is_delivered(start, backend):
    backend.plan(Fault(status=409, store=True))
    gateway = start()
    finish(gateway, backend, send(gateway, 1))
    assert len(backend.bodies) == 1


def refuse_poison(backend, status=400):
    plain = backend.validate

    def validate(doc):
        if any(trace["name"] == "poison" for trace in doc["traces"]):
            return None, (status, {"message": "no such thing as poison"})
        return plain(doc)
    backend.validate = validate


@pytest.mark.parametrize("status", [400, 413])
def test_one_poisoned_trace_among_a_thousand(start, backend, status):
    refuse_poison(backend, status)
    gateway = start({"exporter.noveum.batch_traces": "1000", "exporter.noveum.batch_ms": "500"})
    traces = [Trace() for _ in range(1000)]
    for at in range(0, 1000, 50):
        request = b"".join(t.request([t.span("poison" if at + i == 617 else "step")])
                           for i, t in enumerate(traces[at:at + 50]))
        post_ok(gateway.port, request)
    backend.wait_traces(999, 2 * TIME)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 999 and s["spans"]["queued"] == 0)
    spans = gateway.assert_balanced()
    assert spans["dead_lettered"] == 1
    assert traces[617].uuid not in backend.traces
    assert backend.duplicates == []
    reason = "rejected" if status == 400 else "too_large"
    metrics = gateway.metrics()
    assert metrics[f'noveum_spans_dead_lettered_total{{reason="{reason}"}}'] == 1
    assert len(backend.bodies) < 60
    assert any("dead letter" in line and traces[617].uuid in line for line in gateway.log)


def test_gzip_refused_with_415(start, backend):
    backend.accept_gzip = False
    gateway = start()
    finish(gateway, backend, send(gateway, 1))
    assert len(backend.bodies) == 2
    more = send(gateway, 1)
    backend.wait_traces(2, TIME)
    assert more[0] in backend.traces
    assert len(backend.bodies) == 3


def test_a_refused_key_is_held_and_recovers(start, backend):
    key, backend.key, backend.probe_status = backend.key, "nv_another", 401
    gateway = start(NOVEUM_API_KEY=key)
    ids = send(gateway, 3)
    status = gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    assert "key" in status["exporter"]["state"]
    assert key not in "\n".join(gateway.log)
    backend.key, backend.probe_status = key, 200
    backend.wait_traces(3, TIME + 20)
    finish(gateway, backend, ids)


def test_redirects_are_not_followed(start, backend):
    elsewhere = Backend(key=backend.key)
    try:
        backend.plan(Fault(status=302, headers={"Location": elsewhere.url + "/v1/traces"}))
        gateway = start()
        ids = send(gateway, 1)
        gateway.wait_status(lambda s: "endpoint" in s["exporter"]["state"])
        assert elsewhere.bodies == [] and elsewhere.gets == []
        finish(gateway, backend, ids)
        assert elsewhere.bodies == []
    finally:
        elsewhere.close()


def test_ambient_proxies_are_not_used_for_loopback(start, backend):
    nowhere = "http://127.0.0.1:9"
    gateway = start(http_proxy=nowhere, HTTP_PROXY=nowhere, all_proxy=nowhere, ALL_PROXY=nowhere,
                    no_proxy="", NO_PROXY="")
    finish(gateway, backend, send(gateway, 1))


class Raw:
    """Answers each request with the next piece of script: bytes, or a function of the socket."""

    def __init__(self, *script):
        self.script, self.requests = list(script), 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/api"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,), daemon=True).start()

    def talk(self, peer):
        with peer, peer.makefile("rb") as stream:
            while True:
                length, line = 0, stream.readline()
                if not line:
                    return
                while line not in (b"\r\n", b""):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                    line = stream.readline()
                stream.read(length)
                self.requests += 1
                step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                try:
                    if callable(step):
                        step(peer)
                        return
                    peer.sendall(step)
                except OSError:
                    return


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def huge(peer):
    peer.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1000):
        peer.sendall(b"x" * 1_000_000)


def drip(peer):
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(1000):
        peer.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("fault", [
    huge, drip,
    lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half"),
    lambda peer: peer.sendall(b"SSH-2.0-OpenSSH_9\r\n"),
    lambda peer: None,
    lambda peer: peer.sendall(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
], ids=["huge", "drip", "cut", "not-http", "closed", "bad-chunk"])
def test_replies_that_are_none(start, fault):
    raw = Raw(fault, OK)
    gateway = start({"exporter.noveum.timeout_ms": str(1000 * SLOW)}, url=raw.url)
    send(gateway, 1)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1, TIME + 10)
    assert raw.requests == 2
    gateway.assert_balanced()
    raw.socket.close()


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"message": "\\u0000"}',
                                  b'{"success": true, "errors": [{"success": false}]}'])
def test_an_object_or_nothing_is_a_delivery(start, body):
    raw = Raw(b"HTTP/1.1 202 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    gateway = start(url=raw.url)
    send(gateway, 1)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    assert raw.requests == 1
    raw.socket.close()


def test_a_dead_backend_that_comes_back(start):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    gateway = start(url=f"http://127.0.0.1:{port}/api")
    ids = send(gateway, 20)
    gateway.wait_status(lambda s: s["exporter"]["state"] == "backing off")
    late = Backend(port=port)
    try:
        finish(gateway, late, ids)
    finally:
        late.close()


def test_what_waits_is_sent_after_a_restart(start, backend):
    backend.always = Fault(status=503)
    gateway = start()
    ids = send(gateway, 10)
    gateway.wait_status(lambda s: s["exporter"]["state"] == "backing off")
    assert gateway.stop() == 0
    backend.always = None
    gateway.start()
    backend.wait_traces(10, TIME)
    assert set(backend.traces) == set(ids)
    backend.assert_clean()
    gateway.wait_status(lambda s: s["spans"]["queued"] == 0 and s["spans"]["held"] == 0)
    gateway.assert_balanced()


def test_the_outbox_survives_a_kill(start, backend):
    """Past 32 MiB of waiting traces they move to disk; a kill in that state loses none.

    A trace whose outbox record is written and whose requests are not yet released comes twice, with
    the same id: the backend ignores the second.
    """
    backend.always = Fault(status=503)
    gateway = start()
    ids = []
    for _ in range(50):
        trace = Trace()
        span = trace.span("long", text=os.urandom(400_000).hex())
        post_ok(gateway.port, trace.request([span]))
        ids.append(trace.uuid)
    gateway.wait_status(lambda s: s["exporter"]["outbox_records"] > 0, TIME + 10)
    gateway.assert_balanced()
    gateway.stop(signal.SIGKILL)
    backend.always = None
    gateway.start()
    backend.wait_traces(50, TIME + 20)
    assert set(backend.traces) == set(ids)
    assert backend.schema_errors == []
    gateway.wait_status(lambda s: s["spans"]["held"] + s["spans"]["queued"] == 0)
    assert gateway.status()["spans"]["delivered"] == 50 + len(backend.duplicates)
    assert gateway.status()["exporter"]["outbox_records"] == 0


@pytest.fixture
def certificate(directory):
    """A key and a self-signed certificate for 127.0.0.1."""
    key, cert = directory / "key.pem", directory / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
                   env={**os.environ, "RANDFILE": str(directory / "rnd")})
    return key, cert


@pytest.fixture
def tls_backend(backend, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    backend.server.socket = context.wrap_socket(backend.server.socket, server_side=True)
    backend.url = backend.url.replace("http:", "https:")
    return backend


def test_a_certificate_nobody_vouches_for_holds(start, tls_backend):
    gateway = start()
    send(gateway, 1)
    status = gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    assert "TLS" in status["exporter"]["reason"], status["exporter"]
    assert tls_backend.bodies == []


def test_a_ca_bundle_vouches(start, tls_backend, certificate):
    gateway = start(NOVEUM_CA_BUNDLE=str(certificate[1]))
    finish(gateway, tls_backend, send(gateway, 2))


def test_a_ca_bundle_that_changes_is_followed(start, tls_backend, certificate, directory):
    """Without restart and without a signal: taken away it vouches no longer, put back it does."""
    tls_backend.server.RequestHandlerClass = type(
        "Closing", (tls_backend.server.RequestHandlerClass,), {"protocol_version": "HTTP/1.0"})
    mine = certificate[1].read_bytes()
    other = directory / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", directory / "other.key", "-out", other, "-subj", "/CN=other"],
                   check=True, capture_output=True)
    bundle = directory / "bundle.pem"

    def put(text):
        fresh = directory / "bundle.new"
        fresh.write_bytes(text)
        fresh.rename(bundle)
    put(mine)
    gateway = start(NOVEUM_CA_BUNDLE=str(bundle))
    ids = send(gateway, 1)
    tls_backend.wait_traces(1, TIME)
    put(other.read_bytes())
    ids += send(gateway, 1)
    status = gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    assert "TLS" in status["exporter"]["reason"], status["exporter"]
    assert len(tls_backend.traces) == 1
    put(other.read_bytes() + mine)
    tls_backend.wait_traces(2, TIME + 10)
    finish(gateway, tls_backend, ids)
