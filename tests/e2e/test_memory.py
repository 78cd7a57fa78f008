"""Memory is what memory.max_bytes says: requests that are small to send and large to hold.

Each input is sent four times at once to a gateway of 64 and of 256 MiB, compressed, and as large as
the door lets through; the most it ever had resident (VmHWM) is compared with the option, the program
itself added: what it has resident when it
starts, and what it has mapped of files and not read yet. What was accepted is delivered or a dead letter seconds later: nothing is
tried for ever. The backend here only counts, or it would itself be what runs out of memory.
"""
import gzip
import http.server
import os
import re
import threading
import zlib

import pytest

import hostile
from conftest import SLOW, TIME
from otlp import post

MB = 1 << 20
SENDERS = 4
SOAK = os.environ.get("NOVEUM_SOAK") == "1"
# Inputs that take tens of seconds at their full size come to their peak with a part of it.
PART = 1 if SOAK else 4

pytestmark = pytest.mark.skipif(SLOW > 1, reason="a sanitizer takes memory of its own")


class Sink:
    """Accepts all and keeps nothing; counts what came, compressed and not."""

    def __init__(self):
        self.wire = self.plain = 0
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def answer(self):
                body = b'{"success":true}'
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = answer

            def do_POST(self):
                left = int(self.headers["Content-Length"])
                sink.wire += left
                packed = self.headers.get("Content-Encoding") == "gzip"
                inflate = zlib.decompressobj(31) if packed else None
                while left:
                    piece = self.rfile.read(min(left, 1 << 16))
                    left -= len(piece)
                    while piece:
                        sink.plain += len(inflate.decompress(piece, MB) if inflate else piece)
                        piece = inflate.unconsumed_tail if inflate else b""
                self.answer()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}/api"


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


def program_mb(gateway):
    """The program's own: resident now, and the pages of its files that are not yet."""
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii") as status:
        own = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    from_file = False
    with open(f"/proc/{gateway.process.pid}/smaps", encoding="utf-8") as maps:
        for line in maps:
            field = line.split()
            if re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", field[0]):
                from_file = len(field) > 5 and field[5].startswith("/")
            elif from_file and field[0] in ("Size:", "Rss:"):
                own += int(field[1]) if field[0] == "Size:" else -int(field[1])
    return own / 1024


def peak_mb(gateway):
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1)) / 1024


def bodies_of(make, size):
    """Four requests of about `size` bytes, compressed."""
    return [gzip.compress(body, 1) for _ in range(SENDERS) for body in make(size)]


# Name: (requests of about so many bytes, what is left out of the largest a request may be).
INPUTS = {
    "unlike resources": lambda size: hostile.unlike_resources(8, size // 4),
    "a trace of resources": lambda size: hostile.one_trace_of_resources(6, size),
    "a scope of many spans": lambda size: hostile.repeated_scope(1000, min(size, 500_000)),
    "a resource of many spans": lambda size: hostile.repeated_difference(1000, min(size, 500_000)),
    "scopes of a resource": lambda size: hostile.scopes_of_one_resource(500, size // 2),
    "control characters": hostile.control_characters,
    "control characters in a key": hostile.control_key,
    "control characters in a name": hostile.control_name,
    "empty events": lambda size: hostile.empty_events(size // 2),
    "bare links": lambda size: hostile.bare_links(size // 30),
    "empty values": lambda size: hostile.empty_values(size // 2),
    "bytes": hostile.byte_values,
    "doubles": lambda size: hostile.doubles(size // 11),
    "short attributes": lambda size: hostile.short_attributes(size // 14 // PART),
    "dotted keys": lambda size: hostile.dotted_keys(size // 100, 20),
    "numbers in a text": hostile.json_text,
    "arrays in a text": lambda size: hostile.json_text(size, item=b"[],", end=b"[]]"),
    "messages in a text": hostile.messages,
    "empty scopes": lambda size: hostile.empty_scopes(size // 2),
    "least spans": lambda size: hostile.least_spans(size // 160 // PART),
}


def largest(max_mb):
    """What a request may have after decompression, by the budget; a little less."""
    return min(64 * MB, max_mb * MB // 6 - 65536) - 300_000


def send_all(gateway, bodies):
    """The statuses that were answered."""
    answers, left, lock = [], list(bodies), threading.Lock()

    def run():
        while True:
            with lock:
                if not left:
                    return
                body = left.pop()
            answers.append(post(gateway.port, body, headers={"Content-Encoding": "gzip"},
                                timeout=2 * TIME)[0])
    threads = [threading.Thread(target=run, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * TIME)
    assert len(answers) == len(bodies)
    return answers


@pytest.mark.parametrize("max_mb", [64, 256] if SOAK else [64])
@pytest.mark.parametrize("name", list(INPUTS))
def test_hostile_requests_stay_within_the_option(make_gateway, sink, name, max_mb):
    gateway = make_gateway({"memory.max_bytes": str(max_mb * MB)},
                           {"NOVEUM_API_KEY": "nv_memory_test", "NOVEUM_ENDPOINT": sink.url,
                            "NOVEUM_PROJECT": "memory"})
    own = program_mb(gateway)
    # The larger budget is for what the smaller one refuses; its inputs need not fill it.
    bodies = bodies_of(INPUTS[name], min(largest(max_mb), 16 * MB))
    answers = send_all(gateway, bodies)
    assert set(answers) <= {200, 429, 503} and 200 in answers, answers
    spans = gateway.wait_balanced(3 * TIME, held=0, queued=0)
    assert spans["received"] == spans["delivered"] + spans["dead_lettered"] + spans["dropped"]
    peak = peak_mb(gateway)
    # For the table of docs/operations.md (pytest -rP).
    print(f"{name}: {peak:.0f} MB, {own:.0f} the program's; {sink.plain >> 10} KB sent; {spans}")
    assert peak <= max_mb + own, f"{peak:.0f} MB, {answers}"
    assert gateway.get("/healthz")[0] == 200
    assert spans["delivered"] > 0 and spans["dead_lettered"] == 0, gateway.stderr()
    assert not any("out of memory" in line for line in gateway.log), gateway.stderr()
    # What one trace may have, for each that was delivered; those of small spans are many.
    if name not in ("least spans", "many scopes"):
        assert sink.plain <= SENDERS * 8 * max_mb * MB / 16 + MB, f"{sink.plain} bytes sent"
