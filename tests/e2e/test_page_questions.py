"""Ten questions that people have of a trace, answered by the page over captured traces, in a real browser; and what else one does there.

Skipped, and says so, without Chromium or Node.
"""
import json
import os
import subprocess
import time

import pytest
from backend import Fault
from conftest import ROOT, SLOW, TIME
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import Trace, post, post_ok
from page_traces import support
from test_fixtures import load_cases, post_case, spans_of
from test_page import ask, wait_listed
from test_page_browser import CHROMIUM, NODE, pytestmark  # noqa: F401  the same skips

CASES = ["adk-handoff", "adk2-handoff", "aisdk6-json-tool_error", "claude-code-tools", "oi-anthropic-chat", "oi-openai-session"]
SECRET = "sk-proj-" + "a1B2c3D4" * 6
MARKDOWN = "**Day 1**: see [map](https://evil.example/x.png)\n\n- Fado <script>alert(1)</script> ![x](https://evil.example/y.png)"


def rows_of(gateway, requests):
    """Rows of a captured case's traces, oldest first."""
    rows = []
    for trace_id in sorted({span[0] for request, raw in requests if request["signal"] == "traces" for span in spans_of(request, raw)}):
        deadline = time.monotonic() + TIME
        while time.monotonic() < deadline:
            found = ask(gateway, "/api/traces", source=trace_id)[1]["traces"]
            if found:
                rows += found
                break
    return sorted(rows, key=lambda row: row["start_ms"])


def chat(trace, name, parent, **more):
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": MARKDOWN}]}])
    asked = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"Plan a trip, my key is {SECRET}"}]}])
    return trace.span(name, parent=parent, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.input.messages": asked,
                                              "gen_ai.output.messages": said, "acme.flag": "blue", **more})


def large(gateway):
    trace = Trace(service="large")
    root = trace.span("root")
    spans = [trace.span("needle" if i % 4000 == 3999 else f"step {i}", parent=root) for i in range(9999)]
    for i in range(0, len(spans), 2000):
        post_ok(gateway.port, trace.request(spans[i:i + 2000]))
    post_ok(gateway.port, trace.request([root]))
    return trace.uuid


class Withheld:
    """A captured trace whose root comes last, as of an agent that still runs."""

    def __init__(self, requests):
        (_, raw), = [pair for pair in requests if pair[0]["signal"] == "traces"]
        self.whole = ExportTraceServiceRequest.FromString(raw)
        spans = [span for resource in self.whole.resource_spans for scope in resource.scope_spans for span in scope.spans]
        self.root = next(span.span_id for span in spans if not span.parent_span_id)
        self.others = [span.span_id for span in spans if span.parent_span_id]

    def send(self, gateway, span_ids):
        part = ExportTraceServiceRequest()
        part.CopyFrom(self.whole)
        for resource in part.resource_spans:
            for scope in resource.scope_spans:
                kept = [span for span in scope.spans if span.span_id in span_ids]
                del scope.spans[:]
                scope.spans.extend(kept)
        post_ok(gateway.port, part.SerializeToString())


def fill(gateway, backend):
    """Ids of the traces by what is asked of them, and the one that is held."""
    cases = dict(load_cases())
    backend.always = Fault(status=422)
    post_ok(gateway.port, support(time.time_ns(), 1)[1])
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] == 8)
    backend.always = None
    rows = {}
    for name in CASES:
        post_case(gateway.port, cases[name])
        rows[name] = rows_of(gateway, cases[name])
    masked = Trace(service="masked")
    root = masked.span("plan", api_key=SECRET)
    post_ok(gateway.port, masked.request([root, chat(masked, "chat", root)]))
    assert post(gateway.port, b"x", path="/v1/trace")[0] == 404
    ids = {"handoff": max(rows["adk-handoff"], key=lambda row: row["span_count"])["trace_id"], "beside": rows["adk2-handoff"][0]["trace_id"], "toolError": rows["aisdk6-json-tool_error"][0]["trace_id"],
           "dear": max(rows["claude-code-tools"], key=lambda row: row["cost"] or 0)["trace_id"], "cached": rows["oi-anthropic-chat"][0]["trace_id"],
           "prompt": rows["oi-openai-session"][0]["trace_id"], "later": rows["oi-openai-session"][-1]["trace_id"], "large": large(gateway)}
    wait_listed(gateway, 9)
    ids["masked"] = next(row["trace_id"] for row in wait_listed(gateway, 1, service="masked")["traces"])
    wait_listed(gateway, 1, service="large")
    held = Withheld(cases["tl-langchain-handoff"])
    held.send(gateway, held.others[:3])
    return ids, held, rows


def drive(gateway, ids, held):
    process = subprocess.Popen(["node", str(ROOT / "tests/e2e/page_questions.mjs"), f"http://127.0.0.1:{gateway.ports['admin']}", CHROMIUM, json.dumps(ids)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(NODE)})
    asked = {"more": lambda: held.send(gateway, held.others[3:]), "root": lambda: held.send(gateway, [held.root]),
             "burst": lambda: [post_ok(gateway.port, support(time.time_ns(), 100 + i)[1]) for i in range(100)]}
    for line in process.stderr:
        asked.get(line.strip(), lambda line=line: print(line, end=""))()
    out = process.communicate(timeout=240 * SLOW)[0]
    assert process.returncode == 0
    return json.loads(out)


def test_ten_questions_without_raw_json(make_gateway, backend):
    gateway = make_gateway({"admin.ui": "true", "assembly.open_ms": 600000}, {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    ids, held, rows = fill(gateway, backend)
    report = drive(gateway, ids, held)
    facts = report["facts"]
    assert not [f"{name}: {fact}" for name, fact in facts.items() if str(fact).startswith("failed: ")]
    assert report["console"] == [] and report["violations"] == [] and report["outside"] == []
    has = [("what did the user ask", "weather in 東京?"), ("which tool failed and why", "tool exploded"), ("where did the time go", "models"), ("what did agent B get from A", "triage → weather_agent"),
           ("what did agent B get from A", "For context:"), ("how many cached tokens", "128"), ("which prompt version", "version"), ("why is this trace not sent yet", "has not come"),
           ("why is this trace not sent yet", "leaves in"), ("what was masked", "rule secret-key"), ("what was masked", "***"), ("a dead letter is tried again", "rejected"),
           ("who was refused", "OTEL_EXPORTER_OTLP_ENDPOINT"), ("conventions seen", "google_adk")]
    assert [(name, part, facts[name]) for name, part in has if part not in facts[name]] == []
    assert facts["which prompt version"].count("version v1.0") == 2
    handover, agents = facts["what did B get from A beside it"]
    assert "triage → weather_agent" in handover and "For context:" in handover and "Based on tools" in handover
    assert "697 → 54" in agents and "agent_name: weather_agent" in facts["what a handoff asked for"]
    assert rows["oi-openai-session"][0]["question"] in facts["what came before in this session"]
    dearest = max((span for span in ask(gateway, "/api/trace", id=ids["dear"])[1]["spans"]), key=lambda span: span["attributes"].get("llm.cost.total") or 0)
    assert "dearest call" in facts["which call was dearest"].lower() and dearest["name"] in facts["which call was dearest"]
    before, after, badges = facts["a held trace fills and leaves by itself"]
    assert before == 3 and after == len(held.others) + 1 and badges == 0
    won, kept = facts["which key won"]
    assert "rules:" in won and "acme.flag" in kept and SECRET not in json.dumps(facts)
    assert facts["markdown has no link, no image, no markup"] == [0, "Fado <script>alert(1)</script> x (https://evil.example/y.png)"]
    assert facts["two are compared"][0] == 2 and "cached tokens" in facts["two are compared"][1]
    nodes, first, second, third, in_address = facts["a large trace"]
    assert nodes < 5000 and first == "1/2" and second == third == "needle" and in_address
    assert facts["its JSON is cut and says so"].startswith("Cut: 2,000,000 of ")
    assert facts["a burst does not move the list"][0] is True and "new" in facts["a burst does not move the list"][1]
    backend.wait_traces(10, TIME)
