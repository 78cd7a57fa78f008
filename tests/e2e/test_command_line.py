"""health, version, help: what a person or a container asks first."""
import json
import re
import subprocess

import pytest
from conftest import PROGRAM, ROOT, TIME, clean_environment
from test_commands import arguments

COMMANDS = json.loads(subprocess.run([PROGRAM, "--print-commands"], capture_output=True, check=True, timeout=TIME).stdout)


def test_health_asks_at_the_admin_port(run, make_gateway):
    gateway = make_gateway()
    port = gateway.ports["admin"]
    done = run("health", f"--set=admin.listen=127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (0, "ready\n"), done.stderr
    assert gateway.stop() == 0
    done = run("health", f"--set=admin.listen=127.0.0.1:{port}")
    assert done.returncode == 1 and f"127.0.0.1:{port}" in done.stderr and "refused" in done.stderr


def test_health_asks_over_the_control_socket_where_no_port_is_named(run, make_gateway):
    gateway = make_gateway({"admin.listen": "none"})
    done = run(*arguments(gateway, "health", "--set=admin.listen=none", "--json"))
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["ready"] is True and said["where"].endswith("/journal/control")
    assert gateway.stop() == 0
    done = run(*arguments(gateway, "health", "--set=admin.listen=none", "--json"))
    assert done.returncode == 1 and json.loads(done.stdout)["ready"] is False


def test_health_of_something_else(run):
    import socket
    import threading
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer():
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(b"\x1b[2JI am no gateway\r\n")
        thread = threading.Thread(target=answer)
        thread.start()
        done = run("health", f"--set=admin.listen=127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert done.returncode == 1 and "no gateway" in done.stderr and "\x1b" not in done.stderr


def test_version_names_commit_and_libraries(run):
    first, *rest = run("version").stdout.splitlines()
    assert re.fullmatch(r"noveum-gateway \d+\.\d+\.\d+", first)
    assert any(re.fullmatch(r"commit ([0-9a-f]{7,40}|unknown)", line) for line in rest)
    assert "SQLite 3" in rest[-1] and "libcurl" in rest[-1]
    said = json.loads(run("--version", "--json").stdout)
    assert said["libraries"]["OpenSSL"] in rest[-1] and said["version"] == first.split()[1]


@pytest.mark.parametrize("command", COMMANDS["commands"], ids=lambda c: c["words"])
def test_each_command_has_a_help_of_its_own(run, command):
    words = [w for w in (command["first"], command["second"]) if w]
    behind, before = run(*words, "--help"), run("help", *words)
    assert behind.returncode == before.returncode == 0
    assert behind.stdout == before.stdout
    assert behind.stdout.startswith(f"usage: noveum-gateway {command['words']} ")
    for option in command["options"]:
        assert f"--{option['name']}" in behind.stdout
    assert "sampling.rate" not in behind.stdout


def test_the_nearest_command_is_named(run):
    for words, near in ((["docter"], "doctor"), (["dead", "lsit"], "dead list"), (["--confg=x"], "--config")):
        done = run(*words)
        assert done.returncode == 2 and f'did you mean "{near}"?' in done.stderr, done.stderr


def test_explain_reads_standard_input():
    body = (ROOT / "tests/fixtures/oi-openai-chat/001.pb").read_bytes()
    done = subprocess.run([PROGRAM, "explain", "-"], input=body, capture_output=True, timeout=TIME,
                          env=clean_environment(), check=False)
    assert done.returncode == 0 and b"llm.model" in done.stdout


def test_a_reader_that_went_away(run):
    """`| head -1` ends the program without a word, and not by its own fault."""
    done = subprocess.run(f"{PROGRAM} --help | head -1; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
                          capture_output=True, text=True, timeout=TIME, env=clean_environment(), check=False)
    assert done.stdout.startswith("noveum-gateway") and done.stderr == "" and done.returncode in (0, 141)
    done = subprocess.run(f"{PROGRAM} version >&-", shell=True, capture_output=True, text=True, timeout=TIME,
                          env=clean_environment(), check=False)
    assert done.stderr == "" and done.returncode == 0
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=TIME,
                              env=clean_environment(), check=False)
    assert done.returncode == 1 and "can't write the output" in done.stderr
