"""Open traces are held in the journal, not in memory: 100,000 of eight spans in 50 MB over idle.

Short here; NOVEUM_TEST_OPEN_TRACES=100000 makes the long form (make soak), 1.6 GB of span bytes.
"""
import http.client
import os
import pathlib
import re
import time

from conftest import SLOW, TIME
from otlp import Trace

TRACES = int(os.environ.get("NOVEUM_TEST_OPEN_TRACES", "4000"))
PER_REQUEST = 8
SPANS = 8
CONTENT = "What a model was told, and what it said about it. " * 40  # 2 KB


class Template:
    """One request of eight traces whose ids are patched, because building protobuf is slow."""

    def __init__(self):
        traces = [Trace("agent") for _ in range(PER_REQUEST)]
        self.roots = [trace.span("root") for trace in traces]
        spans = []
        for trace, root in zip(traces, self.roots):
            spans += [trace.span(f"chat {i}", parent=root, **{"gen_ai.input.messages": CONTENT})
                      for i in range(SPANS - 1)]
        body = traces[0].request(spans)
        self.body = bytearray(body)
        self.trace_places = [[m.start() for m in re.finditer(re.escape(trace.trace_id), body)]
                             for trace in traces]
        self.closing = [bytearray(trace.request([root]))
                        for trace, root in zip(traces, self.roots)]
        self.closing_places = [bytes(closing).index(trace.trace_id)
                               for closing, trace in zip(self.closing, traces)]

    def open(self, ids):
        for places, trace_id in zip(self.trace_places, ids):
            for place in places:
                self.body[place:place + 16] = trace_id
        return bytes(self.body)

    def close(self, ids):
        """The roots of the traces, as one request: concatenated requests are merged."""
        whole = b""
        for closing, place, trace_id in zip(self.closing, self.closing_places, ids):
            closing[place:place + 16] = trace_id
            whole += bytes(closing)
        return whole


def resident_kb(gateway):
    status = pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def post_all(port, bodies):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for body in bodies:
        while True:
            connection.request("POST", "/v1/traces", body,
                               {"Content-Type": "application/x-protobuf"})
            response = connection.getresponse()
            response.read()
            if response.status == 200:
                break
            assert response.status in (429, 503), response.status
            time.sleep(0.05)
    connection.close()


def test_open_traces_are_held_outside_memory(make_gateway, directory):
    gateway = make_gateway({"assembly.open_ms": 3600000, "assembly.max_wait_ms": 7200000})
    template = Template()
    ids = [os.urandom(16) for _ in range(TRACES)]
    groups = [ids[i:i + PER_REQUEST] for i in range(0, TRACES, PER_REQUEST)]
    post_all(gateway.port, [template.open([os.urandom(16) for _ in range(PER_REQUEST)])])
    idle_kb = resident_kb(gateway)
    post_all(gateway.port, (template.open(group) for group in groups))
    status = gateway.wait_status(
        lambda status: status["spans"]["held"] == (TRACES + PER_REQUEST) * (SPANS - 1))
    grown_kb = resident_kb(gateway) - idle_kb
    print(f"{TRACES} open traces: {grown_kb / 1024:.1f} MB over {idle_kb / 1024:.1f} MB, {status}")
    if SLOW == 1:
        assert grown_kb <= 50 * 1024 * max(TRACES, 30000) / 100000
    post_all(gateway.port, (template.close(group) for group in groups))
    gateway.wait_status(lambda status: status["spans"]["delivered"] == TRACES * SPANS,
                        TIME + TRACES / 500 * SLOW)
    gateway.assert_balanced()
    assert not gateway.status()["spans"]["dead_lettered"]
