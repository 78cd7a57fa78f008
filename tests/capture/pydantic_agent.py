"""Pydantic AI with a version of its own span format (VERSION): one agent with a tool, or an error."""
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, tracing, weather

about(f"pydantic-ai (format {os.environ['VERSION']})", "pydantic-ai", "pydantic-ai", "openai")
provider = tracing("fx-pydantic")
from pydantic_ai import Agent  # noqa: E402
from pydantic_ai.models.instrumented import InstrumentationSettings  # noqa: E402

MODE = os.environ["SCENARIO"]
settings = InstrumentationSettings(version=int(os.environ["VERSION"]), tracer_provider=provider)
Agent.instrument_all(settings)
agent = Agent(f"openai-chat:{'error-model' if MODE == 'error' else MODEL}", name="weather_agent",
              instructions="help 帮助", model_settings={"temperature": 0.25})


def get_weather(city: str) -> str:
    """Get the weather for a city"""
    return weather(city)


if MODE == "tools":
    agent.tool_plain(get_weather)
try:
    tell(agent="weather_agent",
         output=agent.run_sync(WEATHER if MODE == "tools" else PROMPT).output)
except Exception as error:  # noqa: BLE001  (whatever it makes of a refusal)
    tell_error(error)
provider.shutdown()
