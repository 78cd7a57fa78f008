"""Checklist G (HTTP/1.1, RFC 9110 and 9112) over OTLP/HTTP, one test a line."""

import concurrent.futures
import os
import socket
import struct
import time

import pytest
from otlp_http_kit import JSON, PROTOBUF, SLOW, Gateway, chunked, json_traces, request, traces


@pytest.fixture(scope="module")
def gateway():
    with Gateway() as running:
        yield running


CHUNKED = [("Transfer-Encoding", "chunked")]


def assert_refused(gateway, data, statuses=(400,)):
    """Refused with one of `statuses` and closed, and a request smuggled behind it is not answered."""
    with gateway.connect() as client:
        client.send(data + request("GET", "/smuggled", media=None, length=False))
        response = client.response()
        assert response is not None and response.status in statuses, response
        assert response.closes and client.ended()


def test_g01_keep_alive(gateway):
    with gateway.connect() as client:
        for _ in range(100):
            client.send(request(body=traces()))
            assert client.response().status == 200


def test_g02_connection_close(gateway):
    with gateway.connect() as client:
        client.send(request(body=traces(), headers=[("Connection", "close")]))
        response = client.response()
        assert response.status == 200 and response.closes and client.ended()


def test_g03_http_1_0(gateway):
    with gateway.connect() as client:
        client.send(request(body=traces(), version="HTTP/1.0", host=None))
        assert client.response().status == 200 and client.ended()


def test_g04_pipelining(gateway):
    with gateway.connect() as client:
        paths = ["/v1/traces" if i % 3 else f"/nothing/{i}" for i in range(50)]
        client.send(b"".join(request(path=p) for p in paths))
        for path in paths:
            assert client.response().status == (200 if path == "/v1/traces" else 404)


@pytest.mark.parametrize("form", [
    {}, {"size": 1}, {"extension": b";a=b;c=\"d e\""}, {"trailer": b"X-Trailer: y\r\nZ: w\r\n"}, {"digits": b"%X"},
    {"digits": b"000%x"}])
def test_g05_chunked(gateway, form):
    assert gateway.raw(request(headers=CHUNKED, length=False) + chunked(traces(4), **form)).status == 200


def test_g06_expect_100_continue(gateway):
    body = traces()
    with gateway.connect() as client:
        client.send(request(length=False, headers=[("Expect", "100-continue"), ("Content-Length", len(body))]))
        assert client.response().status == 100
        client.send(body)
        assert client.response().status == 200


@pytest.mark.parametrize("change, status", [
    ({"path": "/nothing"}, 404), ({"media": "text/plain"}, 415), ({"method": "PUT"}, 405)])
def test_g06b_final_status_in_place_of_100(gateway, change, status):
    with gateway.connect() as client:
        client.send(request(**change, length=False, headers=[("Expect", "100-continue"), ("Content-Length", 10)]))
        response = client.response()
        assert response.status == status and response.closes


def test_g06c_no_100_for_http_1_0(gateway):
    with gateway.connect() as client:
        client.send(request(version="HTTP/1.0", length=False,
                            headers=[("Expect", "100-continue"), ("Content-Length", 2)]))
        client.send(b"\xff\xff")
        assert client.response().status == 400


def test_g07_unknown_expect(gateway):
    assert gateway.raw(request(body=traces(), headers=[("Expect", "200-ok")])).status in (417, 200)


def test_g08_byte_by_byte(gateway):
    with gateway.connect() as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request(body=traces()):
            client.send(bytes([byte]))
        assert client.response().status == 200


@pytest.mark.parametrize("headers", [[], [("Host", "a"), ("Host", "a")], [("Host", "a b")]])
def test_g09_host(gateway, headers):
    assert_refused(gateway, request(host=None, headers=headers))


def test_g10_length_and_chunked(gateway):
    assert_refused(gateway, request(body=b"", headers=CHUNKED) + b"0\r\n\r\n")
    assert_refused(gateway, request(headers=CHUNKED + [("Content-Length", 5)], length=False) + b"0\r\n\r\n")


@pytest.mark.parametrize("lengths", [(5, 6), (5, 5), ("5, 5",), ("5,6",)])
def test_g11_more_than_one_length(gateway, lengths):
    assert_refused(gateway, request(length=False, headers=[("Content-Length", n) for n in lengths]) + b"12345")


@pytest.mark.parametrize("length", ["+5", "0x5", "-1", "5 5", "5a", "", str(2**64), str(2**64 + 5), "٥".encode().decode("latin-1")])
def test_g12_malformed_length(gateway, length):
    assert_refused(gateway, request(length=False, headers=[("Content-Length", length)]) + b"12345")


@pytest.mark.parametrize("coding", ["xchunked", "chunked, identity", "gzip", "gzip, chunked", "identity", "\x0bchunked",
                                    "chunked, chunked", '"chunked"'])
def test_g13_other_transfer_encoding(gateway, coding):
    assert_refused(gateway, request(length=False, headers=[("Transfer-Encoding", coding)]) + b"0\r\n\r\n", (400, 501))


@pytest.mark.parametrize("size", [b"ZZ", b"-1", b"0x5", b"10000000000000000", b"10000000000000005", b"", b" 5", b"5 ", b"+5",
                                  b"5 junk", b"5\n", b"5\r"])
def test_g14_bad_chunk_size(gateway, size):
    assert_refused(gateway, request(headers=CHUNKED, length=False) + size + b"\r\n12345\r\n0\r\n\r\n")


@pytest.mark.parametrize("tail", [b"0\r\n\r\n", b"\n0\r\n\r\n", b"xx0\r\n\r\n", b"\r0\r\n\r\n"])
def test_g15_no_crlf_after_chunk_data(gateway, tail):
    assert_refused(gateway, request(headers=CHUNKED, length=False) + b"5\r\n12345" + tail)


@pytest.mark.parametrize("line", [b"X : y", b"X\t: y", b"X: a\0b", b"X: a\x01b", b"no colon", b": empty", b"X\0Y: z",
                                  b"Content-Length: 0\0 5", b"X\x7f: y"])
def test_g16_bad_header_line(gateway, line):
    assert_refused(gateway, b"POST /v1/traces HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize("data", [
    b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\nContent-Length: 0\r\n\r\n",
    b"POST /v1/traces HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
    b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n"])
def test_g17_folding_and_bare_line_ends(gateway, data):
    assert gateway.raw(data).status in (200, 400)
    gateway.assert_alive()


def test_g18_empty_line_before_the_request(gateway):
    with gateway.connect() as client:
        client.send(b"\r\n" + request(body=traces()) + b"\r\n\r\n" + request(body=traces()))
        assert client.response().status == 200
        assert client.response().status == 200


def test_g19_post_without_length(gateway):
    assert gateway.raw(request(length=False)).status in (200, 400, 411)


def test_g20_half_close(gateway):
    with gateway.connect() as client:
        client.send(request(body=traces(10)))
        client.half_close()
        assert client.response().status == 200


def test_g21_aborts(gateway):
    before = gateway.fds()
    for i in range(200):
        with gateway.connect() as client:
            data = request(body=traces(5))
            client.send(data[:len(data) * (i % 10) // 10])
            if i % 2:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gateway.assert_alive()
    end = time.monotonic() + 5
    while gateway.fds() > before + 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert gateway.fds() <= before + 2


def test_g22_in_sync_after_a_400(gateway):
    with gateway.connect() as client:
        for _ in range(5):
            client.send(request(body=b"\xff\xff"))
            response = client.response()
            assert response.status == 400
            if response.closes:
                return
        client.send(request(body=traces()))
        assert client.response().status == 200


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/1.9", "HTTP/1", "http/1.1", "HTTP/+1.1"])
def test_g23_other_versions(gateway, version):
    response = gateway.raw(request(version=version))
    assert response is None or response.status in (400, 505)


def test_g24_concurrent_connections(gateway):
    def run(_):
        with gateway.connect() as client:
            statuses = []
            for i in range(20):
                json = i % 2 == 1
                client.send(request(body=json_traces() if json else traces(), media=JSON if json else PROTOBUF))
                statuses.append(client.response().status)
            return statuses

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        for statuses in pool.map(run, range(64)):
            assert statuses == [200] * 20


def test_g25_slow_clients_delay_nobody(gateway):
    slow = [gateway.connect() for _ in range(200)]
    for client in slow:
        client.send(request(body=traces())[:70])
    for _ in range(10):
        started = time.monotonic()
        assert gateway.post().status == 200
        assert time.monotonic() - started < 1 * SLOW
    for client in slow:
        client.close()


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    os.urandom(5000), bytes(5000), b"\r\n" * 3000, b"A" * 100000])
def test_g26_garbage(gateway, data):
    with gateway.connect() as client:
        client.send(data)
        client.half_close()
        client.drain()
    gateway.assert_alive()


def test_g27_client_that_never_reads(gateway):
    with gateway.connect(timeout=3) as client:
        data = b"".join(request(path="/nothing", body=b"", media=JSON) for _ in range(300))
        try:
            for _ in range(20):
                client.send(data)
        except TimeoutError:
            pass
        started = time.monotonic()
        gateway.assert_alive()
        assert time.monotonic() - started < 2 * SLOW


def test_z01_alive_and_fast_at_the_end(gateway):
    for _ in range(50):
        started = time.monotonic()
        assert gateway.post().status == 200
        assert time.monotonic() - started < 1 * SLOW
