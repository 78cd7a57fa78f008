"""Open traces are held on disk: memory stays small, and each is delivered whole.

Short in every run; NOVEUM_SOAK=1 holds 100,000 traces of 8 GenAI spans, 1.6 GB of span bytes.
"""
import http.client
import os
import pathlib
import struct
import threading
import time

import pytest

from backend import Backend
from conftest import SLOW
from otlp import Trace

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
TRACES = 100_000 if SOAK else 4_000
SPANS = 8
PER_REQUEST = 8  # traces
MARK = b"\xfe\xed\xfa\xce" * 4


class CountingBackend(Backend):
    """Keeps how many spans came of each trace instead of the traces themselves."""

    def __init__(self):
        super().__init__()
        self.spans = {}

    def validate(self, doc):
        return doc, None

    def store(self, doc):
        for trace in doc["traces"]:
            ids = {span["span_id"] for span in trace["spans"]}
            if trace["trace_id"] in self.spans:
                self.duplicates.append(trace["trace_id"])
            self.spans[trace["trace_id"]] = len(ids)
        self.bodies.clear()


def template():
    """One request body of a trace with MARK as its id: 8 spans of GenAI content, no root."""
    trace = Trace(service="agent", trace_id=MARK)
    parent = b"\x01" * 8
    text = "The carrier said that the parcel waits at the depot until somebody signs for it. " * 20
    spans = [trace.span("chat gpt-4o-mini", parent=parent, **{
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 18 + i,
        "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"%s"}]}]' % text})
        for i in range(SPANS)]
    root = trace.span("agent")
    root.span_id = parent
    return trace.request(spans), trace.request([root])


def trace_id(number):
    return struct.pack(">QQ", 0x5A5A5A5A00000000, number + 1)


def post_all(port, body):
    """Sends `body` for every trace, PER_REQUEST traces a request, over four connections."""
    numbers = iter(range(0, TRACES, PER_REQUEST))
    lock, failures = threading.Lock(), []

    def run():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                first = next(numbers, None)
            if first is None:
                return
            last = min(first + PER_REQUEST, TRACES)
            request = b"".join(body.replace(MARK, trace_id(n)) for n in range(first, last))
            while True:
                connection.request("POST", "/v1/traces", request,
                                   {"Content-Type": "application/x-protobuf"})
                reply = connection.getresponse()
                reply.read()
                if reply.status == 200:
                    break
                if reply.status not in (429, 503):
                    failures.append(reply.status)
                    return
                time.sleep(0.05)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def resident_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@pytest.fixture
def counting():
    server = CountingBackend()
    yield server
    server.close()


def test_open_traces_are_held_in_little_memory(make_gateway, counting):
    gateway = make_gateway(
        {"assembly.open_ms": 1_200_000, "journal.durability": "os"},
        {"NOVEUM_API_KEY": counting.key, "NOVEUM_ENDPOINT": counting.url, "NOVEUM_PROJECT": "held"})
    idle_mb = resident_mb(gateway.process)
    body, root = template()
    begin = time.monotonic()
    post_all(gateway.port, body)
    gateway.wait_status(lambda s: s["spans"]["held"] == TRACES * SPANS, timeout=300)
    time.sleep(1)  # duration: memory of the last requests is given back meanwhile
    held_mb = resident_mb(gateway.process)
    sent_s = time.monotonic() - begin
    post_all(gateway.port, root)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == TRACES * (SPANS + 1), timeout=900)
    print(f"{TRACES} traces, {TRACES * len(body) / 1e6:.0f} MB in {sent_s:.0f} s: resident "
          f"{held_mb - idle_mb:.1f} MB over idle {idle_mb:.1f} MB, delivered after "
          f"{time.monotonic() - begin:.0f} s, resident {resident_mb(gateway.process):.1f} MB")
    gateway.assert_balanced()
    assert len(counting.spans) == TRACES
    assert set(counting.spans.values()) == {SPANS + 1}
    assert not counting.duplicates
    if SLOW == 1:  # sanitizers keep what is freed
        assert held_mb - idle_mb <= 50
