"""A disk that was full opens again: filled to the brim through an outage, then the backend is back.

Under a quota, on a tmpfs and on an ext4 image that are smaller than the quota; also when the process
was killed while the disk was full. Whoever waits must be let in within seconds of the first delivery.
Mounting needs root: without it those cases are skipped, the quota is tried always.
"""
import os
import random
import signal
import socket
import subprocess
import time

import pytest

from backend import Fault
from conftest import SLOW
from otlp import Trace
from test_held import CountingBackend
from test_pressure import fill

SOAK = os.environ.get("NOVEUM_SOAK") == "1"
MARK = b"\xfe\xed\xfa\xce" * 4
OPENS_S = 5 * SLOW
PIPELINED = 32


class Filler:
    """Single-span requests of one size, pipelined over one connection."""

    def __init__(self, size):
        self.kept = self.sequence = 0
        self.random = random.Random(size)
        trace = Trace(service="filler", trace_id=MARK)
        span = trace.span("chat")
        small = len(trace.request([span]))
        self.bulk = max(1, size - small - 40)
        # Text that gzip can't halve, else the disk would hold four times as much.
        text = b"q" * self.bulk
        span = trace.span("chat", **{"gen_ai.prompt": text.decode()})
        self.body = trace.request([span])
        assert text in self.body
        self.text = text

    def request(self):
        self.sequence += 1
        trace_id = self.sequence.to_bytes(16, "big")
        text = self.random.randbytes(self.bulk // 2 + 1).hex()[:self.bulk].encode()
        body = self.body.replace(MARK, trace_id).replace(self.text, text)
        return (b"POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-protobuf\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body)) + body

    def statuses(self, stream, count, found):
        for _ in range(count):
            line = stream.readline()
            if not line:
                break
            length = 0
            while (header := stream.readline().strip()):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            stream.read(length)
            found.append(int(line.split()[1]))

    def send(self, port, count):
        """Statuses of `count` requests on a new connection."""
        statuses = []
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            with connection.makefile("rb") as stream:
                try:  # what is refused before its body was read ends the connection
                    connection.sendall(b"".join(self.request() for _ in range(count)))
                except OSError:
                    pass
                try:
                    self.statuses(stream, count, statuses)
                except OSError:
                    pass
        self.kept += statuses.count(200)
        return statuses

    def fill(self, port, limit_s=90):
        """Until nothing was taken for a while, 429 aside."""
        until = time.monotonic() + limit_s * SLOW
        refused = 0
        while refused < 12:
            assert time.monotonic() < until, f"the disk is not full after {self.kept} requests"
            statuses = self.send(port, PIPELINED)
            if 200 in statuses:
                refused = 0
            elif 503 in statuses:
                refused += 1
                time.sleep(0.1)


def mount(arguments, target):
    target.mkdir()
    done = subprocess.run(["mount", *arguments, str(target)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr.strip()}")


@pytest.fixture
def volume(directory):
    """make(kind) gives settings of a journal that can't hold more than a few megabytes."""
    mounted = []

    def make(kind):
        place = directory / "volume"
        name, _, mb = kind.partition("-")
        if name == "quota":
            return {"journal.directory": str(directory / "journal"),
                    "journal.max_bytes": f"{mb}MiB"}
        if os.geteuid() != 0:
            pytest.skip("mounting a file system needs root")
        if name == "tmpfs":
            mount(["-t", "tmpfs", "-o", f"size={mb}m", "tmpfs"], place)
        else:
            image = directory / "image"
            with open(image, "wb") as file:
                file.truncate(int(mb) << 20)
            subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, timeout=30)
            mount(["-o", "loop", str(image)], place)
        mounted.append(place)
        return {"journal.directory": str(place / "journal")}

    yield make
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.fixture
def counting():
    server = CountingBackend()
    yield server
    server.close()


def ready(gateway):
    code, _, said = gateway.get("/readyz")
    return code, said


def wait_open(filler, gateway, counting):
    """Seconds from the first delivery until a request is taken."""
    first = None
    until = time.monotonic() + 60 * SLOW
    while True:
        if first is None and counting.spans:
            first = time.monotonic()
        if first is not None and 200 in filler.send(gateway.port, 1):
            return time.monotonic() - first
        assert time.monotonic() < until, f"still closed: {ready(gateway)}"
        time.sleep(0.05)


SIZES = [60000, 6000, 500]
CASES = [(kind, size, killed) for kind in ("quota-12", "tmpfs-24") for size in SIZES
         for killed in (False, True)] + [("ext4-40", 60000, False), ("ext4-40", 6000, True)]
if SOAK:
    CASES += [(kind, size, killed) for kind in ("ext4-40", "tmpfs-200", "quota-100")
              for size in SIZES for killed in (False, True)]


def start(make_gateway, counting, settings):
    return make_gateway(settings, {"NOVEUM_API_KEY": counting.key, "NOVEUM_ENDPOINT": counting.url,
                                   "NOVEUM_PROJECT": "full"})


@pytest.mark.parametrize("kind, size, killed", CASES)
def test_it_opens_again(make_gateway, counting, volume, kind, size, killed):
    gateway = start(make_gateway, counting, volume(kind))
    filler = Filler(size)
    counting.always = Fault(status=503)
    begun = time.monotonic()
    filler.fill(gateway.port)
    filled_s = time.monotonic() - begun
    code, said = ready(gateway)
    assert code == 503 and "journal" in said, said
    assert gateway.status()["journal"]["full"] is True
    if killed:
        gateway.stop(signal.SIGKILL)
        gateway.start()
    counting.always = None
    opened_s = wait_open(filler, gateway, counting)
    print(f"{kind} with {size} B{' killed' * killed}: {filler.kept} kept in {filled_s:.1f} s, "
          f"open {opened_s:.2f} s after the first delivery")
    assert opened_s < OPENS_S
    gateway.wait_status(lambda s: s["spans"]["delivered"] + s["spans"]["dropped"] ==
                        s["spans"]["received"], timeout=60 * SLOW)
    assert ready(gateway)[0] == 200
    assert gateway.status()["journal"]["full"] is False
    assert len(counting.spans) >= filler.kept
    gateway.assert_balanced()
    log = "\n".join(gateway.log)
    assert "no room" in log and "there is room again" in log


def test_a_disk_that_is_full_at_the_start(make_gateway, counting, volume, directory):
    settings = volume("tmpfs-8")
    ballast = fill(directory / "volume")
    gateway = start(make_gateway, counting, settings)
    code, said = ready(gateway)
    assert code == 503 and "No space left on device" in said and "volume/journal" in said, said
    assert "No space left" in gateway.status()["journal"]["refusing"]
    filler = Filler(500)
    assert filler.send(gateway.port, 1) == [503]
    ballast.unlink()
    gateway.wait_status(lambda s: not s["journal"]["full"])
    assert ready(gateway)[0] == 200 and filler.send(gateway.port, 1) == [200]


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")


def as_nobody(gateway):
    command = gateway.command
    gateway.command = lambda: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               *command()]
    return gateway


@needs_root
def test_a_directory_that_everybody_can_write(make_gateway, counting, directory):
    """A pod's emptyDir: of root, 0777. It works, is warned of, and nobody else's file is taken."""
    place = directory / "state"
    place.mkdir()
    place.chmod(0o777)
    directory.chmod(0o755)
    gateway = start(make_gateway, counting, {"journal.directory": str(directory / "other")})
    gateway.stop()
    gateway.settings["journal.directory"] = str(place)
    as_nobody(gateway)
    gateway.start()
    assert ready(gateway)[0] == 200
    assert Filler(500).send(gateway.port, 1) == [200]
    assert gateway.status()["journal"]["everybody_can_write"] is True
    assert any("everybody can write the directory" in line and str(place) in line
               for line in gateway.log), gateway.log
    modes = {file.name: file.stat().st_mode & 0o777 for file in place.iterdir()}
    assert set(modes.values()) <= {0o600}, modes
    gateway.stop()
    taken = place / "journal-00000009"
    taken.write_bytes(bytes(70000))
    os.chown(taken, 1234, 1234)
    taken.chmod(0o666)
    gateway.start(wait=False)
    assert gateway.wait_exit() != 0
    assert taken.name in gateway.stderr() and "user 1234" in gateway.stderr(), gateway.stderr()


@needs_root
def test_a_directory_that_cannot_be_written(make_gateway, counting, directory):
    """Another user's, with a lock that may be opened: it starts, is not ready and says why."""
    place = directory / "state"
    place.mkdir()
    (place / "lock").touch()
    (place / "lock").chmod(0o666)
    place.chmod(0o755)
    directory.chmod(0o755)
    gateway = start(make_gateway, counting, {"journal.directory": str(place)})
    gateway.stop()
    for file in place.iterdir():
        if file.name != "lock":
            file.unlink()
    as_nobody(gateway).start()
    code, said = ready(gateway)
    assert code == 503 and "Permission denied" in said and str(place) in said, said
    assert Filler(500).send(gateway.port, 1) == [503]
    assert any("errno=13" in line and str(place) in line for line in gateway.log), gateway.log
