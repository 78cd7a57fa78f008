"""`noveum-gateway traces`: list, show, search, follow, export, beside a gateway that runs and without one."""
import json
import os
import subprocess
import time

import pytest
from conftest import PROGRAM, TIME, clean_environment
from otlp import Trace, post_ok
from test_commands import arguments

HOSTILE = "\x1b[2J\x1b]0;owned\x07\u202egnp.exe\nsecond line"


def model_call(trace, question, answer, session="s-1", **more):
    return trace.span("chat gpt-4o-mini", **{
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.conversation.id": session,
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": question}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": answer}]}]),
        "gen_ai.usage.input_tokens": 120, "gen_ai.usage.output_tokens": 30, **more})


@pytest.fixture
def filled(make_gateway, run):
    """(gateway, how to ask it, two traces): one of session s-1, one of s-2 with an error and hostile texts."""
    gateway = make_gateway()
    first, second = Trace(), Trace()
    post_ok(gateway.port, first.request([model_call(first, "where is order 7?", "on its way")]))
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    post_ok(gateway.port, second.request([model_call(second, HOSTILE, "no", session="s-2"), second.span("x", error=HOSTILE)]))
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 3)
    assert gateway.get("/api/events?after=1")[0] == 200  # the store has both

    def ask(*words, **more):
        return run(*arguments(gateway, "traces", *words), cwd=gateway.cwd, **more)
    return gateway, ask, first, second


@pytest.mark.parametrize("running", [True, False])
def test_listed_shown_searched_exported(filled, running):
    gateway, ask, first, second = filled
    if not running:
        assert gateway.stop() == 0
    lines = ask().stdout.splitlines()
    assert len(lines) == 2 and {line.split()[0] for line in lines} == {first.uuid[:8], second.uuid[:8]}
    assert "120→30" in lines[0] and "where is order 7?" in "".join(lines)
    assert len(ask("list", "--limit", "1").stdout.splitlines()) == 1
    assert ask("--errors").stdout.startswith(second.uuid[:8])
    assert ask("search", "ORDER", "7?").stdout.startswith(first.uuid[:8])
    nothing = ask("search", "100%")
    assert (nothing.returncode, nothing.stdout) == (0, "") and "no traces" in nothing.stderr
    rows = [json.loads(line) for line in ask("--json", "--session", "s-1").stdout.splitlines()]
    assert [row["trace_id"] for row in rows] == [first.uuid]
    for name in (first.uuid[:8], first.uuid, first.uuid.replace("-", "").upper()):
        shown = ask("show", name)
        assert "question  where is order 7?" in shown.stdout and "answer    on its way" in shown.stdout, shown
    assert json.loads(ask("show", first.uuid[:9], "--json").stdout)["trace_id"] == first.uuid
    exported = [json.loads(line)["trace_id"] for line in ask("export").stdout.splitlines()]
    assert exported == [first.uuid, second.uuid]
    assert json.loads(ask("export", "--session", "s-2").stdout)["trace_id"] == second.uuid
    assert json.loads(ask("export", second.uuid[:8]).stdout)["trace_id"] == second.uuid


def test_what_is_not_there(filled, run, directory):
    _, ask, first, _ = filled
    missing = ask("show", "zzzz")
    assert missing.returncode == 1 and 'begins with "zzzz"' in missing.stderr
    assert ask("show").returncode == 2
    assert 'did you mean "traces search"' in ask("serach", "x").stderr
    none = run("traces", f"--set=store.file={directory}/none.db")
    assert none.returncode == 1 and f"{directory}/none.db" in none.stderr
    assert not os.path.exists(f"{directory}/none.db")
    unset = run("traces", environment={"NOVEUM_API_KEY": "nv_abcdefghijklmnop"})
    assert unset.returncode == 2 and "admin.ui" in unset.stderr


def test_telemetry_cannot_steer_the_terminal(filled):
    _, ask, _, second = filled
    for words in ([], ["show", second.uuid], ["show", second.uuid, "--json"], ["export"], ["search", "owned"]):
        for color in ("always", "never"):
            more = [] if "export" in words else [f"--color={color}"]
            out = ask(*words, *more).stdout
            for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m") if color == "always" else ():
                out = out.replace(code, "")
            assert out and "\x1b" not in out and "\x07" not in out and "\u202e" not in out, (words, out)
    assert "\\x1b[2J" in ask("show", second.uuid).stdout and "⏎second line" in ask("show", second.uuid).stdout


def test_lines_are_as_wide_as_the_terminal(filled):
    _, ask, _, second = filled
    for columns in (40, 80):
        for line in ask("show", second.uuid, environment={"COLUMNS": str(columns)}).stdout.splitlines():
            assert len(line) <= columns, line


def test_follow_prints_what_comes_and_ends_with_its_reader(filled):
    gateway, _, first, _ = filled
    process = subprocess.Popen([PROGRAM, *arguments(gateway, "traces", "follow")], cwd=gateway.cwd, env=clean_environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "waiting for traces" in process.stderr.readline()
        third = Trace()
        post_ok(gateway.port, third.request([model_call(third, "a third one?", "yes")]))
        seen = ""
        while "answer" not in seen:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            seen += line
        assert "a third one?" in seen and "where is order" not in seen
        process.stdout.close()  # the reader goes: it ends without another trace
        process.wait(TIME)
    finally:
        process.kill()
        process.wait()


def test_ten_thousand_characters_of_one_line(filled, make_gateway):
    gateway, ask, *_ = filled
    trace = Trace()
    began = time.monotonic()
    post_ok(gateway.port, trace.request([model_call(trace, "東京" * 200000, "e" + "\u0301" * 100000)]))
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 4)
    assert gateway.get("/api/events?after=2")[0] == 200
    shown = ask("show", trace.uuid[:8]).stdout
    assert max(len(line) for line in shown.splitlines()) < 300 and time.monotonic() - began < 2 * TIME
