"""LiveKit Agents: a text session of one turn, with a tool or without.

No room and no microphone: AgentSession.run feeds text, as the framework's own tests do.
"""
import asyncio
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tell_error, tracing, weather

about("livekit-agents", "livekit", "livekit", "openai")
provider = tracing("fx-livekit")

from livekit.agents import Agent, AgentSession, function_tool  # noqa: E402
from livekit.agents.telemetry import set_tracer_provider  # noqa: E402
from livekit.plugins import openai  # noqa: E402

set_tracer_provider(provider)


class Assistant(Agent):
    def __init__(self):
        super().__init__(instructions="help 帮助", id="weather_agent")

    @function_tool
    async def get_weather(self, city: str) -> str:
        """Get the weather for a city"""
        return weather(city)


async def main(mode):
    model = openai.LLM(model="error-model" if mode == "error" else MODEL, temperature=0.25)
    async with AgentSession(llm=model) as session:
        await session.start(Assistant() if mode != "chat" else Agent(instructions="help 帮助"))
        try:
            result = await session.run(user_input=PROMPT if mode in ("chat", "error") else WEATHER)
            tell(output=[str(event.item.text_content) for event in result.events
                         if event.type == "message"][-1])
        except Exception as error:  # noqa: BLE001  (whatever the framework makes of a 400)
            tell_error(error)


asyncio.run(main(os.environ.get("SCENARIO", "tools")))
provider.shutdown()
