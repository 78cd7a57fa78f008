"""Genkit for JavaScript: MODULES is the folder where npm installed it; SCENARIO is chat, tools, error."""
import json
import os
import pathlib
import subprocess

from scenario import PROMPT, WEATHER, tell

modules = pathlib.Path(os.environ["MODULES"]) / "node_modules"
versions = {name: json.loads((modules / name / "package.json").read_text())["version"]
            for name in ("genkit", "@opentelemetry/exporter-trace-otlp-http")}
tell(instrumentation="genkit", convention="genkit genkit:*", language="javascript", packages=[],
     versions=versions)
subprocess.run(["node", pathlib.Path(__file__).with_suffix(".mjs")], check=True, timeout=100, env=dict(
    os.environ, PROMPT=WEATHER if os.environ["SCENARIO"] == "tools" else PROMPT))
