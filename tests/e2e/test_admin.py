"""The admin port: alive, ready, metrics that add up, status."""
import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import urllib.request

from backend import Fault
from conftest import TIME
from otlp import Trace, post, post_ok

LINE = re.compile(r'^[a-z0-9_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? \d+(\.\d+)?$')


def send(gateway, count=1, **attributes):
    traces = [Trace() for _ in range(count)]
    for trace in traces:
        post_ok(gateway.port, trace.request([trace.span("root", **attributes)]))
    return traces


def test_alive_and_ready(gateway):
    assert gateway.get("/healthz")[::2] == (200, "ok\n")
    assert gateway.get("/readyz")[::2] == (200, "ready\n")
    assert gateway.get("/nothing")[0] == 404


def test_only_get_and_head(gateway):
    status, headers, _ = post(gateway.ports["admin"], b"", path="/status")
    assert status == 405 and "GET" in headers["Allow"]
    url = f"http://127.0.0.1:{gateway.ports['admin']}/status"
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIME) as reply:
        assert reply.status == 200 and reply.read() == b""


def test_metrics_are_prometheus_text_and_add_up(gateway, backend):
    send(gateway, 3)
    backend.wait_traces(3, TIME)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 3)
    status, headers, text = gateway.get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    typed = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge|histogram)$", text, re.MULTILINE))
    names = set()
    for line in text.splitlines():
        if not line.startswith("#"):
            assert LINE.match(line), line
            names.add(re.sub(r"(_duration_seconds)_(?:bucket|sum|count)$", r"\1", re.split(r"[{ ]", line)[0]))
    assert names == typed
    assert len(re.findall(r"^# TYPE", text, re.MULTILINE)) == len(typed), "a TYPE line twice"
    page = (pathlib.Path(__file__).parents[2] / "docs/metrics.md").read_text("utf-8")
    assert names == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)), "tools/make-metrics-docs.py misses some"
    metrics = gateway.metrics()
    assert metrics["noveum_spans_received_total"] == 3
    assert metrics["noveum_spans_delivered_total"] == 3
    assert metrics["noveum_spans_held"] == metrics["noveum_spans_queued"] == 0
    assert metrics["noveum_traces_delivered_total"] == 3
    assert metrics["noveum_ready"] == 1
    dropped = [v for k, v in metrics.items() if k.startswith("noveum_spans_dropped_total")]
    assert dropped and not any(dropped)


def test_counters_add_up_while_spans_are_everywhere(make_gateway, backend):
    backend.plan(*[Fault(status=503)] * 3)
    gateway = make_gateway(
        {"assembly.open_ms": 60000, "exporter.noveum.batch_ms": 0},
        {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    waiting = Trace()
    parent = waiting.span("later")
    post_ok(gateway.port, waiting.request([waiting.span("child", parent=parent)]))
    for _ in range(30):
        send(gateway)
        metrics = gateway.metrics()
        total = sum(v for k, v in metrics.items() if re.match(
            r"noveum_spans_(delivered_total|dropped_total|dead_lettered_total|held|queued)", k))
        assert metrics["noveum_spans_received_total"] == total
    backend.wait_traces(30, TIME)
    assert gateway.wait_status(lambda s: s["spans"]["delivered"] == 30)["spans"]["held"] == 1


def test_status_tells_what_each_stage_does(gateway, backend):
    send(gateway)
    backend.wait_traces(1, TIME)
    # the ledger is exact at every moment; the exporter's own facts follow within its next round
    status = gateway.wait_status(
        lambda s: s["spans"]["delivered"] == 1 and s["exporter"]["last_delivery_time"])
    assert status["mode"] == "noveum" and status["ready"] is True
    assert status["exporter"]["state"] == "sending"
    assert status["exporter"]["last_delivery_time"].startswith("20")
    assert status["receiver"]["requests"] >= 1
    assert status["assembly"]["open_traces"] == 0
    assert [service["name"] for service in status["services"]] == ["shop"]


def test_a_refused_key_is_loud_and_loses_nothing(make_gateway, backend):
    backend.probe_status = 401
    gateway = make_gateway(environment={"NOVEUM_API_KEY": "nv_wrong_key",
                                        "NOVEUM_ENDPOINT": backend.url})
    send(gateway, 2)
    status = gateway.wait_status(lambda s: "held" in s["exporter"]["state"])
    assert "key" in status["exporter"]["state"] + status["exporter"]["reason"]
    assert status["spans"]["queued"] == 2 and status["ready"] is True
    assert any('"error"' in line and "key" in line for line in gateway.log)
    assert not any("nv_wrong_key" in line for line in gateway.log + [json.dumps(status)])


def test_agents_of_all_traces(gateway, backend):
    assert json.loads(gateway.get("/agents")[2]) is not None
    trace = Trace()
    agent = trace.span("invoke_agent support", **{"gen_ai.operation.name": "invoke_agent",
                                                  "gen_ai.agent.name": "support"})
    helper = trace.span("invoke_agent lookup", parent=agent,
                        **{"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "lookup"})
    post_ok(gateway.port, trace.request([agent, helper]))
    backend.wait_traces(1, TIME)
    assert "support" in gateway.get("/agents")[2] and "lookup" in gateway.get("/agents")[2]
    status, headers, text = gateway.get("/agents?format=dot")
    assert status == 200 and text.startswith("digraph") and "support" in text
    assert "support" in gateway.get("/agents?format=mermaid")[2]
    assert gateway.get("/agents?format=png")[0] == 400


def ask(gateway, path, **headers):
    """(status, text) with headers of our own."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.ports["admin"], timeout=TIME)
    try:
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def test_names_of_strangers_are_refused(make_gateway):
    gateway = make_gateway({"admin.hosts": "metrics.example, other.example:9"})
    port = gateway.ports["admin"]
    for path in ("/status", "/metrics", "/agents"):
        for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.nip.example"):
            status, text = ask(gateway, path, Host=host)
            assert status == 403 and "admin.hosts" in text, (host, text)
            assert f"NOVEUM_GATEWAY_ADMIN_HOSTS={host.partition(':')[0]}," in text, text
        for host in ("127.0.0.1", f"[::1]:{port}", "10.9.8.7:1", "localhost", "METRICS.example", "other.example",
                     socket.gethostname()):
            assert ask(gateway, path, Host=host)[0] == 200, host
    for path in ("/healthz", "/readyz"):
        assert ask(gateway, path, Host="evil.example")[0] == 200
    assert any("admin request refused" in line for line in gateway.log)


def test_a_token_for_all_but_health(make_gateway, directory):
    (directory / "token").write_text("s3cret-token\n")
    gateway = make_gateway({"admin.token": f"${{file:{directory}/token}}"})
    for path in ("/status", "/metrics", "/agents"):
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer s3cret-token2"}):
            assert ask(gateway, path, **headers)[0] == 401
        assert ask(gateway, path, Authorization="Bearer s3cret-token")[0] == 200
    for path in ("/healthz", "/readyz"):
        assert ask(gateway, path)[0] == 200
    assert "s3cret-token" not in gateway.stderr()


def crowd(gateway, count):
    """Agents with long names, each with links to the one before."""
    for start in range(0, count, 100):
        trace = Trace()
        spans = [trace.span("root")]
        for i in range(start, start + 100):
            name = f"{i:04}" + "\x1b#" * 126
            spans.append(trace.span("invoke_agent", parent=spans[-1], **{
                "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, "gen_ai.agent.id": name}))
        post_ok(gateway.port, trace.request(spans))


def test_many_agents_of_long_names_are_answered(make_gateway):
    gateway = make_gateway()
    crowd(gateway, 1000)
    gateway.wait_status(lambda s: s["spans"]["delivered"] == 1010)
    agents = json.loads(gateway.get("/agents")[2])
    assert len(agents["agents"]) + agents.get("left_off", 0) == 1000
    status, _, dot = gateway.get("/agents?format=dot")
    assert status == 200 and dot.endswith("}\n")
    assert gateway.get("/agents?format=mermaid")[0] == 200
    # many at once: each is answered, and who asks after health is too
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(gateway.get, "/agents?format=dot") for _ in range(16)]
        for _ in range(20):
            assert gateway.get("/healthz")[0] == 200
        assert all(one.result()[0] == 200 for one in asked)
