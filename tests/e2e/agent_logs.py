"""Log records of coding agents, as they send them when no traces are exported.

Records are captured ones (tests/fixtures) without their trace context, which an agent gives them only
when it exports spans as well.
"""
import base64
import json
import pathlib

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otlp import set_attributes

FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "fixtures"


def captured(case):
    """The first logs request of a captured case."""
    path = next(p for p in sorted((FIXTURES / case).iterdir()) if ".logs." in p.name)
    if path.suffix == ".pb":
        return ExportLogsServiceRequest.FromString(path.read_bytes())
    return from_json(path.read_text())


def captured_traces(case):
    """The bodies of its traces requests, as protobuf."""
    for path in sorted((FIXTURES / case).iterdir()):
        if ".logs." in path.name or path.name == "case.json":
            continue
        if path.suffix == ".pb":
            yield path.read_bytes()
        else:
            yield traces_from_json(path.read_text())


def traces_from_json(text):
    document = json.loads(text)

    def ids(value):
        if isinstance(value, dict):
            return {k: base64.b64encode(bytes.fromhex(v)).decode()
                    if k in ("traceId", "spanId", "parentSpanId") else ids(v) for k, v in value.items()}
        return [ids(v) for v in value] if isinstance(value, list) else value

    return Parse(json.dumps(ids(document)), ExportTraceServiceRequest(),
                 ignore_unknown_fields=True).SerializeToString()


def from_json(text):
    """OTLP's JSON has ids as hex, protobuf's as base64."""
    document = json.loads(text)
    for resource in document["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for record in scope["logRecords"]:
                for key in ("traceId", "spanId"):
                    if key in record:
                        record[key] = base64.b64encode(bytes.fromhex(record[key])).decode()
    return Parse(json.dumps(document), ExportLogsServiceRequest(), ignore_unknown_fields=True)


def records_of(request):
    return [record for resource in request.resource_logs for scope in resource.scope_logs
            for record in scope.log_records]


def without_context(request):
    """A copy whose records name no trace."""
    copy = ExportLogsServiceRequest.FromString(request.SerializeToString())
    for record in records_of(copy):
        record.trace_id, record.span_id = b"", b""
    return copy


def copilot_chat():
    """A call and a tool of Copilot Chat, by the names in microsoft/vscode-copilot-chat (src/platform/otel)."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    set_attributes(resource.resource.attributes, {
        "service.name": "copilot-chat", "service.version": "0.40.0", "session.id": "window-1"})
    scope = resource.scope_logs.add()
    scope.scope.name = "copilot-chat"
    for number, (body, attributes) in enumerate([
            ("GenAI inference: gpt-4o", {
                "event.name": "gen_ai.client.inference.operation.details",
                "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o",
                "gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": "resp-1",
                "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 120}),
            ("copilot_chat.tool.call: readFile", {
                "event.name": "copilot_chat.tool.call", "gen_ai.tool.name": "readFile",
                "duration_ms": 150, "success": True}),
            ("copilot_chat.agent.turn: 0", {
                "event.name": "copilot_chat.agent.turn", "turn.index": 0,
                "gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 120,
                "tool_call_count": 1})]):
        record = scope.log_records.add()
        record.time_unix_nano = 1_795_377_000_000_000_000 + number * 1_000_000_000
        record.body.string_value = body
        set_attributes(record.attributes, attributes)
    return request


def set_text(record, key, text):
    """Sets an attribute, new or not."""
    for entry in record.attributes:
        if entry.key == key:
            entry.value.string_value = text
            return
    record.attributes.add(key=key).value.string_value = text


def text_of(record, key):
    return next((a.value.string_value for a in record.attributes if a.key == key), "")


def some(request, wanted):
    """A copy with those records only whose number is in `wanted`."""
    copy = ExportLogsServiceRequest.FromString(request.SerializeToString())
    number = 0
    for resource in copy.resource_logs:
        for scope in resource.scope_logs:
            kept = []
            for record in scope.log_records:
                if number in wanted:
                    kept.append(record)
                number += 1
            del scope.log_records[:]
            scope.log_records.extend(kept)
    return copy


def as_json(request):
    """OTLP/JSON of records without ids."""
    def value(v):
        kind = v.WhichOneof("value")
        if kind == "string_value":
            return {"stringValue": v.string_value}
        if kind == "int_value":
            return {"intValue": str(v.int_value)}
        if kind == "double_value":
            return {"doubleValue": v.double_value}
        if kind == "bool_value":
            return {"boolValue": v.bool_value}
        if kind == "array_value":
            return {"arrayValue": {"values": [value(x) for x in v.array_value.values]}}
        return {}

    def pairs(attributes):
        return [{"key": a.key, "value": value(a.value)} for a in attributes]

    def record(r):
        return {"timeUnixNano": str(r.time_unix_nano), "body": value(r.body),
                "observedTimeUnixNano": str(r.observed_time_unix_nano),
                "eventName": r.event_name, "attributes": pairs(r.attributes)}

    return json.dumps({"resourceLogs": [
        {"resource": {"attributes": pairs(resource.resource.attributes)},
         "scopeLogs": [{"scope": {"name": scope.scope.name, "version": scope.scope.version},
                        "logRecords": [record(r) for r in scope.log_records]}
                       for scope in resource.scope_logs]}
        for resource in request.resource_logs]}).encode()
