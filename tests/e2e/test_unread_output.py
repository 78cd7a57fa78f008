"""Standard output and error of which nobody reads: requests, delivery and the stop go on without them."""
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import SLOW, TIME
from otlp import Trace


def full_pipe():
    """(read end, write end) of a pipe that takes nothing more."""
    read_end, write_end = os.pipe()
    filler = os.open(f"/proc/self/fd/{write_end}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(filler, b"x" * 4096)
    except BlockingIOError:
        os.close(filler)
    return read_end, write_end


def post(path, target, body):
    """Status of one request over a Unix socket, which may not be there yet."""
    deadline = time.monotonic() + TIME
    head = (f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIME)
            try:
                connection.connect(str(path))
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
                continue
            connection.sendall(head.encode() + body)
            return int(connection.recv(4096).split()[1])


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_nobody_reads(make_gateway, directory, name):
    path = directory / "otlp.sock"
    gateway = make_gateway({"receiver.http.listen": f"unix:{path}", "receiver.grpc.listen": "none",
                            "terminal.traces": "on", "stop.deadline_ms": 3000 * SLOW}, start=False)
    read_end, write_end = full_pipe()
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, name: write_end}
    process = subprocess.Popen(gateway.command(), cwd=directory, env=gateway.environment, **streams)
    os.close(write_end)
    try:
        for _ in range(3):
            trace = Trace()
            assert post(path, "/nowhere", b"") == 404  # said in the log
            assert post(path, "/v1/traces", trace.request([trace.span("root")])) == 200
        deadline = time.monotonic() + TIME
        while len(list((directory / ".noveum_trace_dev").glob("*.json"))) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(3 * SLOW + TIME) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read_end)
