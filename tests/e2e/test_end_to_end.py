"""The main job: real SDKs and hand-made requests in, whole traces out, each once."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from conftest import ROOT, SLOW, TIME, clean_environment
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode
from otlp import Trace, post, post_ok


def sdk_exporter(kind, port):
    url = f"http://127.0.0.1:{port}/v1/traces"
    if kind == "json":
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=url)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    compression = Compression.Gzip if kind == "gzip" else Compression.NoCompression
    return OTLPSpanExporter(endpoint=url, compression=compression)


def run_agent(exporter, processor=BatchSpanProcessor):
    """One agent turn as an instrumented application records it; returns its trace id."""
    provider = TracerProvider(resource=Resource({"service.name": "support-bot"}))
    provider.add_span_processor(processor(exporter))
    tracer = provider.get_tracer("e2e")
    with tracer.start_as_current_span("invoke_agent support") as agent:
        agent.set_attribute("gen_ai.operation.name", "invoke_agent")
        agent.set_attribute("gen_ai.agent.name", "support")
        agent.set_attribute("session.id", "conversation-7")
        with tracer.start_as_current_span("chat gpt-4o-mini") as chat:
            chat.set_attributes({
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o-mini", "gen_ai.usage.input_tokens": 120,
                "gen_ai.usage.output_tokens": 30,
                "gen_ai.input.messages": json.dumps(
                    [{"role": "user", "parts": [{"type": "text", "content": "Where? 東京"}]}]),
                "gen_ai.output.messages": json.dumps(
                    [{"role": "assistant", "finish_reason": "stop",
                      "parts": [{"type": "text", "content": "In transit."}]}]),
            })
        with tracer.start_as_current_span("execute_tool get_order") as tool:
            tool.set_attribute("gen_ai.operation.name", "execute_tool")
            tool.set_attribute("gen_ai.tool.name", "get_order")
            tool.record_exception(RuntimeError("order service: 503"))
            tool.set_status(Status(StatusCode.ERROR, "order service: 503"))
    provider.shutdown()
    return format(agent.get_span_context().trace_id, "032x")


@pytest.mark.parametrize("kind", ["protobuf", "json", "gzip"])
def test_the_python_sdk(gateway, backend, kind):
    trace_id = run_agent(sdk_exporter(kind, gateway.port))
    (trace,) = backend.wait_traces(1, TIME)
    assert trace["trace_id"].replace("-", "") == trace_id
    assert trace["name"] == "invoke_agent support"
    assert trace["project"] == "e2e"
    assert trace["span_count"] == 3 and trace["error_count"] == 1
    assert trace["status"] == "error"
    assert trace["metadata"]["session_id"] == "conversation-7"
    by_name = {span["name"]: span for span in trace["spans"]}
    chat = by_name["chat gpt-4o-mini"]
    assert chat["attributes"]["llm.model"] == "gpt-4o-mini"
    assert chat["attributes"]["llm.input_tokens"] == 120
    assert chat["attributes"]["llm.output_tokens"] == 30
    assert chat["attributes"]["llm.output.response"] == "In transit."
    assert "東京" in json.dumps(chat["attributes"]["llm.input.messages"], ensure_ascii=False)
    tool = by_name["execute_tool get_order"]
    assert tool["status"] == "error" and tool["exception"]["message"] == "order service: 503"
    assert tool["parent_span_id"] == by_name["invoke_agent support"]["span_id"]
    backend.assert_clean()
    gateway.assert_balanced()


def test_one_request_for_each_span(gateway, backend):
    """SimpleSpanProcessor: children first, the root in the last of three requests."""
    run_agent(sdk_exporter("protobuf", gateway.port), SimpleSpanProcessor)
    (trace,) = backend.wait_traces(1, TIME)
    assert trace["span_count"] == 3
    backend.assert_clean()


@pytest.mark.parametrize("kind", ["json", "proto", "grpc"])
def test_the_node_sdk(gateway, backend, directory, kind):
    modules = ROOT / "build/node/node_modules"
    if not modules.is_dir():
        pytest.skip("build/node is missing: tools/test-environment.sh makes it")
    program = pathlib.Path(__file__).with_name("node_sdk.js")
    done = subprocess.run(
        ["node", str(program), str(gateway.ports["grpc" if kind == "grpc" else "http"]), kind], capture_output=True, text=True, timeout=TIME + 20,
        env=clean_environment(NODE_PATH=str(modules)), cwd=directory, check=False)
    assert done.returncode == 0, done.stderr
    (trace,) = backend.wait_traces(1, TIME)
    assert trace["trace_id"].replace("-", "") == done.stdout.strip()
    assert trace["span_count"] == 2
    chat = next(span for span in trace["spans"] if span["parent_span_id"])
    assert chat["attributes"]["llm.model"] == "gpt-4o-mini"
    assert chat["attributes"]["llm.input_tokens"] == 12
    backend.assert_clean()


def test_many_requests_out_of_order(gateway, backend):
    trace = Trace()
    root = trace.span("root")
    children = [trace.span(f"step {i}", parent=root) for i in range(20)]
    leaves = [trace.span(f"leaf {i}", parent=children[i]) for i in range(20)]
    for piece in [leaves[10:], children[:7], leaves[:10], children[7:], [root]]:
        post_ok(gateway.port, trace.request(piece))
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["span_count"] == 41 and whole["name"] == "root"
    backend.assert_clean()


def test_two_services_child_exports_first(gateway, backend):
    trace = Trace("front")
    root = trace.span("GET /checkout")
    call = trace.span("POST /pay", parent=root)
    served = trace.span("pay", parent=call, remote=True)
    post_ok(gateway.port, trace.request([served], service="payment"))
    gateway.wait_status(lambda s: s["spans"]["held"] == 1)
    post_ok(gateway.port, trace.request([call, root]))
    (whole,) = backend.wait_traces(1, TIME)
    assert {span["name"] for span in whole["spans"]} == {"GET /checkout", "POST /pay", "pay"}
    backend.assert_clean()


def test_many_traces_in_one_request(gateway, backend):
    traces = [Trace() for _ in range(120)]
    spans = [trace.span(f"root {i}") for i, trace in enumerate(traces)]
    post_ok(gateway.port, traces[0].request(spans), encoding="gzip")
    backend.wait_traces(120, TIME)
    assert set(backend.traces) == {trace.uuid for trace in traces}
    backend.assert_clean()
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 120)
    gateway.assert_balanced()


def test_late_spans_become_a_linked_trace(gateway, backend):
    trace = Trace()
    root = trace.span("root", **{"session.id": "s-1"})
    late = trace.span("late", parent=root)
    post_ok(gateway.port, trace.request([root]))
    backend.wait_traces(1, TIME)
    post_ok(gateway.port, trace.request([late]))
    first, second = backend.wait_traces(2, TIME)
    assert first["span_count"] == 1 and second["span_count"] == 1
    assert first["trace_id"] == trace.uuid != second["trace_id"]
    assert second["name"] == "root (continued)"
    assert second["metadata"]["session_id"] == "s-1"
    assert second["spans"][0]["name"] == "late"
    link, = second["spans"][0]["links"]
    assert link["trace_id"] == first["trace_id"]
    assert link["span_id"] == first["spans"][0]["span_id"]
    assert link["attributes"] == {"noveum.gateway.relation": "continued"}
    backend.assert_clean()


def test_placeholders_are_dropped_and_counted(gateway, backend):
    trace = Trace()
    root = trace.span("root")
    pending = trace.span("root (pending)", parent=root, **{"logfire.span_type": "pending_span"})
    post_ok(gateway.port, trace.request([pending]))
    post_ok(gateway.port, trace.request([root]))
    delivered, = backend.wait_traces(1, TIME)
    assert [span["name"] for span in delivered["spans"]] == ["root"]
    backend.assert_clean()
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1 and s["spans"]["held"] == 0)
    gateway.assert_balanced()


def test_spans_that_are_no_ai_work_are_left_out_and_counted(make_gateway, backend, directory):
    rules = directory / "own.rules"
    rules.write_text('convention own "Own"\n'
                     "@name | span | value=livez | span.left_out | const(true) | 50 |\n")
    gateway = make_gateway({"mapping.spans": "ai", "mapping.rules_file": str(rules)},
                           {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    alone, trace = Trace(), Trace()
    request = trace.span("POST /ask", **{"http.request.method": "POST"})
    answer = trace.span("answer", parent=request)
    chat = trace.span("chat m", parent=answer, **{"gen_ai.operation.name": "chat"})
    spans = [request, answer, chat, trace.span("SELECT", parent=answer),
             trace.span("livez", parent=request)]
    post_ok(gateway.port, alone.request([alone.span("GET /"), alone.span("SELECT")]))
    post_ok(gateway.port, trace.request(spans))
    delivered, = backend.wait_traces(1, TIME)
    assert {span["name"] for span in delivered["spans"]} == {"POST /ask", "answer", "chat m"}
    gateway.wait_status(lambda s: s["spans"]["dropped"] == 4 and s["spans"]["delivered"] == 3)
    gateway.assert_balanced()
    dropped = {key: value for key, value in gateway.metrics().items()
               if key.startswith("noveum_spans_dropped_total")}
    assert dropped['noveum_spans_dropped_total{reason="not_ai"}'] == 3
    assert dropped['noveum_spans_dropped_total{reason="rule"}'] == 1
    backend.assert_clean()


def test_content_as_log_records_is_accepted(gateway, backend):
    trace = Trace()
    span = trace.span("chat")
    post_ok(gateway.port, trace.request([span]))
    post_ok(gateway.port, trace.logs(span, "hello"), path="/v1/logs")
    backend.wait_traces(1, TIME)
    backend.assert_clean()


def test_bad_spans_among_good_ones(gateway, backend):
    trace = Trace()
    good, bad = trace.span("good"), trace.span("bad")
    bad.span_id = b"short"
    status, _, reply = post(gateway.port, trace.request([good, bad]))
    assert status == 200 and b"spanId" in reply
    (whole,) = backend.wait_traces(1, TIME)
    assert [span["name"] for span in whole["spans"]] == ["good"]
    backend.assert_clean()


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"{", os.urandom(500)])
def test_a_malformed_request_is_400(gateway, body):
    status, _, _ = post(gateway.port, body)
    assert status == 400


def test_project_of_the_request_header(gateway, backend):
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]),
            headers={"x-noveum-project": "of-the-header"})
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["project"] == "of-the-header"


def environment_of(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}


def test_sigterm_with_open_traces_sends_them(make_gateway, backend):
    """on_stop=send: what is held leaves before the exit, as it is."""
    gateway = make_gateway({"assembly.on_stop": "send", "assembly.open_ms": 600000},
                           environment_of(backend))
    traces = [Trace() for _ in range(10)]
    for trace in traces:
        never = trace.span("never sent")
        post_ok(gateway.port, trace.request([trace.span("child", parent=never)]))
    assert gateway.status()["spans"]["held"] == 10
    assert gateway.stop() == 0
    assert set(backend.traces) == {trace.uuid for trace in traces}
    backend.assert_clean()


def test_sigterm_keeps_open_traces_for_the_next_start(make_gateway, backend):
    """on_stop=keep: nothing leaves at the stop, everything does after the restart."""
    settings = {"assembly.on_stop": "keep", "assembly.open_ms": 600000}
    gateway = make_gateway(settings, environment_of(backend))
    trace = Trace()
    root = trace.span("root")
    post_ok(gateway.port, trace.request([trace.span("child", parent=root)]))
    assert gateway.stop() == 0
    assert backend.traces == {}
    gateway.start()
    post_ok(gateway.port, trace.request([root]))
    (whole,) = backend.wait_traces(1, TIME)
    assert whole["span_count"] == 2
    backend.assert_clean()
    gateway.assert_balanced()


def test_sigkill_loses_nothing_that_was_acknowledged(make_gateway, backend):
    gateway = make_gateway({"assembly.quiet_ms": 60000}, environment_of(backend))
    traces = [Trace() for _ in range(20)]
    for trace in traces:
        post_ok(gateway.port, trace.request([trace.span("root")]))
    assert gateway.stop(signal.SIGKILL) == -signal.SIGKILL
    gateway.settings["assembly.quiet_ms"] = "100"
    gateway.start()
    backend.wait_traces(20, TIME)
    backend.assert_clean()


def test_a_sigterm_that_is_handed_on_is_the_same_one(make_gateway, backend):
    """To end the group of `make run` gives the gateway two: from the sender, and from make."""
    backend.always = __import__("backend").Fault(delay_s=0.3, store=True)  # so that the stop isn't over before the second
    gateway = make_gateway({"assembly.on_stop": "send"}, environment_of(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("open", parent=b"12345678")]))
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_log("stopping signal=SIGTERM")
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.wait_exit() == 0
    assert any('"message":"stopped"' in line for line in gateway.log), gateway.log  # the whole way, not cut off
    backend.wait_traces(1, TIME)
    backend.assert_clean()


def test_a_second_sigterm_stops_at_once(make_gateway, backend):
    backend.always = __import__("backend").Fault(status=503, delay_s=6)
    gateway = make_gateway({"stop.deadline_ms": 60000}, environment_of(backend))
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]))
    gateway.wait_status(lambda s: s["exporter"]["queued_traces"] == 1)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_log("still stopping seconds=2")  # well after the first
    started = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    gateway.wait_exit()
    assert time.monotonic() - started < 5 * SLOW
    backend.always = None
    gateway.start()
    backend.wait_traces(1, TIME)
    backend.assert_clean()
