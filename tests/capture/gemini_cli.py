"""Gemini CLI: one prompt on the command line that reads a file, telemetry by its own settings.

CLI names the program. It is given a home of its own and runs best without a network but loopback
(`unshare -n`, then `ip link set lo up`).
"""
import json
import os
import pathlib
import subprocess

from scenario import tell

version = subprocess.run([os.environ["CLI"], "--version"], capture_output=True, text=True,
                         check=True).stdout.strip()
tell(instrumentation="gemini-cli", convention="gemini-cli", language="javascript", packages=[],
     versions={"@google/gemini-cli": version})
home = pathlib.Path.cwd()
work = home / "project"
work.mkdir()
(work / "notes.txt").write_text("東京: 21.5°C ☀️\n")
(home / "system.md").write_text("help 帮助\n")  # instead of the program's own, which is long
(home / ".gemini").mkdir()
(home / ".gemini" / "settings.json").write_text(json.dumps({
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "tools": {"core": ["read_file"]},
    "general": {"enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": True, "target": "local", "otlpProtocol": "http", "logPrompts": True,
                  "traces": True, "otlpEndpoint": os.environ["CAPTURE_URL"]}}))
env = {"HOME": str(home), "PATH": os.environ["PATH"], "GEMINI_API_KEY": "fixture",
       "GEMINI_SYSTEM_MD": str(home / "system.md"),
       "GOOGLE_GEMINI_BASE_URL": os.environ["CAPTURE_URL"], "GEMINI_CLI_NO_RELAUNCH": "true",
       "GEMINI_TELEMETRY_TRACES_ENABLED": "true", "GEMINI_CLI_TRUST_WORKSPACE": "true"}
done = subprocess.run([os.environ["CLI"], "-p", "what is the weather in 東京?", "-m",
                       "gemini-2.5-flash", "--output-format", "json", "--yolo"],
                      env=env, cwd=work, capture_output=True, text=True, timeout=100)
tell(output=json.loads(done.stdout)["response"])
