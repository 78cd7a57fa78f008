"""Requests that are small to send and large to hold: what one byte at the door is multiplied by.

Written field by field, because protobuf's own classes would take seconds and gigabytes for them. Each
function returns request bodies (uncompressed); most shrink to some KB with gzip.

    for body in repeated_scope(spans=1000, scope_bytes=500_000):
        post(gateway.port, body, encoding="gzip")
"""
import os
import struct

START_NS = 1_790_000_000_000_000_000


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def put(number, content):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def fixed(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def text_value(text):
    return put(1, text)


def attribute(key, value):
    """An attribute of an encoded AnyValue."""
    return put(1, key) + put(2, value)


def span_bytes(trace_id, span_id, parent=b"", rest=b""):
    """A Span; `rest` is more of its fields, as they are on the wire."""
    return (put(1, trace_id) + put(2, span_id) + (put(4, parent) if parent else b"") +
            put(5, b"s") + fixed(7, START_NS) + fixed(8, START_NS + 1000) + rest)


def request(spans, resource=b"", scope=b""):
    """One ResourceSpans with one ScopeSpans; resource and scope as messages."""
    inner = put(1, scope) + b"".join(put(2, span) for span in spans)
    return put(1, put(1, resource) + put(2, inner))


def resource_of(service=b"hostile", text_bytes=0, fill=None):
    """A Resource with the name of a service and one long text of its own."""
    fill = os.urandom(8).hex().encode() if fill is None else fill
    text = (fill * (text_bytes // len(fill) + 1))[:text_bytes]
    out = put(1, attribute(b"service.name", text_value(service)))
    return out + (put(1, attribute(b"blob", text_value(text))) if text_bytes else b"")


def ids(count):
    """Span ids that differ, in order."""
    return [struct.pack(">Q", number + 1) for number in range(count)]


# ---- what many have in common ---------------------------------------------------------------------


def unlike_resources(traces, text_bytes):
    """A request for each of so many traces, with a resource that no other has. Never whole."""
    return [request([span_bytes(os.urandom(16), b"\0" * 7 + b"\1", parent=b"\xff" * 8)],
                    resource_of(text_bytes=text_bytes)) for _ in range(traces)]


def one_trace_of_resources(requests, text_bytes):
    """One trace whose every span comes with a resource of its own."""
    trace_id = os.urandom(16)
    return [request([span_bytes(trace_id, span_id, parent=b"" if n == 0 else ids(1)[0])],
                    resource_of(text_bytes=text_bytes))
            for n, span_id in enumerate(ids(requests))]


def repeated_scope(spans, scope_bytes):
    """A scope with a long attribute, which so many spans of one trace share."""
    trace_id, root = os.urandom(16), ids(1)[0]
    scope = put(1, b"library") + put(3, attribute(b"blob", text_value(b"c" * scope_bytes)))
    return [request([span_bytes(trace_id, i, parent=b"" if i == root else root)
                     for i in ids(spans)], resource_of(), scope)]


def scopes_of_one_resource(scopes, resource_bytes):
    """A long resource and many scopes of it, each with a span of one trace."""
    trace_id = os.urandom(16)
    inner = b"".join(put(2, put(1, put(1, b"scope %d" % n)) + put(2, span_bytes(trace_id, i)))
                     for n, i in enumerate(ids(scopes)))
    return [put(1, put(1, resource_of(text_bytes=resource_bytes)) + inner)]


def repeated_difference(spans, text_bytes):
    """A root of one resource, and so many spans of another one that is long."""
    trace_id, all_ids = os.urandom(16), ids(spans + 1)
    root = request([span_bytes(trace_id, all_ids[0])], resource_of(b"front"))
    return [root + request([span_bytes(trace_id, i, parent=all_ids[0]) for i in all_ids[1:]],
                           resource_of(b"back", text_bytes))]


# ---- what one span says ---------------------------------------------------------------------------


def one_span(rest):
    return request([span_bytes(os.urandom(16), b"\0" * 7 + b"\1", rest=rest)], resource_of())


def control_characters(text_bytes, key=b"note"):
    """A text of which JSON writes six bytes for one."""
    return [one_span(put(9, attribute(key, text_value(b"\1" * text_bytes))))]


def control_key(text_bytes):
    """The same as an attribute's key."""
    return [one_span(put(9, attribute(b"\1" * text_bytes, text_value(b"x"))))]


def control_name(text_bytes):
    """The same as the span's name, which is the trace's too."""
    return [one_span(put(5, b"\1" * text_bytes))]


def empty_events(count):
    """Events of two bytes."""
    return [one_span(put(11, b"") * count)]


def bare_links(count):
    """Links of nothing but ids."""
    link = put(13, put(1, os.urandom(16)) + put(2, os.urandom(8)))
    return [one_span(link * count)]


def empty_values(count):
    """An array of values of two bytes: null each."""
    return [one_span(put(9, attribute(b"list", put(5, put(1, b"") * count))))]


def byte_values(count_bytes):
    """A value of bytes, base64 in JSON."""
    return [one_span(put(9, attribute(b"blob", put(7, b"\xfb" * count_bytes))))]


def doubles(count):
    """Numbers of which JSON writes 24 characters."""
    number = put(1, varint(4 << 3 | 1) + struct.pack("<d", -1.2345678901234567e-300))
    return [one_span(put(9, attribute(b"list", put(5, number * count))))]


def short_attributes(count):
    """Attributes of a key of few bytes."""
    return [one_span(b"".join(put(9, attribute(b"%x" % n, b"")) for n in range(count)))]


def dotted_keys(count, depth):
    """Keys that a reader nests: `llm.invocation_parameters.a.a.a...`"""
    tail = b".a" * depth
    return [one_span(b"".join(put(9, attribute(b"llm.input_messages.%d.message%s" % (n, tail),
                                               text_value(b"x"))) for n in range(count)))]


def json_text(text_bytes, key=b"input.value", item=b"1,", begin=b"[", end=b"1]"):
    """JSON in a text, which is read: `item` over and over."""
    text = begin + item * (text_bytes // len(item)) + end
    return [one_span(put(9, attribute(key, text_value(text))) +
                     put(9, attribute(b"input.mime_type", text_value(b"application/json"))) +
                     put(9, attribute(b"openinference.span.kind", text_value(b"LLM"))))]


def messages(text_bytes, item=b"{},"):
    """Messages of two bytes, in JSON."""
    return json_text(text_bytes, b"gen_ai.input.messages", item, b"[", b"{}]")


# ---- what a request holds -------------------------------------------------------------------------


def empty_scopes(count):
    """ResourceSpans and ScopeSpans of two bytes, with a span at the end."""
    span = span_bytes(os.urandom(16), b"\0" * 7 + b"\1")
    return [put(1, put(2, b"") * count + put(2, put(2, span)))]


def many_scopes(count):
    """A scope of its own for each of many spans of one trace."""
    trace_id, all_ids = os.urandom(16), ids(count)
    return [put(1, b"".join(put(2, put(2, span_bytes(trace_id, i))) for i in all_ids))]


def least_spans(count):
    """Spans of the least bytes, each a trace of its own."""
    bare = [put(2, put(1, os.urandom(16)) + put(2, b"\0" * 7 + b"\1")) for _ in range(count)]
    return [put(1, put(2, b"".join(bare)))]
