"""Local mode: no key, no account; the trace is printed and on disk."""
import json
import os
import re
import stat
import subprocess
import sys
import time

import pytest
from backend import Schema
from conftest import ROOT, TIME, clean_environment
from otlp import Trace, post_ok


@pytest.fixture
def local(make_gateway):
    return make_gateway()


def wait_output(gateway, pattern):
    deadline = time.monotonic() + TIME
    while time.monotonic() < deadline:
        found = re.search(pattern, "\n".join(gateway.out))
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"never printed: {pattern}\n" + "\n".join(gateway.out))


def files_of(gateway):
    return sorted((gateway.cwd / ".noveum_trace_dev").glob("*.json"))


def wait_files(gateway, count):
    deadline = time.monotonic() + TIME
    while time.monotonic() < deadline and len(files_of(gateway)) < count:
        time.sleep(0.02)
    return files_of(gateway)


def test_the_banner_says_what_to_set(local):
    text = wait_output(local, r"Ctrl-C stops").string
    assert f"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{local.port}" in text
    assert "local mode" in text and ".noveum_trace_dev" in text and "NOVEUM_API_KEY" in text
    assert f"  journal    {local.settings['journal.directory']}/\n" in text.replace("\r", "")


@pytest.mark.parametrize("example", ["opentelemetry_sdk", "openinference_openai"])
def test_the_examples_trace_is_printed_and_on_disk(local, example):
    program = ROOT / "examples/python" / f"{example}.py"
    environment = clean_environment(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{local.port}", PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True,
                          env=environment, timeout=TIME + 30, check=False)
    assert done.returncode == 0, done.stderr
    (file,) = wait_files(local, 1)
    wait_output(local, re.escape(file.name))
    text = "\n".join(local.out)
    assert re.search(r"[├└]─ .*llm", text) and re.search(r"[├└]─ .*tool", text), text
    assert re.search(r"\d+→\d+ tokens", text) and "gpt-4o-mini" in text
    trace = json.loads(file.read_text())
    schema = Schema()
    schema.trace(trace, "trace")
    assert schema.errors == []
    assert {"llm", "tool"} <= {key.split(".")[0] for s in trace["spans"] for key in s["attributes"]}


def test_files_are_for_the_owner_only(local):
    trace = Trace()
    post_ok(local.port, trace.request([trace.span("root")]))
    (file,) = wait_files(local, 1)
    assert file.name == f"{trace.uuid}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    local.wait_status(lambda s: s["spans"]["delivered"] == 1)
    local.assert_balanced()


def test_a_trace_cannot_steer_the_terminal(local):
    trace = Trace()
    root = trace.span("\x1b[2J\x07evil\x9b31m\r\nname")
    post_ok(local.port, trace.request([root, trace.span("x" * 5000, parent=root, error="\x1b[0m")]))
    wait_files(local, 1)
    wait_output(local, "evil")
    text = "\n".join(local.out)
    assert "\x1b" not in text and "\x07" not in text and "\r" not in text and "\x9b" not in text
    assert "\\x1b[2J\\x07evil" in text
    assert max(len(line) for line in local.out) < 400


def test_errors_are_red_on_a_terminal_only(make_gateway, directory):
    import pty

    gateway = make_gateway(environment={"TERM": "xterm"}, start=False)
    leader, follower = pty.openpty()
    process = subprocess.Popen(gateway.command(), stdout=follower, stderr=subprocess.PIPE,
                               cwd=directory, env=gateway.environment)
    gateway.process = process
    gateway.readers = [gateway.read(process.stderr, gateway.log)]
    os.close(follower)
    gateway.wait_ready()
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root", error="it broke")]))
    wait_files(gateway, 1)
    text = b""
    while b".json" not in text:
        text += os.read(leader, 4096)
    os.close(leader)
    assert b"\x1b[31m" in text and b"it broke" in text


def test_many_spans_are_cut_on_the_terminal_not_in_the_file(local):
    trace = Trace()
    root = trace.span("root")
    spans = [root, *(trace.span(f"step {i}", parent=root) for i in range(500))]
    post_ok(local.port, trace.request(spans))
    (file,) = wait_files(local, 1)
    wait_output(local, r"and 301 more spans")
    assert json.loads(file.read_text())["span_count"] == 501
