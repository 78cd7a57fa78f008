"""An agent that asks a model, runs a tool and streams the answer, as one trace, by ctypes.

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 python3 agent.py
"""
import noveum_trace as noveum


def get_order(arguments):
    with noveum.span(noveum.TOOL) as tool:
        tool.tool("get_order", "call_1", "function")
        tool.tool_arguments(arguments, noveum.NUL)
        order = '{"state":"in transit"}'
        tool.tool_result(order, noveum.NUL)
        return order


noveum.call("start", None)
with noveum.span(noveum.AGENT) as agent:
    agent.agent(None, "support", None)
    agent.session("conversation-7")
    with noveum.span(noveum.LLM) as call:  # the model asks for a tool
        call.llm("openai", "gpt-4o-mini")
        call.message(noveum.INPUT, "user", "Where is order 7?", noveum.NUL)
        call.message_begin(noveum.OUTPUT, "assistant")
        call.part_tool_call("call_1", "get_order", '{"id":7}', noveum.NUL)
        call.message_end("tool_calls")
        call.llm_usage(28, 12)
    get_order('{"id":7}')
    with noveum.span(noveum.LLM) as answer:  # and answers, piece by piece
        answer.llm("openai", "gpt-4o-mini")
        said = ""
        for piece in ("It is", " in", " transit."):
            answer.chunk(2)
            said += piece
        answer.message(noveum.OUTPUT, "assistant", said, noveum.NUL)
        answer.llm_response("chatcmpl-2", "gpt-4o-mini-2024-07-18", "stop")
        answer.llm_usage(61, 6)
noveum.call("shutdown", 2000)
