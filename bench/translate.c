/*
 * What translation costs: decode to nv_trace, one thread, no input or output.
 *
 *   bench-translate [genai|small] [seconds]
 *
 * Makes 64 traces of 8 spans as the load generator does, indexes them once and translates them over
 * and over; prints ns a span and bytes of arena a span, then the same with secrets masked, which
 * the gateway does behind it (redaction.secrets). Arenas are made and freed inside the measured
 * loop, as assembly and exporter do for each trace. Encoding is not in it.
 */
#include "bench/payload.h"
#include "mapping/mapping.h"
#include "redaction/secrets.h"
#include "otlp/request/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define TRACES 64
#define ARENA_MAX ((size_t)64 << 20)

struct run {
    struct nv_mapping *mapping;
    struct nv_batch *batch;
    uint64_t spans, arena_bytes;
    bool mask;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NV_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The 8 items from `first` as a raw trace of their own. */
static struct nv_raw_trace *raw_of(const struct nv_batch *batch, uint32_t first)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_raw_trace *raw = arena ? nv_arena_alloc(arena, sizeof *raw) : NULL;
    if (!raw)
        return NULL;
    raw->arena = arena;
    memcpy(raw->trace_id, batch->items[first].trace_id, NV_TRACE_ID_BYTES);
    raw->items = nv_arena_array(arena, PAYLOAD_TRACE_SPANS, sizeof *raw->items);
    raw->groups = batch->groups;
    raw->group_count = batch->group_count;
    for (uint32_t i = 0; raw->items && i < PAYLOAD_TRACE_SPANS; i++) {
        const struct nv_item *item = &batch->items[first + i];
        raw->items[raw->item_count++] = (struct nv_raw_item){
            {batch->body + item->offset, item->length}, item->group, NV_SIGNAL_TRACES};
    }
    raw->span_count = raw->item_count;
    return raw;
}

static bool translate_all(struct run *run)
{
    for (uint32_t i = 0; i + PAYLOAD_TRACE_SPANS <= run->batch->item_count;
         i += PAYLOAD_TRACE_SPANS) {
        struct nv_raw_trace *raw = raw_of(run->batch, i);
        struct nv_trace *trace;
        if (!raw || nv_mapping_translate(run->mapping, raw, &trace) != NV_OK ||
            (run->mask && nv_secrets_mask(trace) != NV_OK))
            return false;
        run->spans += trace->span_count;
        run->arena_bytes += nv_arena_bytes(trace->arena);
        nv_arena_free(trace->arena);
    }
    return true;
}

static struct nv_batch *make_batch(enum payload_shape shape)
{
    struct payload payload;
    struct nv_request_limits limits = {0};
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    uint64_t next = 1;
    char *body = NULL;
    if (payload_make(&payload, shape, TRACES, 1) != NV_OK)
        return NULL;
    payload_renew(&payload, 1, &next);
    size_t len = nv_buf_take(&payload.body, &body);
    if (nv_request_decode(&(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, body, len},
                          &limits, &result, &batch, NULL) != NV_OK)
        batch = NULL;
    payload_release(&payload);
    return batch;
}

/* Translates for so many seconds and says what it cost. */
static bool measure(struct run *run, const char *name, double seconds)
{
    run->spans = run->arena_bytes = 0;
    uint64_t start = now_ns(), end = start + (uint64_t)(seconds * 1e9), now = start;
    while (now < end) {
        if (!translate_all(run))
            return false;
        now = now_ns();
    }
    printf("%s%s: %.0f ns a span, %.0f arena bytes a span, %llu spans\n", name,
           run->mask ? ", secrets masked" : "", (double)(now - start) / (double)run->spans,
           (double)run->arena_bytes / (double)run->spans, (unsigned long long)run->spans);
    return true;
}

int main(int argc, char **argv)
{
    bool small = argc > 1 && strcmp(argv[1], "small") == 0;
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    struct nv_mapping_config config = {.gateway_version = NV_STR(NOVEUM_VERSION)};
    struct run run = {.mapping = nv_mapping_new(&config, NULL),
                      .batch = make_batch(small ? PAYLOAD_SMALL : PAYLOAD_GENAI)};
    if (!run.mapping || !run.batch || !translate_all(&run))
        return 1;
    const char *name = small ? "small" : "genai";
    bool done = measure(&run, name, seconds);
    run.mask = true;
    done = done && measure(&run, name, seconds);
    nv_batch_free(run.batch);
    nv_mapping_free(run.mapping);
    return done ? 0 : 1;
}
