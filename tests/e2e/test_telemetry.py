"""The gateway's own telemetry over OTLP (telemetry.*): what is sent, to whom, and that nothing else notices when it is not taken."""
import pathlib
import re
import ssl

import pytest
from certificates import Authority
from conftest import TIME
from otlp import Trace, post_ok
from otlp_stand_in import Answer, Receiver

# what moves by being looked at or sent
MOVING = re.compile(r"noveum_(uptime_seconds|telemetry_\w+)$")


@pytest.fixture
def receiver():
    Receiver.patience_s = TIME
    stand_in = Receiver()
    yield stand_in
    stand_in.close()
    assert not stand_in.errors, stand_in.errors


def settings(stand_in, **more):
    return {"telemetry.otlp.endpoint": stand_in.url, "telemetry.interval_ms": 100, **more}


def to(backend):
    return {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url, "NOVEUM_PROJECT": "e2e"}


def deliver(gateway, count=3):
    """`count` traces of two spans, until all are delivered and counted."""
    before = gateway.status()["spans"]["delivered"]
    for _ in range(count):
        trace = Trace()
        root = trace.span("root")
        post_ok(gateway.port, trace.request([root, trace.span("child", root)]))
    return gateway.wait_balanced(delivered=before + 2 * count)


def scraped(gateway):
    """{(name, labels): value} of /metrics, as the stand-in has them of OTLP."""
    found = {}
    for line in gateway.get("/metrics")[2].splitlines():
        if line and not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels or ""))
            if "le" in pairs:
                pairs["le"] = str(float(pairs["le"]))
            found[name, tuple(sorted(pairs.items()))] = float(value)
    return found


# ---- metrics ---------------------------------------------------------------------------------


def test_metrics_are_those_of_the_admin_port(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver), to(backend))
    deliver(gateway)
    seen = len(receiver.metrics)
    before = scraped(gateway)
    receiver.wait(lambda r: len(r.metrics) > seen + 1)
    values, resource, metrics = receiver.metrics[-1]
    after = scraped(gateway)
    still = {key for key in before if before[key] == after[key] and not MOVING.match(key[0])}
    assert len(still) > 90
    assert {key: values[key] for key in still} == {key: before[key] for key in still}
    assert set(values) == set(after)
    assert values["noveum_spans_delivered_total", ()] == 6
    assert resource["service.name"] == "noveum-gateway"
    assert resource["service.version"] == gateway.status()["version"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", resource["service.instance.id"])
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", gateway.get("/metrics")[2], re.MULTILINE))
    otlp = {"counter": "sum", "gauge": "gauge", "histogram": "histogram"}
    assert {name: m.WhichOneof("data") for name, m in metrics.items()} == {n: otlp[k] for n, k in kinds.items()}
    units = {name: m.unit for name, m in metrics.items() if m.unit}
    assert units["noveum_send_bytes_total"] == units["noveum_held_bytes"] == "By"
    assert units["noveum_uptime_seconds"] == units["noveum_last_delivery_timestamp_seconds"] == "s"
    assert set(units.values()) == {"By", "s"}


def test_the_start_time_stays_and_a_restart_is_another_instance(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver), to(backend))
    receiver.wait(lambda r: len(r.metrics) > 2)
    starts = {p.start_time_unix_nano for _, _, m in receiver.metrics for x in m.values() for p in x.sum.data_points}
    assert len(starts) == 1
    instance = receiver.metrics[-1][1]["service.instance.id"]
    assert gateway.stop() == 0
    seen = len(receiver.metrics)
    gateway.start()
    receiver.wait(lambda r: len(r.metrics) > seen)
    assert receiver.metrics[-1][1]["service.instance.id"] != instance


def test_the_interval_is_kept_and_the_last_numbers_are_sent_at_the_stop(make_gateway, backend, receiver):
    gateway = make_gateway(settings(receiver, **{"telemetry.interval_ms": "1h"}), to(backend))
    receiver.wait(lambda r: len(r.metrics) == 1)
    deliver(gateway)
    assert len(receiver.metrics) == 1
    assert gateway.stop() == 0
    assert len(receiver.metrics) == 2
    assert receiver.metrics[-1][0]["noveum_spans_delivered_total", ()] == 6


def test_nothing_is_sent_unless_asked_for(make_gateway, backend):
    gateway = make_gateway({"telemetry.interval_ms": 100}, to(backend))
    deliver(gateway)
    names = {path.read_text().strip() for path in pathlib.Path(f"/proc/{gateway.process.pid}/task").glob("*/comm")}
    assert "send" in names and "telemetry" not in names


# ---- how it is sent --------------------------------------------------------------------------


def test_headers_are_sent_and_shown_nowhere(make_gateway, backend, receiver):
    receiver.always["metrics"] = Answer(status=401, body=b"bad token sesame-open-1234567")
    more = {"telemetry.otlp.headers": "authorization=Bearer sesame-open-1234567\nx-scope-orgid=tenant-0815-a"}
    gateway = make_gateway(settings(receiver, **more), to(backend))
    receiver.wait(lambda r: len(r.requests) > 1)
    headers = receiver.requests[-1][1]
    assert headers["authorization"] == "Bearer sesame-open-1234567"
    assert headers["x-scope-orgid"] == "tenant-0815-a"
    gateway.wait_log("status=401")
    assert "Authorization" not in {name for name in headers if name != "authorization"}
    shown = "\n".join(gateway.log + gateway.out) + gateway.get("/status")[2] + gateway.get("/metrics")[2]
    assert "sesame" not in shown and "tenant-0815" not in shown


def test_tls_by_an_authority_of_ones_own_with_a_client_certificate(make_gateway, backend, directory):
    authority = Authority(directory, "company")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("collector"))
    context.load_verify_locations(authority.cert)
    context.verify_mode = ssl.CERT_REQUIRED
    mine = authority.issue("gateway")
    stand_in = Receiver(tls=context)
    more = {"telemetry.otlp.ca_bundle": authority.cert}
    gateway = make_gateway(settings(stand_in, **more), to(backend))
    gateway.wait_log("telemetry.otlp.endpoint took nothing")
    assert gateway.stop() == 0
    assert not stand_in.metrics
    gateway.settings.update({"telemetry.otlp.client_cert_file": mine[0], "telemetry.otlp.client_key_file": mine[1]})
    gateway.start()
    stand_in.wait(lambda r: r.metrics)
    stand_in.close()


# ---- an endpoint that fails ------------------------------------------------------------------

FAILURES = {
    "hangs": Answer(hang=True),
    "resets": Answer(reset=True),
    "a page with 200": Answer(kind="text/html", body=b"<!doctype html><h1>Sign in</h1>"),
    "a page without end": Answer(body=b"\xff" * (8 << 20)),
    "400": Answer(status=400, body=b"no"),
    "redirects": Answer(status=307, headers={"Location": "http://127.0.0.1:1/"}),
    "429": Answer(status=429, headers={"Retry-After": "0"}),
    "503": Answer(status=503, headers={"Retry-After": "86400"}),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES.keys())
def test_delivery_does_not_notice_an_endpoint_that_fails(make_gateway, backend, receiver, answer):
    receiver.always.update(metrics=answer, traces=answer)
    more = {"telemetry.otlp.timeout_ms": 300, "telemetry.sampling_rate": 1}
    gateway = make_gateway(settings(receiver, **more), to(backend))
    receiver.wait(lambda r: r.requests)
    deliver(gateway)
    receiver.wait(lambda r: any(signal == "traces" for signal, _, _ in r.requests))
    gateway.wait_log("telemetry.otlp.endpoint took nothing")
    metrics = gateway.metrics()
    assert metrics['noveum_telemetry_requests_total{result="failed"}'] >= 1
    assert metrics['noveum_telemetry_requests_total{result="ok"}'] == 0
    assert gateway.stop() == 0


def test_a_partial_success_is_told_and_counted(make_gateway, backend, receiver):
    receiver.always["metrics"] = Answer(body=b"\x0a\x0d\x08\x05\x12\x09too old x")
    gateway = make_gateway(settings(receiver), to(backend))
    gateway.wait_log("rejected=5: too old x")
    assert gateway.metrics()['noveum_telemetry_requests_total{result="partial"}'] >= 1


def test_nobody_listens_and_lines_of_it_are_folded(make_gateway, backend, receiver):
    receiver.close()
    gateway = make_gateway(settings(receiver), to(backend))
    deliver(gateway)
    gateway.wait_status(lambda _: gateway.metrics()['noveum_telemetry_requests_total{result="failed"}'] > 8)
    assert sum("took nothing" in line for line in gateway.log) <= 6
    assert gateway.stop() == 0


def test_an_endpoint_that_hangs_does_not_hold_up_the_stop(make_gateway, backend, receiver):
    receiver.always.update(metrics=Answer(hang=True))
    gateway = make_gateway(settings(receiver, **{"stop.deadline_ms": 600}), to(backend))
    receiver.wait(lambda r: r.requests)
    deliver(gateway)
    gateway.process.terminate()
    assert gateway.wait_exit(timeout=TIME) == 0


def test_a_name_without_an_address(make_gateway, backend):
    gateway = make_gateway({"telemetry.otlp.endpoint": "http://collector.invalid:4318", "telemetry.interval_ms": 100}, to(backend))
    deliver(gateway)
    gateway.wait_log("telemetry.otlp.endpoint took nothing")
    assert gateway.stop() == 0


# ---- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("more,said", [
    ({"telemetry.otlp.headers": "a=1,b=2"}, "one header a line"),
    ({"telemetry.otlp.headers": "content-type=text/plain"}, "set by the gateway"),
    ({"telemetry.otlp.endpoint": "http://collector.example:4318", "telemetry.otlp.headers": "a=secretsecret"},
     "telemetry.otlp.allow_insecure_transport"),
    ({"telemetry.otlp.endpoint": "collector:4318"}, "http")])
def test_what_can_not_work_is_refused_in_words(make_gateway, receiver, more, said):
    gateway = make_gateway(settings(receiver, **more), start=False)
    gateway.start(wait=False)
    assert gateway.wait_exit() == 2
    assert said in gateway.stderr() and "telemetry.otlp" in gateway.stderr()
    assert "secretsecret" not in gateway.stderr()


def test_headers_over_plain_http_once_allowed(make_gateway, backend):
    gateway = make_gateway({"telemetry.otlp.endpoint": "http://collector.invalid:4318", "telemetry.otlp.headers": "a=secretsecret",
                            "telemetry.otlp.allow_insecure_transport": "true"}, to(backend))
    deliver(gateway)


def test_the_address_of_one_signal_is_taken_for_the_base(make_gateway, backend, receiver):
    make_gateway(settings(receiver, **{"telemetry.otlp.endpoint": receiver.url + "/v1/metrics"}), to(backend))
    receiver.wait(lambda r: r.metrics)
