"""Frameworks of agents as their users have them, against a scripted model on this machine: Spring AI, Genkit for Go, rig for Rust.

Each asks the model, is told to call a tool, calls it and asks again. tools/test-clients.sh builds them into build/clients.
"""
import sys

import pytest
from conftest import ROOT
from test_clients import CLIENTS, client, run, whole

sys.path.insert(0, str(ROOT / "examples/python"))
import stand_in_model  # noqa: E402

QUESTION, RESULT = "Where is order 1001?", "order 1001 is in transit"


@pytest.fixture(name="gateway")
def patient_gateway(make_gateway, backend):
    """One that waits a minute for the root: an agent that takes longer than its exporter's 5 s sends the first spans before."""
    return make_gateway({"assembly.open_ms": 60000}, environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"})


@pytest.fixture(name="ask")
def ask_of(gateway, backend):
    """ask(program, arguments...): the trace whose id the program ends with, and the exchanges that the model had."""
    url = stand_in_model.start()

    def ask(*command, **environment):
        trace_id = run(gateway, *command, OPENAI_BASE_URL=url, OPENAI_API_KEY="none", **{k: v.format(url=url) for k, v in environment.items()})[-1]
        return whole(gateway, backend, trace_id)
    return ask


def check_agent(trace):
    """Two calls of the model with their tokens and texts, and the tool's between, below one root."""
    spans = {span["span_id"]: span for span in trace["spans"]}
    assert [s["name"] for s in trace["spans"] if s["parent_span_id"] not in spans] == [trace["name"]]
    assert not any(span["status"] == "error" for span in spans.values())
    asks, answers = sorted((s["attributes"] for s in spans.values() if "llm.input_tokens" in s["attributes"] and "llm.operation" in s["attributes"]),
                           key=lambda a: a["llm.input_tokens"])
    for call in (asks, answers):
        assert call["llm.model"].startswith("gpt-4o-mini") and call["llm.provider"] == "openai"
        assert call["llm.input_tokens"] > 0 and call["llm.output_tokens"] > 0 and call["llm.cost.total"] > 0
        assert QUESTION in str(call["llm.input.messages"])
    assert answers["llm.output.response"].startswith("I looked it up:") and RESULT in answers["llm.output.response"]
    tool, = (s["attributes"] for s in spans.values() if "tool.name" in s["attributes"])
    assert (tool["tool.name"], tool["tool.input"]) == ("get_order", {"order_id": "1001"})
    assert RESULT in str(tool["tool.output"])
    return asks, answers, tool


def test_spring_ai(ask, gateway):
    java, jar = client("java", "spring/spring-ai-*.jar")
    trace = ask(java, "-cp", f"{jar}:{CLIENTS}/spring/libs/*", "clients.Agent", "--spring.main.banner-mode=off", "--logging.level.root=error",
                "--spring.ai.openai.chat.model=gpt-4o-mini", "--management.tracing.sampling.probability=1.0",
                "--spring.ai.tools.observations.include-content=true", SPRING_AI_OPENAI_API_KEY="none", SPRING_AI_OPENAI_BASE_URL="{url}",
                MANAGEMENT_OPENTELEMETRY_TRACING_EXPORT_OTLP_ENDPOINT=f"http://127.0.0.1:{gateway.port}/v1/traces")
    asks, _, _ = check_agent(trace)
    assert asks["llm.finish_reason"] == "tool_calls" and asks["llm.model"] == "gpt-4o-mini-2024-07-18"


def test_genkit_for_go(ask):
    program, = client("genkit-agent")
    asks, _, _ = check_agent(ask(program))
    assert asks["llm.output.tool_calls"][0]["function"]["name"] == "get_order"


def test_rig(ask):
    program, = client("rust/debug/rig")
    asks, _, _ = check_agent(ask(program))
    assert "get_order" in str(asks["llm.output.tool_calls"])
