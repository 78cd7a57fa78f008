"""All captured cases through the running program: nothing refused, nothing lost, nothing twice.

The bodies are posted as their exporters sent them, byte for byte. What must arrive is computed from
the bytes with Google's protobuf and json, never from what the gateway reports.
"""
import collections
import gzip
import json

import pytest
from conftest import ROOT, SLOW
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp import post

FIXTURES = ROOT / "tests/fixtures"
ERROR = 2


def protobuf_spans(body):
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield span.trace_id.hex(), span.span_id.hex(), span.status.code == ERROR


def json_spans(body):
    request = json.loads(body)
    for resource in request.get("resourceSpans", []):
        scopes = resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans") or []
        for span in (span for scope in scopes for span in scope.get("spans", [])):
            code = (span.get("status") or {}).get("code")
            yield (span["traceId"].lower(), span["spanId"].lower(),
                   code in (ERROR, "STATUS_CODE_ERROR"))


def spans_of(request, raw):
    body = gzip.decompress(raw) if request.get("content_encoding") == "gzip" else raw
    reader = json_spans if "json" in request["content_type"] else protobuf_spans
    return list(reader(body))


def load_cases():
    """(name, [(request, raw bytes)]) of every case, without those that repeat a trace id."""
    taken, cases = {}, []
    for path in sorted(FIXTURES.glob("*/case.json")):
        case = json.loads(path.read_text())
        requests = [(r, (path.parent / r["file"]).read_bytes()) for r in case["requests"]]
        ids = {span[0] for r, raw in requests if r["signal"] == "traces"
               for span in spans_of(r, raw)}
        if any(taken.setdefault(trace_id, path.parent.name) != path.parent.name
               for trace_id in ids):
            continue
        cases.append((path.parent.name, requests))
    return cases


PATHS = {"traces": "/v1/traces", "logs": "/v1/logs", "metrics": "/v1/metrics"}


def post_case(port, requests):
    for request, raw in requests:
        headers = {}
        if request.get("content_encoding"):
            headers["Content-Encoding"] = request["content_encoding"]
        status, _, reply = post(port, raw, path=PATHS[request["signal"]],
                                content_type=request["content_type"], headers=headers)
        assert status == 200, (request["file"], status, reply[:300])


@pytest.mark.parametrize("durability", ["memory", "os"])
def test_every_span_of_every_case_once(make_gateway, backend, directory, durability):
    rules = directory / "all.rules"  # what rows leave out goes out as well
    rules.write_text('convention all "all"\n@any | span | scope=codex* | span.left_out | const(false) | 1 |\n')
    gateway = make_gateway(
        {"journal.durability": durability, "mapping.rules_file": rules, "assembly.quiet_ms": 300 * SLOW,
         "exporter.noveum.batch_ms": 200},
        {"NOVEUM_API_KEY": backend.key, "NOVEUM_ENDPOINT": backend.url})
    cases = load_cases()
    assert len(cases) >= 280, "captured cases are missing"
    expected, failed = {}, set()
    for name, requests in cases:
        post_case(gateway.port, requests)
        for request, raw in requests:
            if request["signal"] == "traces":
                for trace_id, span_id, error in spans_of(request, raw):
                    expected[trace_id, span_id] = name
                    failed |= {(trace_id, span_id)} if error else set()
    backend.wait_spans(len(expected), 60 * SLOW)
    gateway.wait_status(lambda s: s["spans"]["held"] + s["spans"]["queued"] == 0)
    backend.assert_clean()
    check_delivery(backend, expected, failed)
    spans = gateway.assert_balanced()
    assert spans["rejected"] == spans["dead_lettered"] == 0


def check_delivery(backend, expected, failed):
    seen = collections.Counter()
    for trace in backend.traces.values():
        for span in trace["spans"]:
            key = span["otel"]["trace_id"], span["otel"]["span_id"]
            seen[key] += 1
            assert key in expected, f"{key} was never sent"
            if key in failed:
                assert span["status"] != "ok", (expected[key], span["name"])
    missing = collections.Counter(expected[key] for key in expected if seen[key] == 0)
    twice = collections.Counter(expected[key] for key in expected if seen[key] > 1)
    assert not missing, f"lost, by case: {missing}"
    assert not twice, f"delivered twice, by case: {twice}"
