"""A scripted model that speaks OpenAI's chat API, so that the examples need no account.

It asks for the tool it is offered first, and answers once it has seen the tool's result. Run alone
it serves on the port given; the examples start it in a thread.
"""
import http.server
import json
import sys
import threading


def answer(request):
    """The reply to one chat request: a tool call first, then text."""
    messages = request["messages"]
    tool = next((m for m in messages if m.get("role") == "tool"), None)
    message = {"role": "assistant", "content": None}
    reason = "stop"
    if request.get("tools") and tool is None:
        name = request["tools"][0]["function"]["name"]
        arguments = json.dumps({"order_id": "1001"})
        function = {"name": name, "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
        reason = "tool_calls"
    else:
        facts = tool["content"] if tool else "nothing special"
        message["content"] = f"I looked it up: {facts}"
    prompt = sum(len(json.dumps(m)) for m in messages) // 4
    completion = len(json.dumps(message)) // 4
    return {
        "id": "chatcmpl-example", "object": "chat.completion", "created": 1700000000,
        "model": request["model"] + "-2024-07-18",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": completion,
                  "total_tokens": prompt + completion},
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(answer(request)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def start(port=0):
    """Serves in a thread; returns the base URL for an OpenAI client."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


if __name__ == "__main__":
    print(start(int(sys.argv[1]) if len(sys.argv) > 1 else 8099), flush=True)
    threading.Event().wait()
