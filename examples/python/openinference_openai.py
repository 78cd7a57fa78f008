"""An agent loop with the real OpenAI client, traced by OpenInference, against a scripted model.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python openinference_openai.py

Only two lines are about tracing: the tracer provider and the instrumentor. With OPENAI_BASE_URL and
OPENAI_API_KEY set it talks to that model instead of the scripted one.
"""
import json
import os

import stand_in_model
from openai import OpenAI
from openinference.instrumentation import using_session
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

TOOLS = [{
    "type": "function",
    "function": {
        "name": "get_order", "description": "State of an order",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}},
                       "required": ["order_id"]},
    },
}]


def get_order(tracer, call):
    arguments = json.loads(call.function.arguments)
    with tracer.start_as_current_span("get_order") as span:
        span.set_attribute("openinference.span.kind", "TOOL")
        span.set_attribute("tool.name", "get_order")
        span.set_attribute("input.value", call.function.arguments)
        result = json.dumps({"order_id": arguments["order_id"], "state": "in transit"})
        span.set_attribute("output.value", result)
    return result


def ask(client, tracer, question):
    messages = [{"role": "system", "content": "You help customers. Be brief."},
                {"role": "user", "content": question}]
    while True:
        reply = client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=TOOLS)
        message = reply.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id,
                             "content": get_order(tracer, call)})


def main():
    provider = TracerProvider(resource=Resource({"service.name": "order-bot"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    OpenAIInstrumentor().instrument(tracer_provider=provider)
    tracer = provider.get_tracer("example")
    client = OpenAI(base_url=os.environ.get("OPENAI_BASE_URL") or stand_in_model.start(),
                    api_key=os.environ.get("OPENAI_API_KEY", "not-needed"))
    with using_session("conversation-1"), tracer.start_as_current_span("order agent") as span:
        span.set_attribute("openinference.span.kind", "AGENT")
        span.set_attribute("input.value", "Where is order 1001?")
        answer = ask(client, tracer, "Where is order 1001?")
        span.set_attribute("output.value", answer)
    provider.shutdown()
    print(answer)


if __name__ == "__main__":
    main()
