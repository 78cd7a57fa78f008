"""Memory by every way in and out: what test_memory.py sends over HTTP in protobuf, in other forms.

Over gRPC, as JSON, in zstd with the largest window, as log records, the same spans again, with the
agents' graph looked at, into files; and what the commands take that read one trace. The bound is the
same: memory.max_bytes and the program's own.
"""
import concurrent.futures
import json
import os
import pathlib
import struct
import subprocess
import time

import grpc
import pytest

import hostile
from conftest import PROGRAM, SLOW, TIME, clean_environment
from otlp import EXPORT, post
from test_memory import MB, SENDERS, Sink, largest, peak_mb, program_mb

MAX_MB = 64
SIZE = largest(MAX_MB)

pytestmark = pytest.mark.skipif(SLOW > 1, reason="a sanitizer takes memory of its own")


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


def at_once(send, bodies):
    """What send(body) answered, four of them at the same time. What was refused comes again alone,
    and then it must be taken: nothing is too large but what is told with 413."""
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        answers = list(pool.map(send, bodies))
    for body, answer in zip(bodies, answers):
        deadline = time.monotonic() + 2 * TIME
        while answer in (429, 503) and time.monotonic() < deadline:
            time.sleep(0.05)  # Retry-After says a second
            answer = send(body)
        assert answer not in (429, 503), "refused alone"
    return answers


def by_http(gateway, bodies, path="/v1/traces", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = named.pop("Content-Type", "application/x-protobuf")

    def send(body):
        try:
            return post(gateway.port, body, path, content_type=kind, headers=named,
                        timeout=2 * TIME)[0]
        except (BrokenPipeError, ConnectionResetError):
            return 503  # refused by its head, while it was being written
    return at_once(send, bodies)


def by_grpc(gateway, bodies, compression=grpc.Compression.NoCompression, metadata=()):
    """Each on a connection of its own; 200 for OK, 503 for what may come again."""
    def send(body):
        options = [("grpc.max_send_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(f"127.0.0.1:{gateway.ports['grpc']}", options=options) as channel:
            call = channel.unary_unary(EXPORT)
            try:
                call(body, timeout=2 * TIME, compression=compression, metadata=metadata)
                return 200
            except grpc.RpcError as error:
                assert error.code() in (grpc.StatusCode.UNAVAILABLE,
                                        grpc.StatusCode.RESOURCE_EXHAUSTED), error
                return 503
    return at_once(send, bodies)


def zstd_frame(data):
    """Raw blocks behind a head that asks for a window of 8 MiB (RFC 8878 3.1.1)."""
    blocks = [data[at:at + 0x20000] for at in range(0, len(data), 0x20000)]
    heads = [struct.pack("<I", len(b) << 3 | (n == len(blocks) - 1))[:3]
             for n, b in enumerate(blocks)]
    return b"\x28\xb5\x2f\xfd\x00\x68" + b"".join(h + b for h, b in zip(heads, blocks))


def json_request(attributes):
    span = (f'{{"traceId":"{os.urandom(16).hex()}","spanId":"0000000000000001","name":"s",'
            f'"startTimeUnixNano":"{hostile.START_NS}","endTimeUnixNano":"{hostile.START_NS + 1}",'
            f'"attributes":[{attributes}]}}')
    return f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}'.encode()


def json_values():
    """The shortest values that JSON can say."""
    values = "{}," * (SIZE // 3) + "{}"
    return json_request(f'{{"key":"list","value":{{"arrayValue":{{"values":[{values}]}}}}}}')


def json_escapes():
    """A text of escapes, six bytes each."""
    text = "\\u0001" * (SIZE // 6)
    return json_request(f'{{"key":"note","value":{{"stringValue":"{text}"}}}}')


def spans_and_logs(spans, text_bytes):
    """A trace, and the log records of each of its spans with as much text together."""
    trace_id, all_ids = os.urandom(16), hostile.ids(spans)
    text = hostile.put(5, hostile.text_value(b"t" * (text_bytes // spans)))
    records = b"".join(hostile.put(2, hostile.put(9, trace_id) + hostile.put(10, i) + text)
                       for i in all_ids)
    return (hostile.request([hostile.span_bytes(trace_id, i, parent=b"" if n == 0 else all_ids[0])
                             for n, i in enumerate(all_ids)], hostile.resource_of()),
            hostile.put(1, hostile.put(2, records)))


def agents(count):
    """Agents of long names, each in a trace of its own."""
    spans = [hostile.span_bytes(os.urandom(16), hostile.ids(1)[0], rest=hostile.put(9, (
        hostile.attribute(b"gen_ai.operation.name", hostile.text_value(b"invoke_agent")))) +
        hostile.put(9, hostile.attribute(b"gen_ai.agent.name", hostile.text_value(
            b"%06d" % n + b"a" * 500)))) for n in range(count)]
    return hostile.request(spans, hostile.resource_of())


def way_grpc(gateway):
    return by_grpc(gateway, [hostile.byte_values(SIZE)[0] for _ in range(SENDERS)])


def way_grpc_gzip(gateway):
    return by_grpc(gateway, [hostile.empty_values(SIZE // 2)[0] for _ in range(SENDERS)],
                   grpc.Compression.Gzip)


def way_grpc_headers(gateway):
    metadata = [(f"x-{n}", "h" * 1000) for n in range(12)]
    return by_grpc(gateway, [hostile.least_spans(10)[0] for _ in range(200)], metadata=metadata)


def way_json(gateway):
    return by_http(gateway, [json_escapes() for _ in range(SENDERS)],
                   Content_Type="application/json")


def way_json_values(gateway):
    return by_http(gateway, [json_values() for _ in range(SENDERS)],
                   Content_Type="application/json")


def way_zstd(gateway):
    return by_http(gateway, [zstd_frame(hostile.byte_values(SIZE)[0]) for _ in range(SENDERS)],
                   Content_Encoding="zstd")


def way_logs(gateway):
    pairs = [spans_and_logs(500, SIZE - 100_000) for _ in range(SENDERS)]
    return (by_http(gateway, [logs for _, logs in pairs], "/v1/logs") +
            by_http(gateway, [spans for spans, _ in pairs]))


def way_again(gateway):
    trace_id, all_ids = os.urandom(16), hostile.ids(1000)
    body = hostile.request([hostile.span_bytes(trace_id, i, parent=b"" if n == 0 else all_ids[0],
                                               rest=hostile.put(9, hostile.attribute(
                                                   b"note", hostile.text_value(b"n" * 5000))))
                            for n, i in enumerate(all_ids)], hostile.resource_of())
    return by_http(gateway, [body] * (2 * SENDERS))


def way_agents(gateway):
    answers = by_http(gateway, [agents(5000) for _ in range(SENDERS)])
    gateway.wait_status(lambda s: s["spans"]["held"] == s["spans"]["queued"] == 0, 3 * TIME)
    paths = ["/agents", "/agents?format=dot", "/agents?format=mermaid", "/status", "/metrics"]
    with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(gateway.get, 4 * paths))
    return answers


WAYS = {"gRPC": way_grpc, "gRPC with gzip": way_grpc_gzip, "headers of HTTP/2": way_grpc_headers,
        "JSON of escapes": way_json, "JSON of empty values": way_json_values,
        "zstd windows": way_zstd, "log records": way_logs, "spans sent again": way_again,
        "agents": way_agents}


def check(gateway, own, answers, name):
    assert set(answers) <= {200, 429, 503}, answers
    spans = gateway.wait_balanced(3 * TIME, held=0, queued=0)
    peak = peak_mb(gateway)
    print(f"{name}: {peak:.0f} MB, {own:.0f} the program's; {spans}")
    assert peak <= MAX_MB + own, f"{peak:.0f} MB, {answers}"
    assert spans["delivered"] > 0 and spans["dead_lettered"] == 0, gateway.stderr()


@pytest.mark.parametrize("name", list(WAYS))
def test_every_way_in_stays_within_the_option(make_gateway, sink, name):
    gateway = make_gateway({"memory.max_bytes": str(MAX_MB * MB)},
                           {"NOVEUM_API_KEY": "nv_memory_test", "NOVEUM_ENDPOINT": sink.url,
                            "NOVEUM_PROJECT": "memory"})
    own = program_mb(gateway)
    check(gateway, own, WAYS[name](gateway), name)


def test_files_and_the_terminal_stay_within_the_option(make_gateway, directory):
    gateway = make_gateway({"memory.max_bytes": str(MAX_MB * MB),
                            "exporter.file.directory": str(directory / "traces")})
    own = program_mb(gateway)
    bodies = [hostile.control_characters(SIZE)[0], hostile.empty_events(SIZE // 2)[0],
              hostile.byte_values(SIZE)[0], hostile.least_spans(1000)[0]]
    check(gateway, own, by_http(gateway, bodies), "files and the terminal")


# The commands have no budget: they read one file. Bytes that they may have for each byte of it.
@pytest.mark.parametrize("name, factor", [("text", 6), ("values", 24), ("attributes", 24)])
def test_explain_takes_a_multiple_of_its_file(directory, name, factor):
    body = {"text": lambda: hostile.byte_values(8 * MB),
            "values": lambda: hostile.empty_values(4 * MB),
            "attributes": lambda: hostile.short_attributes(600_000)}[name]()[0]
    path = pathlib.Path(directory) / "body.bin"
    path.write_bytes(body)
    limit_kb = (16 * MB + factor * len(body)) // 1024
    done = subprocess.run(["sh", "-c", f'ulimit -d {limit_kb} && exec "$@"', "sh", PROGRAM, "explain",
                           str(path)], cwd=directory, env=clean_environment(), check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=4 * TIME)
    assert done.returncode == 0 and b"memory" not in done.stderr, done.stderr[-500:]


def test_json_that_is_sent_is_json():
    """The inputs above say what they are meant to."""
    assert json.loads(json_request(""))["resourceSpans"]
