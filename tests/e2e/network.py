"""The network of a company in small: servers that answer as told, and a proxy that forwards.

    client ──▶ Proxy (CONNECT or absolute URL, credentials, faults) ──▶ Answerer or Backend

All on loopback, on ports of their own.
"""
import base64
import contextlib
import email.utils
import json
import select
import socket
import threading
import time


def reply(status="200 OK", body=None, headers=(), date=None):
    """An HTTP answer in bytes; `date`: seconds that its clock is ahead of ours."""
    content = json.dumps({"success": True} if body is None else body) if not isinstance(body, str) else body
    kind = "text/html" if isinstance(body, str) else "application/json"
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(content)}", "Connection: close",
             *headers]
    if date is not None:
        lines.append("Date: " + email.utils.formatdate(time.time() + date, usegmt=True))
    return "\r\n".join([*lines, "", content]).encode()


class Server:
    """Accepts on 127.0.0.1 (or ::1) and gives each connection a thread."""

    def __init__(self, family=socket.AF_INET, tls=None):
        self.tls = tls  # an ssl.SSLContext
        self.heads = []
        self.open = []
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        with contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self.serve(connection)

    def head(self, connection):
        """The head of a request; what came behind it is returned too."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise OSError("ended early")
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        self.heads.append(head.decode())
        return head.decode(), rest


class Answerer(Server):
    """Says the same to everyone: bytes, b"" to hang up, None to say nothing for ever."""

    def __init__(self, answer, **options):
        self.answer = answer
        super().__init__(**options)

    def serve(self, connection):
        self.head(connection)
        if self.answer is None:
            while connection.recv(65536):
                pass
        else:
            connection.sendall(self.answer)
            connection.close()


class Proxy(Server):
    """Forwards; with `user` it asks for a password, and `answer` is said instead of forwarding (None: hang)."""

    def __init__(self, user=None, answer=b"", **options):
        self.expected = user and "Basic " + base64.b64encode(user.encode()).decode()
        self.answer = answer
        self.forwarded = []
        super().__init__(**options)

    def serve(self, connection):
        head, rest = self.head(connection)
        given = [line.split(": ", 1)[1] for line in head.split("\r\n") if line.lower().startswith("proxy-authorization")]
        if self.answer is None:
            while connection.recv(65536):
                pass
            return
        if self.answer:
            connection.sendall(self.answer)
        elif self.expected and given != [self.expected]:
            connection.sendall(reply("407 Proxy Authentication Required", "<h1>who?</h1>",
                                     ["Proxy-Authenticate: Basic realm=\"p\""]))
        else:
            self.forward(connection, head, rest)
        connection.close()

    def forward(self, connection, head, rest):
        method, target, _ = head.split("\r\n")[0].split(" ")
        place = target if method == "CONNECT" else target.split("/")[2]
        host, _, port = place.rpartition(":")
        self.forwarded.append(f"{method} {place}")
        # it alone knows names: all are this machine's
        with socket.create_connection(("::1" if ":" in host else "127.0.0.1", int(port))) as other:
            if method == "CONNECT":
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = "/" + "/".join(target.split("/")[3:])
                kept = [line for line in head.split("\r\n")[1:] if not line.lower().startswith("proxy-")]
                other.sendall("\r\n".join([f"{method} {path} HTTP/1.1", *kept, "", ""]).encode() + rest)
                rest = b""
            other.sendall(rest)
            self.pump(connection, other)

    @staticmethod
    def pump(one, other):
        while True:
            for ready in select.select([one, other], [], [], 60)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (other if ready is one else one).sendall(data)
