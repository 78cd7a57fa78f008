"""A support agent traced with the plain OpenTelemetry SDK and the GenAI conventions by hand.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python opentelemetry_sdk.py
"""
import json
import time

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider(resource=Resource({"service.name": "support-bot",
                                             "service.version": "2.4.1"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("example")


def text(role, content):
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def chat(messages, reply, tokens):
    """One model call, as an instrumentation would record it."""
    with tracer.start_as_current_span("chat gpt-4o-mini", kind=trace.SpanKind.CLIENT) as span:
        time.sleep(0.05)
        span.set_attributes({
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.usage.input_tokens": tokens[0],
            "gen_ai.usage.output_tokens": tokens[1],
            "gen_ai.input.messages": json.dumps(messages),
            "gen_ai.output.messages": json.dumps([{**reply, "finish_reason": "stop"}]),
        })


def get_order(order_id):
    with tracer.start_as_current_span("execute_tool get_order") as span:
        span.set_attributes({
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "get_order",
            "gen_ai.tool.call.arguments": json.dumps({"order_id": order_id}),
        })
        time.sleep(0.02)
        result = {"order_id": order_id, "state": "in transit"}
        span.set_attribute("gen_ai.tool.call.result", json.dumps(result))
        return result


def main():
    with tracer.start_as_current_span("invoke_agent support") as span:
        span.set_attributes({
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "support",
            "gen_ai.conversation.id": "conversation-1",
            "user.id": "user-42",
        })
        question = text("user", "Where is order 1001?")
        call = {"role": "assistant", "parts": [{"type": "tool_call", "id": "call_1",
                                                "name": "get_order",
                                                "arguments": {"order_id": "1001"}}]}
        chat([question], call, (120, 18))
        result = get_order("1001")
        answered = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1",
                                               "response": result}]}
        chat([question, call, answered], text("assistant", "It is in transit."), (160, 12))
    provider.shutdown()
    print("one agent trace sent")


if __name__ == "__main__":
    main()
