"""Personal data through the whole program: what is sent, what is told, what is refused.

Pseudonyms are compared with Python's own HMAC, as the SDK makes them.
"""
import hashlib
import hmac
import json
import re

import pytest

from otlp import Trace, post_ok, set_attributes

from conftest import TIME

SALT = "a salt of this test"
SETTINGS = {"assembly.quiet_ms": 100, "assembly.quiet_logs_ms": 100, "exporter.noveum.batch_ms": 50}


def word(label, value):
    """What the SDK makes of a value."""
    plain = re.sub(r"\s+", "", value).lower()
    return f"{label}_{hmac.new(SALT.encode(), plain.encode(), hashlib.sha256).hexdigest()[:12]}"


def environment(backend, **more):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, **more}


def send(gateway, backend, **attributes):
    """The one span that arrives."""
    trace = Trace()
    span = trace.span("call")
    set_attributes(span.attributes, attributes)
    post_ok(gateway.port, trace.request([span]))
    backend.wait_traces(1, TIME)
    return next(iter(backend.traces.values()))


def test_pseudonyms_are_the_sdks(make_gateway, backend):
    gateway = make_gateway(SETTINGS, environment(backend, NOVEUM_PII_ENABLED="true", NOVEUM_PII_SALT=SALT))
    trace = send(gateway, backend, **{
        "text": "to John@Corp.com from 10.1.2.3", "json": json.dumps({"a": "john@corp.com", "n": [1, 2.5]}),
        "user.phone": 4155552671, "count": 4155552671, "escaped": json.dumps({"a": "j\u00f6hn@corp.com \u0664\u0661\u0665-\u0665\u0665-\u0662\u0666\u0667\u0661"}),
        "key of john@corp.com": 1})
    attributes = trace["spans"][0]["attributes"]
    mail = word("EMAIL", "john@corp.com")
    assert attributes["text"] == f"to {mail} from {word('IP', '10.1.2.3')}"
    found = attributes["json"]
    assert (json.loads(found) if isinstance(found, str) else found) == {"a": mail, "n": [1, 2.5]}
    assert attributes["user.phone"] == word("PHONE", "4155552671") and attributes["count"] == 4155552671
    assert word("SSN", "\u0664\u0661\u0665-\u0665\u0665-\u0662\u0666\u0667\u0661") in json.dumps(attributes["escaped"])
    assert attributes[f"key of {mail}"] == 1
    told = trace["attributes"]["noveum.gateway.redacted"]
    assert f"pii-email key of {mail}" in told and "pii-phone user.phone" in told, told
    assert 'noveum_redacted_total{rule="pii-email"} 3' in gateway.get("/metrics")[2]
    backend.assert_clean()


def test_redact(make_gateway, backend):
    gateway = make_gateway({**SETTINGS, "redaction.pii": "redact"}, environment(backend))
    trace = send(gateway, backend, text="to John@Corp.com from 10.1.2.3")
    assert trace["spans"][0]["attributes"]["text"] == "to ************* from ********"
    backend.assert_clean()


@pytest.mark.parametrize("key", ["redaction.pii_salt", "redaction.pii_salt_file"])
def test_pseudonyms_are_of_the_salt_given(make_gateway, backend, directory, key):
    (directory / "salt").write_text(SALT + "\n")
    (directory / "salt").chmod(0o600)
    value = str(directory / "salt") if key.endswith("file") else SALT
    gateway = make_gateway({**SETTINGS, "redaction.pii": "pseudonymise", key: value}, environment(backend))
    trace = send(gateway, backend, text="to john@corp.com")
    assert trace["spans"][0]["attributes"]["text"] == f"to {word('EMAIL', 'john@corp.com')}"


def test_the_salt_is_shown_nowhere(run, directory):
    path = directory / "salt"
    path.write_text(f"{SALT}\n")
    path.chmod(0o600)
    done = run("--print-config", "--set=redaction.pii=pseudonymise", f"--set=redaction.pii_salt_file={path}")
    assert done.returncode == 0 and SALT not in done.stdout + done.stderr, done.stderr
    done = run("--check-config", "--set=redaction.pii=pseudonymise", "--set=redaction.pii_salt=abc.xyz")
    assert done.returncode == 2 and "shorter than 8 bytes" in done.stderr and "abc.xyz" not in done.stderr
    done = run("--check-config", "--set=redaction.pii=pseudonymise", "--set=redaction.pii_salt=noveum-pii-default-salt")
    assert done.returncode == 2 and "everybody knows" in done.stderr
    path.chmod(0o644)
    done = run("--check-config", "--set=redaction.pii=pseudonymise", f"--set=redaction.pii_salt_file={path}")
    assert done.returncode == 2 and "everybody can read" in done.stderr


def test_explain_and_dry_run(run, directory):
    trace = Trace()
    span = trace.span("call john@corp.com")
    path = directory / "body.pb"
    path.write_bytes(trace.request([span]))
    for words in (("explain",), ("redact", "--dry-run")):
        done = run(*words, str(path), "--set=redaction.pii=redact")
        assert done.returncode == 0, done.stderr
        assert "john@" not in done.stdout
    assert re.search(r"pii-email +span.name", done.stdout), done.stdout
