"""Semantic Kernel: chat, a function called by itself, an agent, an error; content as log records.

Its diagnostics are log records of the standard logging module, so a logs pipeline is needed too.
"""
import asyncio
import logging
import os

from scenario import MODEL, PROMPT, WEATHER, about, resource, tell, tell_error, tracing, weather

about("semantic-kernel", "semantic-kernel", "semantic-kernel", "openai")
provider = tracing("fx-semantic-kernel")

from opentelemetry._logs import set_logger_provider  # noqa: E402
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: E402
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler  # noqa: E402
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: E402
from semantic_kernel import Kernel  # noqa: E402
from semantic_kernel.agents import ChatCompletionAgent  # noqa: E402
from semantic_kernel.connectors.ai import FunctionChoiceBehavior  # noqa: E402
from semantic_kernel.connectors.ai.open_ai import (OpenAIChatCompletion,  # noqa: E402
                                                   OpenAIChatPromptExecutionSettings)
from semantic_kernel.contents import ChatHistory  # noqa: E402
from semantic_kernel.functions import kernel_function  # noqa: E402

logs = LoggerProvider(resource=resource("fx-semantic-kernel"))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(logs)
handler = LoggingHandler(logger_provider=logs)
handler.addFilter(lambda record: record.name.startswith("semantic_kernel.utils.telemetry"))
logging.getLogger().addHandler(handler)
logging.getLogger().setLevel(logging.INFO)


class Weather:
    @kernel_function(name="get_weather", description="Get the weather for a city")
    def get_weather(self, city: str) -> str:
        return weather(city, "Weather-get_weather")


async def chat(service, mode):
    kernel = Kernel()
    settings = OpenAIChatPromptExecutionSettings(temperature=0.25, max_tokens=99)
    if mode == "tools":
        kernel.add_plugin(Weather(), plugin_name="Weather")
        settings.function_choice_behavior = FunctionChoiceBehavior.Auto()
    history = ChatHistory(system_message="help 帮助")
    history.add_user_message(WEATHER if mode == "tools" else PROMPT)
    if mode == "stream":
        parts = [part async for part in service.get_streaming_chat_message_content(
            history, settings, kernel=kernel)]
        tell(output="".join(str(part) for part in parts), streamed=True)
    else:
        tell(output=str(await service.get_chat_message_content(history, settings, kernel=kernel)))


async def agent(service):
    made = ChatCompletionAgent(service=service, name="weather_agent", instructions="help 帮助",
                               plugins=[Weather()])
    answer = await made.get_response(messages=WEATHER)
    tell(agent="weather_agent", output=str(answer))


async def main(mode):
    service = OpenAIChatCompletion(ai_model_id="error-model" if mode == "error" else MODEL)
    try:
        await (agent(service) if mode == "agent" else chat(service, mode))
    except Exception as error:  # noqa: BLE001  (the framework wraps what the client raised)
        tell_error(error)


asyncio.run(main(os.environ.get("SCENARIO", "chat")))
provider.shutdown()
logs.shutdown()
