"""A model that answers by rule in the wire forms of four vendors, and remembers what it said.

The rule: a tool that is offered and has no answer yet is called once; else the model repeats the
last words of the user, or of the tool. So a scenario's ground truth is known without a span.
"""
import json

CITY = {"city": "東京"}


def words(content):
    """The text of a message's content or parts, whatever their form."""
    if isinstance(content, list):
        return "".join(words(part) for part in content)
    if isinstance(content, dict):
        return words(content.get("text") or content.get("content") or "")
    return content or ""


def pieces(text):
    """Text in two halves, as a stream brings it."""
    return [text[:len(text) // 2], text[len(text) // 2:]] if text else []


class Model:
    """One stand-in; `call` is (tool, arguments) to call, default the first tool with a city."""

    def __init__(self, call=None):
        self.call, self.exchanges = call, []

    def decide(self, model, said, results, offered):
        """(text, (tool, arguments) or None) for what was said, answered and offered so far."""
        wanted = self.call or (offered[0] if offered else None, CITY)
        if wanted[0] in offered and not results:
            return "", wanted
        if results:
            return f"Based on tools: {results[-1]} 🌤️", None
        return f"Echo({model}): {said[-1] if said else ''} ✅ 你好", None

    def note(self, api, request, response, usage, **more):
        self.exchanges.append({"api": api, "request": request, "status": 200, "usage": usage,
                               "response": response, "stream": bool(request.get("stream")), **more})

    def number(self):
        return f"fx{len(self.exchanges) + 1:06d}"

    def usage(self, request, text):
        """(input, output) tokens: numbers that differ from call to call."""
        spent = sum(len(words(m.get("content") or m.get("parts"))) for m in request
                    if isinstance(m, dict)) // 2 + 7
        return spent, len(text) // 2 + 10

    # ---- OpenAI: chat completions, embeddings, responses ----

    def chat(self, request):
        messages, model, number = request["messages"], request["model"], self.number()
        text, call = self.decide(
            model, [words(m["content"]) for m in messages if m["role"] == "user"],
            [words(m["content"]) for m in messages if m["role"] == "tool"],
            [tool["function"]["name"] for tool in request.get("tools") or []])
        message = {"role": "assistant", "content": text or None}
        if call:
            message["tool_calls"] = [{"id": f"call_{number}a", "type": "function", "function": {
                "name": call[0], "arguments": json.dumps(call[1], ensure_ascii=False)}}]
        spent, made = self.usage(messages, text)
        usage = {"prompt_tokens": spent, "completion_tokens": made, "total_tokens": spent + made,
                 "prompt_tokens_details": {"cached_tokens": 0},
                 "completion_tokens_details": {"reasoning_tokens": 0}}
        finish, answered = "tool_calls" if call else "stop", model + "-2025-08-07"
        self.note("openai.chat", request, {
            "id": f"chatcmpl-{number}", "model": answered, "choices": 1, "text": message["content"],
            "finish_reason": finish, "tool_calls": message.get("tool_calls", [])}, usage)
        return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1795000000,
                "model": answered, "usage": usage,
                "choices": [{"index": 0, "message": message, "finish_reason": finish}]}

    def chat_chunks(self, request):
        whole = self.chat(request)
        base = {k: whole[k] for k in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
        message, finish = whole["choices"][0]["message"], whole["choices"][0]["finish_reason"]
        calls = [dict(call, index=i) for i, call in enumerate(message.get("tool_calls", []))]
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"tool_calls": [call]} for call in calls]
        deltas += [{"content": piece} for piece in pieces(message["content"])]
        for delta in deltas:
            yield None, base | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield None, base | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}
        if (request.get("stream_options") or {}).get("include_usage"):
            yield None, base | {"choices": [], "usage": whole["usage"]}

    def embeddings(self, request):
        texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
        usage = {"prompt_tokens": len(texts) + 1, "total_tokens": len(texts) + 1}
        self.note("openai.embeddings", request, {"model": request["model"]}, usage)
        return {"object": "list", "model": request["model"], "usage": usage,
                "data": [{"object": "embedding", "index": i, "embedding": [0.25] * 16}
                         for i in range(len(texts))]}

    def responses(self, request):
        """The events of a streamed response; the last holds the whole."""
        items, model, number = request["input"], request["model"], self.number()
        text, call = self.decide(
            model, [words(i["content"]) for i in items if i.get("role") == "user"],
            [words(i["output"]) for i in items if i.get("type", "").endswith("_call_output")],
            [tool.get("name") for tool in request.get("tools") or []])
        item = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}
        if call:
            item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}",
                    "name": call[0], "status": "completed",
                    "arguments": json.dumps(call[1], ensure_ascii=False)}
        spent, made = self.usage(items, text)
        usage = {"input_tokens": spent, "input_tokens_details": {"cached_tokens": 0},
                 "output_tokens": made, "output_tokens_details": {"reasoning_tokens": 0},
                 "total_tokens": spent + made}
        whole = {"id": f"resp_{number}", "object": "response", "model": model + "-2025-08-07",
                 "status": "completed", "output": [item], "usage": usage}
        self.note("openai.responses", request, {
            "id": whole["id"], "model": whole["model"], "text": text or None,
            "output": [item] if call else []}, usage)
        yield "response.created", {"response": whole | {"status": "in_progress", "output": []}}
        yield "response.output_item.added", {"output_index": 0, "item": item}
        for piece in pieces(text):
            yield "response.output_text.delta", {"item_id": item["id"], "output_index": 0,
                                                 "content_index": 0, "delta": piece}
        yield "response.output_item.done", {"output_index": 0, "item": item}
        yield "response.completed", {"response": whole}

    # ---- Anthropic messages, Gemini ----

    def messages(self, request):
        """The message, or the events of a streamed one."""
        model, number = request["model"], self.number()
        blocks = [b for m in request["messages"] if isinstance(m["content"], list)
                  for b in m["content"]]
        text, call = self.decide(
            model, [words(m["content"]) for m in request["messages"] if m["role"] == "user"],
            [words(b.get("content")) for b in blocks if b.get("type") == "tool_result"],
            [tool.get("name") for tool in request.get("tools") or []])
        spent, made = self.usage(request["messages"], text)
        usage = {"input_tokens": spent, "cache_creation_input_tokens": 64,
                 "cache_read_input_tokens": 128, "output_tokens": made}
        block, delta = {"type": "text", "text": text}, {"type": "text_delta", "text": text}
        opened = {"type": "text", "text": ""}
        if call:
            block = {"type": "tool_use", "id": f"toolu_{number}", "name": call[0], "input": call[1]}
            opened = block | {"input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(call[1])}
        stop = "tool_use" if call else "end_turn"
        self.note("anthropic.messages", request, {"id": f"msg_{number}", "model": model,
                                                  "content": [block], "stop_reason": stop}, usage)
        whole = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": model,
                 "content": [block], "stop_reason": stop, "stop_sequence": None, "usage": usage}
        return self.message_events(whole, opened, delta) if request.get("stream") else whole

    def message_events(self, whole, opened, delta):
        """A message as it is streamed: its one block opens as `opened` and gets `delta`."""
        yield "message_start", {"message": {
            **whole, "content": [], "stop_reason": None,
            "usage": whole["usage"] | {"output_tokens": 1}}}
        yield "content_block_start", {"index": 0, "content_block": opened}
        yield "content_block_delta", {"index": 0, "delta": delta}
        yield "content_block_stop", {"index": 0}
        yield "message_delta", {"delta": {k: whole[k] for k in ("stop_reason", "stop_sequence")},
                                "usage": {"output_tokens": whole["usage"]["output_tokens"]}}
        yield "message_stop", {}

    def gemini(self, path, request):
        """The answer to generateContent, whole or as the one event of a stream."""
        model = path.split("/models/")[1].split(":")[0]
        parts = [p for c in request["contents"] for p in c["parts"]]
        text, call = self.decide(
            model, [words(c["parts"]) for c in request["contents"] if c["role"] == "user"],
            [json.dumps(p["functionResponse"]["response"], ensure_ascii=False) for p in parts
             if "functionResponse" in p],
            [f["name"] for tool in request.get("tools") or []
             for f in tool.get("functionDeclarations", [])])
        part = {"functionCall": {"name": call[0], "args": call[1]}} if call else {"text": text}
        spent, made = self.usage(request["contents"], text)
        usage = {"promptTokenCount": spent, "candidatesTokenCount": made,
                 "totalTokenCount": spent + made + 9, "thoughtsTokenCount": 9,
                 "cachedContentTokenCount": 4}
        self.note("gemini", request, {"model": model, "parts": [part]}, usage, path=path)
        return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0,
                                "finishReason": "STOP"}], "usageMetadata": usage,
                "modelVersion": model, "responseId": f"resp-{len(self.exchanges):06d}"}

    def refuse(self, request):
        """A 400: frameworks try 429 again for minutes."""
        error = {"message": "Invalid value for 'model' 🚦", "type": "invalid_request_error",
                 "code": "invalid_value"}
        self.exchanges.append({"api": "openai.chat", "request": request, "status": 400,
                               "stream": bool(request.get("stream")), "response": {"error": error}})
        return {"error": error}

    def serve(self, path, request):
        """(status, answer or events) of a POST to `path`, None when it is no model's."""
        if request.get("model", "").startswith("error") or "/models/gemini-error" in path:
            return 400, self.refuse(request)
        if path.endswith("/chat/completions"):
            return 200, self.chat_chunks(request) if request.get("stream") else self.chat(request)
        if path.endswith("/embeddings"):
            return 200, self.embeddings(request)
        if path.endswith("/responses"):
            return 200, self.responses(request)
        if path.endswith("/messages"):
            return 200, self.messages(request)
        if ":generateContent" in path:
            return 200, self.gemini(path, request)
        if ":streamGenerateContent" in path:
            return 200, ((None, e) for e in [self.gemini(path, request | {"stream": True})])
        return None
