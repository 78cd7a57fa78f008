"""OpenLIT with Anthropic's client: SCENARIO is chat, stream, tools or decorator."""
import os

from scenario import PROMPT, WEATHER, about, tell, weather

about("openlit/anthropic", "openlit", "openlit", "anthropic")

import openlit  # noqa: E402

openlit.init(application_name="fx-openlit", environment="测试", disable_metrics=True)
import anthropic  # noqa: E402  (after the instrumentation)

MODE, MODEL = os.environ["SCENARIO"], "claude-sonnet-4-5"
TOOL = {"name": "get_weather", "description": "Get the weather for a city", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
client = anthropic.Anthropic(api_key="sk-fixture", base_url=os.environ["CAPTURE_URL"])


def create(said, **more):
    return client.messages.create(model=MODEL, system="help 帮助", max_tokens=99, temperature=0.25,
                                  messages=said, **more)


def chat():
    tell(output=create([{"role": "user", "content": PROMPT}]).content[0].text)


def stream():
    for _ in create([{"role": "user", "content": PROMPT}], stream=True):
        pass


def tools():
    said = [{"role": "user", "content": WEATHER}]
    asked = create(said, tools=[TOOL])
    call = asked.content[0]
    said += [{"role": "assistant", "content": [call.model_dump(exclude_none=True)]},
             {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id,
                                           "content": weather(call.input["city"])}]}]
    tell(output=create(said, tools=[TOOL]).content[0].text)


@openlit.trace
def answer(question):
    said = create([{"role": "user", "content": question}]).content[0].text
    with openlit.start_trace(name="after 之后") as span:
        span.set_result(said)
        span.set_metadata({"session": "sess-0001-ü"})
    return said


def decorator():
    tell(output=answer(PROMPT))


globals()[MODE]()
from opentelemetry import _logs, trace  # noqa: E402

trace.get_tracer_provider().shutdown()
_logs.get_logger_provider().shutdown()
