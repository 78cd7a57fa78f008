"""Text of clients that a person looks at: escape sequences and bidirectional controls never arrive as such."""
import json
import re

from conftest import run_program
from otlp import Trace, post, post_ok

EVIL = "\x1b[2J\x1b]0;t\x07 \u009b31m \u202edeny\u202c \u2066x\u2069 a\u200bb \u2028 \U000e0041 \x7f"
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]")


def assert_shown(text, where):
    found = HIDDEN.search(text)
    assert found is None, f"{where}: U+{ord(found.group()):04X} in {text[max(0, found.start() - 60):found.end() + 20]!r}"


def admin(gateway, path):
    status, _, text = gateway.get(path)
    assert status == 200, text
    return text


def evil_request():
    trace = Trace()
    agent = trace.span("agent " + EVIL, error="broken " + EVIL,
                       **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "#lt;b#gt; " + EVIL,
                          "gen_ai.agent.id": EVIL, "odd " + EVIL: EVIL, "gen_ai.request.model": "m" + EVIL})
    return trace.request([agent], service="svc " + EVIL)


def test_no_output_shows_what_eyes_would_not_see(make_gateway, directory):
    gateway = make_gateway({"terminal.traces": "on"})
    post_ok(gateway.port, evil_request())
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    for path in ("/status", "/agents", "/agents?format=dot", "/agents?format=mermaid", "/metrics"):
        assert_shown(admin(gateway, path), path)
    # JSON is the same text to who reads it as JSON
    assert any(s["name"] == "svc " + EVIL for s in json.loads(admin(gateway, "/status"))["services"])
    assert json.loads(admin(gateway, "/agents"))["agents"][0]["name"] == "#lt;b#gt; " + EVIL
    assert "#35;lt;b#35;gt;" in admin(gateway, "/agents?format=mermaid")
    status, _, body = post(gateway.port, b"{}", content_type="text/\u009b31m")
    assert status == 415
    assert_shown(body.decode(), "error answer")
    gateway.stop()
    assert_shown("\n".join(gateway.log), "log")
    assert_shown(re.sub("\x1b\\[[0-9;]*m", "", "\n".join(gateway.out)), "tree")


def test_explain_shows_it_as_escapes(directory):
    (directory / "body").write_bytes(evil_request())
    done = run_program("explain", str(directory / "body"), cwd=directory)
    assert done.returncode == 0 and "\\u202edeny" in done.stdout
    assert_shown(done.stdout.replace("\n", ""), "explain")
