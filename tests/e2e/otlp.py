"""OTLP requests made by hand, for what no SDK would send: order, pieces, faults.

    trace = Trace("checkout")
    root = trace.span("root")
    body = trace.request([trace.span("child", parent=root)])
"""
import gzip
import http.client
import os
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"  # of OTLP/gRPC
HAS_REMOTE, IS_REMOTE = 0x100, 0x200


def set_attributes(target, attributes):
    for key, value in attributes.items():
        entry = target.add(key=key)
        if isinstance(value, bool):
            entry.value.bool_value = value
        elif isinstance(value, int):
            entry.value.int_value = value
        elif isinstance(value, float):
            entry.value.double_value = value
        else:
            entry.value.string_value = value


class Trace:
    """Spans of one trace id, in any order and number of requests."""

    def __init__(self, service="shop", trace_id=None):
        self.service = service
        self.trace_id = trace_id or os.urandom(16)
        self.clock = time.time_ns()

    @property
    def uuid(self):
        text = self.trace_id.hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def span(self, name, parent=None, remote=False, error=None, **attributes):
        span = Span(trace_id=self.trace_id, span_id=os.urandom(8), name=name)
        span.kind = Span.SPAN_KIND_INTERNAL
        self.clock += 1_000_000
        span.start_time_unix_nano = self.clock
        span.end_time_unix_nano = self.clock + 5_000_000
        span.flags = HAS_REMOTE | 1
        if parent is not None:
            span.parent_span_id = parent if isinstance(parent, bytes) else parent.span_id
            span.flags |= IS_REMOTE if remote else 0
        if error is not None:
            span.status.code = Status.STATUS_CODE_ERROR
            span.status.message = error
        set_attributes(span.attributes, attributes)
        return span

    def request(self, spans, service=None):
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        set_attributes(resource_spans.resource.attributes,
                       {"service.name": service or self.service})
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "e2e"
        scope_spans.spans.extend(spans)
        return request.SerializeToString()

    def logs(self, span, body):
        request = ExportLogsServiceRequest()
        resource_logs = request.resource_logs.add()
        set_attributes(resource_logs.resource.attributes, {"service.name": self.service})
        record = resource_logs.scope_logs.add().log_records.add()
        record.time_unix_nano = span.start_time_unix_nano
        record.trace_id, record.span_id = self.trace_id, span.span_id
        record.body.string_value = body
        return request.SerializeToString()


def post(port, body, path="/v1/traces", content_type="application/x-protobuf", encoding=None,
         headers=None, timeout=20):
    """(status, headers, body) of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        sent = {"Content-Type": content_type, **(headers or {})}
        if encoding == "gzip":
            body = gzip.compress(body)
        if encoding:
            sent["Content-Encoding"] = encoding
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def post_ok(port, body, **options):
    """Posts and asserts a full success."""
    status, _, reply = post(port, body, **options)
    assert status == 200, (status, reply[:300])
    if options.get("content_type", "application/x-protobuf") == "application/x-protobuf":
        response = ExportTraceServiceResponse.FromString(reply)
        assert response.partial_success.rejected_spans == 0, response
