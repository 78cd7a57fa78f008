"""Vercel's AI SDK: MODULES is the folder where npm installed it; SCENARIO is tools, stream, error."""
import json
import os
import pathlib
import subprocess

from scenario import PROMPT, WEATHER, tell

modules = pathlib.Path(os.environ["MODULES"]) / "node_modules"
versions = {name: json.loads((modules / name / "package.json").read_text())["version"]
            for name in ("ai", "@ai-sdk/openai", "@opentelemetry/exporter-trace-otlp-http")}
tell(instrumentation="ai (Vercel)", convention="vercel ai.*", language="javascript", packages=[],
     versions=versions)
subprocess.run(["node", pathlib.Path(__file__).with_suffix(".mjs")], check=True, timeout=100, env=dict(
    os.environ, PROMPT=WEATHER if os.environ["SCENARIO"] == "tools" else PROMPT))
