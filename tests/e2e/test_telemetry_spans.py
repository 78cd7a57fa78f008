"""The gateway's own spans (telemetry.sampling_rate): what they tell of a trace on its way, what they hold nothing of, and that they end."""
import pytest
from backend import Fault
from conftest import SLOW, TIME
from otlp import Trace, post_ok
from otlp_stand_in import Answer, Receiver

WHOLE = "noveum.gateway.trace"
CHILDREN = ["deliver", "hold", "receive", "translate"]
INTERNAL, CLIENT, ERROR = 1, 3, 2


@pytest.fixture
def receiver():
    Receiver.patience_s = TIME
    stand_in = Receiver()
    yield stand_in
    stand_in.close()
    assert not stand_in.errors, stand_in.errors


def settings(stand_in, **more):
    return {"telemetry.otlp.endpoint": stand_in.url, "telemetry.interval_ms": 100, "telemetry.sampling_rate": 1, **more}


def to(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}


def send(gateway, **attributes):
    """A trace of two spans; returns its id in hex."""
    trace = Trace(service="private-shop")
    root = trace.span("private-root", **attributes)
    post_ok(gateway.port, trace.request([root, trace.span("private-child", root)]))
    return trace.trace_id.hex()


def whole_of(stand_in, source):
    """(Span, attributes) of the whole that tells of trace `source`, or None."""
    found = [(s, a) for s, a, _ in stand_in.spans if s.name == WHOLE and a["noveum.gateway.trace_id"] == source]
    assert len(found) < 2
    return found[0] if found else None


def wait_tree(stand_in, source):
    """The whole, and {name: [(Span, attributes)]} of what is below it, once it has come."""
    stand_in.wait(lambda r: whole_of(r, source))
    whole, attributes = whole_of(stand_in, source)
    below = {}
    for span, more, _ in stand_in.spans:
        if span.trace_id == whole.trace_id and span.span_id != whole.span_id:
            assert span.parent_span_id == whole.span_id and span.name != WHOLE
            below.setdefault(span.name, []).append((span, more))
    assert not whole.parent_span_id and whole.kind == INTERNAL
    return whole, attributes, below


def test_spans_tell_the_way_of_a_trace(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver), to(backend))
    source = send(gateway)
    whole, attributes, below = wait_tree(receiver, source)
    assert sorted(below) == CHILDREN and all(len(spans) == 1 for spans in below.values())
    (receive, received), (hold, held), (translate, translated), (deliver, delivered) = (
        below[name][0] for name in ("receive", "hold", "translate", "deliver"))
    assert whole.trace_id.hex() != source
    assert attributes == {"noveum.gateway.trace_id": source, "noveum.gateway.part": 0, "noveum.gateway.attempts": 1,
                          "noveum.gateway.outcome": "delivered"}
    assert received["noveum.gateway.spans"] == 2 and received["noveum.gateway.log_records"] == 0
    assert 100 < received["noveum.gateway.bytes"] < 1000
    assert held == {"noveum.gateway.waited_for": "quiet"}
    assert translated == {"noveum.gateway.spans": 2}
    assert delivered == {"http.request.method": "POST", "http.response.status_code": 200, "noveum.gateway.batch_traces": 1}
    assert deliver.kind == CLIENT and {receive.kind, hold.kind, translate.kind} == {INTERNAL}
    # one after the other, none outside of the whole
    ends = [(s.start_time_unix_nano, s.end_time_unix_nano) for s in (receive, hold, translate, deliver)]
    assert all(first[1] <= second[0] for first, second in zip(ends, ends[1:]))
    assert whole.start_time_unix_nano == ends[0][0] and ends[-1][1] <= whole.end_time_unix_nano
    assert hold.end_time_unix_nano - hold.start_time_unix_nano > 0
    assert len({span.span_id for span, _, _ in receiver.spans}) == len(receiver.spans) == 5
    gateway.wait_status(lambda _: gateway.metrics()['noveum_telemetry_spans_total{result="sent"}'] == 5)
    assert gateway.metrics()['noveum_telemetry_spans_total{result="lost"}'] == 0


def test_nothing_that_a_client_sent_is_in_them_but_its_id(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver), to(backend))
    source = send(gateway, **{"private.key": "private-value", "gen_ai.prompt": "private-prompt", "user.id": "private-user"})
    wait_tree(receiver, source)
    assert backend.wait_traces(1)
    bodies = b"".join(raw for signal, _, raw in receiver.requests if signal == "traces")
    assert source.encode() in bodies and b"private" not in bodies and b"gen_ai" not in bodies


def test_each_request_of_a_trace_is_a_span(make_gateway, backend, receiver):
    backend.plan(Fault(reset=True), Fault(status=503))
    gateway = make_gateway(settings(receiver, **{"exporter.noveum.retry_initial_ms": 10}), to(backend))
    _, attributes, below = wait_tree(receiver, send(gateway))
    assert attributes["noveum.gateway.attempts"] == 3 and attributes["noveum.gateway.outcome"] == "delivered"
    first, second, third = below["deliver"]
    assert first[1]["error.type"] == "broken" and "http.response.status_code" not in first[1]
    assert "http.request.resend_count" not in first[1] and first[0].status.code == ERROR
    assert second[1]["http.response.status_code"] == 503 and second[1]["error.type"] == "503"
    assert second[1]["http.request.resend_count"] == 1 and second[0].status.code == ERROR
    assert third[1]["http.response.status_code"] == 200 and third[1]["http.request.resend_count"] == 2
    assert "error.type" not in third[1] and third[0].status.code == 0


def test_a_parent_that_does_not_come_is_why_it_was_held(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver, **{"assembly.open_ms": 300 * SLOW}), to(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("child", b"12345678")]))
    _, _, below = wait_tree(receiver, trace.trace_id.hex())
    hold, held = below["hold"][0]
    assert held == {"noveum.gateway.waited_for": "open", "noveum.gateway.incomplete": "root"}
    assert hold.end_time_unix_nano - hold.start_time_unix_nano >= 300_000_000


def test_what_is_sampled_out_is_told_as_dropped(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver, **{"sampling.rate": 0, "sampling.keep_errors": "false"}), to(backend))
    _, attributes, below = wait_tree(receiver, send(gateway))
    assert attributes["noveum.gateway.outcome"] == "dropped" and sorted(below) == ["hold", "receive"]


def test_without_a_key_files_have_it(make_gateway, receiver, directory):
    gateway = make_gateway(settings(receiver), {"NOVEUM_PROJECT": "e2e"})
    _, attributes, below = wait_tree(receiver, send(gateway))
    assert attributes["noveum.gateway.outcome"] == "delivered" and "deliver" not in below


def test_the_rate_is_a_share_of_traces_and_off_unless_set(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver, **{"telemetry.sampling_rate": 0.3}), to(backend))
    sources = [send(gateway) for _ in range(60)]
    gateway.wait_balanced(delivered=120)
    assert gateway.stop() == 0
    told = {a["noveum.gateway.trace_id"] for s, a, _ in receiver.spans if s.name == WHOLE}
    assert 3 < len(told) < 40 and told < set(sources)
    seen = len(receiver.requests)
    del gateway.settings["telemetry.sampling_rate"]
    gateway.start()
    send(gateway)
    gateway.wait_balanced(delivered=2)
    assert gateway.stop() == 0
    assert {signal for signal, _, _ in receiver.requests[seen:]} == {"metrics"}


def test_the_last_spans_are_sent_at_the_stop(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver, **{"telemetry.interval_ms": "1h"}), to(backend))
    source = send(gateway)
    gateway.wait_balanced(delivered=2)
    assert not receiver.spans
    assert gateway.stop() == 0
    assert whole_of(receiver, source)


def test_spans_that_are_not_taken_are_counted(make_gateway, backend, receiver):
    receiver.always["traces"] = Answer(status=400, body=b"no")
    gateway = make_gateway(settings(receiver), to(backend))
    send(gateway)
    gateway.wait_status(lambda _: gateway.metrics()['noveum_telemetry_spans_total{result="lost"}'] == 5)
    receiver.always["traces"] = Answer(body=b"\x0a\x02\x08\x02")  # two of them rejected
    send(gateway)
    gateway.wait_status(lambda _: gateway.metrics()['noveum_telemetry_spans_total{result="lost"}'] == 7)
    assert gateway.metrics()['noveum_telemetry_spans_total{result="sent"}'] == 3


def test_spans_that_may_be_taken_later_are_sent_again(make_gateway, backend, receiver):
    receiver.plan("traces", Answer(status=503, headers={"Retry-After": "0"}), Answer(reset=True))
    gateway = make_gateway(settings(receiver), to(backend))
    whole_and_below = wait_tree(receiver, send(gateway))
    bodies = [raw for signal, _, raw in receiver.requests if signal == "traces"]
    assert sorted(whole_and_below[2]) == CHILDREN and len(bodies) == 3 and bodies[0] == bodies[1] == bodies[2]


def test_a_gateway_that_is_sent_its_own_spans_tells_nothing_of_them(make_gateway, backend, receiver):
    """As an endpoint does that leads back to the gateway: it would never end otherwise."""
    gateway = make_gateway(settings(receiver), to(backend))
    wait_tree(receiver, send(gateway))
    (own,) = [raw for signal, _, raw in receiver.requests if signal == "traces"]
    post_ok(gateway.port, own)
    gateway.wait_balanced(delivered=2 + 5)
    wait_tree(receiver, send(gateway))
    assert len(receiver.spans) == 2 * 5
