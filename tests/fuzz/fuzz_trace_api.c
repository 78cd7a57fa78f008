/*
 * noveum/trace.h and noveum/agents.h by calls drawn from the input: any order, any handle (of
 * spans that are open, ended, dropped, never begun), texts that are no UTF-8, numbers that make
 * no sense, limits so low that they are met.
 *
 *   a byte says which call, the next ones which span, number, text ▸ until the input ends
 *
 * After each input what became of spans must add up, as the header promises, and a stop must
 * leave nothing open. What ended is encoded, and protobuf-c must be able to read it.
 *
 * Here, and not in the sending thread: to begin and to join one takes three turns of the
 * scheduler, which with other work on the machine are a hundred times what the calls take.
 * Inputs that begin with THREADED have it, and send to a port where nobody listens. Leaks are
 * looked for once, at the end (fuzz_trace_api.options): every start keeps its configuration,
 * and to libFuzzer that is a reason to search all memory after each input.
 */
#include "noveum/agents.h"
#include "otlp_oracle.h"

#include "trace/deliver.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SPANS 8u
#define TEXT_MAX 64u
#define CALLS_MAX 400u
#define THREADED 255u

struct input {
    const uint8_t *data;
    size_t size, at;
    noveum_span spans[SPANS];
    char texts[4][TEXT_MAX];
    unsigned text;
};

static uint8_t byte(struct input *in)
{
    return in->at < in->size ? in->data[in->at++] : 0;
}

static int64_t number(struct input *in)
{
    static const int64_t odd[] = {0, -1, INT64_MAX, INT64_MIN, 1, UINT32_MAX};
    uint8_t which = byte(in);
    return which < sizeof odd / sizeof odd[0] ? odd[which] : which * 1000003;
}

static double real(struct input *in)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, -0.0, 1e308};
    uint8_t which = byte(in);
    return which < sizeof odd / sizeof odd[0] ? odd[which] : which / 16.0;
}

/* NULL, or up to 63 bytes of the input; four are there at a time. */
static const char *text(struct input *in)
{
    uint8_t len = byte(in);
    if (len == 255)
        return NULL;
    char *room = in->texts[in->text++ % 4];
    size_t count = len % TEXT_MAX;
    for (size_t i = 0; i < count; i++)
        room[i] = (char)byte(in);
    room[count] = '\0';
    return room;
}

static noveum_span *slot(struct input *in)
{
    return &in->spans[byte(in) % SPANS];
}

static noveum_span span(struct input *in)
{
    return *slot(in);
}

static noveum_kind kind(struct input *in)
{
    return (noveum_kind)(byte(in) % 9);
}

static noveum_direction direction(struct input *in)
{
    return (noveum_direction)(byte(in) % 4);
}

/* ---- calls ------------------------------------------------------------------------------- */

static void begin(struct input *in, uint8_t which)
{
    noveum_context context;
    noveum_span *to = slot(in);
    (void)noveum_parse_traceparent(text(in), text(in), &context);
    switch (which) {
    case 0:
        *to = noveum_begin(kind(in), text(in));
        break;
    case 1:
        *to = noveum_begin_below(span(in), kind(in), text(in));
        break;
    case 2:
        *to = noveum_begin_at(span(in), kind(in), text(in), (uint64_t)number(in));
        break;
    case 3:
        *to = noveum_begin_remote(&context, kind(in), text(in));
        break;
    case 4:
        noveum_record(span(in), kind(in), text(in), (uint64_t)number(in), (uint64_t)number(in));
        break;
    case 5: /* made up */
        *to = (noveum_span){(uint64_t)number(in) << 32 | byte(in)};
        break;
    default:
        *to = noveum_current();
    }
}

static void end(struct input *in, uint8_t which)
{
    switch (which) {
    case 0:
        noveum_end_at(span(in), (uint64_t)number(in));
        break;
    case 1:
        noveum_discard(span(in));
        break;
    case 2:
        noveum_enter(span(in));
        break;
    case 3:
        noveum_leave(span(in));
        break;
    default:
        noveum_end(span(in));
    }
}

static void say(struct input *in, uint8_t which)
{
    noveum_span to = span(in);
    const noveum_attribute attributes[] = {noveum_str(text(in), text(in)),
                                           noveum_double("d", real(in))};
    noveum_context context;
    switch (which) {
    case 0:
        noveum_set(to, attributes, 2);
        break;
    case 1:
        noveum_set_int(to, text(in), number(in));
        break;
    case 2:
        noveum_set_bool(to, text(in), byte(in));
        break;
    case 3:
        noveum_exception(to, text(in), text(in), text(in));
        break;
    case 4:
        noveum_event(to, text(in), (uint64_t)number(in), attributes, byte(in) % 3);
        break;
    case 5:
        noveum_get_context(span(in), &context);
        noveum_link(to, &context, attributes, 1);
        break;
    case 6:
        noveum_set_name(to, text(in));
        break;
    default:
        noveum_session(to, text(in));
    }
}

static void model(struct input *in, uint8_t which)
{
    noveum_span to = span(in);
    switch (which) {
    case 0:
        noveum_llm(to, text(in), text(in));
        break;
    case 1:
        noveum_llm_usage(to, number(in), number(in));
        break;
    case 2:
        noveum_llm_cost(to, real(in), text(in));
        break;
    case 3:
        noveum_llm_tool(to, text(in), text(in), text(in));
        break;
    case 4:
        noveum_chunk(to, (uint32_t)number(in));
        break;
    case 5:
        noveum_first_token_at(to, (uint64_t)number(in));
        break;
    case 6:
        noveum_stream_abandoned(to, text(in));
        break;
    default:
        noveum_document(to, text(in), real(in), text(in), NOVEUM_NUL);
    }
}

static void converse(struct input *in, uint8_t which)
{
    noveum_span to = span(in);
    const char *content = text(in);
    size_t length = content ? strlen(content) / 2 : 0;
    switch (which) {
    case 0:
        noveum_message(to, direction(in), text(in), content, length);
        break;
    case 1:
        noveum_message_begin(to, direction(in), text(in));
        break;
    case 2:
        noveum_part_text(to, content, NOVEUM_NUL);
        break;
    case 3:
        noveum_part_tool_call(to, text(in), text(in), content, length);
        break;
    case 4:
        noveum_part_blob(to, text(in), text(in), content, length);
        break;
    case 5:
        noveum_message_end(to, text(in));
        break;
    case 6:
        (void)noveum_thread_message(to, text(in), direction(in), text(in), content, length);
        break;
    default:
        noveum_part_tool_result(to, text(in), content, length);
    }
}

static void carry(struct input *in, uint8_t which)
{
    char room[100], parent[NOVEUM_TRACEPARENT_SIZE];
    switch (which) {
    case 0:
        (void)noveum_baggage_set(span(in), text(in), text(in));
        break;
    case 1:
        (void)noveum_baggage_read(span(in), text(in));
        break;
    case 2:
        (void)noveum_baggage_get(span(in), text(in), room, byte(in) % sizeof room);
        break;
    case 3:
        (void)noveum_baggage_write(span(in), room, byte(in) % sizeof room);
        break;
    default:
        (void)noveum_traceparent(span(in), parent);
    }
}

static void team(struct input *in, uint8_t which)
{
    noveum_agent_identity who = noveum_agent_named(text(in), text(in));
    const char *ids[] = {"a", "b", "c", NULL};
    const char *one = ids[byte(in) % 4], *other = ids[byte(in) % 4];
    char room[200];
    who.id = one;
    who.parent_id = other;
    switch (which) {
    case 0:
        (void)noveum_agent_register(&who, room);
        break;
    case 1:
        noveum_agent_unregister(one);
        break;
    case 2:
        *slot(in) = noveum_agent_begin(one, text(in));
        break;
    case 3:
        *slot(in) = noveum_agent_delegate(one, other, text(in));
        break;
    case 4:
        noveum_agent_message(one, other, text(in), NOVEUM_NUL);
        break;
    case 5:
        (void)noveum_agent_graph((noveum_graph_format)(byte(in) % 2), room, sizeof room);
        break;
    case 6:
        (void)noveum_agent_clean(byte(in));
        break;
    default:
        *slot(in) = noveum_task_begin(span(in), text(in), one);
        noveum_task_set(span(in), (noveum_task_state)(byte(in) % 6), text(in));
    }
}

/* ---- what must hold ---------------------------------------------------------------------- */

static void check(int stopped)
{
    noveum_counters c;
    c.size = sizeof c;
    noveum_get_counters(&c);
    uint64_t sum = c.open + c.queued + c.exported + c.dropped_full + c.dropped_memory +
                   c.dropped_failed + c.dropped_rejected + c.dropped_stopped +
                   c.dropped_by_caller + c.dropped_unsampled;
    if (sum != c.started || (stopped && (c.open > 0 || c.queued > 0)))
        abort();
}

/* What the sending thread does with the queue, but for the sending. */
static void encode_queued(struct nv_trace_request *request)
{
    uint32_t index;
    if (nv_trace_request_begin(request, nv_trace_on()) != NV_OK)
        abort();
    while (nv_trace_ring_take(&nv_trace_worker.ring, &index)) {
        struct nv_trace_span *span = nv_trace_span_at(index);
        if (nv_trace_request_add(request, span) != NV_OK)
            abort();
        nv_trace_span_give(span);
        nv_trace_add(NV_TRACE_COUNT_exported, 1);
        atomic_fetch_sub(&nv_trace_state.queued, 1);
        atomic_fetch_add(&nv_trace_worker.handled, 1);
    }
    if (nv_trace_request_end(request) != NV_OK)
        abort();
}

/* Those that were ended; what the stop ends is dropped, as no thread is there. */
static void read_back(void)
{
    struct nv_trace_request request;
    nv_trace_request_init(&request);
    encode_queued(&request);
    ProtobufCMessage *message = nv_test_unpack(NV_SIGNAL_TRACES, nv_buf_str(&request.body));
    if (!message)
        abort();
    protobuf_c_message_free_unpacked(message, NULL);
    nv_trace_request_release(&request);
}

static void start(uint8_t how)
{
    noveum_options options = noveum_default_options();
    options.endpoint = "http://127.0.0.1:9";
    options.delay_ms = 3600000; /* sent at the end, or when many wait */
    options.open_spans = 16;
    options.queue_spans = 32;
    options.batch_spans = how & 1 ? 1 : 64;
    options.attributes_max = 12;
    options.events_max = options.links_max = 3;
    options.value_bytes_max = how & 2 ? 5 : 0;
    options.span_bytes_max = how & 4 ? 700 : 0;
    options.performance = how >> 3 & 1;
    options.sampler = how & 16 ? "traceidratio=0.5" : "always_on";
    if (noveum_start(&options) != NOVEUM_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const calls[])(struct input * in, uint8_t which) = {
        begin, begin, end, say, model, converse, carry, team};
    struct input in = {.data = data, .size = size};
    uint8_t how = byte(&in);
    start(how);
    /* so that the first span that ends starts none */
    atomic_store(&nv_trace_worker.running, how != THREADED);
    for (unsigned i = 0; i < CALLS_MAX && in.at < in.size; i++) {
        uint8_t call = byte(&in);
        calls[call % 8](&in, call >> 3 & 7);
    }
    if (how != THREADED) {
        read_back();
        atomic_store(&nv_trace_worker.running, false);
        atomic_store(&nv_trace_worker.accepting, false); /* nor do those that the stop ends */
    }
    (void)noveum_shutdown(0);
    check(1);
    (void)noveum_agent_clean(0);
    return 0;
}
