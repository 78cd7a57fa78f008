"""State directories of every version that was released are read by this one; those of a later one are left alone, with a reason.

tests/data/journal-versions holds what each version left behind when it was killed, and what is to come of it.
"""
import hashlib
import json
import pathlib
import struct
import tarfile

import pytest
from conftest import ROOT, TIME

VERSIONS = ROOT / "tests" / "data" / "journal-versions"
NAMES = sorted(path.stem for path in VERSIONS.glob("*.json"))
HEADER, FORMAT_AT, CRC_AT = 64, 8, 12  # of a segment's page (docs/design/0004-journal.md)


def unpack(name, directory):
    journal = directory / "journal"
    journal.mkdir(mode=0o700)
    with tarfile.open(VERSIONS / f"{name}.tar.gz") as archive:
        archive.extractall(journal)
    for path in journal.iterdir():
        path.chmod(0o600)
    return journal


def environment(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "upgrade"}


def test_there_is_one_of_each_version():
    assert {json.loads((VERSIONS / f"{name}.json").read_text("utf-8"))["version"] for name in NAMES} >= {"0.1.0", "0.2.0"}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_version_left_behind_is_delivered(make_gateway, backend, directory, name):
    expected = json.loads((VERSIONS / f"{name}.json").read_text("utf-8"))
    unpack(name, directory)
    gateway = make_gateway({"journal.max_bytes": 16 << 20}, environment(backend))
    spans = sum(expected["to_come"].values())
    backend.wait_spans(spans, 2 * TIME)
    gateway.wait_balanced(delivered=spans, held=0, queued=0)
    assert {trace: len(doc["spans"]) for trace, doc in backend.traces.items()} == expected["to_come"]
    status = gateway.status()
    assert status["journal"]["damaged"] == 0 and status["journal"]["missing"] == 0, status["journal"]
    done = [line for line in gateway.log if "damaged" in line or "missing" in line]
    assert done == []
    backend.assert_clean()


@pytest.mark.parametrize("name", NAMES)
def test_its_dead_letters_are_listed_and_sent_again(make_gateway, backend, directory, run, name):
    expected = json.loads((VERSIONS / f"{name}.json").read_text("utf-8"))
    journal = unpack(name, directory)
    asked = run("journal", "check", f"--set=journal.directory={journal}")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    listed = run("dead", "list", f"--set=journal.directory={journal}")
    assert listed.returncode == 0 and len(listed.stdout.splitlines()) == expected["dead_letters"], listed.stdout + listed.stderr
    gateway = make_gateway({"journal.max_bytes": 16 << 20}, environment(backend))
    spans = sum(expected["to_come"].values())
    backend.wait_spans(spans, 2 * TIME)
    retried = run("dead", "retry", "all", f"--set=journal.directory={journal}")
    assert retried.returncode == 0, retried.stderr
    backend.wait_spans(spans + 2, 2 * TIME)
    gateway.wait_status(lambda s: s["spans"]["delivered"] >= spans)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def of_later_version(path, number):
    """Gives a segment the format of a version to come."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, FORMAT_AT, number)
    struct.pack_into("<I", data, CRC_AT, crc32c(bytes(data[:CRC_AT] + data[CRC_AT + 4:HEADER])))
    path.write_bytes(data)


def sums(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in pathlib.Path(directory).glob("journal-*")}


@pytest.mark.parametrize("command", [(), ("journal", "check"), ("dead", "list")], ids=["start", "journal check", "dead list"])
def test_a_later_version_is_refused_and_left_as_it_is(backend, directory, run, command):
    journal = unpack(NAMES[-1], directory)
    of_later_version(sorted(journal.glob("journal-*"))[0], 99)
    before = sums(journal)
    done = run(*command, f"--set=journal.directory={journal}", "--set=receiver.http.listen=127.0.0.1:0",
               "--set=receiver.grpc.listen=127.0.0.1:0", "--set=admin.listen=127.0.0.1:0", environment=environment(backend), cwd=directory)
    assert done.returncode in (1, 2), done.stderr
    assert "newer version" in done.stderr and "format 99" in done.stderr and str(journal)[:80] in done.stderr
    assert sums(journal) == before
