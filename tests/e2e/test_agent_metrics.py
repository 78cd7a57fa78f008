"""Agents in /metrics: from real captures, bounded, with names that want to do harm, while traces come in."""
import concurrent.futures
import json
import re

from conftest import ROOT, TIME
from otlp import Trace, post_ok

SAMPLE = re.compile(r'^(noveum_agent_\w+)\{((?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+)\} ([0-9.]+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def samples(gateway):
    """[name, labels, value] of each line of an agent; no two of them are the same series."""
    found, seen = [], set()
    for line in gateway.get("/metrics")[2].splitlines():
        if line.startswith("noveum_agent_"):
            name, labels, value = SAMPLE.match(line).groups()
            assert (name, labels) not in seen, line
            seen.add((name, labels))
            found.append((name, dict(LABEL.findall(labels)), float(value)))
    return found


def total(rows, name, **labels):
    """The sum of a metric over all series that have these labels."""
    return sum(value for one, has, value in rows
               if one == name and all(has.get(key) == want for key, want in labels.items()))


def agent_span(trace, name, parent=None, **attributes):
    return trace.span("invoke_agent", parent=parent, **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, **attributes})


def play(gateway, case):
    """Sends a capture as it was taken."""
    for body in sorted((ROOT / "tests" / "fixtures" / case).glob("*.pb")):
        post_ok(gateway.port, body.read_bytes(), path="/v1/metrics" if "metrics" in body.name else "/v1/traces")


def test_agents_and_tools_of_a_capture(gateway, backend):
    play(gateway, "otel-agents-handoff")
    play(gateway, "otel-agents-tools")
    backend.wait_traces(2, TIME)
    status = gateway.wait_status(lambda s: s["spans"]["held"] + s["spans"]["queued"] == 0 and s["spans"]["delivered"] > 0)
    rows = samples(gateway)
    assert total(rows, "noveum_agent_spans_total") == status["spans"]["delivered"]
    known = json.loads(gateway.get("/agents")[2])["agents"]
    assert len(known) >= 2
    for agent in known:
        who = {"gen_ai_agent_name": agent["name"]}
        assert total(rows, "noveum_agent_runs_total", **who) == agent["runs"], agent
        assert total(rows, "noveum_agent_run_errors_total", **who) == agent["errors"], agent
        assert total(rows, "noveum_agent_model_calls_total", **who) == agent["calls"], agent
        for tool in agent["tools"]:
            assert total(rows, "noveum_agent_tool_calls_total", gen_ai_tool_name=tool, **who) > 0, (agent, tool)
    sent = [span["attributes"] for trace in backend.traces.values() for span in trace["spans"]]
    for name, key in (("tokens_total", "input"), ("tokens_total", "output"), ("model_tokens_total", "input")):
        want = sum(span.get(f"llm.{key}_tokens", 0) for span in sent)
        assert want > 0 and total(rows, f"noveum_agent_{name}", gen_ai_token_type=key) == want
    cost = sum(span.get("llm.cost.total", 0) for span in sent)
    assert cost > 0 and abs(total(rows, "noveum_agent_cost_usd_total") - cost) < 1e-8
    assert total(rows, "noveum_agent_run_duration_seconds_count") == total(rows, "noveum_agent_runs_total")


def test_names_that_want_to_do_harm(gateway, backend):
    names = ['a"} 1\nnoveum_ready 0', "b\\", "c" * 1_000_000, "d\x1b[2J", "d\\x1b[2J", "_other", "e\u202e", "f sk-ant-api03-" + "a" * 93 + "AA"]
    trace = Trace(service='web",x="')
    spans = [trace.span("root")]
    spans += [agent_span(trace, name, spans[0]) for name in names]
    post_ok(gateway.port, trace.request(spans))
    backend.wait_traces(1, TIME)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == len(spans))
    rows = samples(gateway)
    assert total(rows, "noveum_agent_runs_total") == len(names)
    assert total(rows, "noveum_agent_spans_total") == len(spans)
    text = gateway.get("/metrics")[2]
    assert "noveum_ready 1" in text and "noveum_ready 0" not in text.splitlines()
    assert "sk-ant-api03" not in text and "\x1b" not in text and "\u202e" not in text
    assert max(map(len, text.splitlines())) < 1000


def test_more_agents_than_series(make_gateway, backend):
    key = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}
    gateway = make_gateway({"admin.metrics_agents_max": 3}, environment=key)
    for begin in range(0, 200, 50):
        trace = Trace()
        root = trace.span("root")
        post_ok(gateway.port, trace.request([root] + [agent_span(trace, f"agent {begin + i}", root) for i in range(50)]))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda _: samples(gateway), range(20)):
            assert total(rows, "noveum_agent_spans_total") <= 204
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 204)
    rows = samples(gateway)
    runs = [labels for name, labels, _ in rows if name == "noveum_agent_runs_total"]
    assert len(runs) == 4
    assert total(rows, "noveum_agent_runs_total") == 200 and total(rows, "noveum_agent_spans_total") == 204
    assert total(rows, "noveum_agent_runs_total", gen_ai_agent_name="_other") >= 197
    gateway.stop()
    off = make_gateway({"admin.metrics_agents_max": 0}, environment=key)
    assert "noveum_agent_" not in off.get("/metrics")[2]
