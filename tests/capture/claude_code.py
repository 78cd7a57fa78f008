"""Claude Code: one prompt with `-p` that reads a file, telemetry with its tracing beta.

CLI names the program. It is given an environment and a home of its own and runs best without a
network but loopback (`unshare -n`, then `ip link set lo up`).
"""
import json
import os
import pathlib
import subprocess

from scenario import tell

cli, home, url = os.environ["CLI"], pathlib.Path.cwd(), os.environ["CAPTURE_URL"]
env = {"HOME": str(home), "PATH": os.environ["PATH"], "ANTHROPIC_BASE_URL": url,
       "ANTHROPIC_API_KEY": "sk-ant-fixture", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
       "DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
       "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1", "ENABLE_BETA_TRACING_DETAILED": "1",
       "BETA_TRACING_ENDPOINT": url, "OTEL_TRACES_EXPORTER": "otlp", "OTEL_LOGS_EXPORTER": "otlp",
       "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_EXPORTER_OTLP_ENDPOINT": url,
       "OTEL_LOG_USER_PROMPTS": "1", "OTEL_LOG_TOOL_DETAILS": "1", "OTEL_LOG_TOOL_CONTENT": "1"}
version = subprocess.run([cli, "--version"], env=env, capture_output=True, text=True,
                         check=True).stdout
tell(instrumentation="claude-code", convention="claude-code", language="javascript", packages=[],
     versions={"@anthropic-ai/claude-code": version.split()[0]})
(home / "project").mkdir()
(home / "project" / "notes.txt").write_text("東京: 21.5°C ☀️\n")
done = subprocess.run([cli, "-p", "what is the weather in 東京?", "--system-prompt", "help 帮助",
                       "--model", "claude-sonnet-4-5-20250929", "--tools", "Read",
                       "--allowedTools", "Read", "--output-format", "json"],
                      env=env, cwd=home / "project", capture_output=True, text=True, timeout=100,
                      stdin=subprocess.DEVNULL)
if done.returncode != 0:
    raise SystemExit(done.stdout + done.stderr)
answer = json.loads(done.stdout)
tell(output=answer["result"], session_id=answer["session_id"])
