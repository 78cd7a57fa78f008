"""The page in a real browser: Debian's Chromium, driven by playwright-core (tests/package.json).

Skipped, and says so, without Chromium or Node. With NOVEUM_PICTURES=FOLDER pictures are made there, of both themes: those of docs/images/.
"""
import json
import os
import shutil
import subprocess
import time

import pytest

from conftest import ROOT, SLOW
from otlp import Trace, post_ok
from page_traces import support
from test_page import HOSTILE, wait_listed

NODE = ROOT / "build/node/node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
TRACES = 60
SESSION = "it's;(x)"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
    pytest.mark.skipif(shutil.which("node") is None or not (NODE / "playwright-core").exists(), reason="no playwright-core: tools/test-environment.sh"),
]


def fill(gateway):
    now = time.time_ns()
    for i in range(TRACES):
        post_ok(gateway.port, support(now - (TRACES - i) * 20 * 60 * 10**9, i, failed=i % 11 == 3)[1])
    wait_listed(gateway, TRACES, limit=500)


def hostile():
    trace = Trace(service="hostile")
    root = trace.span("root", **{"gen_ai.conversation.id": SESSION})
    image = "<img src=x onerror='globalThis.owned=1'>"
    spans = [trace.span(text, parent=root, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": text, "link": f"javascript:globalThis.owned=1//{i}", "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": text + image}]}])}) for i, text in enumerate(HOSTILE)]
    long = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "a long prompt </script>" * 45000}]}])
    spans.append(trace.span("a prompt of 1 MB", parent=root, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.input.messages": long}))
    return trace.request([root, *spans])


def drive(gateway):
    """Runs page_browser.mjs; sends the traces that it asks for on standard error."""
    pictures = os.path.abspath(os.environ["NOVEUM_PICTURES"]) if os.environ.get("NOVEUM_PICTURES") else "-"
    origin = f"http://127.0.0.1:{gateway.ports['admin']}"
    process = subprocess.Popen(["node", str(ROOT / "tests/e2e/page_browser.mjs"), origin, CHROMIUM, pictures], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True, env={**os.environ, "NODE_PATH": str(NODE)})
    for line in process.stderr:
        asked = line.strip()
        if asked in ("usual", "hostile"):
            post_ok(gateway.port, hostile() if asked == "hostile" else support(time.time_ns() - 10**9, 999)[1])
        else:
            print(line, end="")
    out = process.communicate(timeout=240 * SLOW)[0]
    assert process.returncode == 0
    return json.loads(out)


def test_the_page_in_a_browser(make_gateway):
    gateway = make_gateway()
    fill(gateway)
    report = drive(gateway)
    facts = report["facts"]
    assert not [f"{name}: {fact}" for name, fact in facts.items() if str(fact).startswith("failed")]
    assert report["console"] == [] and report["violations"] == [] and report["outside"] == []
    assert facts["rows are fewer than traces"] is True and facts["nodes"] < 5000
    assert facts["a new trace comes by itself"] == 1
    assert facts["search"] == "#/traces?search=Leipzig"
    assert facts["nothing matches"] == "Nothing matches" and facts["filter"] is True
    assert "connection refused" in facts["keys open a trace"]
    assert facts["keys move and fold"] == [True, True]
    said = facts["transcript"]
    assert "order desk" in said and "earlier message" in said and "order system: connection refused" in said
    assert facts["back"].startswith("#/traces?status=error&row=") and facts["help"] is True
    assert facts["agents"] == 3 and facts["sessions"] >= 1
    assert facts["overview"].split()[-1].isdigit() and facts["gateway"].startswith("Spans") and facts["gateway"].endswith("received")
    assert facts["hostile texts are texts"] == [True, 0, True]
    assert facts["a prompt of 1 MB is cut"] == "show all 1,035,000 characters"
    assert facts["a request in a shell"] == f"curl '{report['origin']}/api/traces?session=it%27s%3B%28x%29&sort=time&order=asc'"
    assert facts["markdown of any text"] == ["Titleonetwo", 100000]
    assert facts["what stands out"] == [{}, {"10": 9}, {}]
    assert facts["what the end waited for"] == ["first", "last", "root", "within"]
    assert facts["each moment is of the deepest span"] == [["llm", 60], ["agent", 30], ["tool", 10]]
    assert facts["a session is saved"].endswith(".json")
    if report["axe"] is not None:
        assert {view: found for view, found in report["axe"].items() if found} == {}
