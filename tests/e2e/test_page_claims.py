"""What the page promises beyond single views: literal search, addresses that keep everything, keys alone, few nodes, sounds, the graph of agents
across traces, events for held traces, narrow screens, axe in both themes.

Skipped, and says so, without Chromium or Node.
"""
import base64
import io
import json
import math
import os
import struct
import subprocess
import time
import wave

from conftest import ROOT, SLOW
from otlp import Trace, post_ok
from page_traces import messages, support
from test_page import wait_listed
from test_page_browser import CHROMIUM, NODE, pytestmark  # noqa: F401  the same skips

SAID = ["well-known gpt-4o-mini", 'say "hello world" to her', "AND-ed NEAR(this) OR-ed", "a:b *c* col:y", "这是一个测试句子，请回答", "日本語の文章です", "100% sure_thing",
        "C++ & <b>bold</b>", "it's o'clock", "back\\slash"]
# by term: what is found, as its place in SAID
TERMS = {"well-known": 0, "ell-kno": 0, '"hello world"': 1, "AND-ed NEAR(": 2, "a:b": 3, "*c*": 3, "col:y": 3, "测试": 4, "这": 4, "日本": 5, "章で": 5, "100%": 6, "sure_thing": 6, "C++": 7, "<b>bold": 7,
         "o'clock": 8, "back\\slash": 9, "sureXthing": None, "hello*": None}


def samples(seconds):
    return b"".join(struct.pack("<h", int(8000 * math.sin(i / 8))) for i in range(int(8000 * seconds)))


def wav(seconds):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples(seconds))
    return out.getvalue()


def sounds():
    trace = Trace(service="sounds")
    parts = [{"type": "blob", "modality": "audio", "mime_type": kind, "content": base64.b64encode(data).decode()}
             for kind, data in (("audio/wav", wav(0.3)), ("audio/l16;rate=8000", samples(0.2)), ("audio/ogg", b"no sound at all, but of some length"))]
    return trace.request([trace.span("chat", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.input.messages": messages(("user", parts))})])


def chat(trace, name, parent=None, question="q", **more):
    return trace.span(name, parent=parent, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": messages(("user", question)), **more})


def large():
    """5,000 spans: 50 agents below one, each with 99 model calls."""
    trace = Trace(service="large")
    spans = [trace.span("boss", **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "boss"})]
    for i in range(50):
        agent = trace.span(f"agent {i}", parent=spans[0], **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": f"agent {i}"})
        spans += [agent, *(chat(trace, f"chat {i}.{j}", agent, f"question {i}.{j}", **{"gen_ai.output.messages": messages(("assistant", f"answer {i}.{j}"))}) for j in range(99))]
    return trace.request(spans)


def deep():
    """1,500 agents, each below the one before, with a model call whose tool calls are none."""
    trace = Trace(service="deep")
    spans = [trace.span("agent 0", **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "agent 0"})]
    none = json.dumps([{"role": "assistant", "content": "x", "tool_calls": [None, 7, {"function": {"name": None}}]}])
    for i in range(1, 1500):
        spans.append(trace.span(f"agent {i}", parent=spans[-1 if i == 1 else -2], **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": f"agent {i}"}))
        spans.append(chat(trace, f"chat {i}", spans[-1], f"deep question {i}", **{"gen_ai.output.messages": none}))
    return trace.request(spans)


def fill(gateway):
    now = time.time_ns()
    for i in range(30):
        post_ok(gateway.port, support(now - (30 - i) * 20 * 60 * 10**9, i, failed=i % 11 == 3)[1])
    for text in SAID:
        trace = Trace(service="said")
        post_ok(gateway.port, trace.request([chat(trace, "said", question=text)]))
    post_ok(gateway.port, sounds())
    long = Trace(service="long")
    post_ok(gateway.port, long.request([chat(long, "long name " * 900, **{"gen_ai.conversation.id": "s" * 900, "user.id": "u" * 900})]))
    post_ok(gateway.port, large())
    post_ok(gateway.port, deep())
    wait_listed(gateway, 34 + len(SAID), limit=100)
    wait_listed(gateway, 1, service="deep")  # whatever it names


def thousand(gateway):
    requests = []
    for i in range(1000):
        trace = Trace(service="burst")
        requests.append(trace.request([chat(trace, f"burst {i}")]))
    post_ok(gateway.port, b"".join(requests))


def drive(gateway):
    """Runs page_claims.mjs and sends what it asks for on standard error."""
    process = subprocess.Popen(["node", str(ROOT / "tests/e2e/page_claims.mjs"), f"http://127.0.0.1:{gateway.ports['admin']}", CHROMIUM, json.dumps(list(TERMS))],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(NODE)})
    held = Trace(service="held")
    parent = b"\x07" * 8  # never comes
    asked = {"thousand": lambda: thousand(gateway), "held": lambda: post_ok(gateway.port, held.request([chat(held, "one", parent)])),
             "more": lambda: post_ok(gateway.port, held.request([chat(held, "two", parent)]))}
    for line in process.stderr:
        asked.get(line.strip(), lambda line=line: print(line, end=""))()
    out = process.communicate(timeout=240 * SLOW)[0]
    assert process.returncode == 0
    return json.loads(out)


def test_what_the_page_promises(make_gateway):
    gateway = make_gateway({"assembly.open_ms": 600000})
    fill(gateway)
    report = drive(gateway)
    facts = report["facts"]
    assert not [f"{name}: {fact}" for name, fact in facts.items() if str(fact).startswith("failed")]
    assert report["console"] == [] and report["violations"] == [] and report["outside"] == []
    found = {term: [text.replace("Q", "", 1).strip() for text in texts] for term, texts in facts["search is literal"].items()}
    assert found == {term: [] if place is None else [SAID[place]] for term, place in TERMS.items()}
    assert facts["Escape leaves what was typed"] == [list(TERMS)[-1], True]
    selects, ranges, search, chips = facts["filters are in the address"]
    assert selects == ["error", "", "", "writer", "get_order", "", "duration"] and ranges == ["10", "", "", "5"] and search == "order" and len(chips) == 4
    assert facts["a chosen row is in the address"] is True
    before, after = facts["span, zoom and what was searched are in the address"]
    assert before == after and {"find", "span", "view", "zoom"} <= set(before[3])
    assert facts["a name of any length leaves room"] is True
    assert facts["Tab and Enter suffice"] == [True, True, True]
    assert all(facts[f"nodes of 5,000 spans, {view}"] < 5000 for view in ("timeline", "transcript", "agents"))
    assert all(facts[f"nodes of 1,500 agents in each other, {view}"] < 5000 for view in ("timeline", "transcript", "agents"))
    assert facts["what lies deep is there"] is True and facts["a tool call that is none"] == ["agent 1499", "chat 1499"]
    assert facts["a transcript is drawn where one looks"] < 5000
    arrived, never_anew, nodes = facts["a thousand at once"]
    assert arrived == 1000 and never_anew and nodes < 5000
    count, place = facts["a sound is played"]
    assert count == 3 and place == "0:00 of 0:00"
    labels, chip, total = facts["who calls whom, across traces"]
    assert labels.count("delegation ×30") == 2 and "triage" in chip and " → " in chip and total == "30"
    assert facts["layers of agents"] == [{"a": 0, "b": 1, "c": 2, "d": 3}, {"b": 0, "a": 1, "c": 1}]
    assert 2 <= facts["what is held comes by events"] < 8  # one an event, and one that looks anew after ten seconds
    assert {view: wider for view, wider in report["wider"].items() if wider} == {}
    if report["axe"] is not None:
        assert {view: found for view, found in report["axe"].items() if found} == {}
