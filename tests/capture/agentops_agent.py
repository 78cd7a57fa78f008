"""AgentOps 0.4 (its instrumentation of OpenAI's client): SCENARIO is chat, decor (an agent) or error."""
import json
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, weather

MODE = os.environ["SCENARIO"]
about("agentops", "agentops (gen_ai.* + agentops.*)", "agentops", "openai")
import agentops  # noqa: E402

agentops.init(api_key="00000000-0000-4000-8000-000000000000", endpoint=os.environ["CAPTURE_URL"],
              app_url=os.environ["CAPTURE_URL"], auto_start_session=False,
              exporter_endpoint=f"{os.environ['CAPTURE_URL']}/v1/traces")
from agentops.sdk.decorators import agent, operation, tool  # noqa: E402
import openai  # noqa: E402

TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather for a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
SYSTEM = {"role": "system", "content": "help 帮助"}
client = openai.OpenAI()


def create(said, model=MODEL, **more):
    return client.chat.completions.create(model=model, messages=said, temperature=0.25,
                                          **more).choices[0].message


@tool(name="get_weather")
def get_weather(city):
    return weather(city)


@agent(name="weather_agent")
class WeatherAgent:
    @operation(name="answer")
    def answer(self, question):
        said = [SYSTEM, {"role": "user", "content": question}]
        call = (asked := create(said, tools=[TOOL])).tool_calls[0]
        said += [asked.model_dump(exclude_none=True),
                 {"role": "tool", "tool_call_id": call.id,
                  "content": get_weather(json.loads(call.function.arguments)["city"])}]
        return create(said).content


trace = agentops.start_trace(trace_name="session", tags=["a", "标签"])
try:
    if MODE == "decor":
        tell(agent="weather_agent", output=WeatherAgent().answer(WEATHER))
    else:
        tell(output=create([SYSTEM, {"role": "user", "content": PROMPT}],
                           "error-model" if MODE == "error" else MODEL).content)
except openai.BadRequestError as error:
    tell_error(error)
agentops.end_trace(trace, end_state="Success")
from opentelemetry import trace as api  # noqa: E402

api.get_tracer_provider().force_flush()
