"""Checklist P01 and P02: TLS and mutual TLS on the HTTP port, with certificates made by the openssl command."""

import contextlib
import signal
import socket
import ssl
import time

import pytest
from certificates import Authority, openssl
from otlp_http_kit import SLOW, Client, Gateway, request, traces


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"), "ca")


@pytest.fixture(scope="module")
def server_files(authority):
    return authority.issue("server")


def options(files, client_ca=None):
    keys = {"receiver.http.tls.cert_file": files[0], "receiver.http.tls.key_file": files[1]}
    return keys | ({"receiver.http.tls.client_ca_file": client_ca} if client_ca else {})


@pytest.fixture(scope="module")
def gateway(server_files):
    with Gateway(options(server_files)) as running:
        yield running


def context(authority, files=None, minimum=None, maximum=None, alpn=None):
    made = ssl.create_default_context(cafile=str(authority.cert))
    if files:
        made.load_cert_chain(*map(str, files))
    if minimum:
        made.minimum_version = minimum
    if maximum:
        made.maximum_version = maximum
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


@contextlib.contextmanager
def connect(gateway, made):
    with socket.create_connection(("127.0.0.1", gateway.port), 10) as sock:
        with made.wrap_socket(sock, server_hostname="127.0.0.1") as wrapped:
            yield Client(wrapped)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_p01_serves_tls(gateway, authority, version):
    with connect(gateway, context(authority, minimum=version, maximum=version)) as client:
        for size in (1, 300, 3000):
            client.send(request(body=traces(size)))
            assert client.response().status == 200
        client.send(b"".join(request(body=traces()) for _ in range(50)))
        for _ in range(50):
            assert client.response().status == 200


def test_p01_old_tls_is_refused(gateway, authority):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    made.set_ciphers("ALL:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        with connect(gateway, made):
            pass


def test_p01_plain_http_to_the_tls_port(gateway):
    with gateway.connect() as client:
        client.send(request(body=traces()))
        data = client.drain()
    assert b" 200 " not in data[:20]
    end = time.monotonic() + 15
    while "must begin with https://" not in gateway.log:
        assert time.monotonic() < end, gateway.log
        time.sleep(0.02)


def test_p01_alpn(gateway, authority):
    for offered, chosen in ((["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["h2"], None), (None, None)):
        with connect(gateway, context(authority, alpn=offered)) as client:
            assert client.sock.selected_alpn_protocol() == chosen
            client.send(request(body=traces()))
            assert client.response().status == 200


def test_p01_half_close_and_large_body(gateway, authority):
    with connect(gateway, context(authority)) as client:
        client.send(request(body=traces(20000)))
        assert client.response().status == 200


def test_p01_reload_without_restart(authority, tmp_path):
    cert, key = authority.issue("first")
    (tmp_path / "cert").write_bytes(cert.read_bytes())
    (tmp_path / "key").write_bytes(key.read_bytes())
    with Gateway(options((tmp_path / "cert", tmp_path / "key"))) as gateway:
        def name():
            with connect(gateway, context(authority)) as client:
                return dict(pair[0] for pair in client.sock.getpeercert()["subject"])["commonName"]

        with connect(gateway, context(authority)) as kept:
            assert name() == "first"
            cert, key = authority.issue("second")
            (tmp_path / "cert").write_bytes(cert.read_bytes())
            (tmp_path / "key").write_bytes(key.read_bytes())
            gateway.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 5
            while name() != "second" and time.monotonic() < end:
                time.sleep(0.05)
            assert name() == "second"
            kept.send(request(body=traces()))  # a connection of before goes on
            assert kept.response().status == 200
        (tmp_path / "cert").write_text("garbage")  # a reload that fails changes nothing
        gateway.process.send_signal(signal.SIGHUP)
        gateway.wait_log("reloaded but for tokens or certificates")
        assert name() == "second"


def test_p01_replaced_files_are_found_without_a_signal(authority, tmp_path):
    cert, key = authority.issue("first")
    tokens = tmp_path / "tokens"
    tokens.write_text("token-of-the-first-day\n")

    def put(name, content):
        (tmp_path / "new").write_bytes(content)
        (tmp_path / "new").rename(tmp_path / name)
    put("cert", cert.read_bytes())
    put("key", key.read_bytes())
    settings = options((tmp_path / "cert", tmp_path / "key"))
    settings["receiver.auth.tokens_file"] = tokens
    with Gateway(settings) as gateway:
        def name():
            with connect(gateway, context(authority)) as client:
                return dict(pair[0] for pair in client.sock.getpeercert()["subject"])["commonName"]

        def status():
            with connect(gateway, context(authority)) as client:
                client.send(request(headers=[("Authorization", "Bearer token-of-the-second-day")],
                                    body=traces()))
                return client.response().status
        assert name() == "first" and status() == 401
        cert, key = authority.issue("second")
        put("cert", cert.read_bytes())
        put("key", key.read_bytes())
        put("tokens", b"token-of-the-second-day\n")
        end = time.monotonic() + 60  # two looks, ten seconds apart
        while name() != "second" and time.monotonic() < end:
            time.sleep(0.2)
        assert name() == "second" and status() == 200


def test_p01_unusable_files_refuse_the_start(server_files, tmp_path):
    (tmp_path / "garbage").write_text("garbage")
    for files in ((tmp_path / "missing", server_files[1]), (server_files[0], tmp_path / "garbage")):
        gateway = Gateway(options(files))
        assert gateway.process.wait(10) != 0
        assert "_file" in gateway.log
        gateway.stop()


def test_p02_mutual_tls(authority, server_files, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    with Gateway(options(server_files, authority.cert)) as gateway:
        def status(files):
            with connect(gateway, context(authority, files)) as client:
                client.sock.sendall(request(body=traces()))
                response = client.response()
                return response.status if response else None

        assert status(authority.issue("client")) == 200
        for files in (None, stranger.issue("client"), authority.issue("late", expired=True)):
            try:
                assert status(files) is None
            except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
                pass
        assert status(authority.issue("again")) == 200


def test_p02_half_open_handshakes_block_nobody(gateway, authority):
    silent = [socket.create_connection(("127.0.0.1", gateway.port), 10) for _ in range(900)]
    for sock in silent[::2]:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
    started = time.monotonic()
    with connect(gateway, context(authority)) as client:
        client.send(request(body=traces()))
        assert client.response().status == 200
    assert time.monotonic() - started < 2 * SLOW
    end = time.monotonic() + 15  # the head deadline counts from the connect
    silent[0].settimeout(15)
    silent[1].settimeout(15)
    assert silent[0].recv(100) in (b"", b"\x15\x03\x01\x00\x02\x02\x32") and silent[1].recv(100) == b""
    assert time.monotonic() < end
    for sock in silent:
        sock.close()
