"""The container image: built twice from this build's program, looked into, started as a careful cluster would start it (read-only,
no capability, 64 MB, a user nobody has heard of), given traces by a real SDK, asked for its health, stopped by SIGTERM.

Skipped, saying why, where no builder works. What runs the container is podman, with the first of its runtimes that works here.
"""
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import tarfile
import time

import pytest
from conftest import PROGRAM, ROOT, SLOW, TIME, WAITS
from otlp_http_kit import free_port
from test_end_to_end import run_agent, sdk_exporter

SIZE_MAX = 30_000_000
MEMORY = "64m"
# Where a runtime may not raise limits, it must be told limits that are below its own.
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


def build():
    """Digest and bytes as the build says them."""
    done = subprocess.run([ROOT / "deploy/build-image.sh", PROGRAM], capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    digest, size, _ = (ROOT / "build/image.id").read_text().split()
    return digest, int(size)


class Image:
    """build/image.tar, opened."""

    def __init__(self):
        self.digest, self.size = build()
        self.files, self.members = {}, {}
        with tarfile.open(ROOT / "build/image.tar") as archive:
            (manifest,) = json.load(archive.extractfile("manifest.json"))
            self.config = json.load(archive.extractfile(manifest["Config"]))
            for layer in manifest["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as contents:
                    for member in contents:
                        self.members["/" + member.name.strip("/")] = member
                        if member.isfile():
                            self.files["/" + member.name] = contents.extractfile(member).read()


@pytest.fixture(scope="module")
def image():
    if not pathlib.Path(PROGRAM).exists():
        pytest.skip("no program was built")
    return Image()


def test_two_builds_are_one_digest_and_small(image):
    digest, size = build()
    assert digest == image.digest
    # a sanitizer's program and runtime are bytes of nobody's image
    assert size <= SIZE_MAX * (2 if SLOW > 1 else 1), f"{size} bytes"


def test_it_is_configured_for_a_cluster(image):
    config = image.config["config"]
    environment = dict(item.split("=", 1) for item in config["Env"])
    assert config["User"] == "65532:65532"
    assert set(config["ExposedPorts"]) == {"4317/tcp", "4318/tcp", "13133/tcp"}
    assert environment["NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN"] == "0.0.0.0:4318"
    assert config["Entrypoint"] == ["/usr/bin/noveum-gateway"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/noveum-gateway", "health"]
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert len(config["Labels"]["org.opencontainers.image.revision"]) == 12


def test_it_holds_what_the_program_needs_and_no_shell(image):
    programs = [name for name in image.files if image.members[name].mode & 0o100 and ".so" not in name]
    assert programs == ["/usr/bin/noveum-gateway"]
    assert not [name for name, member in image.members.items() if member.mode & 0o6000]
    state = image.members["/var/lib/noveum-gateway"]
    assert (state.uid, state.gid, state.mode & 0o7777) == (65532, 0, 0o770)
    assert len({member.mtime for member in image.members.values()}) == 1


def test_its_bill_of_materials_has_every_file_with_its_licence(image):
    bill = json.loads(image.files["/usr/share/sbom/noveum-gateway.spdx.json"])
    sums = {entry["fileName"][1:]: entry["checksums"][1]["checksumValue"] for entry in bill["files"]}
    beside = ("/usr/share/doc/", "/usr/share/common-licenses/", "/usr/share/sbom/")
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in image.files.items() if not name.startswith(beside)}
    names = {entry["SPDXID"]: entry["name"] for entry in bill["packages"]}
    for relation in bill["relationships"]:
        if relation["relationshipType"] == "GENERATED_FROM" and shutil.which("dpkg-query"):
            name, owner = relation["spdxElementId"], names[relation["relatedSpdxElement"]]
            assert (owner != "noveum-gateway") == (".so" in name or "ca-certificates" in name), (owner, name)
    for name in names.values():
        assert f"/usr/share/doc/{name}/copyright" in image.files or not shutil.which("dpkg-query"), name


# ---- it runs ------------------------------------------------------------------------------------


def podman(*arguments, timeout=60):
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, check=False, timeout=timeout)


@pytest.fixture(scope="module")
def runner(image):
    """The beginning of a `podman run` that works here."""
    if not shutil.which("podman"):
        pytest.skip("podman is not installed: tools/install-dependencies.sh image")
    tried = []
    for runtime in ("crun", "runc"):
        start = ["--runtime", runtime, "run", *LIMITS, "--network", "host", "--read-only", "--cap-drop", "all", "--memory", MEMORY]
        done = podman(*start, "--rm", image.digest, "version")
        if done.returncode == 0:
            return start
        tried.append(f"{runtime}: {done.stderr.strip().splitlines()[-1]}")
    pytest.skip("podman runs nothing here: " + "; ".join(tried))


class Container:
    """One run of the image; its ports are ours because it shares the host's network."""

    def __init__(self, runner, image, user, flags=(), **environment):
        self.ports = {name: free_port() for name in ("http", "grpc", "admin")}
        environment |= {f"NOVEUM_GATEWAY_RECEIVER_{name.upper()}_LISTEN": f"127.0.0.1:{self.ports[name]}" for name in ("http", "grpc")}
        environment |= {"NOVEUM_GATEWAY_ADMIN_LISTEN": f"127.0.0.1:{self.ports['admin']}"}
        environment |= {"NOVEUM_GATEWAY_" + key.upper().replace(".", "_"): value for key, value in WAITS.items()}
        pairs = [flag for key, value in environment.items() for flag in ("--env", f"{key}={value}")]
        done = podman(*runner, "-d", "--user", str(user), *flags, *pairs, image.digest)
        assert done.returncode == 0, done.stderr
        self.id = done.stdout.strip()

    def log(self):
        return podman("logs", self.id).stderr

    def wait_healthy(self):
        deadline = time.monotonic() + TIME + 15
        while time.monotonic() < deadline:
            done = podman("healthcheck", "run", self.id)
            if done.returncode == 0:
                return
            assert podman("inspect", "--format", "{{.State.Running}}", self.id).stdout.strip() == "true", self.log()
            time.sleep(0.1)
        raise AssertionError(self.log())

    def remove(self):
        podman("rm", "-f", "-v", "-t", "5", self.id)


def test_any_user_serves_a_real_sdk_and_stops(image, runner, backend):
    user = random.randrange(1_000_000, 2_000_000)
    container = Container(runner, image, user, NOVEUM_API_KEY=backend.key, NOVEUM_ENDPOINT=backend.url, NOVEUM_PROJECT="image")
    try:
        container.wait_healthy()
        pid = podman("inspect", "--format", "{{.State.Pid}}", container.id).stdout.strip()
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert f"Uid:\t{user}" in status and "CapEff:\t0000000000000000" in status
        sent = {run_agent(sdk_exporter(kind, container.ports["http"])) for kind in ("protobuf", "json", "gzip")}
        assert {trace["trace_id"].replace("-", "") for trace in backend.wait_traces(3, TIME)} == sent
        backend.assert_clean()
        assert podman("stop", "-t", "20", container.id).returncode == 0
        assert podman("inspect", "--format", "{{.State.ExitCode}}", container.id).stdout.strip() == "0", container.log()
        assert "memory budget" in container.log() and " warn" not in container.log()
    finally:
        container.remove()


def test_a_volume_that_is_not_writable_is_told_with_what_to_do(image, runner, directory):
    if os.geteuid() != 0:
        pytest.skip("only root makes a directory of another user")
    directory.chmod(0o755)
    done = podman(*runner, "--rm", "--user", "4711:4712", "-v", f"{directory}:/var/lib/noveum-gateway", image.digest)
    told = [line for line in done.stderr.splitlines() if line.startswith("noveum-gateway: ")]
    assert done.returncode == 1, done.stderr
    assert told[0] == ("noveum-gateway: journal.directory: cannot write '/var/lib/noveum-gateway': Permission denied "
                       "(user 4711:4712, it is of 0:0, mode 755)")
    assert "fsGroup" in told[1]
