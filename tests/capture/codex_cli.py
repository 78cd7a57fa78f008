"""Codex: one prompt for `codex exec` that reads a file, telemetry by its own configuration.

CLI names the program. It is given a home of its own and runs best without a network but loopback
(`unshare -n`, then `ip link set lo up`).
"""
import os
import pathlib
import subprocess

from scenario import tell

CONFIG = """
model = "gpt-5-mini"
model_provider = "fixture"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false
model_instructions_file = "{home}/system.md"
[model_providers.fixture]
name = "fixture"
base_url = "{url}/openai/v1"
env_key = "OPENAI_API_KEY"
wire_api = "responses"
[otel]
environment = "test"
log_user_prompt = true
exporter = {{ otlp-http = {{ endpoint = "{url}/v1/logs", protocol = "binary" }} }}
trace_exporter = {{ otlp-http = {{ endpoint = "{url}/v1/traces", protocol = "binary" }} }}
"""

cli, home = os.environ["CLI"], pathlib.Path.cwd()
version = subprocess.run([cli, "--version"], capture_output=True, text=True, check=True).stdout
tell(instrumentation="codex", convention="codex", language="rust", packages=[],
     versions={"@openai/codex": version.split()[-1]})
(home / "project").mkdir()
(home / "project" / "notes.txt").write_text("東京: 21.5°C ☀️\n")
(home / "system.md").write_text("help 帮助\n")  # instead of the program's own, which is long
(home / ".codex").mkdir()
(home / ".codex" / "config.toml").write_text(CONFIG.format(
    url=os.environ["CAPTURE_URL"], home=home))
done = subprocess.run([cli, "exec", "--skip-git-repo-check", "what is the weather in 東京?"],
                      env={"HOME": str(home), "PATH": os.environ["PATH"],
                           "CODEX_HOME": str(home / ".codex"), "OPENAI_API_KEY": "fixture"},
                      cwd=home / "project", capture_output=True, text=True, timeout=100,
                      stdin=subprocess.DEVNULL)
tell(output=done.stdout.strip().splitlines()[-1])
