"""The commands beside the running program: doctor, explain, journal, dead."""
import gzip
import json
import re

import pytest
from backend import Fault
from conftest import ROOT, TIME
from otlp import Trace, post_ok
from otlp_http_kit import free_port


def arguments(gateway, *words):
    return [*words, f"--set=journal.directory={gateway.settings['journal.directory']}"]


@pytest.fixture
def with_dead_letter(make_gateway, backend):
    """A gateway whose backend has refused one trace for good; (gateway, its trace)."""
    gateway = make_gateway(environment={"NOVEUM_API_KEY": backend.key,
                                        "NOVEUM_ENDPOINT": backend.url})
    backend.always = Fault(status=400, body={"error": "schema", "message": "no such thing"})
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("unwanted")]))
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] == 1)
    backend.always = None
    return gateway, trace


def dead_id(run, gateway):
    listed = run(*arguments(gateway, "dead", "list"))
    assert listed.returncode == 0, listed.stderr
    (line,) = listed.stdout.splitlines()
    return line.split()[0], line


@pytest.mark.parametrize("running", [True, False])
def test_a_dead_letter_is_listed_shown_and_sent_again(run, with_dead_letter, backend, running):
    gateway, trace = with_dead_letter
    if not running:
        assert gateway.stop() == 0
    number, line = dead_id(run, gateway)
    assert "rejected" in line and "unwanted" in line and trace.uuid in line
    assert "no such thing" in line
    shown = json.loads(run(*arguments(gateway, "dead", "show", number)).stdout)
    assert shown["trace"]["trace_id"] == trace.uuid
    assert shown["dead_letter"]["status"] == 400
    done = run(*arguments(gateway, "dead", "retry", number))
    assert done.returncode == 0, done.stderr
    if not running:
        gateway.start()
    backend.wait_traces(1, TIME)
    assert trace.uuid in backend.traces
    assert run(*arguments(gateway, "dead", "list")).stdout == ""
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)


def test_dropping_a_dead_letter(run, with_dead_letter):
    gateway, _ = with_dead_letter
    unknown = run(*arguments(gateway, "dead", "drop", "999999"))
    assert unknown.returncode == 1 and "no dead letter 999999" in unknown.stderr
    assert run(*arguments(gateway, "dead", "drop", "all")).returncode == 0
    listed = run(*arguments(gateway, "dead", "list"))
    assert listed.stdout == "" and "no dead letters" in listed.stderr
    assert run(*arguments(gateway, "dead", "show", "some")).returncode == 2


def test_the_control_socket_is_the_owners(with_dead_letter):
    gateway, _ = with_dead_letter
    socket = gateway.directory / "journal" / "control"
    assert socket.is_socket() and socket.stat().st_mode & 0o077 == 0
    assert gateway.stop() == 0
    assert not socket.exists()


def test_the_journal_is_listed_and_checked(run, with_dead_letter):
    gateway, _ = with_dead_letter
    assert gateway.stop() == 0
    listed = run(*arguments(gateway, "journal", "list"))
    assert listed.returncode == 0 and "dead-letter" in listed.stdout
    checked = run(*arguments(gateway, "journal", "check"))
    assert checked.returncode == 0 and " 0 damaged" in checked.stdout
    missing = run("journal", "check", "--set=journal.directory=/tmp/nothing-is-here")
    assert missing.returncode == 1 and "/tmp/nothing-is-here" in missing.stderr


def test_doctor_finds_all_well(run, directory, backend):
    done = run("doctor", f"--set=journal.directory={directory}/journal",
               "--set=receiver.http.listen=127.0.0.1:0", "--set=receiver.grpc.listen=127.0.0.1:0",
               "--set=admin.listen=127.0.0.1:0",
               environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    assert done.returncode == 0, done.stdout
    assert "all is well" in done.stdout and backend.key not in done.stdout
    assert backend.gets == ["/api/v1/status"]
    assert not (directory / "journal").exists()


@pytest.mark.parametrize("status, words", [(401, "wrong or expired"), (403, "traces:write"),
                                           (404, "endpoint"), (503, "trouble")])
def test_doctor_says_what_is_wrong_with_the_key(run, directory, backend, status, words):
    backend.probe_status = status
    done = run("doctor", f"--set=journal.directory={directory}",
               environment={"NOVEUM_API_KEY": "nv_wrong_key", "NOVEUM_ENDPOINT": backend.url})
    assert done.returncode == 1 and words in done.stdout
    assert "nv_wrong_key" not in done.stdout


def test_doctor_says_what_is_wrong_here(run, directory, gateway):
    environment = {"NOVEUM_API_KEY": "nv_x", "NOVEUM_ENDPOINT": "http://127.0.0.1:1"}
    # the ports that are not asked about are any, whoever else has a gateway on this machine
    done = run("doctor", f"--set=receiver.http.listen=127.0.0.1:{gateway.port}",
               "--set=receiver.grpc.listen=127.0.0.1:0", "--set=admin.listen=127.0.0.1:0",
               "--set=journal.directory=/proc/here", environment=environment)
    assert done.returncode == 1
    bad = re.findall(r"^BAD +(\S+)", done.stdout, re.MULTILINE)
    assert bad == ["disk", "port", "backend"] and str(gateway.port) in done.stdout


def test_doctor_is_content_with_the_gateway_that_runs(run, make_gateway, backend):
    environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}
    listen = {f"{of}.listen": f"127.0.0.1:{free_port()}"
              for of in ("receiver.http", "receiver.grpc", "admin")}
    gateway = make_gateway(settings=listen, environment=environment)
    words = [*arguments(gateway, "doctor"), *(f"--set={key}={value}" for key, value in listen.items())]
    done = run(*words, environment=environment)
    assert done.returncode == 0 and done.stdout.count("served by the gateway") == 3, done.stdout
    # in a second terminal, where nobody has set the key
    keyless = run(*words)
    assert keyless.returncode == 0 and "doctor has none" in keyless.stdout, keyless.stdout
    elsewhere = run(*words, "--set=journal.directory=/tmp/nothing-is-here", environment=environment)
    assert elsewhere.returncode == 1 and elsewhere.stdout.count("BAD   port") == 3


def test_explain_names_sources(run):
    for case in ("oi-openai-chat", "otel-openai-json-chat"):
        folder = ROOT / "tests/fixtures" / case
        file = next(p for p in sorted(folder.iterdir()) if p.name[:3].isdigit()
                    and "logs" not in p.name and p.suffix in (".pb", ".json"))
        done = run("explain", str(file))
        assert done.returncode == 0 and "llm.model" in done.stdout, (file, done.stderr)
    assert run("explain", "/nowhere").returncode == 1
    bad = run("explain", str(file), str(ROOT / "README.md"))
    assert bad.returncode == 1 and "README.md" in bad.stderr
    assert run("explain", str(ROOT / "README.md")).returncode == 1


def test_explain_joins_compressed_files(run, directory):
    folder = ROOT / "tests/fixtures/adk2-tools"
    packed = directory / "logs"
    packed.write_bytes(gzip.compress((folder / "002.logs.pb").read_bytes()))
    alone = run("explain", str(folder / "001.pb"))
    both = run("explain", str(packed), str(folder / "001.pb"))
    assert alone.returncode == 0 and both.returncode == 0, both.stderr
    assert both.stdout.count('span "') == alone.stdout.count('span "')
    assert len(both.stdout.splitlines()) > len(alone.stdout.splitlines())


def test_a_backend_that_refuses_everything(run, make_gateway, backend):
    environment = {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url}
    gateway = make_gateway(environment=environment)
    backend.always = Fault(status=400, body={"message": "captive portal"})
    traces = [Trace() for _ in range(150)]
    for trace in traces:
        post_ok(gateway.port, trace.request([trace.span("unwanted")]))
    gateway.wait_status(lambda s: s["exporter"]["refused_in_row"] == 150)
    code, _, text = gateway.get("/readyz")
    assert code == 200 and "refuses every trace" in text
    doctor = run(*arguments(gateway, "doctor"), environment=environment)
    assert doctor.returncode == 1 and "captive portal" in doctor.stdout
    assert "dead retry all" in doctor.stdout
    backend.always = None
    done = run(*arguments(gateway, "dead", "retry", "all"))
    assert done.returncode == 0 and done.stdout.count("sent again") == 150
    backend.wait_traces(150, TIME)
    gateway.wait_status(lambda s: s["exporter"]["refused_in_row"] == 0)
    assert gateway.get("/readyz")[::2] == (200, "ready\n")
