"""What is refused at the start, with which exit code, and whether it says what to do."""
import json
import os
import resource
import socket
import subprocess

import pytest
from conftest import PROGRAM, TIME, clean_environment


def refused(run, *arguments, **options):
    done = run(*arguments, **options)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stderr.startswith("noveum-gateway: "), done.stderr
    return done.stderr


def test_version_and_help(run):
    assert run("--version").stdout.startswith("noveum-gateway ")
    shown = run("--help").stdout
    for word in ("receiver.http.listen", "doctor", "--set", "NOVEUM_API_KEY", "Exit codes"):
        assert word in shown


def test_arguments_that_are_not_understood(run):
    assert "--colour" in refused(run, "--colour")
    assert 'unknown command "start"' in refused(run, "start")
    assert "needs FILE" in refused(run, "explain")
    assert "unexpected argument" in refused(run, "doctor", "now")


def test_an_unknown_key_names_place_and_nearest(run, directory):
    config = directory / "gateway.yaml"
    config.write_text("assembly:\n  quiet_ms: 5\n  quite_logs_ms: 6\n")
    message = refused(run, "--config", str(config))
    assert f"{config}:3:3" in message and "assembly.quiet_logs_ms" in message


def test_a_missing_config_file(run):
    assert "/nowhere.yaml" in refused(run, "--config", "/nowhere.yaml")


def test_plain_http_to_another_machine(run):
    environment = {"NOVEUM_API_KEY": "nv_x", "NOVEUM_ENDPOINT": "http://example.com/api"}
    message = refused(run, environment=environment)
    assert "https" in message and "allow_insecure_transport" in message and "nv_x" not in message


def test_a_missing_directory(run):
    message = refused(run, "--set=journal.directory=/nowhere/at/all")
    assert '"/nowhere/at"' in message


def test_directories_that_cannot_be_made(make_gateway):
    for key in ("journal.directory", "exporter.file.directory"):
        gateway = make_gateway({key: "/proc/nothing"}, start=False).start(wait=False)
        assert gateway.wait_exit() == 1
        assert key in gateway.stderr() and "/proc/nothing" in gateway.stderr(), gateway.stderr()
        assert f"--set {key}=DIR" in gateway.stderr()


def test_a_tokens_file_that_is_not_there(run):
    assert "/nowhere" in refused(run, "--set=receiver.auth.tokens_file=/nowhere")


def test_pii_is_not_silently_ignored(run):
    assert "need a salt" in refused(run, environment={"NOVEUM_PII_ENABLED": "true"})


def test_check_config(run, directory):
    done = run("--check-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rules = directory / "rules"
    rules.write_text("this is no rule\n")
    done = run("--check-config", f"--set=mapping.rules_file={rules}")
    assert done.returncode == 2 and f"{rules}:1" in done.stderr


def test_a_port_in_use_says_which_and_what_to_do(make_gateway):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for key in ("receiver.http.listen", "receiver.grpc.listen", "admin.listen"):
            gateway = make_gateway({key: address}, start=False).start(wait=False)
            assert gateway.wait_exit() == 1
            assert address in gateway.stderr() and key in gateway.stderr(), gateway.stderr()


def test_a_journal_in_use_is_exit_code_3(make_gateway, backend):
    environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}
    first = make_gateway(environment=environment)
    second = make_gateway(environment=environment, start=False).start(wait=False)
    assert second.wait_exit() == 3
    assert str(first.directory) in second.stderr()
    assert "stop the other one" in second.stderr() and "--set journal.directory=DIR" in second.stderr()
    assert first.get("/healthz")[0] == 200


def test_ready_is_told_to_systemd(make_gateway, directory):
    path = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(TIME)
        gateway = make_gateway(environment={"NOTIFY_SOCKET": str(path)})
        assert listener.recv(100) == b"READY=1"
        assert gateway.stop() == 0
        assert listener.recv(100) == b"STOPPING=1"


def test_a_watchdog_is_fed(make_gateway, directory):
    path = directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(TIME)
        make_gateway(environment={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "30000000"})
        assert listener.recv(100) == b"READY=1"
        assert [listener.recv(100) for _ in range(2)] == [b"WATCHDOG=1"] * 2


def test_no_core_files_with_secrets(make_gateway):
    gateway = make_gateway()
    # a process that is not dumpable has its /proc entries owned by root
    with open(f"/proc/{gateway.process.pid}/status", encoding="utf-8") as status:
        assert "CoreDumping:\t0" in status.read()
    done = subprocess.run(["stat", "-c", "%U", f"/proc/{gateway.process.pid}/environ"],
                          capture_output=True, text=True, check=False)
    assert done.stdout.strip() in ("root", "")


def test_stops_in_time_when_the_backend_hangs(make_gateway, backend):
    from backend import Fault
    from otlp import Trace, post_ok

    backend.always = Fault(delay_s=30)
    gateway = make_gateway(
        {"stop.deadline_ms": 2000},
        {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("root")]))
    gateway.wait_status(lambda s: s["exporter"]["requests_in_flight"] == 1)
    assert gateway.stop() == 0


@pytest.mark.parametrize("text", ["[", "a: b: c", "\t- x", "receiver: 5"])
def test_files_that_are_no_configuration(run, directory, text):
    config = directory / "gateway.yaml"
    config.write_text(text)
    assert f"{config}:1:" in refused(run, "--config", str(config), "--check-config")


def test_print_config_masks_secrets_and_names_origins(run, directory):
    config = directory / "gateway.yaml"
    config.write_text("receiver:\n  auth:\n    token: abc\n")
    done = run("--print-config", "--config", str(config), "--set=assembly.quiet_ms=2s",
               environment={"NOVEUM_API_KEY": "nv_secret", "NOVEUM_PROJECT": "shop"})
    assert done.returncode == 0
    assert "nv_secret" not in done.stdout and "abc" not in done.stdout
    assert 'api_key: "***"  # NOVEUM_API_KEY' in done.stdout
    assert 'project: "shop"  # NOVEUM_PROJECT' in done.stdout
    assert "quiet_ms: 2000  # --set" in done.stdout
    assert f"# {config}:3:5" in done.stdout
    printed = directory / "printed.yaml"
    printed.write_text(done.stdout)
    again = subprocess.run([PROGRAM, "--config", str(printed), "--print-config"], text=True,
                           capture_output=True, env=clean_environment(), check=False)
    assert again.returncode == 0, again.stderr
    strip = [line.split("  #")[0] for line in done.stdout.splitlines()]
    assert strip == [line.split("  #")[0] for line in again.stdout.splitlines()]


def test_logs_are_json_without_secrets(make_gateway):
    gateway = make_gateway(environment={"NOVEUM_API_KEY": "nv_secret"})
    assert gateway.stop() == 0
    for line in gateway.log:
        assert isinstance(json.loads(line), dict)
    assert "nv_secret" not in "\n".join(gateway.log + gateway.out)


def test_threads_are_scheduled_as_batch(gateway):
    before = os.sched_getscheduler(0)
    expected = os.SCHED_BATCH if before == os.SCHED_OTHER else before
    threads = [int(thread) for thread in os.listdir(f"/proc/{gateway.process.pid}/task")]
    assert len(threads) > 1
    assert {os.sched_getscheduler(thread) for thread in threads} == {expected}


def test_descriptors_are_raised_to_the_hard_limit(make_gateway):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        gateway = make_gateway()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    said = "few file descriptors" in gateway.stderr()
    assert said == (hard != resource.RLIM_INFINITY and hard < 4096)
