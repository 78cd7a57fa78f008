"""What takes longer than two seconds says how far it is: a start, a stop, retries of dead letters.

(The replay of a journal: tests/unit/gateway/notices; what steps of a start are called: tests/unit/gateway/test_gateway_wait.c.)
"""
import re
import signal
import socket
import subprocess

from backend import Fault
from conftest import PROGRAM, TIME, clean_environment
from otlp import Trace, post_ok


def settings_for(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}


def test_a_slow_start_says_what_it_is_at(slow_disk, make_gateway):
    gateway = make_gateway({}, {**slow_disk, "SLOW_DISK_MS": "700"})
    gateway.wait_log("still starting seconds=2")
    line = next(line for line in gateway.log if "still starting" in line)
    assert re.search(r"the journal is read|the store of the page is opened|what delivers", line), line
    assert gateway.log.index(line) < next(i for i, text in enumerate(gateway.log) if "started version=" in text)


def test_a_slow_stop_says_what_is_left(make_gateway):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        gateway = make_gateway({"stop.deadline_ms": 6000}, {"NOVEUM_API_KEY": "nv_x",
                                                            "NOVEUM_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        trace = Trace()
        post_ok(gateway.port, trace.request([trace.span("stays")]))
        gateway.wait_status(lambda s: s["exporter"]["queued_traces"] == 1)
        gateway.process.send_signal(signal.SIGTERM)
        gateway.wait_log("still stopping seconds=2")
        line = next(line for line in gateway.log if "still stopping" in line)
        assert re.search(r"left_s=[234] claims=1 queued=1 outbox=0: ", line), line
        gateway.wait_log("still stopping seconds=4")
        assert gateway.stop() == 0
    assert len([line for line in gateway.log if "still stopping" in line]) == 2  # at 2 s and 4 s, the next would be at 8 s


def test_retries_say_how_many_are_left(slow_disk, make_gateway, backend):
    gateway = make_gateway({}, {**settings_for(backend), **slow_disk, "SLOW_DISK_MS": "100"})
    backend.always = Fault(status=400)
    traces = [Trace() for _ in range(30)]
    post_ok(gateway.port, b"".join(t.request([t.span("unwanted")]) for t in traces))
    gateway.wait_status(lambda s: s["exporter"]["refused_in_row"] == 30)
    backend.always = None
    done = subprocess.run([PROGRAM, "dead", "retry", "all", f"--set=journal.directory={gateway.directory / 'journal'}"],
                          capture_output=True, text=True, timeout=2 * TIME, env=clean_environment(), check=True)
    assert done.stdout.count("sent again") == 30
    told = re.findall(r"retry of dead letters goes on: (\d+) done, (\d+) left, (\d+) s", done.stderr)
    assert told and told[0][2] == "2", done.stderr
    assert all(0 < int(count) < 30 and int(count) + int(left) == 30 for count, left, _ in told), told
    backend.wait_traces(30, 2 * TIME)


def test_a_gateway_that_does_not_answer_a_retry_is_told(make_gateway):
    gateway = make_gateway()
    gateway.process.send_signal(signal.SIGSTOP)
    command = subprocess.Popen([PROGRAM, "dead", "drop", "all", f"--set=journal.directory={gateway.directory / 'journal'}"],
                               stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=clean_environment())
    try:
        assert "drop of dead letters: no answer yet, 2 s" in command.stderr.readline()
    finally:
        gateway.process.send_signal(signal.SIGCONT)
        rest = command.communicate(timeout=TIME)[1]
    assert command.returncode == 0, rest


def test_a_slow_check_of_the_journal_says_how_far_it_is(slow_disk, make_gateway):
    gateway = make_gateway()
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("kept", parent=trace.span("never"))]))
    assert gateway.stop() == 0
    done = subprocess.run([PROGRAM, "journal", "check", f"--set=journal.directory={gateway.directory / 'journal'}"], capture_output=True, text=True,
                          timeout=2 * TIME, env=clean_environment(**slow_disk, SLOW_DISK_READ_MS="20"), check=True)
    assert re.search(r"^noveum-gateway: the journal is read: \d+ of [1-9]\d* files, 2 s$", done.stderr, re.MULTILINE), done.stderr
    assert " 0 damaged" in done.stdout
