"""HoneyHive's tracer, its server here: functions traced as chain, model and tool.

SCENARIO is tools or error. The model's function says itself what was asked and answered (enrich_span), as
HoneyHive's users do without an instrumentor.
"""
import json
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, weather

about("honeyhive", "honeyhive", "honeyhive", "openai")
import openai  # noqa: E402
from honeyhive import HoneyHiveTracer, enrich_span, trace  # noqa: E402

MODE = os.environ["SCENARIO"]
tracer = HoneyHiveTracer.init(api_key="hh-fixture", project="fx", session_name="fx-session",
                              source="test", server_url=os.environ["CAPTURE_URL"])
create = openai.OpenAI().chat.completions.create
TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SYSTEM = {"role": "system", "content": "help 帮助"}


@trace(event_type="tool", event_name="get_weather", tracer=tracer)
def get_weather(city):
    return weather(city)


@trace(event_type="model", event_name="ask_model", tracer=tracer)
def ask_model(messages, **more):
    answer = create(model=more.pop("model", MODEL), messages=messages, temperature=0.25, **more)
    enrich_span(inputs={"chat_history": messages}, outputs=answer.choices[0].message.model_dump(exclude_none=True),
                config={"model": answer.model, "provider": "openai", "temperature": 0.25},
                metadata=answer.usage.model_dump(include={
                    "prompt_tokens", "completion_tokens", "total_tokens"}))
    return answer.choices[0].message


@trace(event_type="chain", event_name="weather_agent", tracer=tracer)
def weather_agent(question):
    enrich_span(user_properties={"user_id": "user-42"}, metrics={"helpful": 1.0},
                feedback={"rating": 5})
    said = [SYSTEM, {"role": "user", "content": question}]
    asked = ask_model(said, tools=[TOOL])
    call = asked.tool_calls[0]
    said += [asked.model_dump(exclude_none=True),
             {"role": "tool", "tool_call_id": call.id,
              "content": get_weather(json.loads(call.function.arguments)["city"])}]
    answer = ask_model(said).content
    tell(output=answer)
    return answer


try:
    if MODE == "tools":
        weather_agent(WEATHER)
    else:
        ask_model([SYSTEM, {"role": "user", "content": PROMPT}], model="error-model")
except openai.BadRequestError as refused:
    tell_error(refused)
tracer.flush()
