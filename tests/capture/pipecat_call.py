"""Pipecat: a text pipeline of one turn: a user's words, the model with a tool, a made-up TTS."""
import asyncio
import os

from scenario import MODEL, PROMPT, WEATHER, about, tell, tracing, weather

about("pipecat-ai", "pipecat", "pipecat", "openai")
provider = tracing("fx-pipecat")

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema  # noqa: E402
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema  # noqa: E402
from pipecat.frames.frames import (LLMContextFrame, LLMFullResponseEndFrame,  # noqa: E402
                                   TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame)
from pipecat.observers.base_observer import BaseObserver  # noqa: E402
from pipecat.pipeline.pipeline import Pipeline  # noqa: E402
from pipecat.pipeline.runner import PipelineRunner  # noqa: E402
from pipecat.pipeline.task import PipelineParams, PipelineTask  # noqa: E402
from pipecat.processors.aggregators.llm_context import LLMContext  # noqa: E402
from pipecat.processors.aggregators.llm_response_universal import (  # noqa: E402
    LLMContextAggregatorPair)
from pipecat.services.openai.llm import OpenAILLMService  # noqa: E402
from pipecat.services.tts_service import TTSService  # noqa: E402
from pipecat.utils.tracing.service_decorators import traced_tts  # noqa: E402

mode = os.environ.get("SCENARIO", "tools")


class Silence(TTSService):
    def can_generate_metrics(self):
        return True

    @traced_tts
    async def run_tts(self, text, context_id=None):
        yield TTSStartedFrame()
        yield TTSAudioRawFrame(audio=bytes(4800), sample_rate=24000, num_channels=1)
        yield TTSStoppedFrame()


class Last(BaseObserver):
    """Ends the pipeline when the model has said its last."""

    def __init__(self, ends):
        super().__init__()
        self.seen, self.ends, self.task = set(), ends, None

    async def on_push_frame(self, data):
        if isinstance(data.frame, LLMFullResponseEndFrame) and data.frame.id not in self.seen:
            self.seen.add(data.frame.id)
            if len(self.seen) == self.ends:
                await asyncio.sleep(0.5)
                await self.task.stop_when_done()


async def get_weather(params):
    await params.result_callback(weather(params.arguments["city"]))


async def main():
    tools = ToolsSchema(standard_tools=[FunctionSchema(
        name="get_weather", description="Get the weather for a city",
        properties={"city": {"type": "string"}}, required=["city"])])
    context = LLMContext([{"role": "system", "content": "help 帮助"},
                          {"role": "user", "content": WEATHER if mode == "tools" else PROMPT}],
                         **({"tools": tools} if mode == "tools" else {}))
    pair = LLMContextAggregatorPair(context)
    model = OpenAILLMService(api_key="sk-fixture", base_url=os.environ["OPENAI_BASE_URL"],
                             settings=OpenAILLMService.Settings(model=MODEL, temperature=0.25))
    model.register_function("get_weather", get_weather)
    last = Last(2 if mode == "tools" else 1)
    task = PipelineTask(Pipeline([pair.user(), model, Silence(), pair.assistant()]),
                        params=PipelineParams(enable_metrics=True, enable_usage_metrics=True),
                        observers=[last], enable_tracing=True, enable_turn_tracking=True,
                        conversation_id="sess-0001-ü", idle_timeout_secs=20)
    last.task = task
    await task.queue_frame(LLMContextFrame(context))
    await PipelineRunner(handle_sigint=False).run(task)
    tell(session_id="sess-0001-ü")


asyncio.run(main())
provider.shutdown()
