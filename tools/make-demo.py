#!/usr/bin/env python3
"""Packs captured requests of tests/fixtures into a C source, for `noveum-gateway demo`: one request with one whole trace each,
compressed by gzip. The same input gives the same output. Fails when they are larger than BYTES_MAX.

usage: make-demo.py OUT.c FIXTURES          make-demo.py --list
"""
import gzip
import pathlib
import sys

BYTES_MAX = 64 * 1024
# case of tests/fixtures -> what it is called: ten conventions, each a whole trace in one request of protobuf
CASES = {
    "oi-langchain-agent": "OpenInference, a LangChain agent",
    "tl-langchain-handoff": "OpenLLMetry, a LangGraph with two agents",
    "pydantic-default-handoff": "Pydantic AI, an agent that asks another",
    "lf5-langchain-agent": "Langfuse, a LangChain agent",
    "adk-handoff": "Google ADK, a handoff",
    "strands-latest-tools": "Strands Agents, an agent with tools",
    "langsmith-langchain-agent": "LangSmith, a LangChain agent",
    "logfire-tools": "Logfire, an agent with tools",
    "litellm-otel-tools": "LiteLLM, a call with tools",
    "aisdk6-protogz-stream": "Vercel AI SDK, a stream",
}


def body_of(folder):
    (file,) = (p for p in sorted(folder.iterdir()) if p.name.startswith("001.pb"))
    data = file.read_bytes()
    return gzip.decompress(data) if file.suffix == ".gz" else data


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(CASES))
        return
    out, fixtures = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    packed = [(name, gzip.compress(body_of(fixtures / case), 9, mtime=0)) for case, name in CASES.items()]
    total = sum(len(data) for _, data in packed)
    if total > BYTES_MAX:
        sys.exit(f"make-demo.py: the captures have {total} bytes compressed, at most {BYTES_MAX}")
    lines = ['#include "gateway/demo/captures.h"\n']
    for number, (_, data) in enumerate(packed):
        lines.append(f"static const unsigned char body_{number}[] = {{{','.join(map(str, data))}}};\n")
    rows = "".join(f'    {{"{name}", body_{number}, {len(data)}}},\n' for number, (name, data) in enumerate(packed))
    lines.append(f"const struct nv_demo_capture nv_demo_captures[] = {{\n{rows}}};\n")
    lines.append(f"const size_t nv_demo_capture_count = {len(packed)};\n")
    out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
