"""An installed libnoveum-trace for tests, and what the example agent must become, in whatever language."""
import os
import pathlib
import re
import subprocess

import pytest
from conftest import PROGRAM, ROOT, TIME, clean_environment

BUILD = pathlib.Path(os.environ.get("NOVEUM_BUILD_DIR", ROOT / "build/dev"))
foreign = pytest.mark.skipif(re.search(r"/(asan|tsan|coverage)/", PROGRAM) is not None, reason="a program without their flags can't link it")


def run(*command, code=0, **environment):
    out = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=TIME * 4, check=False,
                         env=clean_environment(**environment))
    assert out.returncode == code, out.stdout + out.stderr
    return out.stdout


@pytest.fixture
def installed(directory):
    """Where the libraries of a copy are that was installed by DESTDIR, and what pkg-config says of it."""
    stage = directory / "stage"
    run("cmake", "--install", BUILD, DESTDIR=str(stage))
    library = next(stage.rglob("libnoveum-trace.so"))
    pc = library.parent / "pkgconfig"

    def flags(*options):
        return run("pkg-config", *options, "noveum-trace", PKG_CONFIG_PATH=str(pc), PKG_CONFIG_SYSROOT_DIR=str(stage)).split()
    return library.parent, flags


def delivered(backend, gateway, *program, **environment):
    """The trace that a run of the program becomes."""
    run(*program, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{gateway.port}", OTEL_SERVICE_NAME="c-agent", **environment)
    trace = backend.wait_traces(1, TIME)[0]
    backend.assert_clean()
    return trace


def check(trace):
    """Every graded key of the kinds that the example shows."""
    spans = {span["name"]: span for span in trace["spans"]}
    assert len(trace["spans"]) == 4 and trace["metadata"]["session_id"] == "conversation-7"
    assert trace["name"] == "invoke_agent support" and trace["status"] == "ok"
    root = spans["invoke_agent support"]
    assert root["parent_span_id"] is None
    assert all(span["parent_span_id"] == root["span_id"] for span in trace["spans"] if span is not root)
    assert root["attributes"]["agent.name"] == "support"
    tool = spans["execute_tool get_order"]["attributes"]
    assert tool["tool.name"] == "get_order" and tool["tool.input"] == {"id": 7} and tool["tool.output"] == {"state": "in transit"}
    first, last = [span["attributes"] for span in trace["spans"] if span["name"] == "chat gpt-4o-mini"]
    assert first["llm.input.messages"] == [{"role": "user", "content": "Where is order 7?"}]
    assert first["llm.output.tool_calls"][0]["function"]["name"] == "get_order"
    assert (first["llm.input_tokens"], first["llm.output_tokens"]) == (28, 12)
    assert last["llm.output.response"] == "It is in transit." and last["llm.finish_reason"] == "stop"
    assert last["llm.streaming"] is True and last["llm.chunk_count"] == 3 and last["llm.time_to_first_token_ms"] >= 0
    assert last["llm.model"] == "gpt-4o-mini-2024-07-18" and last["llm.provider"] == "openai"
