"""Disks and memory that run out or are slow: refused with 503 at most, nothing acknowledged lost.

The small disk is a tmpfs and the small memory a control group, which only root can make: skipped
otherwise. The slow disk is a library in front of libc (slow_disk.c), so not for sanitizer builds.
NOVEUM_SOAK=1 presses on the memory for ten minutes.
"""
import http.client
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import threading
import time

import pytest

from backend import Fault
from conftest import ROOT, SLOW, TIME
from otlp import Trace
from test_crash import Load

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
DISK_MB = 24
# Below the disk's size, so that files can be moved when room is short.
SMALL = {"journal.max_bytes": str(16 << 20)}
MEMORY_MB = 64
PRESS_S = 600 if SOAK else 4
GROUPS = pathlib.Path("/sys/fs/cgroup")


def settings_for(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
            "NOVEUM_PROJECT": "pressure"}


def post(port, body):
    """(status, headers) of one request; (None, {}) when there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIME)
    try:
        connection.request("POST", "/v1/traces", body,
                           {"Content-Type": "application/x-protobuf"})
        reply = connection.getresponse()
        reply.read()
        return reply.status, dict(reply.headers)
    except (OSError, http.client.HTTPException):
        return None, {}
    finally:
        connection.close()


def arrive(backend, acknowledged, timeout):
    """Waits until all of (trace id, span id) is stored, each once."""
    def stored(seen):
        return {(trace["otel"]["trace_id"], span["span_id"])
                for trace in seen.traces.values() for span in trace["spans"]}
    backend.wait(lambda seen: acknowledged <= stored(seen), timeout)
    assert backend.schema_errors == []


class Sent:
    """Whole traces posted once each, and which of their spans were acknowledged."""

    def __init__(self, text_bytes=2000):
        self.text, self.acknowledged = "x" * text_bytes, set()

    def post(self, port):
        trace = Trace(service="pressure")
        root = trace.span("root", note=self.text)
        spans = [trace.span("step", parent=root, note=self.text), root]
        status, headers = post(port, trace.request(spans))
        if status == 200:
            self.acknowledged |= {(trace.trace_id.hex(), s.span_id.hex()) for s in spans}
        return status, headers

    def until(self, port, wanted, within_s):
        """Posts until one is answered `wanted`; returns its headers."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            status, headers = self.post(port)
            if status == wanted:
                return headers
            time.sleep(0.02)
        raise AssertionError(f"no {wanted} within {within_s} s, the last was {status}")


@pytest.fixture
def small_disk(directory):
    """A mounted tmpfs where the journal goes."""
    place = directory / "journal"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk):
    """Takes all that is free on it, in a file that is no business of the gateway's; its path."""
    # Unbuffered: what does not fit into the last write would fail once more when it is closed.
    with open(disk / "ballast", "wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
    return disk / "ballast"


@pytest.mark.parametrize("how", [None, signal.SIGKILL])
def test_a_full_disk_refuses_and_opens_again(small_disk, make_gateway, backend, how):
    gateway = make_gateway(SMALL, settings_for(backend))
    sent = Sent(text_bytes=200_000)
    sent.until(gateway.port, 200, TIME)
    ballast = fill(small_disk)
    headers = sent.until(gateway.port, 503, TIME)
    assert 0 < int(headers["Retry-After"]) <= 3600
    # What was acknowledged needs no room to leave.
    arrive(backend, sent.acknowledged, 2 * TIME)
    if how is not None:
        gateway.stop(how)
        gateway.start()
    ballast.unlink()
    sent.until(gateway.port, 200, 5 * SLOW)
    arrive(backend, sent.acknowledged, 2 * TIME)
    assert backend.duplicates == [] or how is not None
    gateway.assert_balanced()


def test_a_disk_filled_by_a_dead_backend_empties_itself(small_disk, make_gateway, backend):
    gateway = make_gateway(SMALL, settings_for(backend))
    backend.always = Fault(status=503)
    sent = Sent(text_bytes=100_000)
    sent.until(gateway.port, 503, 4 * TIME)
    backend.always = None
    sent.until(gateway.port, 200, 2 * TIME)
    arrive(backend, sent.acknowledged, 4 * TIME)
    gateway.assert_balanced()


def test_a_slow_disk_delays_answers_and_nothing_else(slow_disk, make_gateway, backend):
    """Syncs of 300 ms: no answer comes before its sync, but one sync answers many requests."""
    gateway = make_gateway({}, {**settings_for(backend), **slow_disk, "SLOW_DISK_MS": "300"})
    sent = Sent()
    begin = time.monotonic()
    assert sent.post(gateway.port)[0] == 200
    assert time.monotonic() - begin >= 0.3
    load = Load(gateway, pause_s=0.01).start()
    time.sleep(4)  # duration: answers are counted over it
    load.finish()
    # Eight senders, each waiting for its sync: one a request would be 13 in all.
    assert len(load.acknowledged) > 5 * 20
    arrive(backend, load.acknowledged | sent.acknowledged, 2 * TIME)
    assert backend.duplicates == []
    gateway.assert_balanced()


def test_retries_that_wait_for_the_disk_leave_health_alone(slow_disk, make_gateway, backend, run):
    """A sync of 100 ms for each of 30 dead letters: /healthz and /metrics are answered meanwhile."""
    gateway = make_gateway({}, {**settings_for(backend), **slow_disk, "SLOW_DISK_MS": "100"})
    backend.always = Fault(status=400)
    traces = [Trace() for _ in range(30)]
    assert post(gateway.port, b"".join(t.request([t.span("unwanted")]) for t in traces))[0] == 200
    gateway.wait_status(lambda s: s["exporter"]["refused_in_row"] == 30)
    backend.always = None
    done = []
    retry = threading.Thread(target=lambda: done.append(run(
        "dead", "retry", "all", "--set", f"journal.directory={gateway.directory / 'journal'}")))
    begin = time.monotonic()
    retry.start()
    slowest = 0
    while retry.is_alive():
        asked = time.monotonic()
        assert gateway.get("/healthz")[0] == gateway.get("/metrics")[0] == 200
        slowest = max(slowest, time.monotonic() - asked)
    took = time.monotonic() - begin
    assert done[0].returncode == 0 and done[0].stdout.count("sent again") == 30, done
    assert took >= 30 * 0.1 and slowest < took / 2, (took, slowest)
    backend.wait_traces(30, 2 * TIME)
    gateway.assert_balanced()


def test_a_failing_sync_takes_back_no_answer(slow_disk, make_gateway, backend):
    """Every fifth sync fails (EIO): its file is left, and nothing is answered before another's."""
    gateway = make_gateway({}, {**settings_for(backend), **slow_disk, "SLOW_DISK_FAILS": "5"})
    load = Load(gateway).start()
    gateway.wait_log("cannot sync a file, it is closed", 2 * TIME)
    load.wait_more(21)
    load.finish()
    assert any("cannot sync a file, it is closed" in line for line in gateway.log)
    assert set(load.answers) <= {503}, load.answers
    assert len(load.acknowledged) > 20
    arrive(backend, load.acknowledged, 2 * TIME)
    gateway.assert_balanced()


@pytest.fixture
def small_memory():
    """A control group of MEMORY_MB; yields the file by which a process joins it."""
    for place, limit, member in ((GROUPS / "memory", "memory.limit_in_bytes", "tasks"),
                                 (GROUPS, "memory.max", "cgroup.procs")):
        group = place / f"noveum-test-{os.getpid()}"
        try:
            group.mkdir()
            (group / limit).write_text(str(MEMORY_MB << 20))
        except OSError:
            if group.is_dir():
                group.rmdir()
            continue
        yield group / "cgroup.procs"
        for _ in range(100):
            if not (group / member).read_text().strip():
                break
            time.sleep(0.1)
        group.rmdir()
        return
    pytest.skip("cannot make a control group with a memory limit")


class Press:
    """Eight senders of big traces, faster than the backend takes them."""

    def __init__(self, gateway, backend):
        self.backend, self.ending, self.answers = backend, threading.Event(), set()
        self.sents = [Sent(text_bytes=400_000) for _ in range(8)]
        backend.always = Fault(delay_s=0.05)
        self.threads = [threading.Thread(target=self.run, args=(gateway.port, sent), daemon=True)
                        for sent in self.sents]
        for thread in self.threads:
            thread.start()

    def run(self, port, sent):
        while not self.ending.is_set():
            self.answers.add(sent.post(port)[0])

    def end(self):
        """What was acknowledged in all; the backend is quick again."""
        self.ending.set()
        for thread in self.threads:
            thread.join(2 * TIME)
        self.backend.always = None
        return set().union(*(sent.acknowledged for sent in self.sents))


def forget_texts(backend):
    """Ten minutes of big traces are more than the test's own memory should hold."""
    store = backend.store

    def shortened(doc):
        store(doc)
        for trace in doc["traces"]:
            for span in trace["spans"]:
                span["attributes"] = {}
    backend.store = shortened


FRUGAL = {"memory.max_bytes": str(32 << 20)}


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer needs more memory than the limit")
def test_a_memory_limit_is_never_reached(small_memory, make_gateway, backend):
    """Traces of 0.8 MB come faster than they leave: they wait on disk, nobody is killed. All
    settings of memory are the defaults: what the stages may hold follows from the group's limit."""
    forget_texts(backend)
    gateway = make_gateway({"journal.max_bytes": str(256 << 20)}, settings_for(backend),
                           group=small_memory)
    press = Press(gateway, backend)
    time.sleep(PRESS_S)  # duration: of the load
    acknowledged = press.end()
    assert gateway.process.poll() is None, gateway.stderr()
    assert acknowledged and press.answers <= {200, 429, 503}
    assert 429 in press.answers or 503 in press.answers
    arrive(backend, acknowledged, 8 * TIME)
    gateway.assert_balanced()


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer reserves terabytes of addresses")
def test_without_memory_work_waits(make_gateway, backend):
    """Allocations fail all over the program for seconds; with memory again it goes on."""
    gateway = make_gateway(FRUGAL, settings_for(backend))
    pid = gateway.process.pid
    size = int((pathlib.Path("/proc") / str(pid) / "statm").read_text().split()[0])
    limit = size * os.sysconf("SC_PAGE_SIZE") + (96 << 20)
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    press = Press(gateway, backend)
    time.sleep(3)  # duration: of the load without memory
    acknowledged = press.end()
    assert gateway.process.poll() is None, gateway.stderr()
    # None: closed without an answer, where not even the answer had memory.
    assert press.answers <= {200, 429, 503, None}
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    assert acknowledged
    arrive(backend, acknowledged, 8 * TIME)
    gateway.assert_balanced()
