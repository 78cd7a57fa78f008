"""Options that no other test is about: what each does to the running program, by what a client, the backend or the disk sees.

tests/data/option_effects.tsv names for every key of the table a test of its effect (tests/tools/check_option_effects.py).
"""
import contextlib
import json
import os
import pathlib
import socket
import time

import pytest
from backend import Fault
from conftest import TIME
from otlp import Trace, post, post_ok

HOUR_MS = 3600000
JSON_BODY = b'{"resourceSpans":[]}'
HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def to(backend, **more):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e", **more}


def connected(gateway):
    return contextlib.closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=TIME))


def took_s(client):
    """How long the server left a connection open; what it says in between is read."""
    begun = time.monotonic()
    with contextlib.suppress(ConnectionResetError):
        while client.recv(4096):
            pass
    return time.monotonic() - begun


# ---- receiver --------------------------------------------------------------------------------


@pytest.mark.parametrize("key,sent", [
    ("receiver.head_timeout_ms", HEAD),
    ("receiver.body_timeout_ms", HEAD + b"Content-Length: 9\r\n\r\n{"),
    ("receiver.idle_timeout_ms", HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(JSON_BODY), JSON_BODY))])
def test_a_silent_client_is_cut_off_by_the_timeout_of_where_it_is(make_gateway, backend, key, sent):
    """The two others are an hour, or as long as they may be."""
    others = {"receiver.head_timeout_ms": 600000, "receiver.body_timeout_ms": HOUR_MS, "receiver.idle_timeout_ms": HOUR_MS}
    gateway = make_gateway({**others, key: 1000}, to(backend))
    with connected(gateway) as client:
        client.sendall(sent)
        assert 0.8 < took_s(client) < TIME


def test_the_connection_idle_longest_makes_room(make_gateway, backend):
    gateway = make_gateway({"receiver.max_connections": 3, "receiver.threads": 1}, to(backend))
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(4):
            clients.append(stack.enter_context(connected(gateway)))
            clients[-1].sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(JSON_BODY), JSON_BODY))
            assert clients[-1].recv(4096).startswith(b"HTTP/1.1 200")
        assert took_s(clients[0]) < TIME
        clients[-1].settimeout(0.2)
        with pytest.raises(TimeoutError):
            clients[-1].recv(1)


def threads_of(gateway):
    return len(list(pathlib.Path(f"/proc/{gateway.process.pid}/task").iterdir()))


def test_threads_that_receive(make_gateway, backend):
    counts = []
    for threads in (1, 4):
        gateway = make_gateway({"receiver.threads": threads}, to(backend))
        counts.append(threads_of(gateway))
        gateway.stop()
    assert counts[1] - counts[0] in (3, 6), "one for each, or one for each and protocol"


# ---- assembly --------------------------------------------------------------------------------


WAITS = {"assembly.quiet_ms": 1001000, "assembly.quiet_distributed_ms": 1002000,
         "assembly.open_ms": 1004000, "assembly.remote_parent_ms": 1005000}


def test_each_wait_is_that_of_what_is_seen(make_gateway):
    """A trace of each kind, and until when /api/held says that it waits."""
    gateway = make_gateway({**WAITS, "admin.ui": "true", "assembly.max_wait_ms": 2000000})
    whole, spread, open_, remote = (Trace(f"service-{i}") for i in range(4))
    root = spread.span("root")
    wants = {whole.uuid: "assembly.quiet_ms", spread.uuid: "assembly.quiet_distributed_ms",
             open_.uuid: "assembly.open_ms", remote.uuid: "assembly.remote_parent_ms"}
    post_ok(gateway.port, whole.request([whole.span("root")]))
    post_ok(gateway.port, spread.request([root]))
    post_ok(gateway.port, spread.request([spread.span("far", parent=root, remote=True)], service="other"))
    post_ok(gateway.port, open_.request([open_.span("child", parent=os.urandom(8))]))
    post_ok(gateway.port, remote.request([remote.span("child", parent=os.urandom(8), remote=True)]))
    deadline, found = time.monotonic() + TIME, {}
    while time.monotonic() < deadline and found != wants:
        held = json.loads(gateway.get("/api/held")[2])["held"]
        for row in held:
            wait = row["wait"]
            took = wait["until_ms"] - wait["since_ms"]
            near = [key for key, value in WAITS.items() if abs(value - took) < 500]
            found[row["trace_id"]] = near[0] if near else took
        time.sleep(0.05)
    assert found == wants


def test_no_trace_waits_longer_than_its_longest_wait(make_gateway, backend):
    gateway = make_gateway({"assembly.open_ms": HOUR_MS, "assembly.max_wait_ms": 300}, to(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("child", parent=os.urandom(8))]))
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["otel"]["trace_id"] == trace.trace_id.hex()


@pytest.mark.parametrize("key,value,text", [("assembly.max_spans", 3, ""), ("assembly.max_trace_bytes", 4096, "x" * 1500)])
def test_larger_traces_are_cut_into_linked_parts(make_gateway, backend, key, value, text):
    gateway = make_gateway({key: value}, to(backend))
    trace = Trace()
    root = trace.span("root", text=text)
    post_ok(gateway.port, trace.request([root] + [trace.span(f"s{i}", parent=root, text=text) for i in range(4)]))
    backend.wait_spans(5, TIME)
    assert len(backend.traces) > 1 and max(part["span_count"] for part in backend.traces.values()) < 5
    assert gateway.metrics()["noveum_traces_cut_total"] >= 1
    backend.assert_clean()


def test_held_spans_beyond_their_memory_are_503(make_gateway, backend):
    gateway = make_gateway({"assembly.memory_bytes": "1MiB", "journal.durability": "memory", "assembly.open_ms": HOUR_MS,
                            "stop.deadline_ms": 500}, to(backend))
    answers = []
    for _ in range(8):
        trace = Trace()
        answers.append(post(gateway.port, trace.request([trace.span("open", parent=os.urandom(8), text="x" * 300000)])))
    refused = [headers for status, headers, _ in answers if status == 503]
    assert answers[0][0] == 200 and refused and all("Retry-After" in headers for headers in refused)


# ---- exporter --------------------------------------------------------------------------------


def test_names_of_traces_that_have_none(make_gateway, backend):
    gateway = make_gateway({"exporter.noveum.environment": "canary", "exporter.noveum.service_version": "7.8",
                            "exporter.noveum.project": "shop", "exporter.noveum.trace_id": "hex"},
                           {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    trace = Trace(service="")
    post_ok(gateway.port, trace.request([trace.span("root")]))
    (whole,) = backend.wait_traces(1, TIME)
    assert (whole["environment"], whole["service_version"], whole["project"]) == ("canary", "7.8", "shop")
    assert whole["trace_id"] == trace.trace_id.hex()


@pytest.mark.parametrize("given,encoding", [("gzip", "gzip"), ("none", None)])
def test_compression_of_bodies(make_gateway, backend, given, encoding):
    gateway = make_gateway({"exporter.noveum.compression": given}, to(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root", text="x" * 5000)]))
    backend.wait_traces(1, TIME)
    assert backend.bodies[0][1].get("Content-Encoding") == encoding


def compressed_bytes(make_gateway, backend, level, text):
    gateway = make_gateway({"exporter.noveum.compression": "gzip", "exporter.noveum.compression_level": level}, to(backend))
    trace, before = Trace(), len(backend.bodies)
    post_ok(gateway.port, trace.request([trace.span("root", text=text)]))
    backend.wait(lambda b: trace.uuid in b.traces, TIME)
    gateway.stop()
    return int(backend.bodies[before][1]["Content-Length"])


def test_a_higher_level_makes_smaller_bodies(make_gateway, backend):
    text = pathlib.Path(__file__).read_text("utf-8")
    sizes = [compressed_bytes(make_gateway, backend, level, text) for level in (1, 12)]
    assert sizes[1] < 0.95 * sizes[0], sizes


def test_threads_that_compress(make_gateway, backend):
    """They are started as there is work for them."""
    counts = []
    for threads in (1, 6):
        gateway = make_gateway({"exporter.noveum.compression_threads": threads, "exporter.noveum.batch_traces": 1}, to(backend))
        traces = [Trace() for _ in range(300)]
        post_ok(gateway.port, b"".join(trace.request([trace.span("root", text=os.urandom(3000).hex())]) for trace in traces))
        backend.wait(lambda b: all(trace.uuid in b.traces for trace in traces), 2 * TIME)
        counts.append(threads_of(gateway))
        gateway.stop()
    assert counts[0] < counts[1], counts


def test_bodies_of_a_size_and_requests_at_a_time(make_gateway, backend):
    gateway = make_gateway({"exporter.noveum.max_body_bytes": 65536, "exporter.noveum.max_in_flight": 1,
                            "exporter.noveum.compression": "none", "exporter.noveum.batch_ms": 500}, to(backend))
    seen, most = [0], [0]
    take = backend.take

    def counted(*arguments):
        seen[0] += 1
        most[0] = max(most[0], seen[0])
        try:
            return take(*arguments)
        finally:
            seen[0] -= 1
    backend.take = counted
    backend.plan(*[Fault(delay_s=0.1)] * 30)
    traces = [Trace() for _ in range(20)]
    post_ok(gateway.port, b"".join(trace.request([trace.span("root", text="x" * 20000)]) for trace in traces))
    backend.wait_traces(20, TIME)
    sizes = [int(headers["Content-Length"]) for _, headers, _ in backend.bodies]
    assert len(sizes) >= 7 and max(sizes) <= 65536 and most[0] == 1, (sizes, most)


def test_a_trace_too_large_is_cut_where_it_is_long(make_gateway, backend):
    gateway = make_gateway({"exporter.noveum.max_trace_bytes": 65536}, to(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root", text="x" * 200000)]))
    (whole,) = backend.wait_traces(1, TIME)
    assert len(json.dumps(whole)) <= 65536 and len(whole["spans"][0]["attributes"]["text"]) < 200000
    backend.assert_clean()


@pytest.mark.parametrize("key,most,gauge", [("exporter.noveum.queue_bytes", 131072, "queued_bytes"),
                                            ("exporter.noveum.queue_traces", 5, "queued_traces")])
def test_a_full_queue_leaves_traces_in_the_journal(make_gateway, backend, key, most, gauge):
    """Queued are no more than fit, and one more; all arrive."""
    gateway = make_gateway({key: most, "exporter.noveum.max_body_bytes": 65536, "exporter.noveum.spill_age_ms": HOUR_MS,
                            "exporter.noveum.retry_max_ms": 200}, to(backend))
    backend.always = Fault(status=503)
    traces = [Trace() for _ in range(30)]
    for trace in traces:
        post_ok(gateway.port, trace.request([trace.span("root", text="x" * 20000)]))
    backend.wait(lambda b: b.bodies, TIME)
    status = gateway.wait_status(lambda s: s["spans"]["received"] == 30 and s["exporter"]["queued_traces"] > 0)
    assert status["exporter"][gauge] <= most + (1 if "traces" in key else 30000)
    backend.always = None
    backend.wait_traces(30, 2 * TIME)
