"""The container image: built from this build's program, started as it would be in a cluster (its own
user, environment only, all addresses), given one trace, stopped by SIGTERM.

Skipped, saying why, where no builder works. With buildah alone the container runs in its chroot
isolation, which needs root but no registry, no cgroups and no network of its own.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("NOVEUM_GATEWAY_PROGRAM", str(ROOT / "build/dev/noveum-gateway"))
IMAGE = "noveum-gateway:latest"

TRACE = {"resourceSpans": [{
    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "image-test"}}]},
    "scopeSpans": [{"scope": {"name": "test"}, "spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
        "name": "chat model", "kind": 3, "startTimeUnixNano": "1790000000000000000",
        "endTimeUnixNano": "1790000001000000000",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]}]}]}]}


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=2) as reply:
        return reply.read().decode()


def wait_for(what, seconds=30):
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        try:
            if what():
                return
        except OSError as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {last}")


@pytest.fixture(scope="module")
def image():
    if not pathlib.Path(PROGRAM).exists():
        pytest.skip("no program was built")
    build = subprocess.run([ROOT / "deploy/build-image.sh", PROGRAM], capture_output=True, text=True,
                           check=False, timeout=300)
    if build.returncode == 3:
        pytest.skip(build.stderr.strip())
    if shutil.which("buildah") is None:
        pytest.skip("the test runs the container with buildah, which is not installed")
    assert build.returncode == 0, build.stderr
    listed = subprocess.run(["buildah", "images", "-q", IMAGE], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("the image is in an archive only: buildah has no normal storage here")
    return IMAGE


def test_image_is_configured_for_a_cluster(image):
    text = subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True,
                          text=True, check=True).stdout
    config = json.loads(text)["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert set(config["ExposedPorts"]) == {"4317/tcp", "4318/tcp", "13133/tcp"} or set(
        config["ExposedPorts"]) == {"4317", "4318", "13133"}
    environment = dict(item.split("=", 1) for item in config["Env"])
    assert environment["NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN"] == "0.0.0.0:4318"
    assert config["Entrypoint"] == ["/usr/bin/noveum-gateway"]


def descendants(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child)] + descendants(int(child))
    return found


def gateway_pid(pid):
    for child in descendants(pid):
        command = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        if command[0] == b"/usr/bin/noveum-gateway":
            return child
    return None


def test_container_takes_a_trace_and_stops(image):
    if os.geteuid() != 0:
        pytest.skip("chroot isolation needs root")
    container = subprocess.run(["buildah", "from", image], capture_output=True, text=True,
                               check=True).stdout.strip()
    http, admin = free_port(), free_port()
    environment = {
        "NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN": f"0.0.0.0:{http}",
        "NOVEUM_GATEWAY_RECEIVER_GRPC_LISTEN": f"0.0.0.0:{free_port()}",
        "NOVEUM_GATEWAY_ADMIN_LISTEN": f"0.0.0.0:{admin}",
    }
    flags = [flag for key, value in environment.items() for flag in ("--env", f"{key}={value}")]
    child = subprocess.Popen(["buildah", "run", "--isolation", "chroot", *flags, container, "--",
                              "/usr/bin/noveum-gateway"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: get(f"http://127.0.0.1:{admin}/readyz") is not None or child.poll() is not None)
        assert child.poll() is None, child.stdout.read().decode()
        pid = gateway_pid(child.pid)
        assert pid is not None
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "Uid:\t65532" in status
        request = urllib.request.Request(f"http://127.0.0.1:{http}/v1/traces", json.dumps(TRACE).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as reply:
            assert reply.status == 200
        wait_for(lambda: "\nnoveum_spans_delivered_total 1\n" in get(f"http://127.0.0.1:{admin}/metrics"))
        os.kill(pid, signal.SIGTERM)
        child.wait(20)
        assert child.returncode == 0, child.stdout.read().decode()
    finally:
        if child.poll() is None:
            pid = gateway_pid(child.pid)
            os.kill(pid or child.pid, signal.SIGKILL)
            child.wait(10)
        child.stdout.close()
        subprocess.run(["buildah", "rm", container], capture_output=True, check=False)
