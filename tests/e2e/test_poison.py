"""What must not be broken quietly: a journal that lost records, a trace that kills or holds."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from conftest import ROOT, SLOW, TIME
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


POISON = b"poison-trace-id!"


@pytest.fixture
def poison(directory):
    """Environment in which one trace id does what POISON says, by a library in front of libc."""
    compiler = shutil.which("cc")
    if compiler is None or SLOW > 1:
        pytest.skip("no compiler, or a sanitizer that must be loaded first")
    library = directory / "poison.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", library,
                    ROOT / "tests/e2e/poison.c", "-ldl"], check=True)
    return lambda how: {"LD_PRELOAD": str(library), "POISON": how}


def delivering(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
            "NOVEUM_PROJECT": "e2e"}


def test_a_trace_that_kills_twice_is_set_aside(make_gateway, backend, poison, run):
    gateway = make_gateway(environment={**delivering(backend), **poison("kill")})
    trace, honest = Trace(trace_id=POISON), Trace()
    post_ok(gateway.port, trace.request([trace.span("deadly")]))
    assert gateway.wait_exit() == -signal.SIGKILL
    assert gateway.start(wait=False).wait_exit() == -signal.SIGKILL
    gateway.start()
    post_ok(gateway.port, honest.request([honest.span("a")]))
    status = gateway.wait_status(lambda s: s["translation"]["set_aside"] == 1)
    assert status["ready"]
    assert gateway.metrics()["noveum_traces_set_aside"] == 1
    log = "\n".join(gateway.log)
    assert POISON.hex() in log and "times=2" in log and "died twice" in log
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    assert set(backend.traces) == {honest.uuid}
    gateway.assert_balanced()
    listed = run("dead", "list", f"--set=journal.directory={gateway.directory}/journal").stdout
    assert "died twice" in listed and POISON.hex() in listed
    # it is tried again when somebody asks for it, and then it is a trace as any other
    retried = run("dead", "retry", "all", f"--set=journal.directory={gateway.directory}/journal")
    assert retried.returncode == 0, retried.stderr
    backend.wait_traces(2)
    assert set(backend.traces) == {honest.uuid, trace.uuid}
    # and the next start knows nothing of it
    gateway.stop()
    gateway.start()
    assert gateway.status()["translation"]["set_aside"] == 0
    assert not any("died while" in line for line in gateway.log)


@pytest.mark.parametrize("how", ["spin", "sleep"])
def test_a_shard_that_is_stuck_is_told_and_stops_in_time(make_gateway, backend, poison, run, how):
    gateway = make_gateway({"stop.deadline_ms": "3000"},
                           {**delivering(backend), **poison(how)})
    trace = Trace(trace_id=POISON)
    post_ok(gateway.port, trace.request([trace.span("endless")]))
    status = gateway.wait_status(lambda s: s["translation"]["stuck_trace"], timeout=3 * TIME)
    assert status["translation"]["stuck_trace"] == POISON.hex()
    assert status["translation"]["stuck_ms"] >= 5000
    code, _, text = gateway.get("/readyz")
    assert code == 503 and "no progress" in text
    assert gateway.get("/healthz")[0] == 200  # not before a minute
    assert any("no progress" in line and POISON.hex() in line for line in gateway.log)
    begin = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - begin < 4.5, gateway.stderr()
    checked = run("journal", "check", f"--set=journal.directory={gateway.directory}/journal")
    assert checked.returncode == 0, checked.stdout
    gateway.environment.pop("LD_PRELOAD")
    gateway.start()
    backend.wait_traces(1)
    assert set(backend.traces) == {trace.uuid}
