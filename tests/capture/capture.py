#!/usr/bin/env python3
"""Captures what a framework exports: one run of a scenario becomes one case of tests/fixtures.

A loopback server is both sides of the scenario. It answers as a model by rule (model.py), so what
the framework was told is known without reading a span; and it keeps every OTLP request byte for
byte. The scenario is a Python program of this folder, run by the interpreter of an environment that
has the framework, with its exporter pointed here by the usual variables.

usage: capture.py CASE PYTHON SCENARIO [NAME=VALUE ...]

    python3 -m venv /tmp/strands && /tmp/strands/bin/pip install strands-agents[otel] openai
    tests/capture/capture.py strands-tools /tmp/strands/bin/python strands_agent.py

CASE is the folder to write below tests/fixtures (it must not exist), NAME=VALUE goes into the
scenario's environment and into case.json. CAPTURE_CALL='["tool", {"its": "arguments"}]' is the call
that the model makes, when it is not the first tool with a city.
"""
import gzip
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

from model import Model

HERE = pathlib.Path(__file__).resolve().parent
SIGNALS = ("traces", "logs", "metrics")
TIMEOUT_S = 120
VERSIONS = ("import importlib.metadata as m, json; print(json.dumps("
            "{d.name: d.version for d in m.distributions()}))")


def signal(path):
    """The signal that requests to `path` bring, None for a path of the model."""
    return next((name for name in SIGNALS if path.endswith(f"/v1/{name}")), None)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def do_GET(self):  # noqa: N802
        self.reply(404, b"{}")

    def do_POST(self):  # noqa: N802
        body = self.body()
        path = self.path.split("?")[0]
        if signal(path):
            with self.server.lock:
                self.server.bodies.append((path, self.headers, body))
            return self.reply(200, b"", self.headers["Content-Type"])
        with self.server.lock:
            served = self.server.model.serve(path, json.loads(body or b"{}"))
            if served is None:
                print(f"nobody answers {self.path}", file=sys.stderr)
                return self.reply(404, b"{}")
            status, answer = served
            if isinstance(answer, dict):
                return self.reply(status, json.dumps(answer).encode())
            events = list(answer)
        text = "".join(f"event: {name}\ndata: {json.dumps({'type': name} | data)}\n\n" if name
                       else f"data: {json.dumps(data)}\n\n" for name, data in events)
        done = "data: [DONE]\n\n" if path.endswith("/chat/completions") else ""
        return self.reply(200, (text + done).encode(), "text/event-stream")


def run(python, scenario, env, server):
    """Runs the scenario to its end; returns what it told: [about the case, facts...]."""
    base = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as directory:
        told = pathlib.Path(directory) / "told"
        variables = dict(os.environ, OTEL_EXPORTER_OTLP_ENDPOINT=base, CAPTURE_TOLD=str(told),
                         OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", CAPTURE_URL=base,
                         OPENAI_BASE_URL=f"{base}/openai/v1", OPENAI_API_KEY="sk-fixture",
                         ANONYMIZED_TELEMETRY="false", PYTHONPATH=str(HERE), **env)
        subprocess.run([python, HERE / scenario], env=variables, check=True, timeout=TIMEOUT_S,
                       cwd=directory)
        return [json.loads(line) for line in told.read_text().splitlines()]


def fields(message, number):
    """The length-delimited fields `number` of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if message[at - 1] < 128:
                return value

    while at < len(message):
        tag = varint()
        size = {0: 0, 1: 8, 2: None, 5: 4}[tag & 7]
        if tag & 7 == 0:
            varint()
        size = varint() if size is None else size
        if tag == number << 3 | 2:
            yield message[at:at + size]
        at += size


def count_spans(body, json_form):
    """Spans of an export request (resource_spans 1, scope_spans 2, spans 2)."""
    if json_form:
        return sum(len(scope.get("spans", [])) for resource in json.loads(body)["resourceSpans"]
                   for scope in resource["scopeSpans"])
    return sum(1 for resource in fields(body, 1) for scope in fields(resource, 2)
               for _ in fields(scope, 2))


def write(folder, server, case, expected):
    folder.mkdir()
    requests = []
    kept = [(p, h, b) for p, h, b in server.bodies if signal(p) != "metrics"]
    for number, (path, headers, body) in enumerate(kept, 1):
        told, coding = signal(path), headers.get("Content-Encoding")
        kind = headers["Content-Type"]
        name = (f"{number:03d}{'.logs' if told == 'logs' else ''}"
                f"{'.json' if 'json' in kind else '.pb'}{'.gz' if coding == 'gzip' else ''}")
        (folder / name).write_bytes(body)
        plain = gzip.decompress(body) if coding == "gzip" else body
        spans = count_spans(plain, "json" in kind) if told == "traces" else None
        requests.append({"file": name, "signal": told, "path": path, "content_type": kind,
                         "content_encoding": coding, "bytes": len(body),
                         "decoded_bytes": len(plain), "spans": spans})
    case = {"case": folder.name, **case, "requests": requests,
            "span_count": sum(r["spans"] or 0 for r in requests), "expected": expected}
    (folder / "case.json").write_text(json.dumps(case, indent=1, ensure_ascii=True) + "\n")


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    folder = HERE.parent / "fixtures" / sys.argv[1]
    python, scenario = sys.argv[2:4]
    env = dict(word.split("=", 1) for word in sys.argv[4:])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.lock, server.bodies = threading.Lock(), []
    server.model = Model(json.loads(env["CAPTURE_CALL"]) if "CAPTURE_CALL" in env else None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    about, *facts = run(python, scenario, env, server)
    versions = json.loads(subprocess.run([python, "-c", VERSIONS], check=True, text=True,
                                         capture_output=True).stdout)
    named = ("opentelemetry-", *about.pop("packages"))
    packages = {k: v for k, v in sorted(versions.items()) if k.startswith(named)}
    packages |= about.pop("versions", {})
    env = {k: v for k, v in env.items() if k not in ("CLI", "MODULES")}
    case = {"language": "python", "scenario": scenario, **about, "packages": packages, "env": env}
    write(folder, server, case, {
        "source": "the scenario (facts) and the stand-in model (llm_exchanges)", "facts": facts,
        "llm_exchanges": server.model.exchanges})
    print(f"{folder.name}: {len(server.bodies)} requests, {len(server.model.exchanges)} exchanges")


if __name__ == "__main__":
    main()
