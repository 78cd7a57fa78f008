"""A stand-in for the part of AWS Lambda that an external extension sees, by its published API.

    environment = Environment()                  AWS_LAMBDA_RUNTIME_API is environment.address
    environment.wait_idle()                      the extension asks for its next event: INIT is over
    environment.invoke(function, frozen=process) INVOKE, the function, platform.runtimeDone, freeze
    environment.shut_down("spindown")

The environment is frozen (SIGSTOP) when function and extension are done, and thawed (SIGCONT) with the next event. Whatever
an extension does that Lambda would refuse is kept in `errors`.
"""
import http.server
import json
import queue
import signal
import threading
import time
import urllib.request
import uuid

EVENTS = "/2020-01-01/extension/"
TELEMETRY = "/2022-07-01/telemetry"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        text = json.dumps(body).encode() if not isinstance(body, str) else body.encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        chunked = self.server.environment.chunked
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(text)))))
        self.end_headers()
        if chunked:
            half = len(text) // 2 + 1
            text = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (text[:half], text[half:]) if part) + b"0\r\n\r\n"
        self.wfile.write(text)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")

    def handle_any(self):
        environment = self.server.environment
        if self.path == EVENTS + "register" and self.command == "POST":
            environment.registered(self.headers.get("Lambda-Extension-Name"), self.body())
            self.answer(200, {"functionName": "f", "functionVersion": "1", "handler": "h"},
                        [("Lambda-Extension-Identifier", environment.identifier)])
            return
        if self.headers.get("Lambda-Extension-Identifier") != environment.identifier:
            environment.errors.append(f"{self.path} without its identifier")
            self.answer(403, {"errorType": "Extension.UnknownExtensionIdentifier"})
        elif self.path == TELEMETRY and self.command == "PUT":
            environment.subscribed(self.body())
            self.answer(environment.telemetry_status, "OK")
        elif self.path == EVENTS + "event/next" and self.command == "GET":
            event = environment.next_event()
            if event is not None:
                self.answer(200, event)
        else:
            environment.errors.append(f"{self.command} {self.path}")
            self.answer(404, {})

    do_GET = do_POST = do_PUT = handle_any


class Environment:
    """One execution environment; `telemetry_status` 500 is one without telemetry."""

    def __init__(self, telemetry_status=200, chunked=False):
        self.telemetry_status, self.chunked = telemetry_status, chunked
        self.identifier = str(uuid.uuid4())
        self.name, self.uri, self.errors = None, None, []
        self.events = queue.Queue()
        self.asked, self.answered = 0, 0
        self.changed = threading.Condition()
        self.late = []  # requests whose extension was not idle by the deadline
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.environment = self
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.events.put(None)
        self.server.shutdown()
        self.server.server_close()

    def registered(self, name, body):
        self.name = name
        if sorted(body.get("events", [])) != ["INVOKE", "SHUTDOWN"]:
            self.errors.append(f"registered for {body}")

    def subscribed(self, body):
        buffering = body["buffering"]
        good = body["schemaVersion"] in ("2022-07-01", "2022-12-13") and body["types"] == ["platform"] and \
            1000 <= buffering["maxItems"] <= 10000 and 262144 <= buffering["maxBytes"] <= 1048576 and \
            25 <= buffering["timeoutMs"] <= 30000 and body["destination"]["protocol"] == "HTTP"
        if not good:
            self.errors.append(f"subscribed with {body}")
        self.uri = body["destination"]["URI"]

    def next_event(self):
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
        event = self.events.get()
        with self.changed:
            self.answered += 1
        return event

    def wait_idle(self, timeout=20):
        """Until the extension waits for an event. False: not in time."""
        with self.changed:
            return self.changed.wait_for(lambda: self.asked > self.answered, timeout)

    def tell(self, kind, record):
        """Telemetry of the platform."""
        records = [{"time": "2026-01-01T00:00:00.000Z", "type": kind, "record": record}]
        request = urllib.request.Request(self.uri, json.dumps(records).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()

    def invoke(self, function, frozen=None, timeout_s=10.0, status="success", thaw=True):
        """One invocation: True when the extension was idle again by the deadline; `frozen` is its process."""
        request_id = str(uuid.uuid4())
        deadline = time.time() + timeout_s
        if frozen is not None and thaw:
            frozen.send_signal(signal.SIGCONT)
        with self.changed:
            before = self.answered
            self.events.put({"eventType": "INVOKE", "deadlineMs": int(deadline * 1000), "requestId": request_id,
                             "invokedFunctionArn": "arn:aws:lambda:eu-west-1:1:function:f",
                             "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-0-0"}})
        function()
        if self.uri is not None:
            self.tell("platform.runtimeDone", {"requestId": request_id, "status": status, "metrics": {"durationMs": 1.0}})
        with self.changed:
            idle = self.changed.wait_for(lambda: self.answered > before and self.asked > self.answered, max(0.0, deadline - time.time()))
        if not idle:
            self.late.append(request_id)
        if frozen is not None:
            frozen.send_signal(signal.SIGSTOP)
        return idle

    def shut_down(self, reason, seconds=2.0):
        """The last event."""
        self.events.put({"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": int((time.time() + seconds) * 1000)})
