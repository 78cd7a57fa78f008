"""The network of a company: proxies with and without a password, authorities and certificates of its own, IPv6.

The backend is called noveum.test, a name that only the proxy knows.
"""
import json
import re
import socket
import ssl
import urllib.request

import pytest
from backend import Backend
from certificates import Authority, openssl
from conftest import SLOW, TIME
from network import Proxy, reply
from otlp import Trace, post_ok

NAME = "noveum.test"
PASSWORD = "p%40ss-word:1"
LOGIN = f"alice:{PASSWORD}"
DECODED = "alice:p@ss-word:1"
FREE_PORTS = tuple(f"--set={key}=127.0.0.1:0" for key in ("receiver.http.listen", "receiver.grpc.listen", "admin.listen"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"), "company")


@pytest.fixture(scope="module")
def files(authority):
    return authority.issue("backend", names=f"DNS:{NAME},IP:127.0.0.1,IP:::1,DNS:localhost")


def context(files, clients=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*map(str, files))
    if clients:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(str(clients.cert))
    return made


@pytest.fixture
def secure(files):
    server = Backend(tls=context(files))
    yield server
    server.close()


@pytest.fixture
def start(make_gateway):
    """Starts one that delivers to `backend`, there called `name`."""
    def make(backend, settings=None, environment=None, name=NAME):
        endpoint = re.sub("//[^/]*:", f"//{name}:", backend.url)
        return make_gateway({"exporter.noveum.retry_max_ms": 200, "exporter.noveum.probe_ms": 500, **(settings or {})},
                            {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": endpoint, "NOVEUM_PROJECT": "e2e",
                             "NO_PROXY": "", **(environment or {})})
    return make


def send(gateway):
    trace = Trace()
    post_ok(gateway.port, trace.request([trace.span("hello")]))


def assert_delivered(gateway, backend, count=1):
    backend.wait_traces(count, TIME + 10)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == count)
    assert gateway.assert_balanced()["dead_lettered"] == 0
    backend.assert_clean()


def assert_unseen(gateway, run):
    """The password is in nothing that people see."""
    printed = run("--print-config", *gateway.command()[1:], environment=gateway.environment)
    assert printed.returncode == 0 and "***@" in printed.stdout, printed.stderr
    told = "\n".join([*gateway.log, printed.stdout, gateway.get("/status")[2], gateway.get("/metrics")[2]])
    for secret in (PASSWORD, LOGIN, DECODED, "ss-word"):
        assert secret not in told


WAYS = {
    "HTTPS_PROXY": lambda url: {"environment": {"HTTPS_PROXY": url}},
    "https_proxy": lambda url: {"environment": {"https_proxy": url, "HTTPS_PROXY": "http://127.0.0.1:9"}},
    "--set": lambda url: {"settings": {"exporter.noveum.proxy": url}, "environment": {"HTTPS_PROXY": "http://127.0.0.1:9"}},
    "NOVEUM_GATEWAY_EXPORTER_NOVEUM_PROXY": lambda url: {"environment": {"NOVEUM_GATEWAY_EXPORTER_NOVEUM_PROXY": url}},
}


@pytest.mark.parametrize("login", [None, DECODED])
@pytest.mark.parametrize("way", WAYS)
def test_by_a_proxy(start, run, secure, authority, way, login):
    with Proxy(user=login) as proxy:
        url = f"http://{LOGIN + '@' if login else ''}127.0.0.1:{proxy.port}"
        given = WAYS[way](url)
        given.setdefault("settings", {})["exporter.noveum.ca_bundle"] = authority.cert
        gateway = start(secure, **given)
        send(gateway)
        assert_delivered(gateway, secure)
        assert proxy.forwarded == [f"CONNECT {NAME}:{secure.port}"]
        gateway.wait_log("setting exporter.noveum.proxy=")
        assert any(f"from={way}" in line and "exporter.noveum.proxy" in line for line in gateway.log), gateway.log
        if login:
            assert_unseen(gateway, run)


def test_plain_http_by_a_proxy(start, backend):
    with Proxy(user="bob:secret-word") as proxy:
        gateway = start(backend, {"exporter.noveum.allow_insecure_transport": "true"},
                        {"HTTP_PROXY": f"bob:secret-word@127.0.0.1:{proxy.port}", "HTTPS_PROXY": "http://127.0.0.1:9"})
        send(gateway)
        assert_delivered(gateway, backend)
        assert proxy.forwarded[0] == f"POST {NAME}:{backend.port}"
        assert "secret-word" not in "\n".join(gateway.log)


@pytest.mark.parametrize("given", [{"environment": {"NO_PROXY": "other.example, localhost"}},
                                   {"environment": {"no_proxy": "*"}},
                                   {"settings": {"exporter.noveum.no_proxy": "localhost"}}])
def test_hosts_without_a_proxy(start, secure, authority, given):
    settings = {"exporter.noveum.proxy": "http://127.0.0.1:9", "exporter.noveum.ca_bundle": authority.cert}
    gateway = start(secure, name="localhost", settings={**settings, **given.get("settings", {})},
                    environment=given.get("environment"))
    send(gateway)
    assert_delivered(gateway, secure)


def test_none_is_no_proxy(start, secure, authority):
    gateway = start(secure, {"exporter.noveum.proxy": "none", "exporter.noveum.ca_bundle": authority.cert}, name="localhost",
                    environment={"HTTPS_PROXY": "http://127.0.0.1:9"})
    send(gateway)
    assert_delivered(gateway, secure)


FAULTS = {"407": None, "403": reply("403 Forbidden", "<h1>not there</h1>"), "502": reply("502 Bad Gateway", "<h1>no</h1>"),
          "hangs up": b" "}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_proxy_that_refuses_loses_nothing(start, secure, authority, fault):
    with Proxy(user="carol:good-password", answer=FAULTS[fault] or b"") as proxy:
        gateway = start(secure, {"exporter.noveum.ca_bundle": authority.cert},
                        {"HTTPS_PROXY": f"http://carol:{'bad' if fault == '407' else 'good'}-password@127.0.0.1:{proxy.port}"})
        send(gateway)
        gateway.wait_status(lambda s: s["exporter"]["state"] != "sending" and s["exporter"]["last_error"] != "")
        if fault != "hangs up":
            assert fault in gateway.status()["exporter"]["last_error"]
        proxy.answer, proxy.expected = b"", None
        assert_delivered(gateway, secure)
        assert "-password" not in "\n".join(gateway.log)


def test_a_proxy_that_hangs(start, secure, authority):
    with Proxy(answer=None) as proxy:
        gateway = start(secure, {"exporter.noveum.ca_bundle": authority.cert, "exporter.noveum.connect_timeout_ms": 200 * SLOW},
                        {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"})
        send(gateway)
        gateway.wait_status(lambda s: s["exporter"]["state"] != "sending")
        proxy.answer = b""
        assert_delivered(gateway, secure)


# ---- authorities and certificates ------------------------------------------------------------

def test_further_authorities_beside_the_bundle(start, secure, authority, tmp_path):
    other = Authority(tmp_path, "other")
    gateway = start(secure, {"exporter.noveum.ca_files": f"{other.cert},{authority.cert}"}, name="localhost")
    send(gateway)
    assert_delivered(gateway, secure)
    assert gateway.stop() == 0
    # the bundle still counts: the second backend's authority stands in it
    third = Backend(tls=context(other.issue("third")))
    try:
        gateway = start(third, {"exporter.noveum.ca_files": authority.cert, "exporter.noveum.ca_bundle": other.cert},
                        name="localhost")
        send(gateway)
        assert_delivered(gateway, third)
    finally:
        third.close()


def test_without_its_authority_nothing_is_sent(start, secure, tmp_path):
    gateway = start(secure, {"exporter.noveum.ca_files": Authority(tmp_path, "other").cert}, name="localhost")
    send(gateway)
    gateway.wait_status(lambda s: s["exporter"]["state"].startswith("held"))
    assert secure.bodies == [] and secure.gets == []


def test_no_certificate_is_checked_where_both_switches_say_so(start, secure):
    gateway = start(secure, {"exporter.noveum.ssl_verify": "false", "exporter.noveum.allow_insecure_transport": "true"}, name="127.0.0.1")
    send(gateway)
    assert_delivered(gateway, secure)


def test_a_file_that_holds_no_authority_is_refused(run, directory, authority, files):
    (directory / "empty.pem").write_text("nothing\n")
    pair = [f"exporter.noveum.client_cert_file={files[0]}", f"exporter.noveum.client_key_file={authority.key}"]
    assert run("--check-config", f"--set={pair[0]}", f"--set=exporter.noveum.client_key_file={files[1]}",
               environment={"NOVEUM_API_KEY": "nv_x"}).returncode == 0
    for settings, words in ((pair, "one of another certificate"), (["exporter.noveum.ca_files=/nowhere.pem"], "can't read"),
                            ([f"exporter.noveum.ca_files={directory}/empty.pem"], "no PEM certificate"),
                            ([f"exporter.noveum.client_cert_file={directory}/empty.pem"], "client_key_file"),
                            ([f"exporter.noveum.client_key_file={directory}/empty.pem"], "client_cert_file"),
                            (["exporter.noveum.proxy=ftp://x"], "is no proxy"),
                            (["exporter.noveum.proxy=http://u:topsecret@h:99999"], "is no proxy")):
        done = run(*(f"--set={setting}" for setting in settings), *FREE_PORTS, f"--set=journal.directory={directory}/j",
                   cwd=directory, environment={"NOVEUM_API_KEY": "nv_x"})
        assert done.returncode in (1, 2) and words in done.stderr and "topsecret" not in done.stderr, done.stderr


def test_a_client_certificate(start, authority, files, run):
    strict = Backend(tls=context(files, clients=authority))
    try:
        cert, key = authority.issue("client")
        settings = {"exporter.noveum.ca_files": authority.cert}
        gateway = start(strict, settings, name="localhost")
        send(gateway)
        gateway.wait_status(lambda s: s["exporter"]["state"] != "sending")
        assert strict.bodies == []
        assert gateway.stop() == 0
        gateway = start(strict, {**settings, "exporter.noveum.client_cert_file": cert, "exporter.noveum.client_key_file": key},
                        name="localhost")
        strict.wait_traces(1, TIME + 10)  # what the first has left behind
        gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    finally:
        strict.close()


KEY_PASSWORD = "a word: with blanks"


@pytest.fixture(scope="module")
def encrypted(authority):
    """A client's certificate whose key is encrypted."""
    cert, key = authority.issue("locked")
    openssl("ec", "-in", key, "-aes256", "-passout", f"pass:{KEY_PASSWORD}", "-out", key)
    assert "ENCRYPTED" in key.read_text()
    return cert, key


@pytest.mark.parametrize("way", ["file", "environment"])
def test_an_encrypted_client_key(start, run, authority, files, encrypted, directory, way):
    strict = Backend(tls=context(files, clients=authority))
    word = directory / "word"
    word.write_text(f"{KEY_PASSWORD}\n")
    word.chmod(0o600)
    given = f"${{file:{word}}}" if way == "file" else KEY_PASSWORD
    try:
        gateway = start(strict, {"exporter.noveum.ca_files": authority.cert, "exporter.noveum.client_cert_file": encrypted[0],
                                 "exporter.noveum.client_key_file": encrypted[1]}, name="localhost",
                        environment={"NOVEUM_GATEWAY_EXPORTER_NOVEUM_CLIENT_KEY_PASSWORD": given})
        send(gateway)
        assert_delivered(gateway, strict)
        printed = run("--print-config", *gateway.command()[1:], environment=gateway.environment)
        assert 'client_key_password: "***"' in printed.stdout
        for told in ("\n".join(gateway.log), printed.stdout, gateway.get("/status")[2], gateway.get("/metrics")[2]):
            assert "with blanks" not in told
    finally:
        strict.close()


@pytest.mark.parametrize("given, words", [(None, "it is encrypted: set client_key_password"), ("", "it is encrypted"),
                                          ("another word", "it does not open client_key_file")])
def test_an_encrypted_key_that_stays_shut(run, directory, encrypted, given, words):
    """By a terminal that waits for a password nobody would ever come further."""
    settings = {"client_cert_file": encrypted[0], "client_key_file": encrypted[1]}
    done = run("--check-config", *(f"--set=exporter.noveum.{key}={value}" for key, value in settings.items()), cwd=directory,
               environment={"NOVEUM_API_KEY": "nv_x", **({"NOVEUM_GATEWAY_EXPORTER_NOVEUM_CLIENT_KEY_PASSWORD": given} if given is not None else {})})
    assert done.returncode == 2 and words in done.stderr and "another word" not in done.stderr, done.stderr


def test_an_encrypted_key_of_a_receiver_is_refused(run, directory, encrypted):
    done = run(f"--set=receiver.http.tls.cert_file={encrypted[0]}", f"--set=receiver.http.tls.key_file={encrypted[1]}",
               f"--set=journal.directory={directory}/j", "--set=receiver.http.listen=127.0.0.1:0", cwd=directory)
    assert done.returncode != 0 and "is encrypted: write it without a password" in done.stderr, done.stderr


# ---- IPv6 ------------------------------------------------------------------------------------

@pytest.fixture
def ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")


@pytest.mark.usefixtures("ipv6")
def test_ipv6_in_and_out(make_gateway, files, authority):
    server = Backend(tls=context(files), host="::1")
    try:
        gateway = make_gateway({"receiver.http.listen": "[::1]:0", "admin.listen": "[::1]:0",
                                "exporter.noveum.ca_files": authority.cert},
                               {"NOVEUM_API_KEY": server.key, "NOVEUM_ENDPOINT": server.url, "NOVEUM_PROJECT": "e2e"})
        trace = Trace()
        request = urllib.request.Request(f"http://[::1]:{gateway.port}/v1/traces", trace.request([trace.span("six")]),
                                         {"Content-Type": "application/x-protobuf"})
        with urllib.request.urlopen(request, timeout=TIME) as answer:
            assert answer.status == 200
        server.wait_traces(1, TIME)
        with urllib.request.urlopen(f"http://[::1]:{gateway.ports['admin']}/status", timeout=TIME) as answer:
            assert json.load(answer)["listen"]["http"] == "[::1]:0"
        assert any("address=[::1]:" in line for line in gateway.log)
    finally:
        server.close()


# ---- options ---------------------------------------------------------------------------------

# By the program itself, one of each form; all by test_option_load_keys.c.
OPTIONS = {
    "exporter.noveum.proxy": ("http://u:p@proxy.example:3128", "\"http://***@proxy.example:3128\""),
    "exporter.noveum.no_proxy": ("a.example,10.0.0.0/8", "\"a.example,10.0.0.0/8\""),
    "exporter.noveum.ca_files": ("FILE,FILE", "\"FILE, FILE\""),
    "exporter.noveum.client_key_password": ("word", "\"***\""),
    "exporter.noveum.connect_timeout_ms": ("3s", "3000"),
}


@pytest.mark.parametrize("key", OPTIONS)
def test_each_option_by_file_environment_and_set(run, directory, authority, key):
    value, shown = (text.replace("FILE", str(authority.cert)) for text in OPTIONS[key])
    section, name = key.rsplit(".", 1)
    assert section == "exporter.noveum"
    other = {"client_cert_file": "client_key_file", "client_key_file": "client_cert_file"}.get(name)
    both = {key: value, **({f"{section}.{other}": str(authority.cert)} if other else {})}
    if name == "client_key_password":
        other = {f"{section}.client_cert_file": str(authority.cert), f"{section}.client_key_file": str(authority.cert)}
        both.update(other)
    (directory / "gateway.yaml").write_text("exporter:\n  noveum:\n" + "".join(
        f"    {k.rsplit('.', 1)[1]}: \"{v}\"\n" for k, v in both.items()))
    variables = {"NOVEUM_GATEWAY_" + k.upper().replace(".", "_"): v for k, v in both.items()}
    ways = {"gateway.yaml:": (["--config", "gateway.yaml"], {}), "NOVEUM_GATEWAY_EXPORTER_NOVEUM_": ([], variables),
            "--set": ([f"--set={k}={v}" for k, v in both.items()], {})}
    for where, (words, environment) in ways.items():
        done = run("--print-config", *words, cwd=directory, environment={"NOVEUM_API_KEY": "nv_x", **environment})
        assert re.search(f"^    {name}: {re.escape(shown)}  # {re.escape(where)}", done.stdout, re.M), (done.stdout, done.stderr)
        assert run("--check-config", *words, cwd=directory, environment={"NOVEUM_API_KEY": "nv_x", **environment}).returncode == (
            2 if other else 0)  # a certificate that is no key of itself is refused


def test_the_sdks_directory_without_a_key(run, make_gateway, directory):
    gateway = make_gateway(environment={"NOVEUM_DEV_TRACES_DIR": str(directory / "mine"), "NOVEUM_ENVIRONMENT": "production"})
    send(gateway)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1)
    assert len(list((directory / "mine").glob("*.json"))) == 1 and not (directory / ".noveum_trace_dev").exists()
    with_key = run("--print-config", environment={"NOVEUM_DEV_TRACES_DIR": "mine", "NOVEUM_API_KEY": "nv_x"}, cwd=directory)
    assert "mine" not in with_key.stdout


@pytest.mark.parametrize("given,where", [({}, "default"), ({"NOVEUM_ENDPOINT": "https://e.example/api"}, "NOVEUM_ENDPOINT"),
                                         ("--set", "--set"), ("file", "gateway.yaml:3:")])
def test_the_endpoint_in_force_is_logged(make_gateway, directory, given, where):
    (directory / "gateway.yaml").write_text("exporter:\n  noveum:\n    endpoint: https://f.example/api\n")
    gateway = make_gateway({"exporter.noveum.endpoint": "https://s.example/api"} if given == "--set" else {},
                           {"NOVEUM_API_KEY": "nv_some_key", **(given if isinstance(given, dict) else {})},
                           arguments=["--config", "gateway.yaml"] if given == "file" else [])
    line = next(line for line in gateway.log if "setting exporter.noveum.endpoint" in line)
    assert f"from={where}" in line and "https://" in line
