"""Checklist F (size limits) over OTLP/HTTP, one test a line."""

import time

import pytest
from otlp_http_kit import JSON, PROTOBUF, SLOW, Gateway, chunked, json_traces, request, traces

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def gateway():
    with Gateway({"receiver.max_body_bytes": LIMIT}) as running:
        yield running


def test_f01_body_over_the_limit_is_413(gateway):
    assert gateway.post(bytes(LIMIT + 1)).status == 413


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_f02_413_has_a_status_body(gateway, media):
    response = gateway.post(bytes(LIMIT * 4), media=media)
    assert response.status == 413
    response.assert_status_body(media)


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_f03_chunked_body_over_the_limit_is_413(gateway, media):
    head = request(media=media, headers=[("Transfer-Encoding", "chunked")], length=False)
    response = gateway.raw(head + chunked(bytes(LIMIT + 1), 60000))
    assert response.status == 413
    response.assert_status_body(media)


def test_f04_and_the_server_lives(gateway):
    gateway.post(bytes(LIMIT * 8))
    gateway.assert_alive()


def test_f05_body_just_under_the_limit_is_taken(gateway):
    body = json_traces(name="x" * (LIMIT - 2000))
    assert len(body) <= LIMIT
    assert gateway.post(body, media=JSON).status == 200
    assert gateway.post(traces(name=b"x" * (LIMIT - 2000))).status == 200


def test_f05_body_of_the_limit_fits_into_the_smallest_budget():
    """What the head takes of the budget must not lock a body out that the limit allows."""
    keys = {"receiver.max_body_bytes": LIMIT, "receiver.max_undecoded_bytes": LIMIT}
    with Gateway(keys) as gateway:
        overhead = len(traces(name=b"x" * (LIMIT - 100))) - (LIMIT - 100)
        body = traces(name=b"x" * (LIMIT - overhead))
        assert len(body) == LIMIT
        assert gateway.post(body).status == 200
        assert gateway.raw(request(body=body, headers=[("X-Large", "y" * 6000)])).status == 200


def test_f06_absurd_length_and_then_silence(gateway):
    before, clients = gateway.rss(), []
    for _ in range(50):
        client = gateway.connect()
        client.send(request(length=False, headers=[("Content-Length", str(10**15))]))
        clients.append(client)
    gateway.assert_alive()
    assert gateway.rss() - before < SLOW * 16 << 20
    for client in clients:
        assert client.response().status == 413
        client.close()


def test_f06b_allowed_length_and_then_silence_allocates_little(gateway):
    before, clients = gateway.rss(), []
    for _ in range(100):
        client = gateway.connect()
        client.send(request(length=False, headers=[("Content-Length", str(LIMIT))]))
        clients.append(client)
    gateway.assert_alive()
    assert gateway.rss() - before < SLOW * 16 << 20
    for client in clients:
        client.close()


def test_f07_huge_head(gateway):
    started = time.monotonic()
    for headers in ([("X", "y" * 8000)] * 1000, [("X", "y")] * 100000, [("X", "y" * (8 << 20))]):
        response = gateway.raw(request(headers=headers))
        assert response is None or response.status in (400, 431)
    gateway.assert_alive()
    assert time.monotonic() - started < 20 * SLOW


def test_f07b_431_has_a_status_body(gateway):
    response = gateway.raw(request(headers=[("X", "y")] * 200))
    assert response.status == 431 and response.closes
    response.assert_status_body(PROTOBUF)


def test_f08_huge_target(gateway):
    response = gateway.raw(request(path="/" + "a" * (1 << 20)))
    assert response is None or response.status in (414, 431, 400, 404)
    gateway.assert_alive()


def test_f09_32_headers_of_200_bytes(gateway):
    headers = [(f"X-Header-{i}", "v" * 200) for i in range(32)]
    assert gateway.post(headers=headers).status == 200


@pytest.mark.parametrize("form", ["length", "chunked"])
@pytest.mark.parametrize("size, status", [(LIMIT - 1, 400), (LIMIT, 400), (LIMIT + 1, 413)])
def test_p11_limit_to_the_byte(gateway, form, size, status):
    """400: read whole and found to be no protobuf."""
    body = b"\xff" * size
    data = request(body=body)
    if form == "chunked":
        data = request(headers=[("Transfer-Encoding", "chunked")], length=False) + chunked(body, 50001)
    assert gateway.raw(data).status == status
