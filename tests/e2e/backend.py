"""A stand-in for the Noveum backend that believes nothing.

It validates every field of every trace by the contract of the ingest API (POST /v1/traces: types,
required fields, enums, ISO times, counts that agree with the spans), keeps the first trace of an id
as the real one does, reports every id that comes again, and misbehaves on request: any status, any
headers, resets, delays, bodies with gzip refused. Pictures and sounds come by POST /v1/image and
/v1/audio, one file a form, which is taken apart as strictly; they have faults of their own.

    backend = Backend()
    backend.plan(Fault(status=503, headers={"Retry-After": "1"}), Fault(reset=True))
    ... backend.url, backend.traces, backend.schema_errors, backend.duplicates
"""
import collections
import dataclasses
import datetime
import gzip
import http.server
import json
import re
import socket
import struct
import threading
import time

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(\+00:00|Z)$")
HEX32 = re.compile(r"^[0-9a-f]{32}$")
HEX16 = re.compile(r"^[0-9a-f]{16}$")
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
STATUSES = {"ok", "error", "timeout"}


@dataclasses.dataclass
class Fault:
    """What happens to one request instead of a plain 200."""

    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: dict | None = None
    page: str | None = None  # instead of JSON: an HTML page, as proxies and firewalls have them
    reset: bool = False  # close with RST; with store=True the traces are kept all the same
    store: bool = False
    delay_s: float = 0.0


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Schema:
    """Collects what is wrong with a trace; every message names the field."""

    def __init__(self):
        self.errors = []

    def check(self, ok, path, what):
        if not ok:
            self.errors.append(f"{path}: {what}")
        return ok

    def text(self, doc, path, key, empty=False):
        value = doc.get(key)
        good = isinstance(value, str) and (empty or value != "")
        self.check(good, f"{path}.{key}", f"not a text: {value!r}"[:200])

    def text_or_null(self, doc, path, key):
        value = doc.get(key)
        self.check(value is None or isinstance(value, str), f"{path}.{key}", "not text or null")

    def number(self, doc, path, key):
        value = doc.get(key)
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
        self.check(good, f"{path}.{key}", f"not a number >= 0: {value!r}")

    def count(self, doc, path, key):
        value = doc.get(key)
        good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        self.check(good, f"{path}.{key}", f"not a count: {value!r}")

    def time(self, doc, path, key):
        value = doc.get(key)
        good = isinstance(value, str) and TIME.match(value)
        if self.check(good, f"{path}.{key}", f"not a time with six digits: {value!r}"):
            return parse_time(value)
        return None

    def times(self, doc, path):
        start, end = self.time(doc, path, "start_time"), self.time(doc, path, "end_time")
        self.number(doc, path, "duration_ms")
        if start and end:
            self.check(start <= end, path, "ends before it starts")
            took = (end - start).total_seconds() * 1000
            said = doc.get("duration_ms") or 0
            self.check(abs(took - said) < 0.0021, path, f"duration_ms {said} for {took}")

    def status(self, doc, path):
        self.check(doc.get("status") in STATUSES, f"{path}.status", repr(doc.get("status")))
        self.text_or_null(doc, path, "status_message")

    def object(self, doc, path, key):
        self.check(isinstance(doc.get(key), dict), f"{path}.{key}", "not an object")
        return doc.get(key) if isinstance(doc.get(key), dict) else {}

    def list(self, doc, path, key):
        self.check(isinstance(doc.get(key), list), f"{path}.{key}", "not a list")
        return doc.get(key) if isinstance(doc.get(key), list) else []

    def events(self, doc, path):
        for i, event in enumerate(self.list(doc, path, "events")):
            at = f"{path}.events[{i}]"
            self.text(event, at, "name")
            self.time(event, at, "timestamp")
            if "attributes" in event:
                self.object(event, at, "attributes")

    def span_otel(self, span, path):
        otel = self.object(span, path, "otel")
        at = f"{path}.otel"
        self.check(HEX32.match(str(otel.get("trace_id"))), f"{at}.trace_id", "not 32 hex digits")
        self.check(HEX16.match(str(otel.get("span_id"))), f"{at}.span_id", "not 16 hex digits")
        self.check(isinstance(otel.get("status"), dict), f"{at}.status", "not an object")
        code = (otel.get("status") or {}).get("code")
        self.check(isinstance(code, str), f"{at}.status.code", repr(code))
        self.text(otel, at, "kind")

    def span(self, span, path, trace_id):
        self.text(span, path, "name")
        self.check(span.get("trace_id") == trace_id, f"{path}.trace_id", "not its trace's")
        self.check(HEX16.match(str(span.get("span_id"))), f"{path}.span_id", "not 16 hex digits")
        self.check(span.get("span_id") != "0" * 16, f"{path}.span_id", "zero")
        self.text_or_null(span, path, "parent_span_id")
        self.times(span, path)
        self.status(span, path)
        self.object(span, path, "attributes")
        self.events(span, path)
        for i, link in enumerate(self.list(span, path, "links")):
            self.text(link, f"{path}.links[{i}]", "trace_id")
            self.text(link, f"{path}.links[{i}]", "span_id")
        if span.get("exception") is not None:
            exception = self.object(span, path, "exception")
            self.text(exception, f"{path}.exception", "type", empty=True)
        self.span_otel(span, path)

    def metadata(self, trace, path):
        metadata = self.object(trace, path, "metadata")
        for key in ("user_id", "session_id", "request_id"):
            self.check(key in metadata, f"{path}.metadata.{key}", "missing")
            self.text_or_null(metadata, f"{path}.metadata", key)
        tags = self.object(metadata, f"{path}.metadata", "tags")
        self.check(all(isinstance(v, str) for v in tags.values()), f"{path}.metadata.tags",
                   "values must be texts")
        self.object(metadata, f"{path}.metadata", "custom_attributes")

    def trace(self, trace, path):
        trace_id = trace.get("trace_id")
        good = isinstance(trace_id, str) and (UUID.match(trace_id) or HEX32.match(trace_id))
        self.check(good, f"{path}.trace_id", f"{trace_id!r}")
        self.text(trace, path, "name")
        self.text(trace, path, "project")
        self.text(trace, path, "environment")
        self.times(trace, path)
        self.status(trace, path)
        self.count(trace, path, "span_count")
        self.count(trace, path, "error_count")
        self.object(trace, path, "attributes")
        self.metadata(trace, path)
        sdk = self.object(trace, path, "sdk")
        self.text(sdk, f"{path}.sdk", "name")
        self.text(sdk, f"{path}.sdk", "version")
        self.check(trace.get("schema_version") == "2.0", f"{path}.schema_version", "not 2.0")
        if "service_version" in trace:
            self.text(trace, path, "service_version")
        otel = self.object(trace, path, "otel")
        self.check(HEX32.match(str(otel.get("trace_id"))), f"{path}.otel.trace_id", "not 32 hex")
        self.object(otel, f"{path}.otel", "resource")
        self.spans(trace, path, trace_id)

    def spans(self, trace, path, trace_id):
        spans = self.list(trace, path, "spans")
        for i, span in enumerate(spans):
            self.span(span, f"{path}.spans[{i}]", trace_id)
        ids = [span.get("span_id") for span in spans]
        self.check(len(ids) == len(set(ids)), f"{path}.spans", "a span id twice")
        self.check(trace.get("span_count") == len(spans), f"{path}.span_count",
                   f"{trace.get('span_count')} for {len(spans)} spans")
        errors = sum(span.get("status") == "error" for span in spans)
        self.check(trace.get("error_count") == errors, f"{path}.error_count",
                   f"{trace.get('error_count')} for {errors} errors")
        self.check((trace.get("status") == "error") == (errors > 0), f"{path}.status",
                   f"{trace.get('status')!r} with {errors} failed spans")


FORM_FIELDS = {"image": {"traceId", "spanId", "image_uuid", "timestamp", "format"},
               "audio": {"traceId", "spanId", "audio_uuid", "timestamp", "format", "type"}}


def form_parts(content_type, raw):
    """[(headers, bytes)] of a multipart/form-data body; ValueError says what is wrong with it."""
    kind, _, boundary = content_type.partition("; boundary=")
    if kind != "multipart/form-data" or not boundary:
        raise ValueError(f"content type {content_type!r}")
    pieces = (b"\r\n" + raw).split(b"\r\n--" + boundary.encode())
    if pieces[0] != b"" or pieces[-1] != b"--\r\n":
        raise ValueError("does not begin or end with its boundary")
    parts = []
    for piece in pieces[1:-1]:
        head, blank, body = piece.partition(b"\r\n\r\n")
        if not head.startswith(b"\r\n") or not blank:
            raise ValueError(f"a part without head: {piece[:80]!r}")
        lines = head[2:].decode("ascii").split("\r\n")
        parts.append((dict(line.split(": ", 1) for line in lines), body))
    return parts


def read_form(kind, content_type, raw):
    """The fields of an upload, its file under `file`, `filename` and `mime`."""
    fields = {}
    for headers, body in form_parts(content_type, raw):
        name = re.match(r'form-data; name="([^"]+)"(?:; filename="([^"]+)")?$', headers["Content-Disposition"])
        if name is None or name[1] in fields:
            raise ValueError(f"a part of {headers}")
        if name[2]:
            fields.update(file=body, filename=name[2], mime=headers["Content-Type"])
        else:
            fields[name[1]] = body.decode("ascii")
    missing = FORM_FIELDS[kind] - fields.keys()
    if missing or "file" not in fields:
        raise ValueError(f"missing {missing or 'file'}")
    uuid = fields["uuid"] = fields[f"{kind}_uuid"]
    if not UUID.match(uuid) or not fields["filename"].startswith(uuid + "."):
        raise ValueError(f"uuid {uuid!r}, file {fields['filename']!r}")
    if not (UUID.match(fields["traceId"]) or HEX32.match(fields["traceId"])):
        raise ValueError(f"traceId {fields['traceId']!r}")
    if not HEX16.match(fields["spanId"]) or float(fields["timestamp"]) < 1e9:
        raise ValueError("spanId or timestamp")
    if not fields["mime"].startswith(kind + "/") or not fields["file"]:
        raise ValueError(f"a file of type {fields['mime']!r}, {len(fields['file'])} bytes")
    return fields


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # the body follows the head at once, not after 40 ms

    def log_message(self, *_):
        pass

    def reply(self, status, body, headers=None):
        page = isinstance(body, str)
        raw = body.encode() if page else json.dumps(body).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Type", "text/html" if page else "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self):
        backend = self.server.backend
        backend.gets.append(self.path)
        if self.path == "/api/v1/status":
            status = backend.probe_status
            self.reply(status, backend.probe_page or {"success": status == 200})
        else:
            self.reply(404, {"error": "not found"})

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        media = {"/api/v1/image": "image", "/api/v1/audio": "audio"}.get(self.path)
        if media:
            self.server.backend.take_medium(self, media, raw)
        else:
            self.server.backend.take(self, raw)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


class Backend:
    """One backend on a port of its own. Threads: the server's and the test's, under one lock."""

    patience_s = 15.0  # of waits that name no time; conftest.py gives a sanitizer's build more

    def __init__(self, key="nv_test_key", port=0, tls=None, host="127.0.0.1"):
        self.key = key
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.faults = collections.deque()
        self.always = None  # a Fault for every request, or None
        self.accept_gzip = True
        self.probe_status = 200
        self.probe_page = None  # HTML instead of the JSON
        self.bodies = []  # (time, headers, decoded JSON or None)
        self.gets = []
        self.traces = {}  # id -> trace, the first that came
        self.media = {}  # uuid -> fields of the form, the first that came
        self.media_requests = 0
        self.media_again = []
        self.media_faults = collections.deque()
        self.media_always = None  # a Fault for every upload, or None
        self.arrivals = []  # ids of traces and uuids of media, as they were stored
        self.duplicates = []
        self.schema_errors = []
        self.http_errors = []
        kind = type("Server6", (Server,), {"address_family": socket.AF_INET6}) if ":" in host else Server
        self.server = kind((host, port), Handler)
        if tls:  # an ssl.SSLContext; the handshake is the connection's thread's
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.backend = self
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://{f'[{host}]' if ':' in host else host}:{self.port}/api"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def plan(self, *faults):
        """The next requests meet these, one each."""
        with self.lock:
            self.faults.extend(faults)

    def take(self, handler, raw):
        with self.lock:
            fault = self.faults.popleft() if self.faults else self.always or Fault()
        if fault.delay_s:
            time.sleep(fault.delay_s)
        doc, refusal = self.decode(handler, raw)
        plain = fault.status == 200 and not fault.reset and fault.page is None and not fault.body
        stored = refusal is None and (fault.store or plain)
        with self.changed:
            self.bodies.append((time.monotonic(), dict(handler.headers), doc))
            if stored:
                self.store(doc)
            self.changed.notify_all()
        if fault.reset:
            linger = struct.pack("ii", 1, 0)
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            handler.close_connection = True
            handler.connection.close()
        elif refusal is not None:
            handler.reply(*refusal)
        elif fault.page is not None:
            handler.reply(fault.status, fault.page, fault.headers)
        elif fault.status != 200 or fault.body:
            handler.reply(fault.status, fault.body or {"error": "planned"}, fault.headers)
        else:
            handler.reply(200, {"success": True, "jobIds": ["1"]}, fault.headers)

    def plan_media(self, *faults):
        """The next uploads meet these, one each."""
        with self.lock:
            self.media_faults.extend(faults)

    def take_medium(self, handler, kind, raw):
        with self.lock:
            fault = self.media_faults.popleft() if self.media_faults else self.media_always or Fault()
        if fault.delay_s:
            time.sleep(fault.delay_s)
        status, fields = fault.status, None
        if handler.headers.get("Authorization") != f"Bearer {self.key}":
            status = 401
        elif status == 200:
            try:
                status, fields = 201, read_form(kind, handler.headers.get("Content-Type") or "", raw)
            except (ValueError, KeyError) as error:
                status = 400
                with self.lock:
                    self.schema_errors.append(f"{kind}: {error}")
        with self.changed:
            self.media_requests += 1
            if fields and fields["uuid"] in self.media:
                self.media_again.append(fields["uuid"])
            elif fields:
                self.media[fields["uuid"]] = fields
                self.arrivals.append(fields["uuid"])
            self.changed.notify_all()
        handler.reply(status, fault.body or {"success": status == 201}, fault.headers)

    def decode(self, handler, raw):
        """(document, None) or (None, refusal) of a request."""
        headers = handler.headers
        if handler.path != "/api/v1/traces":
            return None, (404, {"error": "not found"})
        if headers.get("Authorization") != f"Bearer {self.key}":
            return None, (401, {"error": "bad key"})
        if (headers.get("Content-Type") or "").split(";")[0] != "application/json":
            return None, (415, {"error": "content type"})
        encoding = headers.get("Content-Encoding", "identity")
        if encoding == "gzip" and self.accept_gzip:
            raw = gzip.decompress(raw)
        elif encoding != "identity":
            return None, (415, {"error": "content encoding"})
        try:
            doc = json.loads(raw.decode("utf-8"), parse_constant=self.constant, object_pairs_hook=self.once)
        except ValueError as error:
            with self.lock:
                self.schema_errors.append(f"not JSON: {error}")
            return None, (400, {"error": "not JSON"})
        return self.validate(doc)

    @staticmethod
    def once(pairs):
        """An object; one that holds a key twice is no JSON that two readers take alike."""
        members = dict(pairs)
        if len(members) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"a key twice: {sorted({n for n in names if names.count(n) > 1})}")
        return members

    @staticmethod
    def constant(name):
        raise ValueError(f"{name} is no JSON")

    def validate(self, doc):
        schema = Schema()
        traces = doc.get("traces") if isinstance(doc, dict) else None
        if schema.check(isinstance(traces, list) and traces, "traces", "missing or empty"):
            schema.check(len(traces) <= 1000, "traces", "more than 1000")
            for i, trace in enumerate(traces):
                schema.trace(trace, f"traces[{i}]")
        if schema.errors:
            with self.lock:
                self.schema_errors.extend(schema.errors)
            return None, (400, {"error": "schema", "message": schema.errors[0]})
        return doc, None

    def store(self, doc):
        for trace in doc["traces"]:
            if trace["trace_id"] in self.traces:
                self.duplicates.append(trace["trace_id"])
            else:
                self.traces[trace["trace_id"]] = trace
                self.arrivals.append(trace["trace_id"])

    def wait(self, ready, timeout=None):
        """Waits until ready(self) is true; says what was there when it never was."""
        timeout = timeout or self.patience_s
        deadline = time.monotonic() + timeout
        with self.changed:
            while not ready(self):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"the backend waited in vain for {timeout} s: {len(self.bodies)} bodies, "
                        f"{len(self.traces)} traces, {self.span_total()} spans, "
                        f"schema errors {self.schema_errors[:3]}")
                self.changed.wait(min(left, 0.1))

    def wait_traces(self, count, timeout=None):
        self.wait(lambda b: len(b.traces) >= count, timeout)
        return list(self.traces.values())

    def wait_spans(self, count, timeout=None):
        self.wait(lambda b: b.span_total() >= count, timeout)

    def span_total(self):
        return sum(len(trace["spans"]) for trace in self.traces.values())

    def assert_clean(self):
        """0 schema errors, no id twice: what every test ends with."""
        assert self.schema_errors == []
        assert self.duplicates == []
