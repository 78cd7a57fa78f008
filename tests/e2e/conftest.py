"""Fixtures of the end-to-end tests: the real program on free ports, the strict stand-in backend.

The program is what NOVEUM_GATEWAY_PROGRAM names (ctest sets it), so that the same tests run against
every preset. Sanitizer builds are slower: TIME stretches every wait.
"""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from backend import Backend  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("NOVEUM_GATEWAY_PROGRAM", str(ROOT / "build/dev/noveum-gateway"))
SLOW = 4 if re.search(r"/(asan|tsan|coverage)/", PROGRAM) else 1
TIME = float(os.environ.get("NOVEUM_TEST_TIME", 15)) * SLOW
Backend.patience_s = TIME

# Short waits, so that a test takes a second and not ten minutes.
WAITS = {
    "assembly.quiet_ms": 150 * SLOW,
    "assembly.quiet_distributed_ms": 600 * SLOW,
    "assembly.quiet_logs_ms": 600 * SLOW,
    "assembly.open_ms": 1500 * SLOW,
    "assembly.remote_parent_ms": 1000 * SLOW,
    "exporter.noveum.batch_ms": 50,
}


def clean_environment(**extra):
    """The caller's environment without anything that configures a gateway or an SDK."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("NOVEUM", "OTEL", "XDG"))}
    # a suppressed leak report would hide one in the gateway; abort makes a crash visible as one
    kept.setdefault("ASAN_OPTIONS", "abort_on_error=1:detect_leaks=1")
    kept.setdefault("TSAN_OPTIONS", "halt_on_error=1:second_deadlock_stack=1")
    kept["NO_PROXY"] = "127.0.0.1,localhost"
    return {**kept, **extra}


HAND_OVER = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.execv(sys.argv[2], sys.argv[2:])"


JOIN_GROUP = "import os, sys; open(sys.argv[1], 'w').write('0'); os.execv(sys.argv[2], sys.argv[2:])"


class Gateway:
    """One run of the program. Ports are found by asking for port 0 and reading the log."""

    def __init__(self, directory, settings=None, environment=None, arguments=(), cwd=None,
                 defaults=True, inherits=None, group=None):
        self.directory = pathlib.Path(directory)
        self.settings = {
            "receiver.http.listen": "127.0.0.1:0",
            "receiver.grpc.listen": "127.0.0.1:0",
            "admin.listen": "127.0.0.1:0",
            "journal.directory": str(self.directory / "journal"),
            "log.format": "json",
            "stop.deadline_ms": "15000",
            **({k: str(v) for k, v in WAITS.items()} if defaults else {}),
            **(settings or {}),
        }
        self.environment = clean_environment(HOME=str(self.directory), **(environment or {}))
        self.arguments = list(arguments)
        self.cwd = cwd or self.directory
        self.inherits = inherits  # a descriptor that becomes number 3, the first of LISTEN_FDS
        self.group = group  # the file of a control group that a process joins by writing to it
        self.process = None
        self.log, self.out = [], []
        self.ports = {}

    def command(self):
        sets = [f"--set={key}={value}" for key, value in self.settings.items()]
        return [PROGRAM, *self.arguments, *sets]

    def start(self, wait=True):
        self.log, self.out, self.ports = [], [], {}
        command, passed = self.command(), ()
        if self.inherits is not None:  # not by preexec_fn: that and the threads of gRPC don't mix
            command = [sys.executable, "-c", HAND_OVER, str(self.inherits), *command]
            passed = (self.inherits,)
        if self.group is not None:
            command = [sys.executable, "-c", JOIN_GROUP, str(self.group), *command]
        self.process = subprocess.Popen(command, cwd=self.cwd, env=self.environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        pass_fds=passed)
        self.readers = [self.read(self.process.stderr, self.log),
                        self.read(self.process.stdout, self.out)]
        if wait:
            self.wait_ready()
        return self

    @staticmethod
    def read(stream, lines):
        def run():
            for raw in stream:
                lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def wait_ready(self):
        deadline = time.monotonic() + TIME
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                self.join()
                raise AssertionError(f"ended with {self.process.returncode}: {self.stderr()}")
            for line in list(self.log):
                found = re.search(r"listening protocol=(\w+) address=[^\s\"]*:(\d+)", line)
                if found:
                    self.ports[found.group(1)] = int(found.group(2))
                if "started version=" in line:
                    return
            time.sleep(0.01)
        raise AssertionError(f"not ready: {self.stderr()}")

    def stderr(self):
        return "\n".join(self.log[-40:])

    def join(self):
        for reader in self.readers:
            reader.join(5)

    @property
    def port(self):
        return self.ports["http"]

    def stop(self, how=signal.SIGTERM):
        """Ends it and returns the exit code; never leaves it behind."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait_exit()

    def wait_exit(self, timeout=TIME + 15):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not end: {self.stderr()}") from None
        self.join()
        return code

    def get(self, path, headers=None):
        """(status, headers, text) of the admin port."""
        url = f"http://127.0.0.1:{self.ports['admin']}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=TIME + 20) as reply:
                body = reply.read()
                if reply.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                return reply.status, dict(reply.headers), body.decode()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read().decode()

    def status(self):
        return json.loads(self.get("/status")[2])

    def metrics(self):
        """{name{labels}: value} of /metrics."""
        lines = self.get("/metrics")[2].splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def wait_log(self, text, timeout=TIME):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if any(text in line for line in list(self.log)):
                return
            time.sleep(0.02)
        raise AssertionError(f"never logged: {text}\n{self.stderr()}")

    def wait_status(self, ready, timeout=TIME):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.status()
            if ready(status):
                return status
            time.sleep(0.05)
        raise AssertionError(f"never so: {status}")

    def wait_balanced(self, timeout=TIME, **counts):
        """The counters of spans, once these are so: a backend (or a broker) has what is sent before the gateway has its
        answer and has counted it."""
        self.wait_status(lambda s: all(s["spans"][name] == count for name, count in counts.items()), timeout)
        return self.assert_balanced()

    def assert_balanced(self):
        """received = delivered + dropped + dead-lettered + held + queued (docs/metrics.md)."""
        spans = self.status()["spans"]
        parts = ("delivered", "dropped", "dead_lettered", "held", "queued")
        assert spans["received"] == sum(spans[part] for part in parts), spans
        return spans


def run_program(*arguments, environment=None, cwd=None, timeout=TIME):
    """Runs the program to its end."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout,
                          cwd=cwd, env=clean_environment(**(environment or {})), check=False)


@pytest.fixture
def directory():
    # short: a Unix socket's path must fit into 108 bytes
    path = tempfile.mkdtemp(prefix="nvgw-")
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def backend():
    server = Backend()
    yield server
    server.close()


@pytest.fixture
def make_gateway(directory):
    """Makes gateways that are ended when the test is; a crash or a sanitizer's report fails it."""
    made = []

    def make(settings=None, environment=None, start=True, **options):
        gateway = Gateway(directory, settings, environment, **options)
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    for gateway in made:
        code = gateway.stop()
        report = "\n".join(gateway.log)
        assert code in (None, 0, 1, 2, 3, -signal.SIGKILL), f"exit {code}: {report[-6000:]}"
        assert "Sanitizer" not in report, report[-6000:]


@pytest.fixture
def gateway(make_gateway, backend):
    """A running gateway that delivers to the stand-in backend."""
    return make_gateway(environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                     "NOVEUM_PROJECT": "e2e"})


@pytest.fixture
def slow_disk(directory):
    """Environment in which every sync takes SYNC_MS, made by a library in front of libc."""
    compiler = shutil.which("cc")
    if compiler is None or SLOW > 1:
        pytest.skip("no compiler, or a sanitizer that must be loaded first")
    library = directory / "slow_disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library,
                    ROOT / "tests/e2e/slow_disk.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


@pytest.fixture
def run():
    return run_program
