"""What every scenario needs: an OpenTelemetry SDK that exports here, and a way to tell facts."""
import json
import os

MODEL = "gpt-4o-mini"
PROMPT = "你好 🗼 — naïve café Ωß: say hi in one line"
WEATHER = "weather in 東京?"


def about(instrumentation, convention, *packages):
    """Says what is captured and which packages (by the start of their names) make it; first."""
    tell(instrumentation=instrumentation, convention=convention, packages=packages)


def tell(**fact):
    """Tells a fact that a gateway must find in the spans (tool_executed, session_id, ...)."""
    with open(os.environ["CAPTURE_TOLD"], "a", encoding="utf-8") as out:
        out.write(json.dumps(fact, ensure_ascii=False) + "\n")


def weather(city, name="get_weather"):
    """The tool of every scenario; tells that it was run, by the name the model knows it by."""
    result = f"{city}: 21.5°C ☀️"
    tell(tool_executed=name, args={"city": city}, result=result)
    return result


def tell_error(error):
    """Tells an exception as the caller saw it."""
    tell(exception_type=f"{type(error).__module__}.{type(error).__name__}",
         exception_message=str(error))


def resource(service):
    from opentelemetry.sdk.resources import Resource  # not there when the framework is a program
    return Resource.create({"service.name": service, "service.version": "1.2.3",
                            "deployment.environment.name": "测试"})


def tracing(service):
    """New tracer provider of the process; end with its shutdown()."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    provider = TracerProvider(resource=resource(service))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider
