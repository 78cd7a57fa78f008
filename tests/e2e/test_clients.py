"""Clients as their users have them, with their defaults but for the address: the agent of Java, telemetrygen, SDKs of Rust and C++, Vercel's
AI SDK, LangChain.js.

tools/test-clients.sh gets them into build/clients; a test whose client is not there is skipped. Frameworks that ask a model are in
test_client_frameworks.py, other SDKs in test_end_to_end.py and test_otlp_grpc.py, the Collector in test_collector.py, proxies in test_proxies.py.
"""
import json
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import ROOT, TIME, clean_environment

CLIENTS = ROOT / "build/clients"
HERE = pathlib.Path(__file__).parent / "clients"


def client(*names):
    """Paths of programs and files that a client is; skips where one isn't there."""
    found = [shutil.which(name) or next(iter(sorted(map(str, CLIENTS.glob(name)))), None) for name in names]
    if not all(found):
        pytest.skip(f"no {names[found.index(None)]} here: tools/test-clients.sh gets it")
    return found


def run(gateway, *command, protocol="http", **environment):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=6 * TIME, check=False, cwd=gateway.directory,
                          env=clean_environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{gateway.ports[protocol]}",
                                                OTEL_SERVICE_NAME="a-client", **environment))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout.split()


def whole(gateway, backend, trace_id):
    """The trace of an OTLP id, when it has arrived; nothing else is wrong with it."""
    backend.wait(lambda b: any(trace["otel"]["trace_id"] == trace_id for trace in b.traces.values()), 2 * TIME)
    gateway.wait_status(lambda s: s["spans"]["held"] == s["spans"]["queued"] == 0)
    gateway.assert_balanced()
    backend.assert_clean()
    return next(trace for trace in backend.traces.values() if trace["otel"]["trace_id"] == trace_id)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_the_java_agent(gateway, backend, protocol):
    """A program without a line of OpenTelemetry: the agent makes the span of its request, by default over HTTP."""
    java, agent = client("java", "java/opentelemetry-javaagent-*.jar")
    url = f"http://127.0.0.1:{gateway.ports['admin']}/healthz"
    answer = run(gateway, java, f"-javaagent:{agent}", HERE / "Fetch.java", url, protocol="grpc" if protocol == "grpc" else "http",
                 **({} if protocol == "http/protobuf" else {"OTEL_EXPORTER_OTLP_PROTOCOL": protocol}))
    assert answer[-1] == "200"
    (trace,) = backend.wait_traces(1, 2 * TIME)
    (span,) = whole(gateway, backend, trace["otel"]["trace_id"])["spans"]
    assert span["name"] == "GET" and span["attributes"]["url.full"] == url
    assert trace["otel"]["resource"]["telemetry.distro.name"] == "opentelemetry-java-instrumentation"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_telemetrygen(gateway, backend, protocol):
    telemetrygen, = client("telemetrygen")
    run(gateway, telemetrygen, "traces", "--otlp-insecure", "--traces", "20", "--child-spans", "3", "--rate", "0", "--otlp-endpoint",
        f"127.0.0.1:{gateway.ports[protocol]}", *(["--otlp-http"] if protocol == "http" else []), protocol=protocol)
    traces = backend.wait_traces(20, 2 * TIME)
    assert [trace["span_count"] for trace in traces] == [4] * 20
    gateway.wait_balanced(delivered=80)
    backend.assert_clean()


def check_call(trace):
    """What the programs of the SDKs send: a call in a turn."""
    turn, call = sorted(trace["spans"], key=lambda span: span["parent_span_id"] is not None)
    assert (turn["name"], call["parent_span_id"]) == ("turn", turn["span_id"])
    found = [call["attributes"].get(f"llm.{key}") for key in ("model", "provider", "input_tokens", "output_tokens")]
    assert found == ["gpt-4o-mini", "openai", 12, 3]
    assert trace["otel"]["resource"]["service.name"] == "a-client"


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_rust_sdk(gateway, backend, protocol):
    program, = client("rust/debug/sdk")
    trace = whole(gateway, backend, run(gateway, program, protocol, protocol=protocol)[-1])
    check_call(trace)
    assert trace["otel"]["resource"]["telemetry.sdk.language"] == "rust"


def test_the_cpp_sdk(gateway, backend):
    """Debian 13's, by its own loader and libraries."""
    loader, program = client("cpp/ld-linux-*.so.*", "cpp/sdk")
    trace = whole(gateway, backend, run(gateway, loader, "--library-path", CLIENTS / "cpp", program)[-1])
    check_call(trace)
    assert trace["otel"]["resource"]["telemetry.sdk.language"] == "cpp"


def modules(name):
    node, folder = client("node", f"node/node_modules/{name}")
    return node, str(pathlib.Path(folder[:folder.rindex("/node_modules/")]))


def test_the_ai_sdk(gateway, backend):
    node, folder = modules("ai")
    trace_id = run(gateway, node, HERE / "ai_sdk.mjs", CLIENT_MODULES=folder)[-1]
    trace = whole(gateway, backend, trace_id)
    call = next(span for span in trace["spans"] if span["attributes"].get("llm.model") == "gpt-4o-mini" and "llm.input_tokens" in span["attributes"])
    assert (call["attributes"]["llm.input_tokens"], call["attributes"]["llm.output_tokens"]) == (12, 3)
    assert "Capital of France?" in json.dumps(trace) and "Paris" in json.dumps(trace)


def test_langchain_js(gateway, backend):
    node, folder = modules("@langchain/core")
    trace_id = run(gateway, node, HERE / "langchain.cjs", CLIENT_MODULES=folder)[-1]
    trace = whole(gateway, backend, trace_id)
    assert re.search("RunnableSequence", " ".join(span["name"] for span in trace["spans"])), trace
    assert "Capital of France?" in json.dumps(trace) and "Paris" in json.dumps(trace)
