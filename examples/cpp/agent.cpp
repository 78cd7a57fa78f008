/*
 * An agent in C++ that asks a model, runs a tool and streams the answer, as one trace.
 *
 *   c++ -std=c++17 agent.cpp $(pkg-config --cflags --libs noveum-trace) -o agent
 *   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 ./agent
 */
#include <noveum/trace.hpp>

#include <string>

static std::string get_order(const std::string &arguments)
{
    noveum::tool tool("get_order", "call_1");
    return tool.run([&](auto &) { /* what it throws is noted as the tool's error */
                                  std::string order = R"({"state":"in transit"})";
                                  tool.arguments(arguments).result(order);
                                  return order;
    });
}

int main()
{
    noveum::tracer tracer;
    noveum::agent agent("support");
    agent.session("conversation-7");
    {
        noveum::llm call("openai", "gpt-4o-mini"); /* the model asks for a tool */
        call.input("user", "Where is order 7?").usage(28, 12);
        noveum::message(call, NOVEUM_OUTPUT, "assistant", "tool_calls")
            .tool_call("call_1", "get_order", R"({"id":7})");
    }
    get_order(R"({"id":7})");
    noveum::llm answer("openai", "gpt-4o-mini"); /* and answers, piece by piece */
    std::string said;
    for (const char *piece : {"It is", " in", " transit."}) {
        answer.chunk(2);
        said += piece;
    }
    answer.output(said).response("chatcmpl-2", "gpt-4o-mini-2024-07-18", "stop").usage(61, 6);
}
