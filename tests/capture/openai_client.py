"""OpenAI's client under an instrumentor of OpenTelemetry: INSTRUMENTOR names it, SCENARIO what is called.

INSTRUMENTOR is a module (opentelemetry.instrumentation.openai, of OpenLLMetry, or .openai_v2).
SCENARIO is tools, stream or error.
"""
import importlib
import json
import os

from scenario import MODEL, PROMPT, WEATHER, about, resource, tell, tell_error, tracing, weather

MODULE, MODE = os.environ["INSTRUMENTOR"], os.environ["SCENARIO"]
about(MODULE, "openllmetry" if MODULE.endswith("openai") else "otel-genai-legacy-events", "openai")
provider = tracing("fx-openai")
from opentelemetry._logs import set_logger_provider  # noqa: E402
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: E402
from opentelemetry.sdk._logs import LoggerProvider  # noqa: E402
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: E402

logs = LoggerProvider(resource=resource("fx-openai"))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(logs)
if MODULE.endswith("openai_v2"):
    try:
        from opentelemetry._events import set_event_logger_provider
        from opentelemetry.sdk._events import EventLoggerProvider
        set_event_logger_provider(EventLoggerProvider(logs))
    except ImportError:  # events are log records by now
        pass
importlib.import_module(MODULE).OpenAIInstrumentor().instrument(tracer_provider=provider)
import openai  # noqa: E402

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SYSTEM = {"role": "system", "content": "help 帮助"}
create = openai.OpenAI().chat.completions.create


def tools():
    said = [SYSTEM, {"role": "user", "content": WEATHER}]
    asked = create(model=MODEL, messages=said, tools=[TOOL], temperature=0.25).choices[0].message
    call = asked.tool_calls[0]
    said += [asked.model_dump(exclude_none=True),
             {"role": "tool", "tool_call_id": call.id,
              "content": weather(json.loads(call.function.arguments)["city"])}]
    tell(output=create(model=MODEL, messages=said, temperature=0.25).choices[0].message.content)


def stream():
    for _ in create(model=MODEL, messages=[SYSTEM, {"role": "user", "content": PROMPT}],
                    stream=True, stream_options={"include_usage": True}, temperature=0.25):
        pass


def error():
    try:
        create(model="error-model", messages=[SYSTEM, {"role": "user", "content": PROMPT}])
    except openai.BadRequestError as refused:
        tell_error(refused)


globals()[MODE]()
provider.shutdown()
logs.shutdown()
