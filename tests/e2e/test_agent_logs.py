"""Coding agents that send only log records: their turns become traces, once
(docs/design/0015-traces-of-log-records.md)."""
import random
import signal

import pytest

from agent_logs import as_json, captured, captured_traces, copilot_chat, records_of, set_text, some, without_context
from conftest import SLOW
from otlp import post_ok

SPANS = {"claude-code-tools": ["claude_code.interaction", "claude_code.llm_request",
                               "claude_code.llm_request", "claude_code.tool"],
         "gemini-cli-tools": ["gemini-cli", "llm_call", "llm_call", "tool_call"],
         "codex-tools": ["codex", "model_call", "model_call", "tool_call"]}


def send(gateway, request, media="protobuf"):
    if media == "json":
        post_ok(gateway.port, as_json(request), path="/v1/logs", content_type="application/json")
    else:
        post_ok(gateway.port, request.SerializeToString(), path="/v1/logs")


def names(trace):
    return sorted(span["name"] for span in trace["spans"])


@pytest.mark.parametrize("media", ["protobuf", "json"])
@pytest.mark.parametrize("case", SPANS)
def test_turn(gateway, backend, case, media):
    send(gateway, without_context(captured(case)), media)
    trace, = backend.wait_traces(1)
    assert names(trace) == SPANS[case]
    assert trace["attributes"]["noveum.gateway.made_of"] == "log records"
    root, = (s for s in trace["spans"] if s["parent_span_id"] is None)
    assert root["attributes"]["agent.input"] == "what is the weather in 東京?"
    assert all(s["parent_span_id"] == root["span_id"] for s in trace["spans"] if s is not root)
    calls = [s["attributes"] for s in trace["spans"] if "llm.model" in s["attributes"]]
    assert len(calls) == 2 and all(c["llm.total_tokens"] > 0 and c["llm.cost.total"] > 0 for c in calls)
    tool, = (s["attributes"] for s in trace["spans"] if "tool.name" in s["attributes"])
    assert tool["tool.input"] and tool["tool.decision"]
    backend.assert_clean()
    assert gateway.wait_balanced(delivered=len(trace["spans"]))["received"] == len(trace["spans"])
    assert gateway.metrics()["noveum_traces_of_log_records_total"] == 1


@pytest.mark.parametrize("case", SPANS)
def test_nothing_is_made_where_spans_tell(gateway, backend, case):
    """Spans and records of one prompt, and then records of it that name no trace."""
    for body in captured_traces(case):
        post_ok(gateway.port, body)
    send(gateway, captured(case))
    send(gateway, without_context(captured(case)))
    backend.wait_traces(1)
    gateway.wait_status(lambda s: s["assembly"]["open_traces"] == 0)
    assert not any("noveum.gateway.made_of" in t["attributes"] for t in backend.traces.values())
    send(gateway, without_context(captured(case)))
    gateway.wait_status(lambda s: s["assembly"]["open_traces"] == 0)
    assert not any("noveum.gateway.made_of" in t["attributes"] for t in backend.traces.values())
    gateway.assert_balanced()
    assert gateway.metrics()["noveum_log_records_unused_total"] >= len(records_of(captured(case)))


def test_gemini_cli_whose_spans_go_elsewhere(gateway, backend):
    """Half of its records name traces that never come: the prompt is a trace all the same."""
    send(gateway, captured("gemini-cli-tools"))
    trace, = backend.wait_traces(1)
    assert names(trace) == SPANS["gemini-cli-tools"]
    gateway.wait_status(lambda s: s["assembly"]["open_traces"] == 0)
    assert len(backend.traces) == 1
    gateway.assert_balanced()


def test_a_turn_of_codex_is_a_trace(gateway, backend):
    """Its prompts have no ids: the next one ends the turn, and the session joins them."""
    first = without_context(captured("codex-tools"))
    second = without_context(captured("codex-tools"))
    for record in records_of(second):
        record.time_unix_nano += 60_000_000_000
        record.observed_time_unix_nano += 60_000_000_000
    send(gateway, first)
    send(gateway, second)
    traces = backend.wait_traces(2)
    assert [names(t) for t in traces] == [SPANS["codex-tools"]] * 2
    assert len({t["metadata"]["session_id"] for t in traces}) == 1
    assert all("noveum.gateway.part" not in t["attributes"] for t in traces)
    assert gateway.metrics()["noveum_traces_late_total"] == 0
    gateway.assert_balanced()


BEATS = ("convention mine \"mine\"\n"
         "@name | span | scope=codex* value=auth | span.left_out | const(false) | 50 |\n")


@pytest.mark.parametrize("rules", ["", BEATS])
def test_beats_of_codex_are_left_out_and_counted(make_gateway, backend, directory, rules):
    path = directory / "mine.rules"
    path.write_text(rules)
    gateway = make_gateway({"mapping.rules_file": path} if rules else {},
                           {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    for body in captured_traces("codex-tools"):
        post_ok(gateway.port, body)
    backend.wait(lambda b: any(t["name"] != "auth" and t["span_count"] > 100 for t in b.traces.values()))
    status = gateway.wait_status(lambda s: s["assembly"]["open_traces"] == 0 and s["spans"]["queued"] == 0
                                 and s["spans"]["held"] == 0)
    roots = {s["name"] for t in backend.traces.values() for s in t["spans"] if s["parent_span_id"] is None}
    assert ("auth" in roots) == bool(rules)
    assert "thread/items/list" not in roots
    assert gateway.metrics()['noveum_spans_dropped_total{reason="rule"}'] > 0, status
    gateway.assert_balanced()


@pytest.mark.parametrize("media", ["protobuf", "json"])
def test_copilot_chat(gateway, backend, media):
    """Records written by hand after the names that its source publishes."""
    send(gateway, copilot_chat(), media)
    trace, = backend.wait_traces(1)
    assert names(trace) == ["chat", "copilot-chat", "execute_tool"]
    attributes = {s["name"]: s["attributes"] for s in trace["spans"]}
    assert attributes["chat"]["llm.model"] == "gpt-4o-2024-08-06"
    assert attributes["chat"]["llm.total_tokens"] == 1320
    assert attributes["execute_tool"]["tool.name"] == "readFile"
    assert attributes["execute_tool"]["tool.duration_ms"] == 150
    assert trace["metadata"]["session_id"] == "window-1"
    backend.assert_clean()
    gateway.assert_balanced()


def test_killed_between_records_and_sending(make_gateway, backend):
    """Each of two kills finds records that were acknowledged and not sent: one trace, the same one."""
    environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}
    request = without_context(captured("claude-code-tools"))
    count = len(records_of(request))
    gateway = make_gateway({"assembly.quiet_logs_ms": 400 * SLOW}, environment)
    send(gateway, request)
    whole, = backend.wait_traces(1)
    gateway.stop()

    other = without_context(captured("claude-code-tools"))
    for record in records_of(other):
        set_text(record, "prompt.id", "another")
    gateway.settings["assembly.quiet_logs_ms"] = "60000"
    gateway.start()
    send(gateway, some(other, range(3)))
    gateway.stop(signal.SIGKILL)
    gateway.start()
    send(gateway, some(other, range(3, count)))
    gateway.stop(signal.SIGKILL)
    gateway.settings["assembly.quiet_logs_ms"] = str(400 * SLOW)
    gateway.start()
    backend.wait_traces(2)
    trace, = (t for t in backend.traces.values() if t["trace_id"] != whole["trace_id"])
    assert names(trace) == names(whole)
    assert not backend.duplicates
    gateway.assert_balanced()


def test_late_records_are_a_linked_part(gateway, backend):
    request = without_context(captured("claude-code-tools"))
    count = len(records_of(request))
    send(gateway, some(request, range(count - 2)))
    first, = backend.wait_traces(1)
    send(gateway, some(request, range(count - 2, count)))
    backend.wait_traces(2)
    late, = (t for t in backend.traces.values() if t["trace_id"] != first["trace_id"])
    assert late["attributes"]["noveum.gateway.part"] == 1
    assert gateway.metrics()["noveum_traces_late_total"] == 1
    gateway.assert_balanced()


@pytest.mark.parametrize("seed", range(3))
def test_order_and_requests_make_no_difference(gateway, backend, seed):
    """Records in any order, in any requests, some of them twice: the same trace, and counters add up."""
    chance = random.Random(seed)
    request = without_context(captured("claude-code-tools"))
    order = list(range(len(records_of(request))))
    chance.shuffle(order)
    order += chance.sample(order, 3)
    while order:
        size = chance.randint(1, 4)
        part, order = order[:size], order[size:]
        send(gateway, some(request, part), chance.choice(["json", "protobuf"]))
        gateway.assert_balanced()
    trace, = backend.wait_traces(1)
    assert names(trace) == SPANS["claude-code-tools"]
    spans = gateway.assert_balanced()
    assert spans["received"] == len(trace["spans"])
    backend.assert_clean()
