"""Pictures and sounds in traces: what of them leaves, in every mode.

The captures of real instrumentations hold a picture of one pixel in eleven conventions' own forms.
"""
import base64
import hashlib
import io
import json
import re
import secrets
import signal
import time
import wave

import pytest
from backend import Fault
from conftest import SLOW, TIME, run_program
from otlp import Trace, post_ok
from test_fixtures import load_cases, post_case

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC")
SIGNS = ("iVBORw0KGgo", ";base64,")


def holds_picture(requests):
    return any(sign.encode() in raw for _, raw in requests for sign in SIGNS)


PICTURES = [(name, requests) for name, requests in load_cases() if holds_picture(requests)]


def text_of(trace):
    return json.dumps(trace, ensure_ascii=False)


def deliver(gateway, backend):
    """The traces of all captures with pictures, by their project or name."""
    for _, requests in PICTURES:
        post_case(gateway.port, requests)
    traces = backend.wait_traces(len(PICTURES), timeout=TIME)
    backend.assert_clean()
    return traces


def start(make_gateway, backend, **settings):
    return make_gateway(settings={key.replace("__", "."): value for key, value in settings.items()},
                        environment={"NOVEUM_API_KEY": backend.key,
                                     "NOVEUM_ENDPOINT": backend.url})


def references(trace):
    """uuids of the pictures and sounds that a trace refers to."""
    return set(re.findall(r"(?:image|audio)://([0-9a-f-]{36})", text_of(trace)))


def check_uploads(backend, trace):
    """Every reference is at the backend, with its trace's id, and came before it."""
    found = references(trace)
    for uuid in found:
        fields = backend.media[uuid]
        assert fields["traceId"] == trace["trace_id"]
        assert fields["spanId"] in {span["span_id"] for span in trace["spans"]}
        assert backend.arrivals.index(uuid) < backend.arrivals.index(trace["trace_id"])
    assert "media_pending" not in text_of(trace)
    return found


def test_captures_are_uploaded_before_their_traces(make_gateway, backend):
    gateway = start(make_gateway, backend)
    for trace in deliver(gateway, backend):
        text = text_of(trace)
        assert not any(sign in text for sign in SIGNS), text
        uuids = check_uploads(backend, trace)
        assert len(uuids) == 1, text
        named = [span["attributes"] for span in trace["spans"]
                 if "llm.input.image_uuids" in span["attributes"]]
        assert named, text
        for attributes in named:
            assert set(attributes["llm.input.image_uuids"]) == uuids
            assert attributes["llm.input.image_count"] == 1
    for fields in backend.media.values():
        assert (fields["mime"], fields["format"]) == ("image/png", "png")
        assert fields["file"][:8] == PNG[:8] and len(fields["file"]) == len(PNG)
    assert backend.media_again == []
    assert gateway.metrics()['noveum_media_total{result="delivered"}'] == len(PICTURES)
    assert gateway.status()["exporter"]["media_pending"] == 0
    gateway.assert_balanced()


def chat(trace, *parts):
    content = [{"role": "user", "parts": [{"type": "text", "content": "look"}, *parts]}]
    return trace.span("chat gpt-4o", **{"gen_ai.operation.name": "chat",
                                        "gen_ai.request.model": "gpt-4o",
                                        "gen_ai.input.messages": json.dumps(content)})


def picture(raw, mime="image/png"):
    return {"type": "blob", "mime_type": mime, "modality": "image", "content": b64(raw)}


def one_trace(backend, uuid, timeout=TIME):
    backend.wait(lambda b: uuid in b.traces, timeout)
    return backend.traces[uuid]


def test_failed_uploads_are_tried_again(make_gateway, backend):
    gateway = start(make_gateway, backend)
    backend.plan_media(Fault(status=503), Fault(status=500), Fault(status=429, headers={"Retry-After": "1"}))
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG), picture(WAV))]))
    assert len(check_uploads(backend, one_trace(backend, trace.uuid))) == 2
    assert backend.media_requests == 5
    backend.assert_clean()


def test_no_route_gives_marks(make_gateway, backend):
    backend.media_always = Fault(status=404)
    gateway = start(make_gateway, backend, media__wait_ms="60000")
    for _ in range(2):
        trace = Trace()
        post_ok(gateway.port, trace.request([chat(trace, picture(PNG), picture(PNG + b"2"))]))
        text = text_of(one_trace(backend, trace.uuid))
        assert "[media: image/png, 69 bytes, sha256 " + hashlib.sha256(PNG).hexdigest() in text
        assert "[media: image/png, 70 bytes, sha256 " in text
        assert "image://" not in text and "image_uuids" not in text and "media_pending" not in text
    assert backend.media_requests <= 2, "one is asked, and another may be on its way"
    gateway.wait_log("no route for media")
    backend.assert_clean()


def refuse_one(make_gateway, backend):
    """A gateway with the dead letter of a picture; its trace has a mark."""
    backend.plan_media(Fault(status=400))
    gateway = start(make_gateway, backend)
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG))]))
    text = text_of(one_trace(backend, trace.uuid))
    assert "[media: image/png, 69 bytes, sha256 " in text and "image://" not in text
    assert gateway.metrics()['noveum_media_total{result="dead_lettered"}'] == 1
    return gateway


def dead(directory, *words):
    done = run_program("dead", *words, f"--set=journal.directory={directory / 'journal'}")
    assert done.returncode == 0, done
    return done.stdout


def only_letter(directory):
    lines = dead(directory, "list").splitlines()
    assert len(lines) == 1 and "image/png" in lines[0] and "rejected" in lines[0], lines
    return lines[0].split()[0]


@pytest.mark.parametrize("runs", [True, False])
def test_a_dead_letter_is_shown_and_sent_again(make_gateway, backend, directory, runs):
    gateway = refuse_one(make_gateway, backend)
    if not runs:
        gateway.stop()
    letter = only_letter(directory)
    shown = json.loads(dead(directory, "show", letter))
    assert base64.b64decode(shown["data"]) == PNG and shown["medium"]["mime"] == "image/png"
    assert "sent again" in dead(directory, "retry", letter)
    if not runs:
        gateway.start()
    backend.wait(lambda b: shown["medium"]["uuid"] in b.media, TIME)
    fields = backend.media[shown["medium"]["uuid"]]
    assert (fields["file"], fields["format"], fields["mime"]) == (PNG, "png", "image/png")
    assert fields["traceId"] in backend.traces and fields["spanId"] == shown["medium"]["span_id"]
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 0)
    gateway.stop()
    assert "image/png" not in dead(directory, "list")
    assert backend.duplicates == [] and backend.arrivals.count(fields["traceId"]) == 1
    backend.assert_clean()


def test_a_dead_letter_is_dropped(make_gateway, backend, directory):
    gateway = refuse_one(make_gateway, backend)
    assert "dropped" in dead(directory, "drop", only_letter(directory))
    gateway.stop()
    assert "image/png" not in dead(directory, "list")


def test_a_trace_waits_no_longer_than_it_may(make_gateway, backend):
    backend.media_always = Fault(status=503)
    gateway = start(make_gateway, backend, media__wait_ms="500")
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG))]))
    early = one_trace(backend, trace.uuid)
    assert early["attributes"]["noveum.gateway.media_pending"] is True
    uuids = references(early)
    assert len(uuids) == 1 and not backend.media
    backend.media_always = None
    backend.wait(lambda b: set(b.media) == uuids, TIME + 10)
    backend.assert_clean()


def test_uploads_survive_kill_9(make_gateway, backend):
    backend.media_always = Fault(status=503)
    gateway = start(make_gateway, backend, media__wait_ms="60000")
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG), picture(WAV))]))
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 2)
    gateway.stop(signal.SIGKILL)
    assert not backend.traces
    backend.media_always = None
    gateway.start()
    uuids = check_uploads(backend, one_trace(backend, trace.uuid))
    assert set(backend.media) == uuids and len(uuids) == 2
    # one that has arrived before the request is replayed comes again under its uuid, once
    assert set(backend.media_again) <= uuids and len(backend.media_again) <= 2
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 0)
    backend.assert_clean()


def test_too_large_and_without_a_place_become_marks(make_gateway, backend):
    gateway = start(make_gateway, backend, media__max_bytes="100")
    trace = Trace()
    pdf = {"type": "blob", "mime_type": "application/pdf", "content": b64(b"%PDF-1.7" + bytes(40))}
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG + bytes(100)), pdf, picture(PNG))]))
    got = one_trace(backend, trace.uuid)
    assert len(check_uploads(backend, got)) == 1
    assert "[media: image/png, 169 bytes" in text_of(got)
    assert "[media: application/pdf, 48 bytes" in text_of(got)
    backend.assert_clean()


def test_captures_leave_without_base64(make_gateway, backend):
    assert len(PICTURES) >= 11
    gateway = start(make_gateway, backend, media__mode="marker")
    marks = 0
    for trace in deliver(gateway, backend):
        text = text_of(trace)
        assert not any(sign in text for sign in SIGNS), text
        marks += "[media: image/png, 69 bytes, sha256 " in text
    assert marks == len(PICTURES)
    assert gateway.metrics()['noveum_redacted_total{rule="media"}'] >= marks


def test_kept_when_asked(make_gateway, backend):
    gateway = start(make_gateway, backend, media__mode="keep")
    for trace in deliver(gateway, backend):
        assert any(sign in text_of(trace) for sign in SIGNS)
        assert "[media: " not in text_of(trace)


def test_local_mode_keeps(make_gateway, directory):
    gateway = make_gateway(settings={"exporter.file.directory": str(directory / "out"),
                                     "assembly.on_stop": "send"})
    trace = Trace()
    span = trace.span("chat", picture="data:image/png;base64," + base64.b64encode(PNG).decode())
    post_ok(gateway.port, trace.request([span]))
    gateway.stop()
    files = list((directory / "out").rglob("*.json"))
    assert len(files) == 1 and SIGNS[0] in files[0].read_text()


def message(part):
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": "look"}, part]}])


def b64(raw):
    return base64.b64encode(raw).decode()


WAV = b"RIFF\x2c\0\0\0WAVEfmt " + bytes(32)
PCM = bytes(range(1, 201))
FORMS = {
    "otel blob": ({"type": "blob", "mime_type": "image/png", "modality": "image", "content": b64(PNG)}, PNG),
    "openai image": ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + b64(PNG)}}, PNG),
    "openai audio": ({"type": "input_audio", "input_audio": {"data": b64(WAV), "format": "wav"}}, WAV),
    "openai pcm": ({"type": "input_audio", "input_audio": {"data": b64(PCM), "format": "pcm16"}}, PCM),
    "openai file": ({"type": "file", "file": {"filename": "a.pdf",
                                              "file_data": "data:application/pdf;base64," + b64(PCM)}}, PCM),
    "anthropic": ({"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                               "data": b64(PNG)}}, PNG),
    "google": ({"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": b64(PCM)}}, PCM),
    "bedrock": ({"image": {"format": "png", "source": {"bytes": b64(PNG)}}}, PNG),
    "vercel": ({"type": "file", "mediaType": "image/png", "data": b64(PNG)}, PNG),
    "vercel buffer": ({"type": "file", "mediaType": "image/png",
                       "data": {"type": "Buffer", "data": list(PNG)}}, PNG),
    "vercel numbers": ({"type": "file", "mediaType": "image/png",
                        "data": {str(i): byte for i, byte in enumerate(PNG)}}, PNG),
    "langchain": ({"type": "image", "source_type": "base64", "mime_type": "image/png", "data": b64(PNG)}, PNG),
    "pydantic": ({"type": "binary", "media_type": "image/png", "content": b64(PNG)}, PNG),
    "openinference": ({"type": "image", "image": {"image": {"url": "data:image/png;base64," + b64(PNG)}}}, PNG),
    "mcp": ({"type": "audio", "mimeType": "audio/wav", "data": b64(WAV)}, WAV),
}


# rates of those that are samples without a header: they arrive as WAV
SAMPLES = {"openai pcm": 24000, "openai realtime": 16000, "google": 24000, "google live": 16000}
FORMS |= {
    "openai realtime": ({"type": "input_audio", "audio": b64(PCM),
                         "format": {"type": "audio/pcm", "rate": 16000}}, PCM),
    "google live": ({"inlineData": {"mimeType": "audio/pcm;rate=16000", "data": b64(PCM)}}, PCM),
}


def samples(raw):
    with wave.open(io.BytesIO(raw)) as sound:
        return sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), sound.readframes(sound.getnframes())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_a_message(gateway, backend, form):
    part, raw = FORMS[form]
    trace = Trace()
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
                  "gen_ai.input.messages": message(part)}
    post_ok(gateway.port, trace.request([trace.span("chat gpt-4o", **attributes)]))
    text = text_of(backend.wait_traces(1, timeout=TIME)[0])
    assert b64(raw)[:60] not in text
    files = {hashlib.sha256(fields["file"]).hexdigest() for fields in backend.media.values()}
    if form in SAMPLES:
        (fields,) = backend.media.values()
        assert (fields["mime"], fields["format"]) == ("audio/wav", "wav")
        assert samples(fields["file"]) == (SAMPLES[form], 1, 2, raw)
        return
    assert hashlib.sha256(raw).hexdigest() in text or hashlib.sha256(raw).hexdigest() in files
    assert "look" in text
    backend.assert_clean()


# ---- hostile -----------------------------------------------------------------------------------


def sent(gateway, backend, **attributes):
    """The trace of one span with these attributes, as it arrives."""
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("chat", **attributes)]))
    return one_trace(backend, trace.uuid)


def test_sixteen_megabytes_that_are_no_base64(gateway, backend):
    begin = b64(PNG)[:80]
    text = (begin + "! " + "A" * 1000 + " ") * 15000
    got = sent(gateway, backend, text=text)
    assert "image://" in text_of(got) and SIGNS[0] not in text_of(got)
    assert len(backend.media) == 1
    backend.assert_clean()


@pytest.mark.parametrize("value, mark", [
    (b64(PNG)[:89], "[media: image/png, cut, "),
    (b64(PNG) + "...", "[media: image/png, cut, 69 bytes"),
    ("data:image/png;base64" + b64(PNG), "image://"),
    ("data:image/gif;base64," + b64(PNG), "image://"),
    ("data:;base64," + b64(PCM), "[media: application/octet-stream, 200 bytes"),
    ("data:image/png;base64,", "data:image/png;base64,"),
    ("data:image/png," + "%89PNG", "data:image/png,%89PNG"),
])
def test_odd_texts(gateway, backend, value, mark):
    got = sent(gateway, backend, text=value)
    assert mark in text_of(got), text_of(got)
    assert all(f["mime"] == "image/png" for f in backend.media.values())
    backend.assert_clean()


def test_ten_thousand_pictures(gateway, backend):
    pictures = [PNG + number.to_bytes(4, "big") for number in range(10000)]
    got = sent(gateway, backend, text=" ".join(b64(raw) for raw in pictures))
    text = text_of(got)
    assert SIGNS[0] not in text
    assert text.count("image://") == 1000 and text.count("[media: image/png, 73 bytes") == 9000
    assert len(check_uploads(backend, got)) == 1000
    backend.assert_clean()


def test_ten_large_pictures_in_little_memory(make_gateway, backend):
    budget = 256 << 20
    gateway = start(make_gateway, backend, memory__max_bytes=str(budget))
    trace = Trace()
    root = trace.span("root")
    pictures = [PNG + bytes([number]) * (10 << 20) for number in range(10)]
    for raw in pictures:
        span = trace.span("chat", parent=root, **{"gen_ai.operation.name": "chat",
                                                  "gen_ai.input.messages": message(picture(raw))})
        post_ok(gateway.port, trace.request([span]))
    post_ok(gateway.port, trace.request([root]))
    backend.wait(lambda b: len(b.media) == 10 and b.span_total() == 11, 4 * TIME)
    wanted = {hashlib.sha256(raw).digest() for raw in pictures}
    assert {hashlib.sha256(f["file"]).digest() for f in backend.media.values()} == wanted
    peak = re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{gateway.process.pid}/status").read())
    assert int(peak[1]) << 10 < budget * (2 if SLOW > 1 else 1), f"{peak[1]} kB"  # a sanitizer has a shadow of it
    print(f"peak {int(peak[1]) >> 10} MiB")
    backend.assert_clean()


# ---- files -------------------------------------------------------------------------------------

PDF = b"%PDF-1.7\n" + bytes(range(256))
MP4 = b"\0\0\0\x18ftypmp42" + bytes(64)
KINDS = {"application/pdf": (PDF, "pdf"), "video/mp4": (MP4, "mp4")}


def file_part(mime, raw):
    return {"type": "blob", "mime_type": mime, "content": b64(raw)}


def named_file(text, raw):
    """The file that the mark of these bytes names."""
    found = re.search(f"sha256 {hashlib.sha256(raw).hexdigest()}, file ([0-9a-f-]{{36}}\\.[a-z0-9]+)]", text)
    assert found, text
    return found[1]


def check_files(text, where):
    """Each mark names a file that has its bytes, and nobody else may read."""
    assert where.stat().st_mode & 0o777 == 0o700
    for raw, ending in KINDS.values():
        path = where / named_file(text, raw)
        assert path.suffix == f".{ending}" and path.read_bytes() == raw
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_the_backend_has_no_place_for_becomes_files(make_gateway, backend, directory):
    where = directory / "media"
    gateway = start(make_gateway, backend, media__directory=str(where))
    trace = Trace()
    parts = [file_part(mime, raw) for mime, (raw, _) in KINDS.items()]
    post_ok(gateway.port, trace.request([chat(trace, *parts, *parts, picture(PNG))]))
    got = one_trace(backend, trace.uuid)
    assert len(check_uploads(backend, got)) == 1
    check_files(text_of(got), where)
    assert len(list(where.iterdir())) == len(KINDS)
    assert gateway.metrics()['noveum_media_files_total{result="written"}'] == len(KINDS)
    backend.assert_clean()


def test_files_in_local_mode(make_gateway, directory):
    where = directory / "media"
    gateway = make_gateway(settings={"exporter.file.directory": str(directory / "out"),
                                     "media.directory": str(where), "assembly.on_stop": "send"})
    trace = Trace()
    parts = [file_part(mime, raw) for mime, (raw, _) in KINDS.items()]
    post_ok(gateway.port, trace.request([chat(trace, *parts, picture(PNG))]))
    gateway.stop()
    files = list((directory / "out").rglob("*.json"))
    assert len(files) == 1
    text = files[0].read_text()
    assert SIGNS[0] not in text
    check_files(text, where)
    assert (where / named_file(text, PNG)).read_bytes() == PNG, "nothing is uploaded, so all are files"


def test_the_oldest_files_go(make_gateway, backend, directory):
    where = directory / "media"
    gateway = start(make_gateway, backend, media__directory=str(where), media__directory_max_files="2")
    names = []
    for number in range(3):
        trace = Trace()
        raw = PDF + bytes([number])
        post_ok(gateway.port, trace.request([chat(trace, file_part("application/pdf", raw))]))
        names.append(named_file(text_of(one_trace(backend, trace.uuid)), raw))
    assert {path.name for path in where.iterdir()} == set(names[1:])
    gateway.stop()
    gateway.settings["media.directory_max_age_ms"] = "1"
    gateway.start()
    deadline = time.monotonic() + TIME
    while gateway.metrics()['noveum_media_files_total{result="removed"}'] < 2:
        assert time.monotonic() < deadline
    assert not list(where.iterdir())


def test_files_of_more_bytes_than_may_be_kept_go(make_gateway, backend, directory):
    where = directory / "media"
    gateway = start(make_gateway, backend, media__directory=str(where), media__directory_max_bytes=str(len(PDF) + 10))
    for number in range(2):
        trace = Trace()
        post_ok(gateway.port, trace.request([chat(trace, file_part("application/pdf", PDF + bytes([number])))]))
        name = named_file(text_of(one_trace(backend, trace.uuid)), PDF + bytes([number]))
    assert [path.name for path in where.iterdir()] == [name]


def test_a_directory_that_takes_nothing_gives_marks(make_gateway, backend, directory):
    where = directory / "media"
    gateway = start(make_gateway, backend, media__directory=str(where))
    where.rmdir()
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, file_part("application/pdf", PDF))]))
    text = text_of(one_trace(backend, trace.uuid))
    assert f"bytes, sha256 {hashlib.sha256(PDF).hexdigest()}]" in text and ", file " not in text
    assert gateway.metrics()['noveum_media_files_total{result="not_written"}'] == 1
    gateway.wait_log("media can't be written to media.directory")
    backend.assert_clean()


# ---- trouble -----------------------------------------------------------------------------------


def peak_bytes(gateway):
    return int(re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{gateway.process.pid}/status").read())[1]) << 10


def test_five_thousand_pictures_and_a_backend_that_hangs(make_gateway, backend):
    """They leave after media.wait_ms with references, stall nobody, survive a stop, and arrive once."""
    budget = 256 << 20
    backend.media_always = Fault(status=503, delay_s=600)
    gateway = start(make_gateway, backend, memory__max_bytes=str(budget), media__wait_ms="1000",
                    stop__deadline_ms="3000")
    traces = [Trace() for _ in range(10)]
    for number, trace in enumerate(traces):
        many = " ".join(b64(PNG + (500 * number + at).to_bytes(4, "big")) for at in range(500))
        post_ok(gateway.port, trace.request([trace.span("chat", text=many)]))
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 5000)
    other = Trace()
    post_ok(gateway.port, other.request([other.span("chat")]))
    one_trace(backend, other.uuid)
    backend.wait(lambda b: all(trace.uuid in b.traces for trace in traces), TIME)
    wanted = set()
    for trace in traces:
        got = backend.traces[trace.uuid]
        assert got["attributes"]["noveum.gateway.media_pending"] is True
        wanted |= references(got)
    assert len(wanted) == 5000 and not backend.media
    assert peak_bytes(gateway) < budget
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 8 * SLOW
    backend.media_always = None
    gateway.start()
    gateway.wait_status(lambda s: s["exporter"]["media_pending"] == 0, 12 * TIME)
    assert set(backend.media) == wanted and backend.media_again == []
    assert backend.duplicates == []
    gateway.assert_balanced()
    backend.assert_clean()


PAGE = "<html><body>Sign in</body></html>"


@pytest.mark.parametrize("fault, letters", [
    (Fault(status=413), 1), (Fault(status=422), 1), (Fault(status=401), 0), (Fault(status=429), 0),
    (Fault(status=500), 0), (Fault(status=200, body=PAGE), 0), (Fault(status=503, body=PAGE), 0)])
def test_answers_of_media_routes(make_gateway, backend, fault, letters):
    """A refused one has a letter and a mark; all others arrive when the backend is well again."""
    backend.media_always = fault
    gateway = start(make_gateway, backend, media__wait_ms="500")
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG))]))
    if fault.status == 401:  # the same key: traces are held, too
        gateway.wait_log("401")
        backend.media_always = None
    got = one_trace(backend, trace.uuid, TIME + 20)
    if letters:
        assert not references(got) and "[media: image/png" in text_of(got)
        assert gateway.metrics()['noveum_media_total{result="dead_lettered"}'] == 1
        return
    backend.media_always = None
    backend.wait(lambda b: set(b.media) == references(got), TIME + 30)
    assert len(backend.media) == 1
    backend.assert_clean()


def test_a_new_key_of_the_journal_loses_no_media(make_gateway, backend, directory):
    """The key is changed between two runs while uploads wait: they go on, or the start refuses."""
    key, old, new = directory / "key", secrets.token_hex(32), secrets.token_hex(32)
    write_key(key, old)
    backend.media_always = Fault(status=503)
    gateway = start(make_gateway, backend, media__wait_ms="200", journal__encryption="on",
                    journal__key_file=str(key))
    trace = Trace()
    post_ok(gateway.port, trace.request([chat(trace, picture(PNG), picture(WAV))]))
    wanted = references(one_trace(backend, trace.uuid))
    gateway.stop()
    write_key(key, new)
    gateway.start(wait=False)
    assert gateway.wait_exit() != 0, "a lost key refuses the start"
    write_key(key, new, old)
    backend.media_always = None
    gateway.start()
    backend.wait(lambda b: set(b.media) == wanted, TIME + 20)
    assert len(wanted) == 2
    backend.assert_clean()


def write_key(path, *keys):
    path.write_text("".join(f"{key}\n" for key in keys))
    path.chmod(0o600)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>' + b" " * 40
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>" + b" " * 40


@pytest.mark.parametrize("value", [
    b64(PNG).rstrip("="), b64(PNG) + "==", b64(PNG)[:40] + "=" + b64(PNG)[40:],
    base64.urlsafe_b64encode(PNG).decode(), base64.encodebytes(PNG * 3).decode(),
    b64(PNG)[:60] + " \t " + b64(PNG)[60:], b64(PNG)[:80] + "\0" + b64(PNG)[80:],
    "data:image/png;base64," + b64(SVG), "data:image/png;base64," + b64(HTML),
    "data:text/html;base64," + b64(HTML), "data:image/svg+xml;base64," + b64(SVG)])
def test_base64_that_lies(make_gateway, backend, directory, value):
    """Whatever is taken out is named by no type that a browser would run."""
    gateway = start(make_gateway, backend, media__directory=str(directory / "media"))
    got = sent(gateway, backend, text=value)
    assert references(got) <= set(backend.media)
    assert b64(SVG)[:60] not in text_of(got) and b64(HTML)[:60] not in text_of(got)
    for fields in backend.media.values():
        assert fields["mime"] == ("image/svg+xml" if b64(SVG) in value else "image/png"), fields["mime"]
    assert not (b64(HTML) in value and backend.media)
    for path in (directory / "media").iterdir():
        assert path.suffix == ".bin"
    backend.assert_clean()


def test_sixty_three_megabytes(make_gateway, backend):
    """Larger than media.max_bytes: a mark, read once."""
    gateway = start(make_gateway, backend)
    begin = b64(PNG)
    got = sent(gateway, backend, text=begin[:64] + "A" * ((63 << 20) - 64))
    assert re.search(r"\[media: image/png, 49545216 bytes", text_of(got)), text_of(got)[-300:]
    backend.assert_clean()
