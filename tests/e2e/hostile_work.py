"""Requests that are small to send and were long to work on: what one byte at the door costs.

Each function of CASES makes one request: (body, headers), the body in gzip. They hold one whole trace, so that it
is translated at once, and are valid: the gateway takes them, delivers them and stays quick.

    for name, make in CASES.items():
        body, headers = make()
        post(port, "/v1/traces", body, headers)

Written field by field, because protobuf's own classes would take longer to make them than the gateway to translate.
"""
import gzip
import json
import os
import struct

START_NS = 1_790_000_000_000_000_000
HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


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


def text(value):
    return put(1, value.encode())


def number(value):
    return b"\x18" + varint(value)


def array(values):
    return put(5, b"".join(put(1, value) for value in values))


def kvlist(members):
    return put(6, b"".join(put(1, attribute(key, value)) for key, value in members))


def attribute(key, value):
    return put(1, key.encode()) + put(2, value)


def attributes(pairs, field=9):
    return b"".join(put(field, attribute(key, value)) for key, value in pairs)


def span_id(count):
    return struct.pack(">Q", count)


def span(trace_id, count, parent=0, rest=b"", start=0):
    start_ns = START_NS + start * 1000
    return (put(1, trace_id) + put(2, span_id(count)) + (put(4, span_id(parent)) if parent else b"") + put(5, b"s") +
            b"\x39" + struct.pack("<Q", start_ns) + b"\x41" + struct.pack("<Q", start_ns + 10**9) + rest)


def group(spans, resource=()):
    """ResourceSpans of one scope."""
    pairs = [("service.name", text("hostile")), *resource]
    return put(1, put(1, attributes(pairs, field=1)) + put(2, b"".join(put(2, one) for one in spans)))


def request(*groups):
    return gzip.compress(b"".join(groups), 6), dict(HEADERS)


def one_span(rest):
    return request(group([span(os.urandom(16), 1, rest=rest)]))


def deep(depth, leaf, turned=False):
    """Maps in maps: {"x": 0, "k": {...}}, the members the other way round when `turned`."""
    value = number(leaf)
    for _ in range(depth):
        members = [("x", number(0)), ("k", value)]
        value = kvlist(reversed(members) if turned else members)
    return value


def deep_json(depth, leaf):
    value = leaf
    for _ in range(depth):
        value = {"k": value}
    return value


# ---- comparing values: it took 2^depth steps --------------------------------------------------------


def nested_resources(depth=58):
    trace_id = os.urandom(16)
    return request(group([span(trace_id, 1)], [("m", deep(depth, 1))]),
                   group([span(trace_id, 2, parent=1)], [("m", deep(depth, 1, turned=True))]))


def nested_key_twice(depth=58):
    pairs = [("gen_ai.operation.name", text("chat"))]
    pairs += [("llm.invocation_parameters", deep(depth, 1)), ("llm.invocation_parameters", deep(depth, 1)),
              ("tool.parameters", deep(depth, 1)), ("tool.parameters", deep(depth, 1))]
    return one_span(attributes(pairs))


def nested_tool_member(depth=58):
    inner = json.dumps(deep_json(depth, 1))
    tool = '[{"name":"t","description":%s,"description":%s}]' % (inner, inner)
    return one_span(attributes([("gen_ai.operation.name", text("chat")), ("gen_ai.tool.definitions", text(tool))]))


def nested_call_ids(depth=52):
    inner = json.dumps(deep_json(depth, 1))
    call = '[{"role":"assistant","tool_calls":[{"id":%s,"call_id":%s,"name":"f","arguments":"{}"}]}]' % (inner, inner)
    return one_span(attributes([("gen_ai.operation.name", text("chat")), ("gen_ai.output.messages", text(call))]))


def wide_equal_maps(count=20000):
    trace_id = os.urandom(16)
    members = [(f"k{i}", number(i)) for i in range(count)]
    return request(group([span(trace_id, 1)], [("m", kvlist(members))]),
                   group([span(trace_id, 2, parent=1)], [("m", kvlist(reversed(members)))]))


# ---- names: each was looked for among all before it ---------------------------------------------------


def tags(count=40000):
    return one_span(attributes([("langfuse.trace.tags", array(text(f"t{i}") for i in range(count)))]))


def metadata(count=40000):
    members = json.dumps({f"k{i}": i for i in range(count)})
    return one_span(attributes([("langfuse.trace.metadata", text(members))]))


def wild_keys(count=32000):
    return one_span(attributes((f"braintrust.metadata.k{i}", number(i)) for i in range(count)))


def wild_keys_of_span(count=32000):
    pairs = [("gen_ai.operation.name", text("execute_tool"))]
    return one_span(attributes(pairs + [(f"tool.k{i}", number(i)) for i in range(count)]))


def one_key(count=65000):
    pairs = [("gen_ai.operation.name", text("chat"))]
    return one_span(attributes(pairs + [("gen_ai.request.max_tokens", number(i)) for i in range(count)]))


def resource_difference(count=1000):
    trace_id = os.urandom(16)
    resource = [(f"r{i}", number(i)) for i in range(count)]
    spans = [span(trace_id, i + 2, parent=1, start=i + 1) for i in range(count)]
    return request(group([span(trace_id, 1)], resource), group(spans, list(reversed(resource))))


# ---- spans, events and links ----------------------------------------------------------------------------


def events_of_one_slot(count=20000):
    events = []
    for i in range(count):
        message = json.dumps([{"role": "user", "content": str(i)}])
        pair = attributes([("gen_ai.input.messages", text(message))], field=3)
        events.append(put(11, put(2, b"gen_ai.client.inference.operation.details") + pair))
    return one_span(b"".join(events))


def links(spans=9000, count=200000):
    trace_id = os.urandom(16)
    agent = attributes([("gen_ai.operation.name", text("invoke_agent")), ("gen_ai.agent.name", text("a"))])
    linked = b"".join(put(13, put(1, trace_id) + put(2, span_id(2 + i % spans))) for i in range(count))
    children = [span(trace_id, i + 2, parent=1, start=i + 1) for i in range(spans)]
    return request(group([span(trace_id, 1, rest=agent + linked), *children]))


def circle(count=10000):
    """Spans in one chain that hangs on a circle of two; never whole, so it waits for its parent's time to be up."""
    trace_id = os.urandom(16)
    spans = [span(trace_id, i, parent=2 if i == 1 else i - 1) for i in range(1, count + 1)]
    return request(group(reversed(spans)))


def chain_without_agents(count=10000):
    trace_id = os.urandom(16)
    agent = attributes([("gen_ai.operation.name", text("invoke_agent")), ("gen_ai.agent.name", text("a"))])
    spans = [span(trace_id, i, parent=i - 1, start=i, rest=agent if i == count else b"") for i in range(1, count + 1)]
    return request(group(spans))


def calls_in_two_branches(count=9000):
    trace_id = os.urandom(16)
    spans = []
    for i in range(1, count + 1):
        pairs = [("gen_ai.operation.name", text("chat")), ("gen_ai.request.model", text("m")),
                 ("gen_ai.response.id", text(f"r{min(i, count + 1 - i)}"))]
        parent = 0 if i == 1 else 1 if i == count // 2 else i - 1
        spans.append(span(trace_id, i, parent=parent, start=i, rest=attributes(pairs)))
    return request(group(spans))


CASES = {make.__name__: make for make in (
    nested_resources, nested_key_twice, nested_tool_member, nested_call_ids, wide_equal_maps, tags, metadata, wild_keys,
    wild_keys_of_span, one_key, resource_difference, events_of_one_slot, links, circle, chain_without_agents,
    calls_in_two_branches)}
