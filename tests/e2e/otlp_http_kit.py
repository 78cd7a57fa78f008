"""What the OTLP/HTTP tests share: a gateway on free ports, a raw HTTP client, and OTLP bodies made by hand.

The client is a socket and forty lines: the tests send what no HTTP library would, and must see each byte that
comes back. Bodies are encoded here from field numbers, so that no generated code stands between test and wire.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

from conftest import PROGRAM, SLOW, clean_environment  # tests stretch limits by SLOW: sanitizers

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
TRACES = "/v1/traces"


# ---- protobuf by hand ------------------------------------------------------------------------------------


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, payload):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def span_message(trace_id, span_id, name=b"s", extra=b""):
    now = struct.pack("<Q", 1_700_000_000_000_000_000)
    return field(1, trace_id) + field(2, span_id) + field(5, name) + b"\x39" + now + b"\x41" + now + extra


def traces_request(spans):
    return field(1, field(1, b"") + field(2, b"".join(field(2, span) for span in spans)))


def traces(count=1, name=b"s", extra=b""):
    """A protobuf request of `count` spans, each in a trace of its own."""
    return traces_request([span_message(os.urandom(16), os.urandom(8), name, extra) for _ in range(count)])


def logs():
    record = b"\x09" + struct.pack("<Q", 1) + field(5, field(1, b"hello")) + field(9, os.urandom(16))
    return field(1, field(1, b"") + field(2, field(2, record)))


def json_traces(count=1, name="s"):
    spans = [{"traceId": os.urandom(16).hex(), "spanId": os.urandom(8).hex(), "name": name,
              "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000000000001"}
             for _ in range(count)]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def read_fields(data):
    """Fields of a message as (number, value) pairs."""
    at, out = 0, []
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise AssertionError(f"wire type {tag & 7}")
        out.append((tag >> 3, value))
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


# ---- HTTP by hand ----------------------------------------------------------------------------------------


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:200]!r}>"

    def get(self, name, default=None):
        for key, value in self.headers:
            if key == name.lower():
                return value
        return default

    @property
    def closes(self):
        return "close" in (self.get("connection") or "").lower()

    def assert_status_body(self, media=JSON):
        """The body is a google.rpc.Status in `media`; returns (code, message)."""
        assert self.get("content-type") == media, self
        if media == JSON:
            status = json.loads(self.body)
            assert set(status) <= {"code", "message", "details"}, self
            assert isinstance(status.get("code", 0), int), self
            assert isinstance(status["message"], str) and status["message"], self
            return status.get("code", 0), status["message"]
        fields = dict(read_fields(self.body))
        assert set(fields) <= {1, 2, 3} and isinstance(fields.get(1, 0), int), self
        assert fields[2].decode(), self
        return fields.get(1, 0), fields[2].decode()

    def rejected(self, media=PROTOBUF):
        """(rejected_spans, error_message) of a success; (0, "") when partial_success is unset."""
        assert self.status == 200, self
        if media == JSON:
            partial = json.loads(self.body).get("partialSuccess", {})
            return int(partial.get("rejectedSpans", 0)), partial.get("errorMessage", "")
        fields = dict(read_fields(self.body))
        if 1 not in fields:
            return 0, ""
        partial = dict(read_fields(fields[1]))
        return partial.get(1, 0), partial.get(2, b"").decode()


class Client:
    """One connection."""

    def __init__(self, sock):
        self.sock, self.pending = sock, b""

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    def send(self, data):
        """Sends; a server that has already answered and closed is no error."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.sock.sendall(data)
        return self

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.pending += data
        return bool(data)

    def response(self, head_only=False):
        """The next response, 100 included; None when the connection ends before one."""
        while b"\r\n\r\n" not in self.pending:
            if not self._more():
                assert not self.pending, f"half a response: {self.pending[:200]!r}"
                return None
        head, _, rest = self.pending.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        headers = [(k.lower(), v.strip()) for k, _, v in (line.partition(":") for line in lines[1:])]
        length = int(dict(headers).get("content-length", 0))
        length = 0 if head_only or int(status) in (100, 204) else length
        self.pending = rest
        while len(self.pending) < length:
            assert self._more(), "body cut off"
        body, self.pending = self.pending[:length], self.pending[length:]
        return Response(int(status), headers, body)

    def ended(self):
        """Has the server closed, without a further byte?"""
        return not self.pending and not self._more()

    def drain(self):
        """All bytes until the end."""
        while self._more():
            pass
        return self.pending


def request(method="POST", path=TRACES, body=b"", media=PROTOBUF, headers=(), version="HTTP/1.1", length=True,
            host="test"):
    lines = [f"{method} {path} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    if media is not None:
        lines.append(f"Content-Type: {media}")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{k}: {v}" for k, v in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body, size=1000, extension=b"", trailer=b"", digits=b"%x"):
    out = b""
    for at in range(0, len(body), size):
        part = body[at:at + size]
        out += digits % len(part) + extension + b"\r\n" + part + b"\r\n"
    return out + b"0" + extension + b"\r\n" + trailer + b"\r\n"


# ---- the gateway -----------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Gateway:
    """A running gateway in local mode: no key, traces into files of a temporary folder."""

    def __init__(self, options=None, listen=None, preexec=None, environment=None, port=None):
        self.folder = tempfile.TemporaryDirectory(prefix="noveum-http-")
        self.port, self.admin_port = port or free_port(), free_port()
        self.listen = listen or f"127.0.0.1:{self.port}"
        keys = {"receiver.http.listen": self.listen, "receiver.grpc.listen": "none",
                "admin.listen": f"127.0.0.1:{self.admin_port}", "journal.directory": f"{self.folder.name}/journal",
                "journal.durability": "os", "exporter.file.directory": f"{self.folder.name}/traces",
                "log.level": "info"}
        keys.update(options or {})
        own = {"NOVEUM_GATEWAY_" + k.upper().replace(".", "_"): str(v) for k, v in keys.items()}
        self.log_path = pathlib.Path(self.folder.name, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([PROGRAM], env=clean_environment(**own, **(environment or {})), stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.folder.name, preexec_fn=preexec,
                                            close_fds=preexec is None)

    def __enter__(self):
        self.wait_ready()
        return self

    def __exit__(self, kind, *rest):
        self.stop(expected=0 if kind is None else None)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, text, after=0):
        """Waits until the log says `text` behind its first `after` characters."""
        end = time.monotonic() + 20 * SLOW
        while text not in self.log[after:]:
            assert time.monotonic() < end, f"never logged: {text}: {self.log}"
            time.sleep(0.02)

    def wait_begun(self):
        """Waits until a body is being read."""
        end = time.monotonic() + 20 * SLOW
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as reply:
                if re.search(rb"^noveum_undecoded_bytes [1-9]", reply.read(), re.MULTILINE):
                    return
            assert time.monotonic() < end, "no body is being read"
            time.sleep(0.02)

    def wait_ready(self):
        end = time.monotonic() + 20 * SLOW
        while True:
            try:
                with self.connect(timeout=2), socket.create_connection(("127.0.0.1", self.admin_port), 2):
                    return
            except OSError:
                assert self.process.poll() is None, f"exit {self.process.returncode}: {self.log}"
                assert time.monotonic() < end, self.log
                time.sleep(0.02)

    def stop(self, timeout=20 * SLOW, expected=None):
        """Ends it, clears up, and returns the exit code, which is to be `expected` when that is given."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        log = self.log
        self.folder.cleanup()
        assert expected in (None, self.process.returncode), (self.process.returncode, log[-4000:])
        return self.process.returncode

    def connect(self, timeout=15 * SLOW):
        if self.listen.startswith("unix:"):
            path = self.listen[5:]
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect("\0" + path[1:] if path.startswith("@") else path)
            return Client(sock)
        return Client(socket.create_connection(("127.0.0.1", self.port), timeout))

    def ask(self, *args, **kwargs):
        """One request on a connection of its own; the response."""
        with self.connect() as client:
            client.send(request(*args, **kwargs))
            return client.response(head_only=(args and args[0] == "HEAD") or kwargs.get("method") == "HEAD")

    def raw(self, data, timeout=15 * SLOW):
        """Raw bytes on a connection of their own: the first response that is no 100, or None."""
        with self.connect(timeout) as client:
            client.send(data)
            response = client.response()
            return client.response() if response is not None and response.status == 100 else response

    def post(self, body=None, **kwargs):
        kwargs.setdefault("media", PROTOBUF)
        return self.ask(body=traces() if body is None else body, **kwargs)

    def assert_alive(self):
        assert self.process.poll() is None, self.log
        started = time.monotonic()
        response = self.post()
        assert response is not None and response.status == 200, response
        assert time.monotonic() - started < 5 * SLOW

    def rss(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def cpu_seconds(self):
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
