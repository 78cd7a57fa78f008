"""Laminar: a decorated function that calls OpenAI's client and a tool, in a session of a user."""
import json
import os
import urllib.parse

from scenario import MODEL, WEATHER, about, tell, weather

about("lmnr", "laminar", "lmnr", "openai")

from lmnr import Laminar, observe  # noqa: E402

Laminar.initialize(project_api_key="fixture", base_url="http://127.0.0.1", force_http=True,
                   http_port=urllib.parse.urlparse(os.environ["CAPTURE_URL"]).port)
import openai  # noqa: E402  (after the instrumentation)

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}


@observe(span_type="TOOL")
def get_weather(city):
    return weather(city)


@observe(session_id="sess-0001-ü", user_id="user-42")
def answer():
    client = openai.OpenAI()
    said = [{"role": "system", "content": "help 帮助"}, {"role": "user", "content": WEATHER}]
    asked = client.chat.completions.create(model=MODEL, messages=said, tools=[TOOL],
                                           temperature=0.25).choices[0].message
    call = asked.tool_calls[0]
    said += [asked.model_dump(exclude_none=True),
             {"role": "tool", "tool_call_id": call.id,
              "content": get_weather(json.loads(call.function.arguments)["city"])}]
    return client.chat.completions.create(model=MODEL, messages=said,
                                          temperature=0.25).choices[0].message.content


tell(output=answer(), session_id="sess-0001-ü", user_id="user-42")
Laminar.shutdown()
