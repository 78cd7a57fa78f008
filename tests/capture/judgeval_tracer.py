"""Judgeval's tracer (Judgment Labs), sent here by a processor of ours: functions observed as agent and tool.

SCENARIO is tools, stream or error. OpenAI's client is wrapped by the tracer itself.
"""
import json
import os

from scenario import MODEL, PROMPT, WEATHER, about, resource, tell, tell_error, weather

about("judgeval", "judgeval", "judgeval", "openai")
import openai  # noqa: E402
from judgeval import Tracer  # noqa: E402
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: E402

MODE = os.environ["SCENARIO"]
processor = BatchSpanProcessor(OTLPSpanExporter())
tracer = Tracer.init(project_name="fx", resource_attributes=dict(resource("fx-judgeval").attributes),
                     span_processors=[processor])
create = Tracer.wrap(openai.OpenAI()).chat.completions.create
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SYSTEM = {"role": "system", "content": "help 帮助"}


@Tracer.observe(span_type="tool")
def get_weather(city):
    return weather(city)


@Tracer.observe(span_type="agent")
def weather_agent(question):
    Tracer.set_session_id("sess-0001-ü")
    Tracer.set_customer_id("user-42")
    said = [SYSTEM, {"role": "user", "content": question}]
    asked = create(model=MODEL, messages=said, tools=[TOOL], temperature=0.25).choices[0].message
    call = asked.tool_calls[0]
    said += [asked.model_dump(exclude_none=True),
             {"role": "tool", "tool_call_id": call.id,
              "content": get_weather(json.loads(call.function.arguments)["city"])}]
    answer = create(model=MODEL, messages=said, temperature=0.25).choices[0].message.content
    tell(agent="weather_agent", output=answer, session_id="sess-0001-ü", user_id="user-42")
    return answer


@Tracer.observe(span_type="function")
def stream():
    return "".join(
        chunk.choices[0].delta.content or "" for chunk in create(
            model=MODEL, messages=[SYSTEM, {"role": "user", "content": PROMPT}], stream=True,
            stream_options={"include_usage": True}, temperature=0.25) if chunk.choices)


@Tracer.observe(span_type="function")
def error():
    create(model="error-model", messages=[SYSTEM, {"role": "user", "content": PROMPT}])


try:
    {"tools": lambda: weather_agent(WEATHER), "stream": stream, "error": error}[MODE]()
except openai.BadRequestError as refused:
    tell_error(refused)
processor.force_flush()
