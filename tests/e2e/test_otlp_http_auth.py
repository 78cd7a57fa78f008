"""Checklist H (authentication), I (CORS) and P03 over OTLP/HTTP, one test a line."""

import base64
import gzip
import signal
import time

import pytest
from otlp_http_kit import JSON, PROTOBUF, SLOW, Gateway, json_traces, request, traces

TOKEN = "tok3n-0f-the-gateway"
AUTH = [("Authorization", f"Bearer {TOKEN}")]


@pytest.fixture(scope="module")
def gateway():
    with Gateway({"receiver.auth.token": TOKEN, "receiver.cors.allowed_origins": "https://app.example.com"}) as running:
        running.assert_alive = lambda: assert_alive(running)
        yield running


def assert_alive(gateway):
    assert gateway.process.poll() is None
    assert gateway.post(headers=AUTH).status == 200


def test_h01_no_credentials_is_401(gateway):
    assert gateway.post().status == 401


@pytest.mark.parametrize("value", [
    "Bearer wrong", "Bearer ", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN,
    f"Token {TOKEN}", f"Bearer {TOKEN.upper()}", f"Bearer {TOKEN} {TOKEN}", ""])
def test_h02_other_credentials_are_refused(gateway, value):
    assert gateway.post(headers=[("Authorization", value)]).status in (401, 403)


def test_h03_401_says_how(gateway):
    assert gateway.post().get("www-authenticate").startswith("Bearer")


@pytest.mark.parametrize("media", [JSON, PROTOBUF])
def test_h04_401_has_a_status_body(gateway, media):
    code, message = gateway.post(media=media).assert_status_body(media)
    assert code == 16 and TOKEN not in message


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "BeArEr"])
def test_h05_scheme_in_any_case(gateway, scheme):
    assert gateway.post(headers=[("Authorization", f"{scheme} {TOKEN}")]).status == 200


def test_h06_unauthenticated_bodies_are_not_decoded(gateway):
    bomb = gzip.compress(bytes(64 << 20))
    before = gateway.rss()
    assert gateway.post(bomb, headers=[("Content-Encoding", "gzip")]).status in (401, 413)
    assert gateway.ask(length=False, headers=[("Content-Length", 10**12)]).status in (401, 413)
    assert gateway.rss() - before < SLOW * 16 << 20


def test_h06b_401_comes_before_the_body(gateway):
    with gateway.connect() as client:
        client.send(request(length=False, headers=[("Expect", "100-continue"), ("Content-Length", 10)]))
        assert client.response().status == 401
    with gateway.connect() as client:
        client.send(request(length=False, headers=[("Content-Length", 10)]))
        assert client.response().status == 401


def test_h07_two_authorization_headers(gateway):
    for pair in ((AUTH[0], ("Authorization", "Bearer wrong")), (("Authorization", "Bearer wrong"), AUTH[0])):
        assert gateway.post(headers=list(pair)).status == 401
    gateway.assert_alive()


def test_p03_api_key_header(gateway):
    assert gateway.post(headers=[("X-Api-Key", TOKEN)]).status == 200
    assert gateway.post(headers=[("x-api-key", "wrong")]).status == 401
    assert gateway.post(headers=[("x-api-key", TOKEN), ("Authorization", "Bearer wrong")]).status == 401


def test_p03_several_tokens_basic_and_reload(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("# two\nfirst\nuser:pass word\n")
    with Gateway({"receiver.auth.tokens_file": tokens}) as gateway:
        def status(name, value):
            return gateway.post(headers=[(name, value)]).status

        basic = "Basic " + base64.b64encode(b"user:pass word").decode()
        assert status("Authorization", "Bearer first") == 200
        assert status("Authorization", basic) == 200
        assert status("Authorization", "Basic " + base64.b64encode(b"user:other").decode()) == 401
        assert status("Authorization", "Bearer second") == 401
        tokens.write_text("second\n")
        gateway.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while status("Authorization", "Bearer second") != 200 and time.monotonic() < end:
            time.sleep(0.05)
        assert status("Authorization", "Bearer second") == 200
        assert status("Authorization", "Bearer first") == 401
        tokens.write_text("")  # a reload that fails leaves the tokens as they are
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_log("reloaded but for tokens or certificates")
        assert status("Authorization", "Bearer second") == 200


def test_p03_unusable_tokens_refuse_the_start(tmp_path):
    gateway = Gateway({"receiver.auth.tokens_file": tmp_path / "missing"})
    assert gateway.process.wait(10) != 0
    assert "tokens_file" in gateway.log
    gateway.stop()


def test_p03_secrets_do_not_show(gateway):
    gateway.post(headers=[("Authorization", "Bearer s3cr3t-attempt")])
    with Gateway({"receiver.auth.token": TOKEN, "log.level": "debug"}) as other:
        other.post(headers=[("Authorization", "Bearer s3cr3t-attempt")])
        other.post(headers=AUTH)
        port, other.port = other.port, other.admin_port
        shown = [other.ask("GET", path, media=None, length=False, host="localhost") for path in ("/metrics", "/status")]
        other.port = port
        assert [answer.status for answer in shown] == [200, 200]
        text = other.log + "".join(answer.body.decode() for answer in shown)
    assert TOKEN not in text and "s3cr3t" not in text


# ---- I: CORS -----------------------------------------------------------------------------------------------

ORIGIN = "https://app.example.com"


def preflight(gateway, origin):
    return gateway.ask("OPTIONS", media=None, length=False, headers=[
        ("Origin", origin), ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type,x-custom")])


def test_i01_preflight(gateway):
    response = preflight(gateway, ORIGIN)
    assert 200 <= response.status < 300
    assert response.get("access-control-allow-origin") == ORIGIN
    assert "POST" in response.get("access-control-allow-methods")
    assert "content-type" in response.get("access-control-allow-headers").lower()


def test_i02_actual_requests_carry_the_origin_also_on_errors(gateway):
    origin = [("Origin", ORIGIN)]
    for response in (gateway.post(json_traces(), media=JSON, headers=AUTH + origin),
                     gateway.post(json_traces(), media=JSON, headers=origin),
                     gateway.post(b"{", media=JSON, headers=AUTH + origin),
                     gateway.ask(path="/nothing", headers=AUTH + origin)):
        assert response.get("access-control-allow-origin") == ORIGIN, response


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "https://app.example.com.evil.org",
                                    "https://evil-app.example.com", "http://app.example.com", "https://app.example.co"])
def test_i03_other_origins_get_nothing(gateway, origin):
    assert preflight(gateway, origin).get("access-control-allow-origin") is None
    assert gateway.post(headers=AUTH + [("Origin", origin)]).get("access-control-allow-origin") is None


def test_i04_vary_origin(gateway):
    assert "origin" in gateway.post(headers=AUTH + [("Origin", ORIGIN)]).get("vary").lower()
    assert "origin" in preflight(gateway, "https://evil.example.org").get("vary").lower()
