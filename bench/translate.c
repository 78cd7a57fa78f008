/*
 * What translation costs: decode to nv_trace, one thread, no input or output.
 *
 *   bench-translate [genai|small|genai-one|small-one] [seconds]
 *   bench-translate SHAPE passes N [masked|secrets|pseudonyms]
 *
 * Makes 64 traces of 8 spans as the load generator does (`-one`: a single trace of 10,000
 * spans), indexes them once and translates them over and over; prints ns a span and bytes of
 * arena a span, then the same with secrets masked, which the gateway does behind it
 * (redaction.secrets, with media marked; `secrets`: without). `pseudonyms` makes them instead
 * (redaction.pii). Arenas are made and freed inside the measured loop, as assembly and exporter
 * do for each trace. Encoding is not in it.
 *
 * `passes` does exactly so many rounds, once, for counting instructions: what two runs of
 * different N differ by is free of the start (bench/instructions.py).
 */
#include "bench/payload.h"
#include "mapping/mapping.h"
#include "redaction/redact.h"
#include "otlp/request/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/banned.h"

#define TRACES 64
#define ONE_TRACES 1250  /* 10,000 spans */
#define WORK_PER_BYTE 64 /* the default of mapping.work_per_byte */
#define ARENA_MAX ((size_t)512 << 20)

struct run {
    struct nv_mapping *mapping;
    struct nv_batch *batch;
    uint32_t trace_spans;
    uint64_t spans, arena_bytes;
    bool mask;
};

static const struct shape {
    const char *name;
    enum payload_shape payload;
    bool one;
} shapes[] = {{"genai", PAYLOAD_GENAI, false},
              {"small", PAYLOAD_SMALL, false},
              {"genai-one", PAYLOAD_GENAI, true},
              {"small-one", PAYLOAD_SMALL, true}};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NV_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* The `count` items from `first` as a raw trace of their own. */
static struct nv_raw_trace *raw_of(const struct nv_batch *batch, uint32_t first, uint32_t count)
{
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    struct nv_raw_trace *raw = arena ? nv_arena_alloc(arena, sizeof *raw) : NULL;
    if (!raw)
        return NULL;
    raw->arena = arena;
    memcpy(raw->trace_id, batch->items[first].trace_id, NV_TRACE_ID_BYTES);
    raw->items = nv_arena_array(arena, count, sizeof *raw->items);
    raw->groups = batch->groups;
    raw->group_count = batch->group_count;
    for (uint32_t i = 0; raw->items && i < count; i++) {
        const struct nv_item *item = &batch->items[first + i];
        raw->items[raw->item_count++] = (struct nv_raw_item){
            {batch->body + item->offset, item->length}, item->group, NV_SIGNAL_TRACES};
    }
    raw->span_count = raw->item_count;
    return raw;
}

/* What a gateway that delivers does unless it is told otherwise. */
static struct nv_redaction_config all = {.secrets = true, .media = {.mode = NV_MEDIA_MARKER}};

/* Personal data instead: pseudonyms alone, with the regions that are the default. */
static bool set_pseudonyms(void)
{
    const struct nv_str regions[] = {NV_STR("AE"), NV_STR("SA"), NV_STR("QA"), NV_STR("EG"),
                                     NV_STR("TR"), NV_STR("GB"), NV_STR("IN"), NV_STR("US")};
    const struct nv_personal_setup setup = {.mode = NV_PERSONAL_PSEUDONYMISE,
                                            .salt = NV_STR("a salt of the bench"),
                                            .regions = regions,
                                            .region_count = sizeof regions / sizeof *regions};
    all = (struct nv_redaction_config){.media = {.mode = NV_MEDIA_KEEP}};
    return nv_pii_new(&setup, &all.pii, NULL) == NV_OK;
}

static bool translate_all(struct run *run)
{
    for (uint32_t i = 0; i + run->trace_spans <= run->batch->item_count;
         i += run->trace_spans) {
        struct nv_raw_trace *raw = raw_of(run->batch, i, run->trace_spans);
        struct nv_trace *trace;
        if (!raw || nv_mapping_translate(run->mapping, raw, &trace) != NV_OK ||
            (run->mask && nv_redact(&all, trace, NULL) != NV_OK))
            return false;
        run->spans += trace->span_count;
        run->arena_bytes += nv_arena_bytes(trace->arena);
        nv_arena_free(trace->arena);
    }
    return true;
}

static struct nv_batch *make_batch(const struct shape *shape)
{
    struct payload payload;
    struct nv_request_limits limits = {0};
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    uint64_t next = 1;
    char *body = NULL;
    if ((shape->one ? payload_make_one(&payload, shape->payload, ONE_TRACES, 1)
                    : payload_make(&payload, shape->payload, TRACES, 1)) != NV_OK)
        return NULL;
    payload_renew(&payload, 1, &next);
    size_t len = nv_buf_take(&payload.body, &body);
    if (nv_request_decode(
            &(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_PROTOBUF, body, len}, &limits,
            &result, &batch, NULL) != NV_OK)
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

static bool pass(struct run *run, uint64_t passes)
{
    for (uint64_t i = 0; i < passes; i++) {
        if (!translate_all(run))
            return false;
    }
    printf("%llu spans\n", (unsigned long long)run->spans);
    return true;
}

static bool bench(struct run *run, const struct shape *shape, int argc, char **argv)
{
    bool counted = argc > 3 && strcmp(argv[2], "passes") == 0;
    if (counted) {
        bool pseudonyms = argc > 4 && strcmp(argv[4], "pseudonyms") == 0;
        bool secrets = argc > 4 && strcmp(argv[4], "secrets") == 0;
        run->mask = pseudonyms || secrets || (argc > 4 && strcmp(argv[4], "masked") == 0);
        all.media.mode = secrets ? NV_MEDIA_KEEP : NV_MEDIA_MARKER;
        if (pseudonyms && !set_pseudonyms())
            return false;
        return pass(run, strtoull(argv[3], NULL, 10));
    }
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 2;
    bool done = translate_all(run) && measure(run, shape->name, seconds);
    run->mask = true;
    return done && measure(run, shape->name, seconds);
}

int main(int argc, char **argv)
{
    const struct shape *shape = &shapes[0];
    for (size_t i = 0; argc > 1 && i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(argv[1], shapes[i].name) == 0)
            shape = &shapes[i];
    }
    struct nv_mapping_config config = {.gateway_version = NV_STR(NOVEUM_VERSION),
                                       .work_per_byte = WORK_PER_BYTE};
    struct run run = {.mapping = nv_mapping_new(&config, NULL), .batch = make_batch(shape)};
    if (!run.mapping || !run.batch)
        return 1;
    run.trace_spans = shape->one ? run.batch->item_count : PAYLOAD_TRACE_SPANS;
    bool done = bench(&run, shape, argc, argv);
    nv_batch_free(run.batch);
    nv_mapping_free(run.mapping);
    nv_pii_free(all.pii);
    return done ? 0 : 1;
}
