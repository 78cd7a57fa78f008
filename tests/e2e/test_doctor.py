"""What is wrong, and does the doctor say it: one broken situation each, and its first bad line.

Only the cause is bad, not what follows from it; the last line is the one next step.
"""
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time

import pytest
from backend import Fault
from certificates import Authority
from conftest import SLOW, TIME
from network import Answerer, Proxy, reply
from otlp import Trace, post, post_ok

KEY = "nv_doctor_key_1234"
HOURS = 3600
LISTEN = {"receiver.http.listen": "127.0.0.1:0", "receiver.grpc.listen": "127.0.0.1:0", "admin.listen": "127.0.0.1:0"}


@pytest.fixture
def doctor(run, directory):
    """Runs it for an endpoint, with the key and a project; `settings` are for --set."""
    def ask(endpoint=None, environment=None, **settings):
        sets = {"journal.directory": f"{directory}/journal", **LISTEN, **settings}
        told = {"NOVEUM_API_KEY": KEY, "NOVEUM_PROJECT": "e2e", **({"NOVEUM_ENDPOINT": endpoint} if endpoint else {})}
        done = run("doctor", *(f"--set={key}={value}" for key, value in sets.items() if value), cwd=directory,
                   environment={k: v for k, v in {**told, **(environment or {})}.items() if v is not None},
                   timeout=TIME + 30)
        assert KEY not in done.stdout + done.stderr
        return done
    return ask


def bad_lines(done):
    return [line[6:] for line in done.stdout.splitlines() if line.startswith("BAD")]


def assert_says(done, first, then, level="BAD"):
    """The first line that is not ok, and the last one."""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    assert re.match(f"{level} +{first}", lines[0]), done.stdout
    assert re.search(f"^next: .*{then}", lines[-1]), done.stdout
    assert done.returncode == (1 if level == "BAD" else 0)
    if level == "BAD":
        assert len(bad_lines(done)) == 1, done.stdout
    assert ("not all is well" in done.stdout) == (level == "BAD")


# ---- answers of the backend: status line, headers, body; first line; next step ---------------

ANSWERS = {
    "wrong key": (reply("401 Unauthorized", {"success": False, "error": "refused"}),
                  "backend +401 .*the key is wrong or expired.*refused", "new key"),
    "no permission": (reply("403 Forbidden", {}), "backend +403 .*traces:write", "traces:write"),
    "no credit": (reply("402 Payment Required", {"message": "top up"}), "backend +402 .*credit is used up.*top up",
                  "credit"),
    "wrong path": (reply("404 Not Found", {}), "backend +404 .*should end in /api", "ends in /api"),
    "slow down": (reply("429 Too Many Requests", {}), "backend +429 .*slow down", "wait"),
    "backend down": (reply("503 Service Unavailable", {}), "backend +503 .*has trouble", "wait"),
    "moved": (reply("301 Moved", "<a>", ["Location: https://new.example/api/v1/status"]),
              "backend +301 .*redirect.*https://new.example/api", "where the API is now"),
    "captive portal": (reply(body="<html>Sign in to the hotel's network</html>"),
                       "backend +200 .*a page, not Noveum's API", "in a browser"),
    "denied": (reply(body={"success": False, "message": "not you"}),
               "backend +200 .*\"success\": false.*not you", "new key"),
    "clock 2 h ahead": (lambda: reply(date=-2 * HOURS), "clock +2 h 0 min ahead of the backend's", "clock"),
    "clock 2 h behind": (lambda: reply(date=2 * HOURS + 5), "clock +2 h 0 min behind the backend's", "clock"),
    "clock 5 min behind": (lambda: reply(date=305), "clock +5 min [0-9]+ s behind", "clock"),
    "hung up": (b"", "backend +the connection broke", "exporter.noveum.endpoint"),
    "not HTTP": (b"220 mail.example ESMTP\r\n", "backend +the connection broke", "exporter.noveum.endpoint"),
}


@pytest.mark.parametrize("situation", ANSWERS)
def test_an_answer_is_understood(doctor, situation):
    answer, first, then = ANSWERS[situation]
    with Answerer(answer() if callable(answer) else answer) as server:  # a date is of this moment
        assert_says(doctor(f"http://127.0.0.1:{server.port}/api"), first, then)
        assert server.heads[0].startswith("GET /api/v1/status ")


def test_a_clock_that_is_a_little_off_is_a_note(doctor):
    with Answerer(reply(date=-40)) as server:
        assert_says(doctor(f"http://127.0.0.1:{server.port}/api"), "clock +[34][0-9] s ahead", "clock", level="note")
    with Answerer(reply(date=0)) as server:
        done = doctor(f"http://127.0.0.1:{server.port}/api")
        assert "clock     as the backend's" in done.stdout and done.returncode == 0


# ---- no way to the backend -------------------------------------------------------------------

def test_a_backend_that_hangs_costs_five_seconds(doctor):
    with Answerer(None) as server:
        begun = time.monotonic()
        done = doctor(f"http://127.0.0.1:{server.port}/api")
        assert 4 < time.monotonic() - begun < 6 * SLOW + 2
        assert_says(done, "backend +no answer in time", "proxy")


def test_nobody_listens_there(doctor):
    assert_says(doctor("http://127.0.0.1:1/api"), "backend +no connection", "host and port")


def test_a_name_without_address(doctor):
    assert_says(doctor("https://noveum.invalid/api"), "backend +the endpoint's name has no address", "host of")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"), "company")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory):
    """Who has signed nothing here: the system's authorities. Under a sanitizer one, since reading 140 may take longer than a connection."""
    return {} if SLOW == 1 else {"exporter.noveum.ca_bundle": Authority(tmp_path_factory.mktemp("tls"), "stranger").cert}


def tls(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, files))
    return context


TLS = {
    "unknown authority": ({}, "backend +TLS refused: for an authority of your own", "ca_bundle"),
    "expired": ({"expired": True}, "backend +TLS refused: by this machine's clock", "clock"),
    "another host's": ({"names": "DNS:other.example"}, "backend +TLS refused: the certificate is another host's", "name"),
}


@pytest.mark.parametrize("situation", TLS)
def test_certificates(doctor, authority, strangers, situation):
    options, first, then = TLS[situation]
    trusted = strangers if situation == "unknown authority" else {"exporter.noveum.ca_bundle": authority.cert}
    with Answerer(reply(), tls=tls(authority.issue(situation.replace("'", ""), **options))) as server:
        assert_says(doctor(f"https://127.0.0.1:{server.port}/api", **trusted), first, then)
    if situation == "unknown authority":
        with Answerer(reply(), tls=tls(authority.issue("good"))) as server:
            done = doctor(f"https://127.0.0.1:{server.port}/api", **{"exporter.noveum.ca_bundle": authority.cert})
            assert done.returncode == 0, done.stdout


def test_tls_to_a_plain_port(doctor, strangers):
    with Answerer(reply("400 Bad Request")) as server:
        server.serve = lambda connection: connection.sendall(reply("400 Bad Request"))
        assert_says(doctor(f"https://127.0.0.1:{server.port}/api", **strangers), "backend +no TLS there", "port")


def test_plain_http_to_a_tls_port(doctor, authority):
    with Answerer(reply(), tls=tls(authority.issue("plain"))) as server:
        assert_says(doctor(f"http://127.0.0.1:{server.port}/api"), "backend +the connection broke.*https://", "scheme")


PROXIES = {
    "password wanted": ({"user": "a:b"}, "backend +the proxy asks for a user and a password", "exporter.noveum.proxy"),
    "not allowed": ({"answer": reply("403 Forbidden", "<h1>no</h1>")}, "backend +the proxy lets nothing through.*403", "proxy"),
    "hangs": ({"answer": None}, "backend +no answer in time", "proxy"),
    "hangs up": ({"answer": b" "}, "backend +", "."),
}


@pytest.mark.parametrize("situation", PROXIES)
def test_proxies(doctor, situation):
    options, first, then = PROXIES[situation]
    with Proxy(**options) as proxy:
        done = doctor("https://noveum.test/api", {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": ""})
        assert_says(done, first, then)
        assert f"by the proxy http://127.0.0.1:{proxy.port} from HTTPS_PROXY" in done.stdout


def test_a_proxy_that_is_not_there(doctor):
    environment = {"HTTPS_PROXY": "http://me:top-secret@127.0.0.1:9", "NO_PROXY": ""}
    done = doctor("https://noveum.test/api", environment)
    assert_says(done, "backend +no connection", "exporter.noveum.proxy")
    assert "http://***@127.0.0.1:9 from HTTPS_PROXY" in done.stdout and "top-secret" not in done.stdout
    done = doctor("https://noveum.test/api", {**environment, "HTTPS_PROXY": "proxy.invalid:3128"})
    assert_says(done, "backend +the proxy's name has no address", "exporter.noveum.proxy")


# ---- here ------------------------------------------------------------------------------------

@pytest.fixture
def good():
    with Answerer(reply(date=0)) as server:
        yield f"http://127.0.0.1:{server.port}/api"


def test_all_is_well(doctor, directory, good):
    done = doctor(good)
    assert done.returncode == 0 and done.stdout.endswith("all is well\nnext: start it: noveum-gateway\n"), done.stdout
    assert not (directory / "journal").exists()


def test_a_key_with_a_space(doctor, good):
    done = doctor(good, environment={"NOVEUM_API_KEY": KEY + " "})
    assert re.match("key +from NOVEUM_API_KEY: holds a space", bad_lines(done)[0]), done.stdout
    assert done.returncode == 1 and re.search("^next: set the key again", done.stdout, re.MULTILINE)


def test_no_project(doctor, good):
    assert_says(doctor(good, environment={"NOVEUM_PROJECT": None}), "project +none is set", "NOVEUM_PROJECT",
                level="note")


def test_plain_http_to_others_is_refused_before_any_check(doctor):
    done = doctor("http://noveum.example/api")
    assert done.returncode == 2 and "plain http would show the key" in done.stderr and done.stdout == ""


def test_missing_parents_are_made_as_the_gateway_does(doctor, directory, good):
    state = directory / "a" / "b"
    done = doctor(good, environment={"XDG_STATE_HOME": str(state)}, **{"journal.directory": None})
    assert done.returncode == 0 and f"{state}/noveum-gateway" in done.stdout, done.stdout
    assert not (directory / "a").exists()


def test_a_directory_below_a_file(doctor, directory, good):
    (directory / "state").write_text("")
    done = doctor(good, environment={"XDG_STATE_HOME": str(directory / "state")}, **{"journal.directory": None})
    assert_says(done, "disk +journal.directory: can't make .*Not a directory", "journal.directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written(doctor, directory, good):
    (directory / "journal").mkdir(mode=0o500)
    assert_says(doctor(good), "disk +journal.directory: can't write in .*Permission denied", "may write")


def test_a_read_only_place(doctor, good):
    assert_says(doctor(good, **{"journal.directory": "/proc/here"}), "disk +journal.directory: can't make /proc/here",
                "journal.directory")


@pytest.fixture
def small_disk(directory):
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    place = directory / "small"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"cannot mount: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk(doctor, small_disk, good):
    assert_says(doctor(good, **{"journal.directory": small_disk}), "disk +journal.directory: can't write much in .*No space",
                "make room")
    with contextlib.suppress(OSError), open(small_disk / "full", "wb") as file:
        file.write(b"x" * 70000)
    assert_says(doctor(good, **{"journal.directory": small_disk}), "disk +journal.directory: can't write in .*No space",
                "make room")


HOLD = "import socket,sys;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1],flush=True);sys.stdin.read()"


def test_a_port_that_another_program_has(doctor, good):
    with subprocess.Popen([sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        port = other.stdout.readline().strip()
        done = doctor(good, **{"receiver.http.listen": f"127.0.0.1:{port}"})
        assert_says(done, f"port +receiver.http.listen: .*in use.*process {other.pid} has it, python", f"stop process {other.pid}")
        other.stdin.close()


def test_a_port_that_another_gateway_has(doctor, make_gateway, good, directory):
    gateway = make_gateway()
    done = doctor(good, **{"receiver.grpc.listen": f"127.0.0.1:{gateway.ports['grpc']}",
                           "journal.directory": f"{directory}/other"})
    assert_says(done, f"port +receiver.grpc.listen: .*another gateway has it, process {gateway.process.pid}",
                f"stop process {gateway.process.pid}")


# ---- beside a gateway that runs --------------------------------------------------------------

@pytest.fixture
def beside(doctor):
    """The doctor with the options of a gateway that runs, on the ports that it got."""
    def ask(gateway, **environment):
        names = {"http": "receiver.http.listen", "grpc": "receiver.grpc.listen", "admin": "admin.listen"}
        ports = {names[of]: f"127.0.0.1:{port}" for of, port in gateway.ports.items()}
        told = {k: v for k, v in gateway.environment.items() if k.startswith("NOVEUM")}
        return doctor(environment={"NOVEUM_API_KEY": None, "NOVEUM_PROJECT": None, **told, **environment}, **ports,
                      **{"journal.directory": gateway.settings["journal.directory"]})
    return ask


def test_a_gateway_that_is_well(beside, gateway):
    post_ok(gateway.port, Trace().request([]))
    done = beside(gateway)
    assert done.returncode == 0 and done.stdout.count("served by the gateway that runs here") == 3, done.stdout
    assert "none came since it started" in done.stdout
    assert re.search(r"^next: set OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:\d+ in the application", done.stdout, re.M)


def test_what_it_holds_waits_for_and_refuses(beside, make_gateway, backend):
    gateway = make_gateway({"assembly.open_ms": "600000"}, {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url,
                                                            "NOVEUM_PROJECT": "e2e"})
    trace = Trace()
    root = trace.span("root")
    post_ok(gateway.port, trace.request([trace.span("child", parent=root)]))
    assert post(gateway.port, b"{", content_type="application/json")[0] == 400
    gateway.wait_status(lambda s: s["assembly"]["open_traces"] == 1)
    done = beside(gateway)
    assert re.search("^ok +waits +1 traces with 1 spans until they are complete", done.stdout, re.M), done.stdout
    assert re.search(r"^note +refused +1 requests since it started \(malformed 1\)", done.stdout, re.M), done.stdout
    assert done.returncode == 0 and "next: look into the gateway's log" in done.stdout


def test_a_gateway_whose_key_is_refused(beside, gateway, backend):
    backend.always = Fault(status=401, body={"message": "expired"})
    backend.probe_status = 401
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("x")]))
    gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    done = beside(gateway)
    assert re.match("backend +401 .*wrong or expired", bad_lines(done)[0]), done.stdout
    assert re.match("gateway +one runs here: held", bad_lines(done)[1]), done.stdout
    assert "next: make a new key" in done.stdout and done.returncode == 1
    backend.always, backend.probe_status = None, 200


def test_a_gateway_that_hangs(beside, gateway):
    """Ports are its own, and each question has an end."""
    gateway.process.send_signal(signal.SIGSTOP)
    try:
        done = beside(gateway)
    finally:
        gateway.process.send_signal(signal.SIGCONT)
    assert_says(done, f"gateway +process {gateway.process.pid} has the journal and does not answer",
                f"process {gateway.process.pid}")


def test_lines_come_one_by_one(directory, run):
    """What was found is there while the next check still waits."""
    from conftest import PROGRAM, clean_environment
    with Answerer(None) as server:
        sets = [f"--set={key}={value}" for key, value in {"journal.directory": f"{directory}/journal", **LISTEN}.items()]
        environment = clean_environment(NOVEUM_API_KEY=KEY, NOVEUM_ENDPOINT=f"http://127.0.0.1:{server.port}/api")
        with subprocess.Popen([PROGRAM, "doctor", *sets], env=environment, stdout=subprocess.PIPE, text=True,
                              cwd=directory) as process:
            begun = time.monotonic()
            assert process.stdout.readline().startswith("ok    key")
            assert time.monotonic() - begun < 3 and process.poll() is None
            process.stdout.read()


def test_the_same_for_programs(run, directory, good):
    """One object; exit code and next step are those of the lines."""
    with Answerer(reply("401 Unauthorized", {})) as server:
        done = run("doctor", "--json", f"--set=journal.directory={directory}/j", *(f"--set={k}={v}" for k, v in LISTEN.items()),
                   environment={"NOVEUM_API_KEY": KEY, "NOVEUM_ENDPOINT": f"http://127.0.0.1:{server.port}/api"})
    told = json.loads(done.stdout)
    bad = [finding for finding in told["findings"] if finding["level"] == "bad"]
    assert done.returncode == 1 and told["good"] is False and [finding["subject"] for finding in bad] == ["backend"]
    assert told["next"] == bad[0]["next"] and "new key" in told["next"] and KEY not in done.stdout
