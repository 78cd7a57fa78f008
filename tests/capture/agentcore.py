"""Bedrock AgentCore: a Strands agent whose spans pass AWS's handler, as its distribution does it.

The distribution's exporter signs for X-Ray; its handler of large content, which moves messages out
of spans into log records, is put before an ordinary exporter here. The session comes as baggage.
"""
from scenario import MODEL, WEATHER, about, resource, tell, weather

about("bedrock-agentcore", "otel-genai (agentcore)", "aws-opentelemetry", "strands", "openai")

from amazon.opentelemetry.distro.llo_handler import LLOHandler  # noqa: E402
from opentelemetry import baggage, context, trace  # noqa: E402
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: E402
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: E402
from opentelemetry.processor.baggage import BaggageSpanProcessor  # noqa: E402
from opentelemetry.sdk._logs import LoggerProvider  # noqa: E402
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: E402
from opentelemetry.sdk.trace import TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: E402

logs = LoggerProvider(resource=resource("fx-agentcore"))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))


class MovesContent(OTLPSpanExporter):
    def export(self, spans):
        return super().export(LLOHandler(logs).process_spans(spans))


provider = TracerProvider(resource=resource("fx-agentcore"))
provider.add_span_processor(BaggageSpanProcessor(lambda key: key == "session.id"))
provider.add_span_processor(BatchSpanProcessor(MovesContent()))
trace.set_tracer_provider(provider)

from strands import Agent, tool  # noqa: E402
from strands.models.openai import OpenAIModel  # noqa: E402


@tool
def get_weather(city: str) -> str:
    """Get the weather for a city"""
    return weather(city)


context.attach(baggage.set_baggage("session.id", "sess-0001-ü"))
agent = Agent(model=OpenAIModel(model_id=MODEL), name="weather_agent", system_prompt="help 帮助",
              tools=[get_weather], callback_handler=None)
tell(agent="weather_agent", output=str(agent(WEATHER)).strip(), session_id="sess-0001-ü")
provider.shutdown()
logs.shutdown()
