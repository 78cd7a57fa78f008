"""An answer is believed for its body, and a blocked trace holds nobody (docs/design/0012-answers.md)."""
import time

import pytest
from backend import Backend, Fault
from conftest import SLOW, TIME
from otlp import Trace, post_ok

PAGE = "<!doctype html><html><title>Sign in</title><body>Please sign in.</body></html>"
FOREIGN = "held: the endpoint does not answer as Noveum's API does"


@pytest.fixture
def start(make_gateway, backend):
    def run(settings=None, **environment):
        return make_gateway(settings=settings, environment={
            "NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
            "NOVEUM_PROJECT": "e2e", **environment})
    return run


def send(gateway, count, name="step"):
    traces = [Trace() for _ in range(count)]
    post_ok(gateway.port, b"".join(t.request([t.span(name)]) for t in traces))
    return [t.uuid for t in traces]


NO_DELIVERY = {
    "page": Fault(page=PAGE),
    "denial": Fault(body={"success": False, "message": "ingest is paused"}),
    "half": Fault(page='{"success": tru'),
    "204": Fault(status=204, page=""),
    "302": Fault(status=302, page=PAGE, headers={"Location": "/login"}),
    "405-page": Fault(status=405, page=PAGE),
    "409-page": Fault(status=409, page=PAGE),
}


@pytest.mark.parametrize("kind", NO_DELIVERY)
def test_what_is_not_the_apis_yes_holds_and_is_told(start, backend, kind):
    backend.always = NO_DELIVERY[kind]
    gateway = start()
    ids = send(gateway, 3)
    status = gateway.wait_status(lambda s: s["exporter"]["state"] == FOREIGN)
    assert f"status={backend.always.status}" in status["exporter"]["reason"]
    assert status["spans"]["delivered"] == 0
    answer, _, text = gateway.get("/readyz")
    assert answer == 200 and "does not answer as Noveum's API" in text
    assert any("sending is held, nothing is lost" in line for line in gateway.log)
    if kind == "denial":
        assert "ingest is paused" in status["exporter"]["reason"]
    asked = len(backend.bodies)
    assert asked <= 4
    backend.always = None
    backend.wait_traces(3, TIME + 10)
    assert set(backend.traces) == set(ids)
    gateway.wait_status(lambda s: s["exporter"]["state"] == "sending")
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 3)
    spans = gateway.assert_balanced()
    assert spans["dead_lettered"] == 0
    backend.assert_clean()


def test_what_a_page_swallowed_survives_a_stop(start, backend):
    backend.always = Fault(page=PAGE)
    gateway = start()
    ids = send(gateway, 3)
    gateway.wait_status(lambda s: s["exporter"]["state"] == FOREIGN)
    assert gateway.stop() == 0
    backend.always = None
    gateway.start()
    backend.wait_traces(3, TIME)
    assert set(backend.traces) == set(ids)
    backend.assert_clean()


def dislike(backend, status, page=PAGE):
    """A firewall before the backend that answers a body with "poison" in it with its page."""
    take = backend.take

    def firewall(handler, raw):
        plain, refusal = backend.decode(handler, raw)
        if refusal is None and any(t["name"] == "poison" for t in plain["traces"]):
            with backend.changed:
                backend.bodies.append((time.monotonic(), dict(handler.headers), plain))
            handler.reply(status, page, {})
        else:
            take(handler, raw)
    backend.take = firewall


@pytest.mark.parametrize("status", [403, 406])
def test_a_blocked_trace_holds_nobody(start, backend, status):
    """Every 200th trace is blocked; the others go out as fast as without it."""
    count = 2000
    took = []
    for blocked in (False, True):
        other = Backend(key=backend.key)
        dislike(other, status)
        gateway = start(NOVEUM_ENDPOINT=other.url)
        begun = time.monotonic()
        poisoned = 0
        for at in range(0, count, 100):
            traces = [Trace() for _ in range(100)]
            bad = blocked and at % 200 == 0
            poisoned += bad
            post_ok(gateway.port, b"".join(
                t.request([t.span("poison" if bad and i == 61 else "step")])
                for i, t in enumerate(traces)))
        other.wait_traces(count - poisoned, TIME + 20)
        took.append(time.monotonic() - begun)
        status_now = gateway.wait_status(lambda s: s["spans"]["queued"] == 0, TIME + 20)
        assert status_now["exporter"]["state"] == "sending"
        assert gateway.assert_balanced()["dead_lettered"] == poisoned
        assert other.duplicates == [] and other.schema_errors == []
        assert not any("key" in line for line in gateway.log if " error " in line)
        gateway.stop()
        other.close()
    # Before: 15 traces a second, which is 130 s here.
    assert took[1] < 3 * took[0] + 5 * SLOW, took


def test_five_traces_one_blocked_and_nothing_after(start, backend):
    dislike(backend, 403)
    gateway = start()
    traces = [Trace() for _ in range(5)]
    post_ok(gateway.port, b"".join(t.request([t.span("poison" if i == 1 else "step")])
                                   for i, t in enumerate(traces)))
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 4 and s["spans"]["dead_lettered"] == 1,
                        TIME + 10)
    gateway.assert_balanced()
    backend.assert_clean()


def test_a_lone_blocked_trace_lets_the_next_pass_at_once(start, backend):
    dislike(backend, 403)
    gateway = start()
    send(gateway, 1, "poison")
    gateway.wait_status(lambda s: s["exporter"]["state"] == FOREIGN)
    begun = time.monotonic()
    send(gateway, 1)
    backend.wait_traces(1, TIME)
    assert time.monotonic() - begun < 4 * SLOW  # not the five seconds of the hold
    assert gateway.assert_balanced()["dead_lettered"] == 0


def test_doctor_tells_a_page_from_the_api(run, directory, backend):
    def doctor():
        return run("doctor", f"--set=journal.directory={directory}/journal", environment={
            "NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    assert "the backend knows the key" in doctor().stdout
    backend.probe_page = PAGE
    done = doctor()
    assert done.returncode == 1
    assert "a page, not Noveum's API" in done.stdout and "knows the key" not in done.stdout
