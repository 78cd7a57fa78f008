#!/usr/bin/env python3
"""Writes the state directory that a version leaves behind when it is killed: what later versions must go on reading.

    tests/data/journal-versions/make.py PROGRAM NAME [--set=KEY=VALUE...]     NAME.tar.gz and NAME.json beside this file

In it: traces that were held, whole and in part, delivered ones that must not come again, bodies that waited on disk for a backend
that was away, and dead letters. NAME.json has what a later version is to make of it. Done once for each release, by the release's
own program (docs/upgrading.md); files of before are never made again.
"""
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
import conftest  # noqa: E402
from backend import Backend, Fault  # noqa: E402
from otlp import Trace, post_ok  # noqa: E402

SETTINGS = {"journal.max_bytes": 16 << 20, "journal.durability": "os", "exporter.noveum.batch_ms": 20, "exporter.noveum.retry_initial_ms": 100,
            "exporter.noveum.retry_max_ms": 200, "exporter.noveum.spill_age_ms": 100, "exporter.noveum.max_body_bytes": 65536}


def send(gateway, spans, whole=True):
    """A trace of so many spans; its id as the backend has it."""
    trace = Trace("upgrade")
    root = trace.span("root")
    made = [root, *(trace.span(f"step {i}", parent=root) for i in range(spans - 1))]
    post_ok(gateway.port, trace.request(made if whole else made[1:]))
    return trace.uuid


def wait(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "never so"
        time.sleep(0.05)


def known(program, settings):
    """Those of the settings that this version has: 0.1 has no keys for retries."""
    page = subprocess.run([program, "--print-docs"], capture_output=True, text=True, check=True).stdout
    return {key: value for key, value in settings.items() if f"`{key}`" in page}


def leave(program, directory, sets):
    """Runs it and kills it; returns what is to be expected of the next."""
    conftest.PROGRAM = str(pathlib.Path(program).resolve())
    backend = Backend()
    gateway = conftest.Gateway(directory, known(conftest.PROGRAM, {**SETTINGS, "assembly.open_ms": 600000}), arguments=sets,
                               environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "upgrade"})
    gateway.start()
    for count in (3, 4):
        send(gateway, count)
    wait(lambda: gateway.status()["spans"]["delivered"] == 7)
    backend.plan(Fault(status=400))
    send(gateway, 2)
    wait(lambda: gateway.status()["spans"]["dead_lettered"] == 2)
    backend.plan(*[Fault(status=503)] * 10000)
    waiting = {send(gateway, count): count for count in (2, 5)}
    wait(lambda: gateway.status()["spans"]["queued"] == 7)
    time.sleep(1)  # longer than spill_age_ms: bodies go to disk
    held = {send(gateway, 6, whole=False): 5}
    assert gateway.status()["spans"]["held"] == 5
    version = gateway.status().get("version")
    gateway.process.kill()
    gateway.join()
    backend.close()
    return {"version": version, "delivered_before": 7, "dead_letters": 1, "to_come": {**waiting, **held}}


def main(program, name, *sets):
    """Command line."""
    with tempfile.TemporaryDirectory() as directory:
        expected = leave(program, pathlib.Path(directory), sets)
        with tarfile.open(HERE / f"{name}.tar.gz", "w:gz", compresslevel=9) as archive:
            for path in sorted((pathlib.Path(directory) / "journal").iterdir()):
                if path.is_file():
                    archive.add(path, path.name)
        (HERE / f"{name}.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
