"""OpenTelemetry's agent for Java on OpenAI's client; MODULES is the folder of jars.

SCENARIO is chat, stream, tools, embed or error. The client is compiled when it is run.
"""
import os
import pathlib
import re
import subprocess

from scenario import MODEL, PROMPT, WEATHER, tell

MODE, jars = os.environ["SCENARIO"], pathlib.Path(os.environ["MODULES"])
agent = next(jars.glob("opentelemetry-javaagent-*.jar"))
names = [path.stem for path in jars.glob("*.jar")]
versions = dict(re.fullmatch(r"(.+?)-(\d[\d.]*)", name).groups() for name in names
                if re.fullmatch(r"(openai-java|opentelemetry-javaagent)-[\d.]+", name))
tell(instrumentation="opentelemetry-javaagent (openai)", convention="otel-genai-legacy-events",
     language="java", packages=[], versions=versions)
env = dict(os.environ, PROMPT=WEATHER if MODE == "tools" else PROMPT,
           MODEL="error-model" if MODE == "error" else MODEL, OTEL_SERVICE_NAME="fx-java",
           OTEL_METRICS_EXPORTER="none", OTEL_RESOURCE_PROVIDERS_PROCESS_ENABLED="false",
           OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true",
           OTEL_RESOURCE_ATTRIBUTES="service.version=1.2.3")
done = subprocess.run(
    ["java", f"-javaagent:{agent}", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp",
     f"{jars}/*", pathlib.Path(__file__).with_name("OpenAiCalls.java")], env=env, check=True,
    timeout=100, stdout=subprocess.PIPE, text=True)
if MODE == "error":
    kind, message = done.stdout.split("\n", 1)
    tell(exception_type=kind, exception_message=message.strip())
