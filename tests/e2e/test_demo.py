"""`noveum-gateway demo`: ten whole traces on the page, of now, without key, application or anything left behind."""
import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from conftest import PROGRAM, ROOT, SLOW, TIME, clean_environment

CASES = subprocess.run([sys.executable, ROOT / "tools/make-demo.py", "--list"], capture_output=True, text=True,
                       check=True).stdout.split()


def get(url):
    with urllib.request.urlopen(url, timeout=TIME) as answer:
        return json.load(answer)


class Demo:
    """One run; its lines, and the page's address out of them."""

    def __init__(self, directory, *words, **environment):
        self.process = subprocess.Popen(
            [PROGRAM, "demo", *words], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=clean_environment(TMPDIR=str(directory), HOME=str(directory), **environment))
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def wait(self, pattern, times=1):
        def found():
            return [m for m in (re.search(pattern, line) for line in self.lines) if m]
        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) >= times, TIME + 20), self.lines
            return found()[times - 1]

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(TIME + 15)
        self.reader.join(5)
        return code, self.process.stderr.read()


def traces_of(page, count):
    deadline = time.monotonic() + TIME + 10
    while time.monotonic() < deadline:
        traces = get(f"{page}api/traces?limit=100")["traces"]
        if len(traces) >= count:
            return traces
        time.sleep(0.1)
    raise AssertionError(f"{len(traces)} traces")


def test_ten_whole_traces(directory):
    demo = Demo(directory, NOVEUM_API_KEY="nv_not_for_this", NOVEUM_ENDPOINT="http://127.0.0.1:9")
    try:
        page = demo.wait(r"^See your traces: (http://127\.0\.0\.1:\d+/)$")[1]
        demo.wait("played 10 of 10")
        demo.wait("^See your traces: ", times=2)  # again below what was played
        traces = traces_of(page, 10)
        wanted = sorted(json.loads((ROOT / "tests/fixtures" / case / "case.json").read_text())["span_count"] for case in CASES)
        documents = [get(f"{page}api/trace?id={trace['trace_id']}") for trace in traces]
        whole = [d.get("trace", d) for d in documents]
        assert sorted(len(d["spans"]) for d in whole) == wanted and len(traces) == 10
        for document in whole:
            ids = {span["span_id"] for span in document["spans"]}
            roots = [span for span in document["spans"] if span["parent_span_id"] not in ids]
            assert len(roots) == 1 and roots[0]["parent_span_id"] is None, document["name"]
            ended = time.time() - time.mktime(time.strptime(document["end_time"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone
            assert -2 < ended < 120 * SLOW
        assert get(f"{page}status")["mode"] == "local"
    finally:
        code, errors = demo.end()
    assert code == 0 and errors == ""
    assert list(directory.iterdir()) == []


def test_it_ends_at_once_while_it_plays(directory):
    demo = Demo(directory)
    demo.wait("played  1 of 10")
    begun = time.monotonic()
    code, _ = demo.end()
    assert code == 0 and time.monotonic() - begun < 10 * SLOW
    assert not any("10 of 10" in line for line in demo.lines) and list(directory.iterdir()) == []


@pytest.mark.parametrize("display", [None, ":99"])
def test_the_page_is_opened_where_there_is_a_browser(directory, display):
    tools = directory / "bin"
    tools.mkdir()
    (tools / "xdg-open").write_text(f"#!/bin/sh\necho noise >&2\necho \"$1\" >{directory}/opened.new\nmv {directory}/opened.new {directory}/opened\n")
    (tools / "xdg-open").chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "DISPLAY": display or "", "WAYLAND_DISPLAY": ""}
    demo = Demo(directory, "--open", **environment)
    try:
        page = demo.wait("^See your traces: (.*)$")[1]
        deadline = time.monotonic() + TIME
        while display and not (directory / "opened").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        demo.wait("played  1 of 10")
        assert (directory / "opened").exists() == bool(display)
        if display:
            assert (directory / "opened").read_text().strip() == page
    finally:
        code, errors = demo.end()
    assert code == 0 and errors == ""
