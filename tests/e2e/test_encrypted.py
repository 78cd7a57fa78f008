"""With journal.encryption nothing that was planted is in any file of the state directory: held, killed, replayed, refused.

The same search finds it without encryption, so it can fail. Keys: lost, back, refused, changed; commands read with them.
"""
import json
import pathlib
import signal

import pytest
from conftest import SLOW, TIME
from backend import Fault
from otlp import Trace, post_ok
from test_leak import MARK, Planter, by_hand, environment

KEY = "8d0f7c3a5b1e49266fd2b0c4e8a1937550ea6c21b94d8f073e5a7c1290b6d4f8"
HELD = {"journal.max_bytes": 16 << 20, "assembly.quiet_ms": 60000, "assembly.quiet_logs_ms": 60000,
        "exporter.noveum.batch_ms": 100}
GOES = {"assembly.quiet_ms": 300 * SLOW, "assembly.quiet_logs_ms": 300 * SLOW}


def found(directory):
    """Files below it that have something planted in them."""
    return sorted(str(path) for path in pathlib.Path(directory).rglob("*")
                  if path.is_file() and MARK.encode() in path.read_bytes())


def encrypted(gateway):
    return gateway.status()["journal"]["encrypted"]


def goes_on(gateway, **settings):
    """Starts it again, now delivering."""
    gateway.settings.update({key: str(value) for key, value in {**GOES, **settings}.items()})
    gateway.start()


def plant(gateway):
    """Three requests of everything that has a place; spans in them."""
    planter, spans = Planter(), 0
    for _ in range(3):
        request, logs, _ = by_hand(planter)
        post_ok(gateway.port, logs, path="/v1/logs")
        post_ok(gateway.port, request.SerializeToString())
        spans += 2
    return spans


@pytest.mark.parametrize("encryption", ["on", "off"])
def test_no_file_of_the_state_directory_shows_it(make_gateway, backend, directory, encryption):
    gateway = make_gateway({**HELD, "journal.encryption": encryption}, environment(backend))
    spans = plant(gateway)
    assert bool(found(directory)) == (encryption == "off")
    assert encrypted(gateway) == (encryption == "on")
    gateway.stop(signal.SIGKILL)
    assert bool(found(directory)) == (encryption == "off")
    goes_on(gateway)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == spans, 2 * TIME)
    assert len(backend.traces) == 3
    assert MARK not in json.dumps(backend.bodies)
    gateway.assert_balanced()
    assert gateway.stop() == 0
    assert bool(found(directory)) == (encryption == "off")
    backend.assert_clean()


def test_outbox_and_dead_letters(make_gateway, backend, directory, run):
    """A name in a trace, which nothing masks, and a backend that refuses it."""
    gateway = make_gateway({**GOES, "journal.max_bytes": 16 << 20, "exporter.noveum.batch_ms": 100,
                            "journal.encryption": "on"}, environment(backend))
    backend.always = Fault(status=400, body={"error": "bad"})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span(f"of {MARK}")]))
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] == 1)
    assert found(directory) == []
    assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
    assert found(directory) == []
    place = f"--set=journal.directory={gateway.settings['journal.directory']}"
    listed = run("dead", "list", place)
    assert listed.returncode == 0 and "of Zq7" in listed.stdout, listed
    checked = run("journal", "check", place)
    assert checked.returncode == 0 and "files are encrypted, 0 records" in checked.stdout, checked
    assert found(directory) == []  # a command that was not told of encryption decrypts nothing either
    retried = run("dead", "retry", "all", place)
    assert retried.returncode == 0, retried
    assert found(directory) == []
    backend.always = None
    goes_on(gateway)
    backend.wait_traces(1, TIME)


def test_plain_segments_replay_and_encrypted_ones_too(make_gateway, backend):
    gateway = make_gateway({**HELD, "journal.encryption": "off"}, environment(backend))
    spans = plant(gateway)
    for encryption in ("off", "on", "off", "on", "auto"):
        gateway.stop(signal.SIGKILL)
        gateway.settings["journal.encryption"] = encryption
        gateway.start()
        assert encrypted(gateway) == (encryption != "off")  # by `auto` what lives encrypted stays so
        spans += plant(gateway)
    gateway.stop(signal.SIGKILL)
    goes_on(gateway, **{"journal.encryption": "off"})
    gateway.wait_status(lambda s: s["spans"]["delivered"] == spans, 2 * TIME)
    assert not encrypted(gateway) and gateway.status()["journal"]["damaged"] == 0


def key_file(directory, text=KEY + "\n", mode=0o600):
    path = pathlib.Path(directory) / "the.key"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


def refused(gateway):
    """Starts it; it must end. What it said."""
    gateway.start(wait=False)
    assert gateway.wait_exit() != 0
    return gateway.stderr()


def test_a_lost_key(make_gateway, backend, directory):
    path = key_file(directory)
    gateway = make_gateway({**HELD, "journal.encryption": "on", "journal.key_file": str(path)}, environment(backend))
    status = gateway.status()["journal"]
    assert status["key_from"] == "key_file" and len(status["key_id"]) == 16, status
    assert not (directory / "journal" / "key").exists()
    spans = plant(gateway)
    gateway.stop(signal.SIGKILL)
    path.write_text("# another\n" + KEY[::-1] + "\n", "utf-8")
    said = refused(gateway)
    assert f"want key {status['key_id']}" in said and "journal.key_lost: aside" in said, said
    gateway.settings["journal.key_lost"] = "aside"
    gateway.start()
    assert gateway.metrics()["noveum_journal_locked_records"] >= 6
    gateway.wait_log("set aside, not deleted")
    aside = sorted((directory / "journal").glob("locked-*"))
    assert aside
    gateway.stop()
    # it turns up again
    path.write_text(f"{KEY[::-1]}\n{KEY}\n", "utf-8")
    for number, file in enumerate(aside):
        file.rename(file.with_name(f"journal-{0x100 + number:08x}"))
    goes_on(gateway, **{"journal.key_lost": "refuse"})
    gateway.wait_status(lambda s: s["spans"]["delivered"] == spans, 2 * TIME)
    assert gateway.metrics()["noveum_journal_locked_records"] == 0


@pytest.mark.parametrize("text, mode, why", [
    (KEY, 0o604, "everybody can read this key"),
    (KEY[:32], 0o600, "line 1 has 32 characters"),
    ("k" * 64, 0o600, "not all hexadecimal digits"),
    ("-----BEGIN PRIVATE KEY-----\n", 0o600, "line 1 has 27 characters"),
    ("", 0o600, "there is no key in it"),
])
def test_a_key_file_that_is_refused(make_gateway, directory, text, mode, why):
    path = key_file(directory, text, mode)
    gateway = make_gateway({"journal.encryption": "on", "journal.key_file": str(path)}, start=False)
    said = refused(gateway)
    assert why in said and str(path) in said and KEY not in said and (not text or text[:16] not in said), said
    path.unlink()
    assert "journal.key_file" in refused(gateway)


def test_the_key_is_shown_nowhere(make_gateway, backend, directory):
    gateway = make_gateway({**GOES, "journal.encryption": "on"}, environment(backend))
    path = directory / "journal" / "key"
    assert path.stat().st_mode & 0o7777 == 0o600
    key = path.read_text("utf-8").strip()
    gateway.wait_log("guards only segments that are copied without it")
    post_ok(gateway.port, Trace().request([Trace().span("one")]))
    told = "\n".join([*(gateway.get(route)[2] for route in ("/status", "/metrics", "/agents", "/readyz"))])
    assert gateway.stop() == 0
    told += "\n".join([*gateway.log, *gateway.out])
    assert len(key) == 64 and key[:8] not in told
    for other in (directory / "journal").iterdir():
        if other.name != "key" and other.is_file():
            content = other.read_bytes()
            assert key.encode() not in content and bytes.fromhex(key) not in content, other
