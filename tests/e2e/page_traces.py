"""Traces for the page's tests and pictures: a support desk with a triage agent and two others.

Written by hand in the current GenAI conventions, at times that end now, so that plots have a shape.
"""
import json
import random

from otlp import Trace

MODELS = ["gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5", "gemini-2.5-flash"]
CASES = [
    ("Where is my order 1042? It was due on Tuesday.",
     "Your order 1042 left our depot in Leipzig on Monday and is with the carrier; it should reach you tomorrow before noon.",
     "get_order", {"order_id": 1042}, {"order_id": 1042, "status": "in transit", "carrier": "DHL", "eta": "tomorrow, 12:00"}),
    ("I was charged twice for the annual plan, please refund one.",
     "I found both charges of 96.00 EUR from 3 November and refunded the second one. It takes three to five days.",
     "find_charges", {"customer": "c_8841", "since": "2026-11-01"}, {"charges": [{"id": "ch_1", "amount": 96}, {"id": "ch_2", "amount": 96}]}),
    ("Kann ich den Schreibtisch auch in Eiche bekommen?",
     "Ja, den Schreibtisch Modell K2 gibt es in Eiche geölt; die Lieferzeit beträgt zwei Wochen.",
     "search_catalogue", {"query": "Schreibtisch Eiche"}, {"items": [{"sku": "K2-OAK", "weeks": 2}]}),
    ("注文した椅子はいつ届きますか？", "ご注文の椅子は12月2日にお届け予定です。", "get_order", {"order_id": 2077}, {"status": "packed", "eta": "12月2日"}),
    ("Can you summarise the warranty terms in two sentences?",
     "The frame is covered for ten years and moving parts for three. Damage from moisture is not covered.",
     "search_documents", {"query": "warranty terms"}, {"documents": 4}),
]


def messages(*pairs):
    return json.dumps([{"role": role, "parts": parts if isinstance(parts, list) else [{"type": "text", "content": parts}]}
                       for role, parts in pairs])


class Clock:
    def __init__(self, end_ns):
        self.now = end_ns

    def span(self, span, offset_ms, ms):
        span.start_time_unix_nano = int(self.now + offset_ms * 1e6)
        span.end_time_unix_nano = int(self.now + (offset_ms + ms) * 1e6)
        return span


def chat(trace, clock, parent, at, ms, model, sent, got, **more):
    usage = {"gen_ai.usage.input_tokens": sum(len(str(text)) for _, text in sent) // 3 + 180,
             "gen_ai.usage.output_tokens": len(json.dumps(got)) // 4}
    system = [{"type": "text", "content": "You are the support desk of a furniture shop. Be brief, be kind, and never promise what the order system does not say."}]
    return clock.span(trace.span(f"chat {model}", parent=parent, **{
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": model, "gen_ai.response.model": model,
        "gen_ai.request.temperature": 0.2, "gen_ai.system_instructions": json.dumps(system), "gen_ai.input.messages": messages(*sent),
        "gen_ai.output.messages": messages(("assistant", got)), **usage, **more}), at, ms)


def tool(trace, clock, parent, at, ms, name, arguments, result, error=None):
    return clock.span(trace.span(f"execute_tool {name}", parent=parent, error=error, **{
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, "gen_ai.tool.call.id": f"call_{name}",
        "gen_ai.tool.call.arguments": json.dumps(arguments), **({} if error else {"gen_ai.tool.call.result": json.dumps(result)})}), at, ms)


def agent(trace, clock, parent, at, ms, name, session):
    return clock.span(trace.span(f"invoke_agent {name}", parent=parent, **{
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name, "gen_ai.conversation.id": session}), at, ms)


def support(end_ns, number, failed=False):
    """One question that triage gives to orders, which asks a tool, and that writing answers."""
    dice = random.Random(number)
    question, answer, name, arguments, result = CASES[number % len(CASES)]
    trace, clock = Trace(service="support-desk"), Clock(end_ns)
    model, slow = MODELS[number % len(MODELS)], 0.6 + dice.random() * 1.6
    session = f"desk-{4100 + number // 4}"
    ms = [t * slow for t in (420, 610, 180, 940, 760)]
    total = sum(ms) + 260
    call = [{"type": "tool_call", "id": f"call_{name}", "name": name, "arguments": arguments}]
    root = agent(trace, clock, None, 0, total, "triage", session)
    root.attributes.extend(trace.span("x", **{"user.id": f"customer-{number % 7}"}).attributes)
    spans = [root, chat(trace, clock, root, 20, ms[0], "gpt-4o-mini", [("user", question)],
                        [{"type": "text", "content": "This is about an order: I hand it to the order desk."}])]
    at = 40 + ms[0]
    orders = agent(trace, clock, root, at, ms[1] + ms[2] + ms[3] + 60, "order desk", session)
    spans += [orders, chat(trace, clock, orders, at + 10, ms[1], model, [("user", question)],
                           [{"type": "reasoning", "content": "The customer asks about one order. I should look it up before I say anything."}, *call],
                           **{"gen_ai.usage.cache_read.input_tokens": 128})]
    spans.append(tool(trace, clock, orders, at + 20 + ms[1], ms[2], name, arguments, result, "order system: connection refused" if failed else None))
    got = [{"type": "tool_call_response", "id": f"call_{name}", "response": "order system: connection refused" if failed else result}]
    said = "The order system does not answer just now; I have asked a colleague to call you back." if failed else answer
    spans.append(chat(trace, clock, orders, at + 30 + ms[1] + ms[2], ms[3], model, [("user", question), ("assistant", call), ("tool", got)],
                      [{"type": "text", "content": said}]))
    at += ms[1] + ms[2] + ms[3] + 90
    writer = agent(trace, clock, root, at, ms[4] + 20, "writer", session)
    spans += [writer, chat(trace, clock, writer, at + 10, ms[4], "claude-sonnet-4-5", [("user", f"Put this kindly: {said}")], [{"type": "text", "content": said}])]
    return trace, trace.request(spans)
