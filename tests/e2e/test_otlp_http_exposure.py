"""Checklist P04, P05, P06 and P13, and F12, F13 of the fault table: sockets, stopping, pressure, exhaustion."""

import concurrent.futures
import os
import resource
import signal
import socket
import stat
import threading
import time

import pytest
from otlp_http_kit import JSON, PROTOBUF, SLOW, Client, Gateway, free_port, json_traces, request, traces


# ---- P04: Unix sockets -----------------------------------------------------------------------------------


def test_p04_unix_socket(tmp_path):
    path = tmp_path / "otlp.sock"
    with Gateway(listen=f"unix:{path}") as gateway:
        assert gateway.post().status == 200
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660
    assert not path.exists()


def test_p04_abstract_socket():
    with Gateway(listen=f"unix:@noveum-test-{os.getpid()}") as gateway:
        assert gateway.post().status == 200


def test_p04_stale_socket_file_is_replaced(tmp_path):
    path = tmp_path / "otlp.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))  # nobody listens: what a crash leaves
    with Gateway(listen=f"unix:{path}") as gateway:
        assert gateway.post().status == 200


def test_p04_live_socket_and_foreign_file_are_not_touched(tmp_path):
    path, other = tmp_path / "otlp.sock", tmp_path / "file"
    other.write_text("precious")
    with Gateway(listen=f"unix:{path}") as gateway:
        for taken in (path, other):
            second = Gateway(listen=f"unix:{taken}")
            assert second.process.wait(10) == 1
            assert str(taken) in second.log
            second.stop()
        assert gateway.post().status == 200
    assert other.read_text() == "precious"


# ---- addresses -------------------------------------------------------------------------------------------


def test_p13_ipv4_and_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as sock:
            port = sock.getsockname()[1]
    except OSError:
        pytest.skip("no IPv6 here")
    with Gateway(listen=f"127.0.0.1:{port},[::1]:{port}", port=port):
        for host in ("127.0.0.1", "::1"):
            with Client(socket.create_connection((host, port), 5)) as client:
                client.send(request(body=traces()))
                assert client.response().status == 200


def test_p13_forwarded_headers_and_proxy_protocol_are_not_trusted():
    with Gateway({"receiver.auth.token": "t"}) as gateway:
        assert gateway.post(headers=[("X-Forwarded-For", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")]).status == 401
        assert gateway.raw(b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + request(body=traces())).status == 400


def test_port_in_use_says_what_to_do():
    with Gateway() as gateway:
        second = Gateway(listen=gateway.listen)
        assert second.process.wait(10) == 1
        assert "in use" in second.log
        second.stop()


def test_listening_socket_is_inherited():
    """LISTEN_FDS: a socket bound to the configured address is taken over, and nothing sent meanwhile is lost."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        early = Client(socket.create_connection(("127.0.0.1", port), 20))
        early.send(request(body=traces()))  # before there is a gateway

        def hand_over():
            os.dup2(server.fileno(), 3)

        with Gateway(port=port, preexec=hand_over, environment={"LISTEN_FDS": "1"}) as gateway:
            assert early.response().status == 200
            assert gateway.post().status == 200


def test_a_socket_that_nobody_listens_on_is_told():
    """LISTEN_FDS with an address that the configuration has not: its clients would wait for good."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with Gateway(preexec=lambda: os.dup2(server.fileno(), 3), environment={"LISTEN_FDS": "1"}) as gateway:
            assert gateway.post().status == 200
            assert f"address=127.0.0.1:{port}" in gateway.log
            assert "nobody listens on" in gateway.log


# ---- P05, P06: stopping and pressure ---------------------------------------------------------------------


def test_p05_stop_answers_what_has_begun():
    gateway = Gateway()
    gateway.wait_ready()
    body = traces()
    with gateway.connect() as idle, gateway.connect() as begun:
        begun.send(request(body=body)[:-10])
        gateway.wait_begun()
        gateway.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + 5
        with pytest.raises(OSError):
            while time.monotonic() < end:
                gateway.connect(timeout=1).close()
                time.sleep(0.02)
        assert idle.ended()
        begun.send(body[-10:])
        response = begun.response()
        assert response.status in (200, 503) and response.closes
    assert gateway.process.wait(10) == 0
    gateway.stop()


def test_p06_busy_is_503_with_retry_after_and_ends():
    """A journal of 1 MiB that fills before its traces leave: refused in time, taken again later."""
    keys = {"journal.max_bytes": 1 << 20, "assembly.quiet_ms": 2000 * SLOW}
    with Gateway(keys) as gateway:
        statuses = []
        for _ in range(200):
            response = gateway.post(traces(100, name=b"x" * 200))
            statuses.append(response.status)
            if response.status != 200:
                break
        assert statuses[-1] in (429, 503), statuses
        assert int(response.get("retry-after")) > 0
        response.assert_status_body(PROTOBUF)
        end = time.monotonic() + 30 * SLOW
        while gateway.post(json_traces(100), media=JSON).status != 200:
            assert time.monotonic() < end, "never taken again"
            time.sleep(0.2)


def test_p06_bodies_being_read_have_a_total():
    keys = {"receiver.max_body_bytes": 1 << 20, "receiver.max_undecoded_bytes": 4 << 20}
    with Gateway(keys) as gateway:
        held = [gateway.connect() for _ in range(4)]
        for client in held:
            client.send(request(body=bytes(1000000))[:-100])
        headers = [("Expect", "100-continue"), ("Content-Length", 500000)]  # a 100 means: not yet
        end = time.monotonic() + 5 * SLOW
        while (response := gateway.ask(length=False, headers=headers)).status != 503:
            assert time.monotonic() < end, response
            time.sleep(0.05)
        assert int(response.get("retry-after")) > 0
        for client in held:
            client.close()
        gateway.assert_alive()


# ---- F12, F13: crowds ------------------------------------------------------------------------------------


def p99_under_load(gateway, seconds=4):
    """Slowest hundredth of requests of four clients, each with its own connection."""
    def run(_):
        times, end = [], time.monotonic() + seconds
        with gateway.connect() as client:
            while time.monotonic() < end:
                started = time.monotonic()
                client.send(request(body=traces(2)))
                assert client.response().status == 200
                times.append(time.monotonic() - started)
                time.sleep(0.005)
        return times

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        times = sorted(t for part in pool.map(run, range(4)) for t in part)
    return times[len(times) * 99 // 100], len(times)


def test_f12_idle_and_slow_clients_delay_nobody():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("too few descriptors for 1,200 clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    with Gateway() as gateway:
        before = gateway.rss()
        idle = [gateway.connect() for _ in range(1000)]
        assert gateway.post().status == 200
        per_connection = (gateway.rss() - before) / 1000
        slow = [gateway.connect() for _ in range(200)]
        stop = threading.Event()

        def drip():
            head = request(body=traces())
            at = 0
            while not stop.wait(0.1):
                for client in slow:
                    client.send(head[at % len(head):at % len(head) + 1])
                at += 1

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            p99, count = p99_under_load(gateway)
        finally:
            stop.set()
            dripping.join()
        assert p99 < 1 * SLOW and count > 100, (p99, count)
        assert per_connection < SLOW * 8192, per_connection
        for client in idle + slow:
            client.close()
        gateway.assert_alive()


def test_f12_slow_head_and_body_are_cut_off_on_time():
    with Gateway() as gateway, gateway.connect(30) as head, gateway.connect(30) as body:
        started = time.monotonic()
        body.send(request(length=False, headers=[("Content-Length", 100000)]))
        ended = {}

        def drip(client, name, data):
            try:
                for _ in range(200):
                    client.sock.sendall(data)
                    time.sleep(0.1)
                    client.sock.settimeout(0.01)
                    try:
                        if client.sock.recv(1000):
                            ended[name] = time.monotonic() - started
                            return
                    except TimeoutError:
                        client.sock.settimeout(30)
            except OSError:
                ended.setdefault(name, time.monotonic() - started)

        threads = [threading.Thread(target=drip, args=args) for args in
                   ((head, "head", b"X"), (body, "body", b"y"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 9 < ended["head"] < 13 and 9 < ended["body"] < 13, ended


def test_f13_few_descriptors():
    """ulimit -n 64 and 1,000 clients: no crash, no spinning, the next client is served."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    with Gateway(preexec=limit) as gateway:
        kept = gateway.connect()
        kept.send(request(body=traces()))
        assert kept.response().status == 200
        crowd = []
        for _ in range(900):
            try:
                crowd.append(gateway.connect(timeout=5))
            except OSError:
                break
        before, started = gateway.cpu_seconds(), time.monotonic()
        time.sleep(2)  # duration: a busy loop shows in the CPU time of a while
        assert (gateway.cpu_seconds() - before) / (time.monotonic() - started) < 0.2 * SLOW
        started = time.monotonic()
        gateway.assert_alive()
        assert time.monotonic() - started < 5 * SLOW
        for client in crowd:
            client.close()
        gateway.assert_alive()


def test_f13_crowd_on_the_grpc_port_leaves_descriptors():
    """All ports share one ulimit -n: idle gRPC clients must not take it from HTTP, journal and files."""
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    grpc = free_port()
    with Gateway({"receiver.grpc.listen": f"127.0.0.1:{grpc}"}, preexec=limit) as gateway:
        crowd = []
        for _ in range(200):
            crowd.append(socket.create_connection(("127.0.0.1", grpc), 5))
        gateway.assert_alive()  # asked behind the crowd: it has been dealt with
        opened = len(os.listdir(f"/proc/{gateway.process.pid}/fd"))
        assert opened < 90, opened
        assert "out of file descriptors" not in gateway.log
        gateway.assert_alive()
        for client in crowd:
            client.close()
