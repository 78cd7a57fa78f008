"""libnoveum-trace as a stranger uses it: installed, built against, and its traces in the backend."""
import shutil

import pytest
from backend import Fault
from conftest import ROOT, TIME
from trace_library import check, delivered, foreign, installed, run  # noqa: F401

EXAMPLE = ROOT / "examples/c/agent.c"
pytestmark = foreign


@pytest.mark.parametrize("compiler", [("cc", "-std=c11"), ("c++", "-std=c++17", "-x", "c++")])
def test_shared(directory, backend, gateway, installed, compiler):
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]}")
    library, flags = installed
    program = directory / "agent"
    run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLE, *(["-x", "none"] if "-x" in compiler else []),
        *flags("--cflags", "--libs"), "-o", program)
    check(delivered(backend, gateway, program, LD_LIBRARY_PATH=str(library)))


def test_static(directory, backend, gateway, installed):
    library, flags = installed
    program = directory / "agent"
    run("cc", EXAMPLE, *flags("--cflags"), library / "libnoveum-trace.a", "-lcurl", "-lm", "-pthread", "-o", program)
    check(delivered(backend, gateway, program))


def test_compressed_and_configured_by_the_file_of_the_sdk(directory, backend, gateway, installed, monkeypatch):  # noqa: F811
    library, flags = installed
    program = directory / "agent"
    run("cc", EXAMPLE, *flags("--cflags", "--libs"), "-o", program)
    (directory / "noveum-trace.yaml").write_text("project: filed\nenvironment: staging\ntransport:\n  compression: true\n")
    monkeypatch.chdir(directory)
    trace = delivered(backend, gateway, program, LD_LIBRARY_PATH=str(library), OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
    check(trace)
    assert trace["environment"] == "staging"


def test_cmake_package(directory, installed):
    library, _ = installed
    source = directory / "app"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app LANGUAGES C)\nfind_package(noveum-trace REQUIRED)\n"
        f"add_executable(agent {EXAMPLE})\ntarget_link_libraries(agent noveum::trace)\n"
        f"add_executable(alone {EXAMPLE})\ntarget_link_libraries(alone noveum::trace-static)\n")
    run("cmake", "-S", source, "-B", source / "build", f"-Dnoveum-trace_DIR={next(library.rglob('noveum-trace-config.cmake')).parent}")
    run("cmake", "--build", source / "build")
    run(source / "build/agent")  # off: nothing asked for tracing
    run(source / "build/alone")


def test_a_server_of_a_model(directory, backend, gateway, installed):  # noqa: F811
    library, flags = installed
    program = directory / "server"
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", ROOT / "examples/c/server.c", *flags("--cflags", "--libs"), "-o", program)
    run(program, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{gateway.port}", LD_LIBRARY_PATH=str(library))
    traces = backend.wait_traces(3, TIME)
    backend.assert_clean()
    calls = {}
    for trace in traces:
        spans = {span["name"]: span for span in trace["spans"]}
        assert set(spans) == {"chat llama-3.2-1b-instruct", "queue", "prefill", "decode"}
        call = spans["chat llama-3.2-1b-instruct"]
        assert all(spans[phase]["parent_span_id"] == call["span_id"] for phase in ("queue", "prefill", "decode"))
        calls[call["attributes"]["llama_cpp.slot"]] = call, trace["otel"]["trace_id"]
    assert calls[0][1] == "0af7651916cd43dd8448eb211c80319c" and calls[2][1] != calls[1][1]
    assert [calls[slot][0]["attributes"]["llm.chunk_count"] for slot in range(3)] == [4, 2, 4]
    assert calls[1][0]["attributes"]["llm.finish_reason"] == "cancelled" and calls[0][0]["attributes"]["llm.finish_reason"] == "stop"
    assert calls[1][0]["attributes"]["llm.output_tokens"] == 2 and calls[1][0]["status"] == "ok"


def test_straight_to_noveum(directory, backend, installed):  # noqa: F811
    """No gateway: the stages are in the program, which retries and compresses."""
    library, flags = installed
    program = directory / "direct"
    run("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", ROOT / "examples/c/direct.c", *flags("--cflags", "--libs"), "-lnoveum", "-o", program)
    backend.plan(Fault(status=503))
    out = run(program, NOVEUM_ENDPOINT=backend.url, NOVEUM_API_KEY=backend.key, NOVEUM_PROJECT="shop", LD_LIBRARY_PATH=str(library))
    assert out == "2 delivered\n"
    trace = backend.wait_traces(1, TIME)[0]
    backend.assert_clean()
    spans = {span["name"]: span["attributes"] for span in trace["spans"]}
    assert trace["project"] == "shop" and set(spans) == {"invoke_agent support", "chat gpt-4o-mini"}
    assert spans["chat gpt-4o-mini"]["llm.input.messages"] == [{"role": "user", "content": "Where is order 7?"}]
    assert (spans["chat gpt-4o-mini"]["llm.input_tokens"], spans["chat gpt-4o-mini"]["llm.output_tokens"]) == (28, 4)
    out = run(program, code=1, NOVEUM_ENDPOINT="http://far.example", NOVEUM_API_KEY=backend.key, LD_LIBRARY_PATH=str(library))
    assert out == ""
