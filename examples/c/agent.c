/*
 * An agent in C that asks a model, runs a tool and streams the answer, as one trace.
 *
 *   cc agent.c $(pkg-config --cflags --libs noveum-trace) -o agent
 *   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 ./agent
 */
#include <noveum/trace.h>

int main(void)
{
    noveum_start(NULL);
    NOVEUM_SCOPE(agent, noveum_begin(NOVEUM_AGENT, NULL));
    noveum_agent(agent, NULL, "support", NULL);
    noveum_session(agent, "conversation-7");
    {
        NOVEUM_SCOPE(call, noveum_begin(NOVEUM_LLM, NULL)); /* the model asks for a tool */
        noveum_llm(call, "openai", "gpt-4o-mini");
        noveum_message(call, NOVEUM_INPUT, "user", "Where is order 7?", NOVEUM_NUL);
        noveum_message_begin(call, NOVEUM_OUTPUT, "assistant");
        noveum_part_tool_call(call, "call_1", "get_order", "{\"id\":7}", NOVEUM_NUL);
        noveum_message_end(call, "tool_calls");
        noveum_llm_usage(call, 28, 12);
    }
    {
        NOVEUM_SCOPE(tool, noveum_begin(NOVEUM_TOOL, NULL));
        noveum_tool(tool, "get_order", "call_1", "function");
        noveum_tool_arguments(tool, "{\"id\":7}", NOVEUM_NUL);
        noveum_tool_result(tool, "{\"state\":\"in transit\"}", NOVEUM_NUL);
    }
    NOVEUM_SCOPE(answer, noveum_begin(NOVEUM_LLM, NULL)); /* and answers, piece by piece */
    noveum_llm(answer, "openai", "gpt-4o-mini");
    for (int piece = 0; piece < 3; piece++)
        noveum_chunk(answer, 2);
    noveum_message(answer, NOVEUM_OUTPUT, "assistant", "It is in transit.", NOVEUM_NUL);
    noveum_llm_response(answer, "chatcmpl-2", "gpt-4o-mini-2024-07-18", "stop");
    noveum_llm_usage(answer, 61, 6);
    return 0;
}
