"""F18 of the fault table: mutated bodies are answered exactly as a reference parser says, and never with a 5xx.

The reference for protobuf is Python's protobuf on the published OTLP messages, with every string field turned into
bytes: invalid UTF-8 is no error here (it is delivered as U+FFFD and counted). One more difference is meant: a known field
of the wrong wire type is an error (checklist D11), where Python keeps it as an unknown field. The reference for JSON is the JSON grammar:
what is no JSON text must be 400; what is one may be 200 or 400. NOVEUM_SOAK=1 makes it a million bodies.
"""

import json
import os
import pathlib
import random
import socket

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, unknown_fields
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from otlp_http_kit import JSON, PROTOBUF, SLOW, Gateway, request

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
COUNT = 1_000_000 if os.environ.get("NOVEUM_SOAK") else 12_000
SEED = int(os.environ.get("NOVEUM_TEST_SEED", "20261122"))
BATCH = 40
EDGES = [b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x80" * 12, b"\x0b", b"\x0c", b"\x06", b"\x07",
         b"\xfa\x01\xff\xff\xff\xff\x0f", b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b'"', b"{", b"[" * 200, b"\\u", b"null", b"1e999"]


def reference():
    """The request message with bytes in place of strings, in a pool of its own."""
    pool, done = descriptor_pool.DescriptorPool(), set()

    def add(file):
        if file.name in done:
            return
        done.add(file.name)
        for dependency in file.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)

        def walk(messages):
            for one in messages:
                for field in one.field:
                    if field.type == field.TYPE_STRING:
                        field.type = field.TYPE_BYTES
                walk(one.nested_type)

        walk(proto.message_type)
        pool.Add(proto)

    add(trace_service_pb2.DESCRIPTOR)
    name = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest"
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


REQUEST = reference()


def has_wrong_wire_type(parsed):
    """Did Python set a known field aside because its wire type is another?"""
    if any(one.field_number in parsed.DESCRIPTOR.fields_by_number for one in unknown_fields.UnknownFieldSet(parsed)):
        return True
    for field, value in parsed.ListFields():
        if field.message_type is not None:
            if any(map(has_wrong_wire_type, [value] if isinstance(value, message.Message) else value)):
                return True
    return False


def protobuf_verdict(body, status):
    try:
        parsed = REQUEST.FromString(body)
    except message.DecodeError:
        return (400,)
    return (400,) if status == 400 and has_wrong_wire_type(parsed) else (200,)


def refuse_constant(name):
    raise ValueError(name)


def json_verdict(body, _status):
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return (200, 400)
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except RecursionError:
        return (200, 400)
    except ValueError:
        # the reader forgives a byte order mark, and Python refuses integers of more than 4,300 digits
        return (200, 400) if text.startswith("\ufeff") or len(text) > 4300 else (400,)
    return (200, 400) if isinstance(value, dict) else (400,)


def seeds(suffix):
    found = [p.read_bytes() for p in sorted(FIXTURES.glob(f"*/*.{suffix}")) if ".logs." not in p.name and ".metrics." not in p.name]
    return [body for body in found if 0 < len(body) < 3000][:80]


def mutate(rng, body, others):
    body = bytearray(body)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(body) + 1)
        kind = rng.randrange(8)
        if kind == 0 and at < len(body):
            body[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(body):
            body[at] = rng.randrange(256)
        elif kind == 2:
            del body[at:at + rng.randrange(1, 20)]
        elif kind == 3:
            body[at:at] = rng.choice(EDGES)
        elif kind == 4:
            body[at:at] = body[at:at + rng.randrange(1, 40)]
        elif kind == 5:
            del body[at:]
        elif kind == 6:
            other = rng.choice(others)
            start = rng.randrange(len(other))
            body[at:at + rng.randrange(30)] = other[start:start + rng.randrange(1, 60)]
        else:
            body[at:at] = rng.randbytes(rng.randrange(1, 8))
    return bytes(body)


@pytest.mark.parametrize("media, suffix, verdict", [(PROTOBUF, "pb", protobuf_verdict), (JSON, "json", json_verdict)])
def test_f18_mutated_bodies(media, suffix, verdict):
    rng = random.Random(SEED)
    bodies = seeds(suffix) if media == PROTOBUF else [b for b in seeds(suffix) if b'"resourceSpans"' in b]
    assert len(bodies) > 10
    counts = {}
    # traces leave soon and are dropped by policy: what stays in memory would be a leak
    keys = {"journal.durability": "memory", "sampling.rate": 0, "sampling.keep_errors": "false",
            "assembly.quiet_ms": 100, "assembly.open_ms": 500, "assembly.remote_parent_ms": 500, "assembly.max_wait_ms": 1000}
    with Gateway(keys) as gateway, gateway.connect(60) as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        warm = None
        for done in range(0, COUNT, BATCH):
            batch = [mutate(rng, rng.choice(bodies), bodies) for _ in range(BATCH)]
            client.send(b"".join(request(body=body, media=media) for body in batch))
            for body in batch:
                response = client.response()
                assert response is not None, (gateway.process.poll(), gateway.log[-2000:])
                status = response.status
                allowed = verdict(body, status)
                if status == 503:  # a full queue
                    assert response.get("retry-after"), response
                else:
                    assert status in allowed, (allowed, status, response.body, body.hex())
                counts[status] = counts.get(status, 0) + 1
            if done >= COUNT // 4 and warm is None:
                warm = gateway.rss()
        if SLOW == 1:  # sanitizers keep what was freed
            assert gateway.rss() < warm * 1.5 + (64 << 20), (warm, gateway.rss())
        gateway.assert_alive()
    assert counts[200] > COUNT // 100 and counts[400] > COUNT // 100, counts
