"""A backend that is down: nothing is lost, memory stays flat, and afterwards the backlog drains.

Short in every run; NOVEUM_SOAK=1 keeps the backend down for ten minutes at 2,000 spans a second.
"""
import http.client
import os
import struct
import threading
import time

import pytest

from backend import Fault
from conftest import SLOW
from otlp import Trace
from test_held import CountingBackend, resident_mb

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
DOWN_S = 600 if SOAK else 12
RATE = 2000 // SLOW  # spans a second
SPANS = 8
MARK = b"\xfe\xed\xfa\xce" * 4


class Steady(threading.Thread):
    """Complete traces of 8 spans at a steady rate, until told to stop."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.gateway, self.stopping, self.sent, self.refused = gateway, threading.Event(), 0, 0
        trace = Trace(service="steady", trace_id=MARK)
        root = trace.span("agent")
        text = "word " * 300
        spans = [root, *(trace.span("chat", parent=root, **{
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.prompt.0.content": text}) for _ in range(SPANS - 1))]
        self.body = trace.request(spans)

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
        begin = time.monotonic()
        while not self.stopping.is_set():
            early_s = begin + self.sent * SPANS / RATE - time.monotonic()
            if early_s > 0:
                time.sleep(min(0.05, early_s))
                continue
            body = self.body.replace(MARK, struct.pack(">QQ", 0x0DD0, self.sent + 1))
            connection.request("POST", "/v1/traces", body,
                               {"Content-Type": "application/x-protobuf"})
            reply = connection.getresponse()
            reply.read()
            if reply.status == 200:
                self.sent += 1
            else:
                self.refused += 1


@pytest.fixture
def counting():
    server = CountingBackend()
    yield server
    server.close()


def test_an_outage_loses_nothing(make_gateway, counting):
    gateway = make_gateway(
        {"journal.durability": "os"},
        {"NOVEUM_API_KEY": counting.key, "NOVEUM_ENDPOINT": counting.url, "NOVEUM_PROJECT": "down"})
    counting.always = Fault(status=503)
    steady = Steady(gateway)
    steady.start()
    time.sleep(DOWN_S * 0.2)  # duration: of the outage
    early_mb = resident_mb(gateway.process)
    samples = []
    for _ in range(8):
        time.sleep(DOWN_S * 0.1)
        samples.append(resident_mb(gateway.process))
    backlog = gateway.status()["spans"]["received"]
    assert steady.is_alive() and backlog > 0.8 * RATE * DOWN_S
    before = len(counting.spans)
    counting.always = None
    begin = time.monotonic()
    gateway.wait_status(lambda s: s["spans"]["delivered"] >= backlog, timeout=max(120, DOWN_S))
    drained_s = time.monotonic() - begin
    steady.stopping.set()
    steady.join()
    gateway.wait_status(lambda s: s["spans"]["delivered"] == steady.sent * SPANS, timeout=120)
    drain_rate = (backlog - before * SPANS) / drained_s
    print(f"down {DOWN_S} s at {RATE} spans/s: backlog {backlog} spans drained at "
          f"{drain_rate:.0f}/s while {RATE}/s came; resident {early_mb:.1f} MB early, "
          f"then {' '.join(f'{mb:.1f}' for mb in samples)} MB, {resident_mb(gateway.process):.1f} MB after; "
          f"refused {steady.refused}")
    gateway.assert_balanced()
    assert len(counting.spans) == steady.sent
    assert not counting.duplicates
    assert set(counting.spans.values()) == {SPANS}
    assert drain_rate >= 2 * RATE
    if SOAK and SLOW == 1:
        assert max(samples) <= 1.1 * early_mb
