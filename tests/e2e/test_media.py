"""Pictures and sounds in traces: what of them leaves, in every mode.

The captures of real instrumentations hold a picture of one pixel in eleven conventions' own forms.
"""
import base64
import hashlib
import json

import pytest
from conftest import TIME
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
PCM = bytes(range(1, 200))
FORMS = {
    "otel blob": ({"type": "blob", "mime_type": "image/png", "modality": "image", "content": b64(PNG)}, PNG),
    "openai image": ({"type": "image_url", "image_url": {"url": "data:image/png;base64," + b64(PNG)}}, PNG),
    "openai audio": ({"type": "input_audio", "input_audio": {"data": b64(WAV), "format": "wav"}}, WAV),
    "openai pcm": ({"type": "input_audio", "input_audio": {"data": b64(PCM), "format": "pcm16"}}, PCM),
    "openai file": ({"type": "file", "file": {"filename": "a.pdf",
                                              "file_data": "data:application/pdf;base64," + b64(PCM)}}, PCM),
    "anthropic": ({"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                               "data": b64(PNG)}}, PNG),
    "google": ({"inlineData": {"mimeType": "audio/l16;rate=24000", "data": b64(PCM)}}, PCM),
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


@pytest.mark.parametrize("form", FORMS)
def test_every_form_in_a_message(gateway, backend, form):
    part, raw = FORMS[form]
    trace = Trace()
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
                  "gen_ai.input.messages": message(part)}
    post_ok(gateway.port, trace.request([trace.span("chat gpt-4o", **attributes)]))
    text = text_of(backend.wait_traces(1, timeout=TIME)[0])
    assert b64(raw)[:60] not in text
    assert hashlib.sha256(raw).hexdigest() in text
    assert "look" in text
    backend.assert_clean()
