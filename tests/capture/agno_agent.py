"""Agno under OpenInference: one agent with a tool, in a session of a user."""
from scenario import MODEL, WEATHER, about, tell, tracing, weather

about("openinference-instrumentation-agno", "openinference", "agno", "openinference", "openai")
provider = tracing("fx-agno")

from openinference.instrumentation.agno import AgnoInstrumentor  # noqa: E402

AgnoInstrumentor().instrument(tracer_provider=provider)
from agno.agent import Agent  # noqa: E402
from agno.models.openai import OpenAIChat  # noqa: E402


def get_weather(city: str) -> str:
    """Get the weather for a city"""
    return weather(city)


agent = Agent(name="weather_agent", model=OpenAIChat(id=MODEL, temperature=0.25),
              instructions="help 帮助", tools=[get_weather], telemetry=False)
done = agent.run(WEATHER, session_id="sess-0001-ü", user_id="user-42")
tell(agent="weather_agent", output=done.content, session_id="sess-0001-ü", user_id="user-42")
provider.shutdown()
