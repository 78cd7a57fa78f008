"""The key never shows: a backend that echoes it in every form, and all that is written looked through."""
import base64
import json
import os
import re
import resource
import signal
import urllib.parse
import zlib

import pytest
from backend import Backend, Fault
from conftest import SLOW, TIME
from otlp import Trace, post_ok

KEY = 'nv_live/Echo+7"quoted"\\1234567890'
SALT = "salt+of/the%sea<12345>"


def forms(secret):
    """The ways in which text carries it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(json.dumps(secret)[1:-1])[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", "\\/")
    yield "".join(f"\\u{ord(c):04x}" for c in secret)
    yield urllib.parse.quote(secret, safe="")
    yield re.sub("%..", lambda m: m.group().lower(), urllib.parse.quote(secret, safe=""))
    yield "".join(f"%{ord(c):02X}" for c in secret)
    yield base64.b64encode(secret.encode()).decode()
    yield base64.urlsafe_b64encode(secret.encode()).decode()
    yield base64.b64encode(f"x:{secret}".encode()).decode()


def assert_hidden(text, where):
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    for form in (*forms(KEY), *forms(SALT)):
        form = form[4:-4]  # the ends of base64 depend on its neighbours
        at = text.find(form)
        assert at < 0, f"{where}: {form} in {text[max(at - 200, 0):at + 100]}"


def inflated(raw):
    """`raw` and every gzip member in it."""
    yield raw
    at = raw.find(b"\x1f\x8b\x08")
    while at >= 0:
        try:
            yield zlib.decompressobj(31).decompress(raw[at:])
        except zlib.error:
            pass
        at = raw.find(b"\x1f\x8b\x08", at + 1)


def assert_files_hidden(directory):
    seen = 0
    for path in directory.rglob("*"):
        if path.is_file():
            for piece in inflated(path.read_bytes()):
                assert_hidden(piece, path)
                seen += 1
    assert seen > 0


def send(gateway, count=1, name="step"):
    for _ in range(count):
        trace = Trace()
        post_ok(gateway.port, trace.request([trace.span(name)]))


def asked(backend, count):
    backend.wait(lambda b: len(b.bodies) >= count, TIME)


def assert_told_hidden(gateway):
    for route in ("/status", "/metrics", "/readyz", "/healthz", "/agents"):
        assert_hidden(gateway.get(route)[2], route)
    assert_hidden("\n".join([*gateway.log, *gateway.out]), "log")


@pytest.fixture
def backend():
    server = Backend(key=KEY)
    yield server
    server.close()


def environment(backend):
    return {"NOVEUM_API_KEY": KEY, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}


@pytest.mark.parametrize("log", ["json", "text"])
@pytest.mark.parametrize("which", range(11))
def test_an_echoed_key_is_shown_nowhere(make_gateway, run, directory, backend, log, which):
    if (which + (log == "text")) % 2:
        pytest.skip("the other format has it")
    echo = list(forms(KEY))[which]
    said = f"who is {echo}? We know no {echo}"
    padded = "x" * (128 - 12) + echo  # would be cut in its middle
    backend.plan(Fault(body={"success": True, "warnings": [said, padded]}),
                 Fault(status=400, body={"error": "bad", "message": said}),
                 Fault(status=503, body={"message": padded}),
                 Fault(status=503, body={"error": {"message": said}}),
                 Fault(status=400, body={"message": padded}),
                 Fault(body={"success": False, "message": said}))
    gateway = make_gateway(settings={"log.format": log, "exporter.noveum.compression": "none",
                                     "exporter.noveum.batch_ms": "10"},
                           environment=environment(backend))
    for count in (1, 2, 5):
        send(gateway)
        asked(backend, count)
        assert_told_hidden(gateway)
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] >= 1)
    send(gateway)
    asked(backend, 6)
    gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    assert "***" in gateway.status()["exporter"]["reason"]
    assert_told_hidden(gateway)
    place = f"--set=journal.directory={gateway.settings['journal.directory']}"
    for running in (True, False):
        if not running:
            assert gateway.stop() == 0
        for words in (("dead", "list"), ("dead", "show", "1"), ("journal", "stats"), ("doctor",)):
            done = run(*words, place, environment=environment(backend) if words == ("doctor",) else {})
            assert_hidden(done.stdout + done.stderr, words)
    assert_hidden("\n".join(gateway.log), "log")
    assert_files_hidden(directory)


def test_an_echoing_probe(run, directory, backend):
    for status in (200, 401, 500):
        for echo in forms(KEY):
            backend.probe_status = status
            backend.probe_page = json.dumps({"success": False, "message": f"no {echo}, sorry"})
            done = run("doctor", f"--set=journal.directory={directory}/journal",
                       environment=environment(backend))
            assert_hidden(done.stdout + done.stderr, "doctor")
            assert "backend" in done.stdout


def test_commands_that_print_configuration(run, directory, backend):
    """Also where somebody put the key or the salt in the wrong place."""
    wrong = {"NOVEUM_PROJECT": KEY, "NOVEUM_ENVIRONMENT": SALT}
    for words in (("--print-config",), ("--check-config",), ("doctor",), ("--frobnicate", KEY)):
        done = run(*words, f"--set=redaction.pii_salt={SALT}",
                   f"--set=journal.directory={directory}/journal",
                   environment={**environment(backend), **wrong})
        if words[0] != "--frobnicate":
            assert_hidden(done.stdout + done.stderr, words)
    done = run("--print-config", "--set=redaction.pii_salt=" + SALT, "--set=no.such.key=" + KEY,
               environment=environment(backend))
    assert_hidden(done.stdout + done.stderr, "a wrong key")
    done = run("--print-config", environment={
        "NOVEUM_API_KEY": KEY, "NOVEUM_ENDPOINT": "http://me:hunter2-hunter2@127.0.0.1/api"})
    assert "hunter2-hunter2" not in done.stdout + done.stderr


def test_explain_hides_it_too(run, directory, backend):
    trace = Trace()
    path = directory / "trace.pb"
    path.write_bytes(trace.request([trace.span("step", text=f"Authorization: Bearer {KEY}")]))
    done = run("explain", str(path), environment=environment(backend))
    assert done.returncode == 0, done.stderr
    assert_hidden(done.stdout + done.stderr, "explain")


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer reports the signal and ends the process itself")
def test_a_crash_leaves_no_core_file(make_gateway, directory, backend):
    """Prompts and the key live in that memory."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    if hard == 0:
        pytest.skip("no core files here at all")
    gateway = make_gateway(environment=environment(backend))
    resource.prlimit(gateway.process.pid, resource.RLIMIT_CORE, (hard, hard))
    os.kill(gateway.process.pid, signal.SIGSEGV)
    info = os.waitid(os.P_PID, gateway.process.pid, os.WEXITED | os.WNOWAIT)
    gateway.process.wait(TIME)
    gateway.process = None
    assert info.si_code == os.CLD_KILLED, info  # not CLD_DUMPED
