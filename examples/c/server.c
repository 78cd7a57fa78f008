/*
 * A server of a model in C, with one thread and several requests in turns, as inference engines
 * have: each request is queued, prefilled, decoded token by token and streamed; one client leaves.
 *
 *   cc server.c $(pkg-config --cflags --libs noveum-trace) -o server
 *   OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 ./server
 *
 * Nothing is current here: requests take turns, so each span has its parent named. The phases
 * are told when they are over. Under tensor parallelism only the rank that answers calls
 * noveum_start; on the others every call here does nothing.
 */
#include <noveum/trace.h>
#include <stdio.h>

#define REQUESTS 3
#define TOKENS 4

struct request {
    noveum_span span;
    uint64_t queued_ns, prefill_ns, decode_ns;
    int tokens, left; /* left: the client is gone */
    char answer[64];
};

/* As it comes from the network, with the caller's trace in its headers. */
static void arrive(struct request *request, int number, const char *traceparent)
{
    noveum_context caller;
    (void)noveum_parse_traceparent(traceparent, NULL, &caller);
    request->span = noveum_begin_remote(&caller, NOVEUM_LLM, NULL);
    request->queued_ns = noveum_now();
    noveum_llm(request->span, "llama_cpp", "llama-3.2-1b-instruct");
    noveum_message(request->span, NOVEUM_INPUT, "user", "Count to four.", NOVEUM_NUL);
    noveum_set_int(request->span, NOVEUM_MAX_TOKENS, 16);
    noveum_set_int(request->span, "llama_cpp.slot", number);
}

static void prefill(struct request *request)
{
    request->prefill_ns = noveum_now();
    noveum_record(request->span, NOVEUM_FUNCTION, "queue", request->queued_ns,
                  request->prefill_ns);
    /* ... the prompt goes through the model ... */
    request->decode_ns = noveum_now();
    noveum_record(request->span, NOVEUM_FUNCTION, "prefill", request->prefill_ns,
                  request->decode_ns);
}

static void end(struct request *request)
{
    int cancelled = request->left && request->tokens < TOKENS;
    noveum_record(request->span, NOVEUM_FUNCTION, "decode", request->decode_ns, noveum_now());
    noveum_message(request->span, NOVEUM_OUTPUT, "assistant", request->answer, NOVEUM_NUL);
    noveum_llm_usage(request->span, 12, request->tokens);
    if (cancelled)
        noveum_stream_abandoned(request->span, NULL);
    else
        noveum_llm_response(request->span, NULL, NULL, "stop");
    noveum_end(request->span);
    request->span = noveum_null();
}

/* One token of each request that is not done: a batch of the engine. */
static int decode(struct request *requests)
{
    int busy = 0;
    for (int i = 0; i < REQUESTS; i++) {
        struct request *request = &requests[i];
        if (request->tokens == TOKENS || request->left)
            continue;
        size_t used = strlen(request->answer);
        (void)snprintf(request->answer + used, sizeof request->answer - used, "%d ",
                       ++request->tokens);
        noveum_chunk(request->span, 1);
        request->left = i == 1 && request->tokens == 2; /* this client leaves */
        if (request->tokens == TOKENS || request->left)
            end(request);
        busy = 1;
    }
    return busy;
}

int main(void)
{
    static struct request requests[REQUESTS];
    static const char *const callers[REQUESTS] = {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL, "no traceparent"};
    noveum_start(NULL);
    for (int i = 0; i < REQUESTS; i++)
        arrive(&requests[i], i, callers[i]);
    for (int i = 0; i < REQUESTS; i++)
        prefill(&requests[i]);
    while (decode(requests))
        continue;
    return noveum_shutdown(5000) < 0;
}
