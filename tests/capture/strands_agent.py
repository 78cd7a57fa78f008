"""Strands Agents: one agent with a tool, its session given as a trace attribute."""
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, tracing, weather

about("strands-agents", "otel-genai (strands)", "strands", "openai")
provider = tracing("fx-strands")

from strands import Agent, tool  # noqa: E402  (its tracer is made on import)
from strands.models.openai import OpenAIModel  # noqa: E402


@tool
def get_weather(city: str) -> str:
    """Get the weather for a city"""
    return weather(city)


mode = os.environ.get("SCENARIO", "tools")
model = OpenAIModel(model_id="error-model" if mode == "error" else MODEL,
                    params={"temperature": 0.25, "max_tokens": 99})
agent = Agent(model=model, name="weather_agent", system_prompt="help 帮助",
              tools=[get_weather] if mode == "tools" else [], callback_handler=None,
              trace_attributes={"session.id": "sess-0001-ü", "user.id": "user-42"})
try:
    result = agent(WEATHER if mode == "tools" else PROMPT)
    tell(agent="weather_agent", output=str(result).strip(), session_id="sess-0001-ü",
         user_id="user-42")
except Exception as error:  # noqa: BLE001  (whatever the framework makes of a 429)
    tell_error(error)
    tell(session_id="sess-0001-ü", user_id="user-42")
provider.shutdown()
