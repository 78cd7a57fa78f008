"""What the page fetches and does, in a real browser: pictures, sounds and files of media.directory behind a token; a retry of all dead letters.

Skipped, and says so, without Chromium or Node.
"""
import base64
import functools
import json
import os
import re
import struct
import subprocess
import zlib

from backend import Fault
from conftest import ROOT, SLOW, TIME
from otlp import Trace, post_ok
from page_traces import messages
from test_page_browser import CHROMIUM, NODE, pytestmark  # noqa: F401  the same skips
from test_page_claims import wav

TOKEN = "the-token-of-this-port"
LETTERS = 12


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x * 5 % 256, y * 7 % 256, 160)[i] for x in range(width) for i in range(3)) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def media():
    trace = Trace(service="media")
    kinds = (("image", "image/png", png(60, 40)), ("audio", "audio/wav", wav(0.3)), ("file", "application/pdf", b"%PDF-1.4\n" + b"x" * 400))
    parts = [{"type": "blob", "modality": kind, "mime_type": mime, "content": base64.b64encode(data).decode()} for kind, mime, data in kinds]
    inside = f"seen: data:image/png;base64,{base64.b64encode(png(30, 30)).decode()} and more"
    return trace, trace.request([trace.span("chat", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "acme.note": inside,
                                                      "gen_ai.input.messages": messages(("user", [{"type": "text", "content": "what is this?"}, *parts]))})])


def drive(gateway, trace, asked):
    process = subprocess.Popen(["node", str(ROOT / "tests/e2e/page_acts.mjs"), f"http://127.0.0.1:{gateway.ports['admin']}", CHROMIUM, TOKEN, trace.uuid],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(NODE)})
    for line in process.stderr:
        asked.get(line.strip(), lambda line=line: print(line, end=""))()
    out = process.communicate(timeout=240 * SLOW)[0]
    assert process.returncode == 0
    return json.loads(out)


def refuse(gateway, backend, names):
    """A dead letter of each."""
    backend.always = Fault(status=422)
    for name in names:
        one = Trace()
        post_ok(gateway.port, one.request([one.span(name)]))
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] == len(names))
    backend.always = None


def again(gateway):
    """Another one at the same address, with a store that has one trace."""
    gateway.stop()
    gateway.settings |= {"admin.listen": f"127.0.0.1:{gateway.ports['admin']}", "store.file": str(gateway.directory / "next.db")}
    gateway.start()
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("of the next gateway")]))


def test_files_of_media_and_all_dead_letters(make_gateway, backend, directory):
    place = directory / "media"
    gateway = make_gateway({"admin.ui": "true", "admin.token": TOKEN, "media.mode": "marker", "media.directory": str(place)},
                           {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    gateway.get = functools.partial(gateway.get, headers={"Authorization": f"Bearer {TOKEN}"})
    trace, body = media()
    post_ok(gateway.port, body)
    backend.wait_traces(1, TIME)
    refuse(gateway, backend, [f"refused {i}" for i in range(LETTERS)])
    report = drive(gateway, trace, {"gone": lambda: [file.unlink() for file in place.glob("*.png")], "again": lambda: again(gateway),
                                     "letter": lambda: refuse(gateway, backend, ["once more"])})
    facts = report["facts"]
    assert not [f"{name}: {fact}" for name, fact in facts.items() if str(fact).startswith("failed")]
    wanted = [line for line in report["console"] if not re.search("40[134]|ERR_CONNECTION_|ERR_EMPTY", line)]  # the browser tells of these
    assert wanted == [] and report["violations"] == [] and report["outside"] == []
    assert facts["the token is asked for"] == 0
    assert facts["a picture of media.directory is shown"][:2] == [60, 40] and "image/png" in facts["a picture of media.directory is shown"][2]
    assert facts["a sound of it is played"].startswith("0:00 of")
    assert facts["a file of it is saved"] == [".pdf", "%PDF-1.4\n"]
    assert facts["a mark inside of a text is shown too"] == 1
    assert "no longer kept in media.directory" in facts["a picture that is gone says so"]
    assert facts["retry of all says how far it is"][0] == str(LETTERS) and "None." in facts["retry of all says how far it is"][1]
    assert facts["a page left open shows the store of the next gateway"] == "of the next gateway" and facts["what it did before it does again"] == 0
    backend.wait_traces(1 + LETTERS + 2, TIME)
