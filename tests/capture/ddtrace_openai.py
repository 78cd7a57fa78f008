"""Datadog's tracer with its OTLP exporter, OpenAI's client patched: SCENARIO is tools, stream or error.

Run with OTEL_TRACES_EXPORTER=otlp: the spans that would go to an agent come here.
"""
import json
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, weather

about("ddtrace (OTLP export)", "ddtrace", "ddtrace", "openai")
from ddtrace import patch, tracer  # noqa: E402

patch(openai=True)
import openai  # noqa: E402

MODE = os.environ["SCENARIO"]
create = openai.OpenAI().chat.completions.create
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SYSTEM = {"role": "system", "content": "help 帮助"}


def tools():
    with tracer.trace("weather_agent", service="fx-ddtrace"):
        said = [SYSTEM, {"role": "user", "content": WEATHER}]
        asked = create(model=MODEL, messages=said, tools=[TOOL], temperature=0.25).choices[0].message
        call = asked.tool_calls[0]
        with tracer.trace("get_weather"):
            result = weather(json.loads(call.function.arguments)["city"])
        said += [asked.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id, "content": result}]
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
tracer.shutdown()
