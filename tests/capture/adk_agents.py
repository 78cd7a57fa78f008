"""Google ADK 1.x: one agent, two that hand over, or a session of two turns; SCENARIO names it."""
import asyncio
import os

from scenario import PROMPT, WEATHER, about, tell, tell_error, tracing, weather

MODE = os.environ["SCENARIO"]
about("google-adk", "google-adk gcp.vertex.agent", "google-adk", "google-genai")
provider = tracing("fx-adk")
os.environ |= {"GOOGLE_API_KEY": "fixture", "GOOGLE_GENAI_USE_VERTEXAI": "FALSE",
               "GOOGLE_GEMINI_BASE_URL": os.environ["CAPTURE_URL"]}

from google.adk.agents import Agent  # noqa: E402
from google.adk.runners import InMemoryRunner  # noqa: E402
from google.genai import types  # noqa: E402

MODEL = "gemini-error" if MODE == "error" else "gemini-2.5-flash"
SETTINGS = types.GenerateContentConfig(temperature=0.25, max_output_tokens=99)


def get_weather(city: str) -> dict:
    """Get the weather for a city"""
    return {"report": weather(city)}


def agent(name, **more):
    return Agent(name=name, model=MODEL, description=name, instruction="help 帮助",
                 generate_content_config=SETTINGS, **more)


async def main():
    if MODE == "handoff":
        root = agent("triage", sub_agents=[agent("weather_agent", tools=[get_weather])])
    else:
        root = agent("weather_agent", tools=[get_weather] if MODE == "tools" else [])
    runner = InMemoryRunner(agent=root, app_name="fx-app")
    session = await runner.session_service.create_session(app_name="fx-app", user_id="user-42",
                                                          session_id="sess-0001-ü")
    turns = {"tools": [WEATHER], "handoff": [WEATHER], "session": [PROMPT, "again 再来"]}
    for text in turns.get(MODE, [PROMPT]):
        async for event in runner.run_async(
                user_id="user-42", session_id=session.id,
                new_message=types.Content(role="user", parts=[types.Part(text=text)])):
            if event.is_final_response() and event.content:
                tell(output=event.content.parts[0].text)
    tell(session_id=session.id, user_id="user-42")


try:
    asyncio.run(main())
except Exception as error:  # noqa: BLE001  (whatever the framework makes of a refusal)
    tell_error(error)
provider.shutdown()
