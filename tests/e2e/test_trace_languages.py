"""libnoveum-trace from C++, Python and LuaJIT: the example agent of each becomes the same trace, and the headers compile everywhere."""
import shutil
import sys

import pytest
from conftest import ROOT
from trace_library import check, delivered, foreign, installed, run  # noqa: F401

EXAMPLES = ROOT / "examples"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]
pytestmark = foreign


def need(program):
    if shutil.which(program) is None:
        pytest.skip(f"no {program}")
    return program


@pytest.mark.parametrize("header", ["noveum/noveum.h", "noveum/trace.h", "noveum/agents.h", "noveum/pipeline.h"])
@pytest.mark.parametrize("standard", ["cc c11", "cc c17", "clang c11", "clang c17", "c++ c++17", "clang++ c++17", "c++ c++20"])
def test_headers_are_clean(directory, header, standard):
    compiler, language = standard.split()
    source = directory / ("a.cpp" if "++" in compiler else "a.c")
    source.write_text(f"#include <{header}>\nint main(void) {{ return 0; }}\n")
    run(need(compiler), f"-std={language}", *STRICT, f"-I{ROOT / 'include'}", "-fsyntax-only", source)


@pytest.mark.parametrize("options", [[], ["-fno-rtti"], ["-fno-exceptions", "-fno-rtti"]], ids=["", "no-rtti", "bare"])
@pytest.mark.parametrize("standard", ["g++ c++17", "g++ c++20", "clang++ c++17", "clang++ c++20"])
def test_the_header_for_cpp_is_clean(standard, options):
    compiler, language = standard.split()
    run(need(compiler), f"-std={language}", *STRICT, *options, f"-I{ROOT / 'include'}", "-fsyntax-only", EXAMPLES / "cpp/agent.cpp")


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_cpp(directory, backend, gateway, installed, compiler):  # noqa: F811
    library, flags = installed
    program = directory / "agent"
    run(need(compiler), "-std=c++17", *STRICT, EXAMPLES / "cpp/agent.cpp", *flags("--cflags", "--libs"), "-o", program)
    check(delivered(backend, gateway, program, LD_LIBRARY_PATH=str(library)))


def test_cpp_spans_move_and_are_left(directory, backend, gateway, installed):  # noqa: F811
    library, flags = installed
    program = directory / "raii"
    run(need("g++"), "-std=c++17", *STRICT, ROOT / "tests/e2e/raii.cpp", *flags("--cflags", "--libs"), "-pthread", "-o", program)
    trace = delivered(backend, gateway, program, LD_LIBRARY_PATH=str(library))
    spans = {span["name"]: span for span in trace["spans"]}
    assert set(spans) == {"root", "left", "execute_tool told", "odd", "handled", "calm", "moved", "retrieval docs",
                          "embeddings text-embedding-3-small", "invoke_workflow support", "chat gpt-4o", "remote", "phase"}
    errors = {name: span["attributes"].get("error.type") for name, span in spans.items() if span["status"] == "error"}
    assert errors["left"] == "exception" and errors["execute_tool told"].endswith("refused") and "basic_string" in errors["odd"]
    assert errors["handled"].endswith("refused") and set(errors) == {"left", "execute_tool told", "odd", "handled"}
    assert spans["execute_tool told"]["status_message"] == "no stock"
    moved = spans["moved"]["attributes"]
    assert moved["alive"] is True and moved["big"] == 2**63 - 1 and moved["ratio"] == 0.5 and moved["view"] == "cut" and "none" not in moved
    assert [event["name"] for event in spans["moved"]["events"]] == ["elsewhere"]
    assert spans["chat gpt-4o"]["parent_span_id"] == spans["invoke_workflow support"]["span_id"]
    assert spans["calm"]["status"] != "error" and trace["metadata"]["session_id"] == "s-1"


def test_python_ctypes(backend, gateway, installed):  # noqa: F811
    library, _ = installed
    check(delivered(backend, gateway, sys.executable, EXAMPLES / "python-ctypes/agent.py", LD_LIBRARY_PATH=str(library)))


def test_luajit(backend, gateway, installed):  # noqa: F811
    library, _ = installed
    check(delivered(backend, gateway, need("luajit"), EXAMPLES / "luajit/agent.lua", LD_LIBRARY_PATH=str(library)))
