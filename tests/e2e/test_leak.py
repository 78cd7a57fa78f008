"""Secrets planted in every place that a request has, and all that is written looked through for them.

Two ways to plant: the captured bodies of every instrumentation, each text of theirs with a secret at its end
(also inside JSON text), so that every convention's own form of messages has some; and requests made by hand with
one secret a place of redaction/places.h, so that a place that is added there and not planted here fails.
The journal holds requests as they came until they are settled (docs/privacy.md): it is the one thing left out.
"""
import base64
import gzip
import itertools
import json
import os
import re
import signal

import pytest
from conftest import ROOT, SLOW, TIME
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from google.protobuf.json_format import MessageToDict
from backend import Fault
from otlp import Trace, post, post_ok, set_attributes
from test_fixtures import FIXTURES, PATHS, load_cases

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MARK = "Zq7"  # in every secret, in no capture


def secrets():
    """Secrets without end, of several makers, all different."""
    for number in itertools.count(62 ** 5):
        tail = ""
        while number:
            number, digit = divmod(number, 62)
            tail += DIGITS[digit]
        body = MARK + tail + "x4Kd9Rw2Lm6Tp8Vb3Nc5Hg1Js7Yf0Qa"
        yield (f"ghp_{body[:36]}", f"sk-proj-{body}", f"hf_{body[:34]}")[hash(tail) % 3]


class Planter:
    """Ends texts with secrets, or with other values, and knows how many."""

    def __init__(self, values=None):
        self.next = values or secrets()
        self.count = 0

    def text(self, text):
        """A text, or the texts inside when it is JSON."""
        if text[:1] in "[{":
            try:
                return json.dumps(self.json(json.loads(text)))
            except ValueError:
                pass
        if len(text) < 12 or " " not in text:
            return text  # names and words that say what the others are
        self.count += 1
        return f"{text} {next(self.next)}"

    def json(self, doc):
        if isinstance(doc, str):
            return self.text(doc)
        if isinstance(doc, list):
            return [self.json(item) for item in doc]
        if isinstance(doc, dict):
            return {key: self.json(item) for key, item in doc.items()}
        return doc

    def message(self, message):
        """All texts of a protobuf message."""
        for field, value in message.ListFields():
            values = value if field.is_repeated else [value]
            if field.type == field.TYPE_MESSAGE:
                for item in values:
                    self.message(item)
            elif field.type == field.TYPE_STRING and not field.is_repeated:
                setattr(message, field.name, self.text(value))

    def otlp_json(self, doc):
        """All texts of a request in JSON; ids and names of fields stay."""
        if isinstance(doc, dict):
            return {key: self.text(item) if isinstance(item, str) else self.otlp_json(item)
                    for key, item in doc.items()}
        return [self.otlp_json(item) for item in doc] if isinstance(doc, list) else doc

    def body(self, request, raw):
        """A captured body with secrets in it, decompressed."""
        raw = gzip.decompress(raw) if request.get("content_encoding") == "gzip" else raw
        if "json" in request["content_type"]:
            return json.dumps(self.otlp_json(json.loads(raw))).encode()
        kind = ExportLogsServiceRequest if request["signal"] == "logs" else ExportTraceServiceRequest
        message = kind.FromString(raw)
        self.message(message)
        return message.SerializeToString()


# ---- one secret a place ---------------------------------------------------------------------------


def by_hand(planter):
    """(request, {place: secret})."""
    trace = Trace()
    planted = {}

    def plant(place):
        planted[place] = next(planter.next)
        return planted[place]

    root = trace.span(f"call {plant('trace.name')}", error=plant("trace.status_message"))
    span = trace.span(f"step {plant('span.name')}", parent=root, error=plant("span.status_message"))
    planted["span.otel.name"] = planted["span.name"]
    planted["span.otel.status.message"] = planted["span.status_message"]
    span.trace_state = f"vendor={plant('span.otel.trace_state')}"
    set_attributes(root.attributes, {
        "user.id": plant("trace.user_id"), "session.id": plant("trace.session_id"),
        "langfuse.trace.tags": json.dumps([plant("trace.tags")]),
        "langfuse.trace.metadata": json.dumps({"a": plant("trace.custom_attributes")}),
        "gcp.vertex.agent.invocation_id": plant("trace.request_id"),
        "langfuse.trace.input": plant("trace.attributes")})
    set_attributes(span.attributes, {"free": plant("span.attributes"), plant("key of span.attributes"): 1})
    event = span.events.add(name=f"event {plant('event.name')}", time_unix_nano=span.start_time_unix_nano)
    set_attributes(event.attributes, {"text": plant("event.attributes")})
    failed = span.events.add(name="exception", time_unix_nano=span.start_time_unix_nano)
    set_attributes(failed.attributes, {
        "exception.type": plant("span.exception.type"), "exception.message": plant("span.exception.message"),
        "exception.stacktrace": f"File x\n  {plant('span.exception.stack_trace')}\n"})
    link = span.links.add(trace_id=os.urandom(16), span_id=os.urandom(8))
    set_attributes(link.attributes, {"text": plant("link.attributes")})
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add(schema_url="https://x/1.0")
    set_attributes(resource_spans.resource.attributes, {
        "service.name": f"shop {plant('resource.service_name')}", "service.version": plant("trace.service_version"),
        "deployment.environment.name": plant("trace.environment"), "noveum.project": plant("trace.project"),
        "text": plant("resource.attributes")})
    scope_spans = resource_spans.scope_spans.add(schema_url=f"https://x/{plant('scope.schema_url')}")
    scope_spans.scope.name, scope_spans.scope.version = plant("scope.name"), plant("scope.version")
    set_attributes(scope_spans.scope.attributes, {"text": plant("scope.attributes")})
    scope_spans.spans.extend([root, span])
    logs = trace.logs(span, f"a record {plant('log record')}")
    return request, logs, planted


def places():
    """The places with text of the table from which the walk is made."""
    source = (ROOT / "redaction/places.h").read_text("utf-8")
    return {place for what, place in re.findall(r'X\(nv_\w+, \w+, (\w+), "([^"]*)"\)', source) if place}


def as_json(request):
    """OTLP/JSON: ids in hex."""
    doc = MessageToDict(request)
    for _, item in list(walk(doc)):
        if isinstance(item, dict):
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in item:
                    item[name] = base64.b64decode(item[name]).hex()
    return json.dumps(doc).encode()


def walk(doc):
    """Every member, however deep."""
    for key, item in doc.items() if isinstance(doc, dict) else enumerate(doc):
        yield key, item
        if isinstance(item, (dict, list)):
            yield from walk(item)


# ---- what is looked through -----------------------------------------------------------------------


def assert_none(text, where):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    at = text.find(MARK)
    assert at < 0, f"{where}: ...{text[max(at - 200, 0):at + 60]}"


def assert_told_none(gateway):
    for route in ("/status", "/metrics", "/agents", "/agents?format=dot", "/readyz"):
        assert_none(gateway.get(route)[2], route)
    assert_none("\n".join([*gateway.log, *gateway.out]), "log")


def assert_files_none(directory):
    for path in directory.rglob("*"):
        if path.is_file() and "journal" not in path.parts:
            assert_none(path.read_bytes(), path)


def assert_bodies_none(backend):
    for body in backend.bodies:
        assert_none(json.dumps(body), "a body")


def environment(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}


SETTINGS = {"assembly.quiet_ms": 300 * SLOW, "exporter.noveum.batch_ms": 100, "redaction.stack_traces": "full"}


def test_every_place_is_planted():
    planted = by_hand(Planter())[2]
    assert places() <= planted.keys(), places() - planted.keys()


def test_every_convention(make_gateway, backend, directory):
    gateway = make_gateway({**SETTINGS, "terminal.traces": "on"}, environment(backend))
    planter, sent = Planter(), 0
    for _, requests in load_cases():
        for request, raw in requests:
            if request["signal"] == "metrics":
                continue
            status, _, reply = post(gateway.port, planter.body(request, raw), path=PATHS[request["signal"]],
                                    content_type=request["content_type"])
            assert status == 200, (request["file"], status, reply[:300])
            sent += request["signal"] == "traces"
    assert planter.count >= 3000 and sent > 250, (planter.count, sent)
    gateway.wait_status(lambda s: s["spans"]["held"] == 0 and s["spans"]["queued"] == 0, TIME * 4)
    assert_bodies_none(backend)
    assert_told_none(gateway)
    assert_files_none(directory)
    masked = sum(json.dumps(body).count("***") for body in backend.bodies)
    assert masked >= planter.count / 2, (masked, planter.count)  # content came, and was masked
    assert not backend.schema_errors, backend.schema_errors[:3]


@pytest.mark.parametrize("media", ["protobuf", "json"])
def test_every_place(make_gateway, backend, directory, media):
    gateway = make_gateway({**SETTINGS, "exporter.file.directory": str(directory / "files")}, environment(backend))
    request, logs, planted = by_hand(Planter())
    post_ok(gateway.port, logs, path="/v1/logs")
    if media == "json":
        status, _, reply = post(gateway.port, as_json(request), content_type="application/json")
        assert status == 200, reply
    else:
        post_ok(gateway.port, request.SerializeToString())
    backend.wait_traces(1, TIME)
    text = json.dumps(backend.bodies)
    for place, secret in planted.items():
        assert secret not in text, place
    assert_bodies_none(backend)
    trace = next(iter(backend.traces.values()))
    told = " ".join(trace["attributes"]["noveum.gateway.redacted"])
    for place in ("trace.name", "span.name", "scope.name", "event.name", "trace.session_id"):
        assert place in told, told
    masks = re.findall(r'noveum_redacted_total\{rule="[^"]+"\} ([1-9]\d*)', gateway.get("/metrics")[2])
    assert sum(map(int, masks)) >= len(planted), masks
    assert_told_none(gateway)
    assert gateway.stop() == 0
    assert_files_none(directory)
    backend.assert_clean()


def assert_none_after_a_kill(make_gateway, backend, directory, run, settings, planter):
    """A journal that is replayed, then a backend that refuses all: letters and commands hold nothing either."""
    gateway = make_gateway({**settings, "assembly.quiet_ms": 60000, "assembly.quiet_logs_ms": 60000},
                           environment(backend))
    request, logs, _ = by_hand(planter)
    post_ok(gateway.port, logs, path="/v1/logs")
    post_ok(gateway.port, request.SerializeToString())
    gateway.stop(signal.SIGKILL)
    backend.plan(*[Fault(status=400, body={"error": "bad"})] * 4)
    gateway.settings.update({k: str(v) for k, v in settings.items()})
    gateway.settings["assembly.quiet_logs_ms"] = str(300 * SLOW)
    gateway.start()
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] >= 1)
    assert_bodies_none(backend)
    assert_told_none(gateway)
    place = f"--set=journal.directory={gateway.settings['journal.directory']}"
    for words in (("dead", "list"), ("dead", "show", "1"), ("journal", "list")):
        done = run(*words, place)
        assert_none(done.stdout + done.stderr, words)
    assert gateway.stop() == 0
    assert_files_none(directory)


def test_after_a_kill_and_as_dead_letters(make_gateway, backend, directory, run):
    assert_none_after_a_kill(make_gateway, backend, directory, run, SETTINGS, Planter())


PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")


def pictures(declared, secret):
    """Messages with a picture and a file whose types, names and neighbours hold what they must not."""
    def part(raw, mime):
        return {"type": "blob", "mime_type": mime, "filename": f"{secret}.png", "content": base64.b64encode(raw).decode()}
    parts = [part(PNG, "image/png"), part(b"A" * 90, f"image/{declared}"), part(b"B" * 90, f"application/{declared}"),
             {"type": "text", "content": f"see {base64.b64encode(PNG).decode()} and {secret}"}]
    return json.dumps([{"role": "user", "parts": parts}])


def test_media(make_gateway, backend, directory, run):
    """Marks, references, forms, names of files and dead letters of media; the bytes themselves are as they came."""
    declared, secret = "sk-" + MARK.lower() + "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5", next(secrets())
    backend.plan_media(Fault(status=400, body={"error": "bad"}))
    gateway = make_gateway({**SETTINGS, "media.directory": str(directory / "media"), "terminal.traces": "on"},
                           environment(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("chat m", **{
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
        "gen_ai.input.messages": pictures(declared, secret)})]))
    backend.wait_traces(1, TIME)
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 0)
    place = f"--set=journal.directory={gateway.settings['journal.directory']}"
    told = [json.dumps(backend.bodies), json.dumps(list(backend.media.values()), default=str), gateway.get("/status")[2],
            gateway.get("/metrics")[2], *gateway.log, *gateway.out, *(path.name for path in (directory / "media").iterdir())]
    told += [run(*words, place).stdout for words in (("dead", "list"), ("dead", "show", "1"))]
    for text in told:
        assert_none(text, "media")
        assert MARK.lower() not in text, text[-400:]
    assert gateway.metrics()['noveum_media_total{result="dead_lettered"}'] == 1
    assert gateway.stop() == 0
    assert_files_none(directory)


def test_nothing_else_is_masked(run):
    """The captures hold no secret, and nothing in them is taken for one."""
    paths = [str(path.parent / request["file"]) for path in sorted(FIXTURES.glob("*/case.json"))
             for request in json.loads(path.read_text("utf-8"))["requests"] if request["signal"] != "metrics"]
    done = run("redact", "--dry-run", *paths)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"0 changes in \d{3,} traces\n", done.stdout), done.stdout


def test_explain_and_dry_run(run, directory):
    request, _, planted = by_hand(Planter())
    path = directory / "body.pb"
    path.write_bytes(request.SerializeToString())
    done = run("explain", str(path))
    assert done.returncode == 0, done.stderr
    assert_none(done.stdout + done.stderr, "explain")
    done = run("redact", "--dry-run", str(path))
    assert done.returncode == 0, done.stderr
    assert_none(done.stdout + done.stderr, "redact")
    for place in places() & planted.keys():
        assert place in done.stdout, f"{place} is not told:\n{done.stdout}"


def failing(lines):
    """A request with one span whose exception has a stack trace of so many frames."""
    trace = Trace()
    span = trace.span("fails", error="no such key")
    event = span.events.add(name="exception", time_unix_nano=span.start_time_unix_nano)
    frames = "".join(f'  File "/srv/frame{i}.py", line 1, in f\n    f()\n' for i in range(lines))
    set_attributes(event.attributes, {
        "exception.type": "KeyError", "exception.message": "no such key",
        "exception.stacktrace": f"Traceback (most recent call last):\n{frames}KeyError: no such key\n"})
    return trace.request([span])


@pytest.mark.parametrize("mode", [None, "last", "full"])
def test_stack_traces(make_gateway, backend, mode):
    settings = {k: v for k, v in SETTINGS.items() if k != "redaction.stack_traces"}
    gateway = make_gateway({**settings, **({"redaction.stack_traces": mode} if mode else {})}, environment(backend))
    post_ok(gateway.port, failing(12))
    backend.wait_traces(1, TIME)
    trace = next(iter(backend.traces.values()))
    span, told = trace["spans"][0], trace["attributes"].get("noveum.gateway.redacted")
    assert (span["exception"]["type"], span["exception"]["message"]) == ("KeyError", "no such key")
    in_event = "exception.stacktrace" in span["events"][0]["attributes"]
    stack = span["exception"]["stack_trace"]
    if mode is None:
        assert "frame" not in json.dumps(trace) and told == ["stack-trace span.exception.stack_trace"]
    elif mode == "last":
        assert not in_event and "frame1.py" not in stack and "2 frames left out" in stack and "frame11.py" in stack
    else:
        assert in_event and "frame0.py" in stack and told is None
    backend.assert_clean()


def test_content_policies(make_gateway, backend):
    gateway = make_gateway({**SETTINGS, "mapping.content": "off,llm.output.*=truncate:10"},
                           environment(backend))
    trace = Trace()
    span = trace.span("chat m", **{
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 7,
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "a question"}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "an answer of words"}],
                                               "finish_reason": "stop"}])})
    post_ok(gateway.port, trace.request([span]))
    backend.wait_traces(1, TIME)
    text = json.dumps(backend.bodies, ensure_ascii=False)
    assert "a question" not in text and "an answer of" not in text
    attributes = next(iter(backend.traces.values()))["spans"][0]["attributes"]
    assert attributes["llm.model"] == "m" and attributes["llm.input_tokens"] == 7
    assert attributes["llm.input.messages"].startswith("[cut: ")
    assert "an answer \u2026[cut: 18 characters" in json.dumps(attributes["llm.output.response"], ensure_ascii=False)
    backend.assert_clean()
