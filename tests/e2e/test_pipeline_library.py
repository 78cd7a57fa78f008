"""libnoveum as a stranger uses it: installed, built against, fed with what real clients sent."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import PROGRAM, ROOT, TIME, clean_environment

BUILD = pathlib.Path(os.environ.get("NOVEUM_BUILD_DIR", ROOT / "build/dev"))
EXAMPLE = ROOT / "examples/c/feed.c"
FIXTURES = ROOT / "tests/fixtures"
pytestmark = pytest.mark.skipif(re.search(r"/(asan|tsan|coverage)/", PROGRAM) is not None, reason="a program without their flags can't link it")


def run(*command, code=0, **environment):
    out = subprocess.run([str(part) for part in command], capture_output=True, timeout=TIME * 4, check=False, env=clean_environment(**environment))
    assert out.returncode == code, out.stdout + out.stderr
    return out.stdout.decode("utf-8"), out.stderr.decode("utf-8")


@pytest.fixture(params=[("cc", "-std=c11"), ("c++", "-std=c++17", "-x", "c++")], ids=["c11", "c++17"])
def feed(directory, request):
    """The example built against an installed copy: a function that runs it."""
    compiler = request.param
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no {compiler[0]}")
    stage = directory / "stage"
    run("cmake", "--install", BUILD, DESTDIR=str(stage))
    library = next(stage.rglob("libnoveum.so")).parent
    flags, _ = run("pkg-config", "--cflags", "--libs", "noveum", PKG_CONFIG_PATH=str(library / "pkgconfig"), PKG_CONFIG_SYSROOT_DIR=str(stage))
    program = directory / "feed"
    run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", EXAMPLE, *(["-x", "none"] if "-x" in compiler else []), *flags.split(), "-o", program)
    return lambda *files, code=0: run(program, *files, code=code, LD_LIBRARY_PATH=str(library))


def captured():
    """Requests of a dozen clients, one file each, protobuf without compression."""
    for case in sorted(FIXTURES.iterdir()):
        described = case / "case.json"
        if described.exists() and (case / "001.pb").exists():
            yield case


def test_traces_of_real_clients(feed):
    cases = list(captured())[::12]
    assert len(cases) >= 8
    for case in cases:
        files = sorted(path for path in case.glob("*.pb") if path.name.count(".") == 1)
        out, err = feed(*files)
        traces = [json.loads(line) for line in out.splitlines()]
        assert traces and all(trace["spans"] and len(trace["spans"]) == trace["span_count"] for trace in traces), case
        assert err.endswith(" 0 left\n"), err  # every block went back to the program's allocator


def test_what_is_no_request_is_told(directory, feed):
    wrong = directory / "wrong.pb"
    wrong.write_bytes(b"\x0a\x7f")
    out, err = feed(wrong, directory / "missing.pb", code=1)
    assert out == "" and "wrong.pb: no OTLP request" in err and "missing.pb" in err and err.endswith(" 0 left\n")


def test_it_starts_nothing_and_reads_nothing(feed, directory):
    """No thread, no socket, no file but those it was given."""
    if shutil.which("strace") is None:
        pytest.skip("no strace")
    case = next(captured())
    trace = directory / "trace.txt"
    library = next((directory / "stage").rglob("libnoveum.so")).parent
    run("strace", "-f", "-o", trace, "-e", "trace=openat,socket,clone,clone3,execve,kill,rt_sigaction", directory / "feed", case / "001.pb",
        LD_LIBRARY_PATH=str(library))
    calls = [line for line in trace.read_text("utf-8", "replace").splitlines()]
    begun = next(i for i, line in enumerate(calls) if "001.pb" in line and "openat" in line)
    assert not [line for line in calls[begun + 1:] if re.search(r"(openat|socket|clone3?|kill|rt_sigaction)\(", line)]
    assert not [line for line in calls if re.search(r"(socket|clone3?|kill)\(", line)]
