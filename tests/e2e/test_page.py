"""The page and its API on the admin port: what scripts get, what is refused, what a prompt may hold."""
import gzip
import http.client
import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from backend import Fault
from conftest import PROGRAM, ROOT, TIME, clean_environment
from otlp import Trace, post_ok
from page_traces import support

CHANGES = {"/api/dead/retry", "/api/dead/drop"}
HOSTILE = [
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "javascript:alert(1)", "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe \u2066 bidi", "' OR 1=1; DROP TABLE trace; --", '"AND" NEAR(x) col:y *', "\u0000 nul and \ud7ff", "{{constructor.constructor('alert(1)')()}}",
]


@pytest.fixture
def local(make_gateway):
    return make_gateway()


def ask(gateway, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    status, headers, text = gateway.get(path + ("?" + query if query else ""))
    assert headers["Content-Type"] == "application/json", (status, headers, text)
    return status, json.loads(text)


def listed(gateway, **parameters):
    status, page = ask(gateway, "/api/traces", **parameters)
    assert status == 200, page
    return page


def wait_listed(gateway, count, **parameters):
    """The list when it has `count` traces: each look waits for news of the store."""
    deadline, last = time.monotonic() + TIME, 0
    while True:
        page = listed(gateway, **parameters)
        if len(page["traces"]) >= count:
            return page
        assert time.monotonic() < deadline, page
        text = gateway.get(f"/api/events?after={last}")[2]
        found = re.search(r"^id: (\d+)$", text, re.MULTILINE)
        last = int(found.group(1)) if found else last


def send(gateway, count=1, **more):
    end = time.time_ns() - 60 * 10**9
    made = [support(end - i * 10**9, i, **more) for i in range(count)]
    for _, body in made:
        post_ok(gateway.port, body)
    return [trace for trace, _ in made]


def matches(value, schema, components, where="answer"):
    """Problems of `value` by the part of JSON Schema that openapi.json uses."""
    if "$ref" in schema:
        return matches(value, components[schema["$ref"].rsplit("/", 1)[1]], components, where)
    kinds = {"string": str, "integer": int, "number": (int, float), "array": list, "object": dict, "null": type(None)}
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, kinds[name]) for name in names):
        return [f"{where}: {value!r} is no {names}"]
    problems = []
    if isinstance(value, dict):
        known = schema.get("properties", {})
        problems += [f"{where}: no {name}" for name in schema.get("required", []) if name not in value]
        if "properties" in schema and "spans" not in known:
            problems += [f"{where}: {name} is not described" for name in value if name not in known]
        for name, item in value.items():
            if name in known:
                problems += matches(item, known[name], components, f"{where}.{name}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            problems += matches(item, schema["items"], components, f"{where}[{index}]")
    return problems


def test_every_answer_is_as_openapi_says(local):
    traces = send(local, 5)
    wait_listed(local, 5)
    api = json.loads((ROOT / "docs/openapi.json").read_text("utf-8"))
    asked = {"/api/trace": {"id": traces[0].uuid}, "/api/explain": {"id": traces[0].uuid}, "/api/traces": {"limit": 2}}
    for path, verbs in api["paths"].items():
        if list(verbs) == ["post"]:
            assert path in CHANGES
            continue
        assert list(verbs) == ["get"]
        content = verbs["get"]["responses"]["200"]["content"]
        if "application/json" not in content:
            continue
        status, answer = ask(local, path, **asked.get(path, {}))
        assert status == 200
        assert matches(answer, content["application/json"]["schema"], api["components"]["schemas"]) == []
    for parameter in api["paths"]["/api/traces"]["get"]["parameters"]:
        schema = parameter["schema"]
        value = schema.get("default") or {"string": "x", "number": 1.5, "integer": 1}[schema["type"]]
        if parameter["name"] != "after":
            assert ask(local, "/api/traces", **{parameter["name"]: value})[0] == 200, parameter
    page = (ROOT / "docs/api.md").read_text("utf-8")
    routes = set(re.findall(r'"(/api/[\w/]+)"', (ROOT / "gateway/admin/api.c").read_text("utf-8")))
    assert routes == set(api["paths"]) and all(f"`{route}" in page for route in routes)


def change(gateway, path, token=None, **headers):
    """Status and answer of a POST."""
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.ports['admin']}{path}", data=b"", method="POST", headers={"X-Noveum-Token": token, **headers} if token else headers)
    try:
        with urllib.request.urlopen(request, timeout=TIME) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_dead_letters_are_tried_again_and_dropped_by_who_may(make_gateway, backend):
    gateway = make_gateway({"admin.ui": "true"}, {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    backend.always = Fault(status=422)
    send(gateway, 2)
    gateway.wait_status(lambda s: s["spans"]["dead_lettered"] == 16)
    backend.always = None
    dead = ask(gateway, "/api/dead")[1]
    assert dead["total"] == 2 and {letter["reason"] for letter in dead["letters"]} == {"rejected"}
    first, second = (letter["id"] for letter in dead["letters"])
    for token, more in [(None, {}), ("0" * 32, {}), (dead["token"], {"Sec-Fetch-Site": "cross-site"})]:
        assert change(gateway, f"/api/dead/drop?id={first}", token, **more)[0] == 403
    assert gateway.get(f"/api/dead/drop?id={first}")[0] == 405
    assert ask(gateway, "/api/dead")[1]["total"] == 2
    assert change(gateway, f"/api/dead/retry?id={first}", dead["token"]) == (200, {"said": f"{first}  sent again"})
    backend.wait_traces(1, TIME)
    assert change(gateway, f"/api/dead/drop?id={second}", dead["token"]) == (200, {"said": f"{second}  dropped"})
    assert ask(gateway, "/api/dead")[1]["total"] == 0
    assert change(gateway, f"/api/dead/drop?id={second}", dead["token"])[0] == 404


def held_spans(gateway, trace, count):
    """The held trace with `count` spans: the journal answers for them before their shard has them."""
    deadline = time.monotonic() + TIME
    while True:
        one = ask(gateway, "/api/held", id=trace)[1]
        if one["trace"] and len(one["trace"]["spans"]) == count:
            return one
        assert time.monotonic() < deadline, one


def test_held_traces_say_why_they_wait_and_fill(make_gateway):
    gateway = make_gateway({"assembly.open_ms": 600000})
    trace = Trace()
    root = trace.span("plan", **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"})
    child = trace.span("chat m", parent=root, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "note": "my key is sk-proj-" + "a1B2c3D4" * 6})
    post_ok(gateway.port, trace.request([child]))
    one = held_spans(gateway, trace.trace_id.hex(), 1)
    (row,) = ask(gateway, "/api/held")[1]["held"]
    assert row["trace_id"] == trace.uuid and row["model"] == "m" and row["wait"]["reason"] == "open" and not row["wait"]["root"]
    assert 590000 < row["wait"]["until_ms"] - row["wait"]["since_ms"] <= 601000
    assert [span["name"] for span in one["trace"]["spans"]] == ["chat m"] and "my key is ***" in json.dumps(one)
    second = trace.span("chat n", parent=root, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "n"})
    post_ok(gateway.port, trace.request([second]))
    held_spans(gateway, trace.uuid, 2)
    assert gateway.metrics()['noveum_redacted_total{rule="openai"}'] == 0, "looking counts nothing"
    post_ok(gateway.port, trace.request([root]))
    assert wait_listed(gateway, 1)["traces"][0]["span_count"] == 3
    assert ask(gateway, "/api/held", id=trace.uuid)[1] == {"wait": None, "trace": None}
    assert ask(gateway, "/api/held")[1]["held"] == []


def test_who_was_refused_and_why(local):
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", local.port, timeout=TIME)
        connection.request("POST", "/v1/trace", b"x", {"User-Agent": "OTel-OTLP-Exporter-Python/1.41.1"})
        assert connection.getresponse().status == 404
        connection.close()
    (line,) = ask(local, "/api/refused")[1]["refused"]
    assert line["count"] == 3 and line["reason"] == "path" and "OTEL_EXPORTER_OTLP_ENDPOINT" in line["message"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+ \(OTel-OTLP-Exporter-Python/1\.41\.1\)", line["sender"])
    with socket.create_connection(("127.0.0.1", local.ports["grpc"]), timeout=TIME) as plain:
        plain.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: a\r\n\r\n")
        while plain.recv(4096):
            pass
    assert [one["protocol"] for one in ask(local, "/api/refused")[1]["refused"]] == ["grpc", "http"]


def test_a_trace_is_listed_found_and_given_as_it_was_delivered(local):
    (trace,) = send(local)
    (row,) = wait_listed(local, 1)["traces"]
    assert row["trace_id"] == trace.uuid and row["source_id"] == trace.trace_id.hex()
    assert row["question"].startswith("Where is my order 1042?") and "Leipzig" in row["answer"]
    assert row["kind"] == "agent" and row["service"] == "support-desk" and row["cost"] > 0
    local.wait_status(lambda s: s["spans"]["delivered"] == row["span_count"])
    (file,) = (local.cwd / ".noveum_trace_dev").glob("*.json")
    for name in (trace.uuid, trace.trace_id.hex()):
        assert ask(local, "/api/trace", id=name)[1] == json.loads(file.read_text("utf-8"))
    assert ask(local, "/api/trace", id="0" * 32)[0] == 404
    for found, terms in [(1, "leipzig ORDER"), (1, "eipzi"), (0, "leipzig nowhere"), (1, "get_order"), (1, "1042")]:
        assert len(listed(local, search=terms)["traces"]) == found, terms


def test_pages_are_the_whole_while_traces_arrive(local):
    send(local, 12)
    wait_listed(local, 12)
    seen, cursor = [], None
    while True:
        page = listed(local, limit=5, sort="cost", **({"after": cursor} if cursor else {}))
        seen += [row["trace_id"] for row in page["traces"]]
        if cursor is None:
            assert page["total"]["traces"] == 12
            send(local, 1)
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) >= 12 and len(set(seen)) == len(seen)


def test_hostile_texts_are_texts(local):
    trace = Trace()
    spans = [trace.span(text, **{"gen_ai.operation.name": "chat", "gen_ai.request.model": text, "gen_ai.agent.name": text, "session.id": text,
                                 "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}]}])}) for text in HOSTILE]
    root = trace.span("root")
    for span in spans:
        span.parent_span_id = root.span_id
    post_ok(local.port, trace.request([root, *spans]))
    wait_listed(local, 1)
    for text in HOSTILE[:6]:
        assert len(listed(local, search=text)["traces"]) == 1, text
        assert len(listed(local, model=text)["traces"]) == 1, text
        assert listed(local, search="x" + text)["traces"] == [], text
    status, headers, body = local.get("/api/trace?id=" + trace.uuid)
    assert status == 200 and headers["X-Content-Type-Options"] == "nosniff"
    assert "\x1b" not in body and {span["name"] for span in json.loads(body)["spans"]} >= set(HOSTILE[:6])


def test_secrets_are_masked_before_they_are_kept(local):
    secret = "sk-proj-" + "a1B2c3D4" * 6
    trace = Trace()
    post_ok(local.port, trace.request([trace.span("root", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "note": f"my key is {secret}"})]))
    wait_listed(local, 1)
    assert listed(local, search=secret)["traces"] == []
    assert "***" in json.dumps(ask(local, "/api/trace", id=trace.uuid)[1])
    local.stop()
    for file in (local.cwd / ".noveum_trace_dev").glob("traces.db*"):
        assert secret.encode() not in file.read_bytes()


def test_it_is_there_again_after_a_restart_and_bounded(make_gateway):
    gateway = make_gateway({"store.max_traces": 3})
    send(gateway, 5)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 40)
    gateway.stop()
    gateway.start()
    page = wait_listed(gateway, 3)
    assert page["total"]["traces"] == 3 and len(page["traces"]) == 3
    assert gateway.metrics()["noveum_store_traces_total"] == 0, "of this process"


def test_without_a_key_in_local_mode_only(make_gateway, backend):
    gateway = make_gateway(environment={"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    assert gateway.get("/")[0] == 404 and gateway.get("/api/traces")[0] == 404
    gateway.stop()
    shown = make_gateway({"admin.ui": "true"}, {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    send(shown, 2)
    backend.wait_traces(2, TIME)
    assert wait_listed(shown, 2)["total"]["traces"] == 2


def test_a_port_that_others_reach_needs_a_token():
    command = [PROGRAM, "--check-config", "--set=admin.ui=true"]
    environment = clean_environment(HOME="/nonexistent", XDG_STATE_HOME="/tmp")
    done = subprocess.run([*command, "--set=admin.listen=0.0.0.0:1"], capture_output=True, text=True, env=environment, timeout=TIME, check=False)
    assert done.returncode != 0 and "admin.token" in done.stderr + done.stdout
    for listen in ("127.0.0.1:1", "localhost:1", "[::1]:1,127.0.0.1:2", "unix:/tmp/x"):
        done = subprocess.run([*command, f"--set=admin.listen={listen}"], capture_output=True, text=True, env=environment, timeout=TIME, check=False)
        assert done.returncode == 0, (listen, done.stderr)


def test_with_a_token_the_page_is_there_and_says_nothing(make_gateway):
    gateway = make_gateway({"admin.token": "a-token-of-some-length"})
    for path in ("/", "/ui/app.js"):
        status, headers, _ = gateway.get(path)
        assert status == 200 and headers["Content-Encoding"] == "gzip"
    for path in ("/api/traces", "/api/events", "/api/names"):
        assert gateway.get(path)[0] == 401
        assert gateway.get(path, headers={"Authorization": "Bearer a-token-of-some-length"})[0] == 200


def test_another_origin_gets_nothing(local):
    for path in ("/", "/api/traces"):
        assert local.get(path, headers={"Host": "evil.example"})[0] == 403
        status, headers, _ = local.get(path, headers={"Origin": "https://evil.example"})
        assert status == 200 and not [name for name in headers if name.lower().startswith("access-control")]
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
    assert local.get("/api/traces", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_a_disk_that_refuses_costs_the_page_and_nothing_else(make_gateway, directory):
    (pathlib.Path(directory) / "file").write_text("no directory")
    gateway = make_gateway({"store.file": str(pathlib.Path(directory) / "file" / "traces.db")})
    assert any("there is no page" in line for line in gateway.log)
    send(gateway, 1)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 8)
    assert gateway.get("/")[0] == 404


def test_the_page_asks_nobody_else():
    files = sorted((ROOT / "ui").iterdir())
    packed = sum(len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in files)
    assert packed <= 250 * 1024
    for file in files:
        text = file.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|style=\"", text), file
        outside = [url for url in re.findall(r"https?://[^\s\"'`$]+", text) if "OTEL" not in url]
        assert outside == [], (file, outside)


def test_the_banner_ends_with_the_page(local):
    deadline = time.monotonic() + TIME
    while not any("See your traces" in line for line in local.out) and time.monotonic() < deadline:
        local.wait_status(lambda s: s["ready"])
    last = [line for line in local.out if line.strip()][-1]
    assert last == f"See your traces: http://127.0.0.1:{local.ports['admin']}/"
