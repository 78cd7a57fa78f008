"""What must not be broken quietly: a journal that lost records, a trace that kills or holds."""
import os
import signal

from otlp import Trace, post, post_ok


def crash(gateway):
    gateway.stop(signal.SIGKILL)


def test_a_zeroed_tail_of_the_journal_is_told(make_gateway):
    gateway = make_gateway({"assembly.quiet_ms": 60000, "assembly.open_ms": 60000})
    for _ in range(20):
        trace = Trace()
        post_ok(gateway.port, trace.request([trace.span("a")]))
    crash(gateway)
    file = next((gateway.directory / "journal").glob("journal-*"))
    content = file.read_bytes()
    kept = content.rindex(b"NVRC")  # the last record
    with open(file, "r+b") as out:
        out.seek(kept)
        out.write(bytes(len(content) - kept))
    gateway.start()
    assert gateway.status()["journal"]["missing"] == 1
    assert any("records are missing" in line for line in gateway.log)
    assert gateway.metrics()["noveum_journal_missing_records"] == 1


def test_a_journal_file_that_is_gone_is_told(make_gateway):
    gateway = make_gateway({"assembly.quiet_ms": 60000})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("a")]))
    crash(gateway)
    for file in (gateway.directory / "journal").glob("journal-*"):
        os.unlink(file)
    gateway.start()
    assert gateway.metrics()["noveum_journal_damaged_records"] == 1
    assert any("files are gone" in line for line in gateway.log)


def test_made_up_names_do_not_keep_a_service_from_being_learned(make_gateway):
    gateway = make_gateway()
    for start in range(0, 3000, 100):
        request = b"".join(Trace(service=f"made up {i}").request([Trace().span("a")])
                           for i in range(start, start + 100))
        post_ok(gateway.port, request)
    honest = Trace(service="honest")
    span = honest.span("chat")
    post_ok(gateway.port, honest.request([span]))
    status, _, _ = post(gateway.port, honest.logs(span, "prompt"), path="/v1/logs")
    assert status == 200

    def learned(status):
        return any(s["name"] == "honest" and s["logs"] for s in status["services"])
    gateway.wait_status(learned)
    # and it stays so while more of them come
    for start in range(3000, 6000, 100):
        request = b"".join(Trace(service=f"made up {i}").request([Trace().span("a")])
                           for i in range(start, start + 100))
        post_ok(gateway.port, request)
    gateway.wait_status(lambda s: s["spans"]["held"] == 0)
    assert learned(gateway.status())


def test_both_sides_of_a_zipkin_call_are_delivered(gateway, backend):
    trace = Trace(service="shop")
    root = trace.span("root")
    caller = trace.span("caller", parent=root)
    caller.kind = 3
    served = trace.span("served", parent=root)
    served.kind, served.span_id = 2, caller.span_id
    child = trace.span("child", parent=caller.span_id)
    unknown = trace.span("no start", parent=root)
    unknown.start_time_unix_nano = 0
    post_ok(gateway.port, trace.request([root, caller, unknown]))
    post_ok(gateway.port, trace.request([served, child], service="cart"))
    backend.wait_traces(1)
    spans = {span["name"]: span for span in backend.traces[trace.uuid]["spans"]}
    assert set(spans) == {"root", "caller", "served", "child", "no start"}
    assert spans["served"]["parent_span_id"] == caller.span_id.hex() == spans["caller"]["span_id"]
    assert spans["served"]["otel"]["span_id"] == caller.span_id.hex()
    assert spans["child"]["parent_span_id"] == spans["served"]["span_id"] != caller.span_id.hex()
    assert spans["no start"]["start_time"] == spans["root"]["start_time"]
    assert not backend.schema_errors
    gateway.assert_balanced()
