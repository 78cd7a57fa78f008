/*
 * What the exporter's own work costs: encoding a translated trace, packing, gzip.
 *
 *   bench-encode [SECONDS]      one line a step: microseconds a span, GB/s of JSON; with 0 one round
 *                               of each, always the same work: for instruction counts
 *   bench-encode passes N       encodes so often and ends (bench/instructions.py)
 *
 * One 8-span trace with the shape of the `genai` payload after translation (prose of 1.5 KB in
 * and out of a model call, a dozen short attributes), encoded over and over on one thread. The
 * numbers are lower bounds: everything is in the cache.
 */
#include "base/clock.h"
#include "exporter/encode/compress.h"
#include "exporter/encode/encode.h"
#include "exporter/encode/pack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define SPANS 8u
#define PROSE_BYTES 1500
#define BODY_TRACES 100u

static const char sentence[] =
    "The shipment of order 1001 is delayed by a carrier strike, \"so\" it "
    "arrives on Monday.\nPlease keep the receipt. ";
static const char *const keys[] = {"llm.model",      "llm.request.model", "llm.response_model",
                                   "llm.provider",   "llm.operation",     "llm.finish_reason",
                                   "llm.request_id", "server.address",    "llm.cost.currency"};

static struct nv_str prose(struct nv_arena *arena)
{
    char *text = nv_arena_raw(arena, PROSE_BYTES);

    if (!text)
        abort();
    for (size_t i = 0; i < PROSE_BYTES; i++)
        text[i] = sentence[i % (sizeof sentence - 1)];
    return (struct nv_str){text, PROSE_BYTES};
}

static void fill_attributes(struct nv_arena *arena, struct nv_attributes *list)
{
    enum nv_err err = NV_OK;

    for (size_t i = 0; i < sizeof keys / sizeof *keys && err == NV_OK; i++) {
        err = nv_attributes_add(list, arena, nv_str_from(keys[i]),
                                nv_value_string(NV_STR("gpt-4o-mini-2025-08-07")));
    }
    if (err == NV_OK)
        err = nv_attributes_add(list, arena, NV_STR("llm.input_tokens"), nv_value_int(1234));
    if (err == NV_OK) {
        err = nv_attributes_add(list, arena, NV_STR("llm.cost.total"),
                                nv_value_double(0.0000288));
    }
    if (err == NV_OK) {
        err =
            nv_attributes_add(list, arena, NV_STR("llm.input"), nv_value_string(prose(arena)));
    }
    if (err == NV_OK) {
        err = nv_attributes_add(list, arena, NV_STR("llm.output.response"),
                                nv_value_string(prose(arena)));
    }
    if (err != NV_OK)
        abort();
}

static struct nv_trace *make_trace(struct nv_arena *arena)
{
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    struct nv_span *spans = nv_arena_array(arena, SPANS, sizeof *spans);

    if (!trace || !origin || !spans)
        abort();
    origin->scope_name = NV_STR("opentelemetry.instrumentation.openai_v2");
    origin->scope_version = NV_STR("2.4b0");
    *trace = (struct nv_trace){.trace_id = {1},
                               .source_trace_id = {1},
                               .name = NV_STR("invoke_agent support"),
                               .start_ns = UINT64_C(1795357249100000000),
                               .end_ns = UINT64_C(1795357252600250000),
                               .project = NV_STR("bench"),
                               .environment = NV_STR("production"),
                               .origin = origin,
                               .spans = spans,
                               .span_count = SPANS};
    for (uint32_t i = 0; i < SPANS; i++) {
        spans[i] = (struct nv_span){.span_id = {9, (uint8_t)i},
                                    .has_parent = i > 0,
                                    .name = NV_STR("chat gpt-4o-mini"),
                                    .source_name = NV_STR("chat gpt-4o-mini"),
                                    .start_ns = trace->start_ns + i,
                                    .end_ns = trace->end_ns,
                                    .kind = NV_SPAN_KIND_CLIENT,
                                    .origin = origin};
        fill_attributes(arena, &spans[i].attributes);
    }
    return trace;
}

static uint64_t now_ns(void)
{
    return nv_clock_mono_ns(nv_clock_system());
}

static void report(const char *step, uint64_t spans, uint64_t bytes, uint64_t ns)
{
    (void)printf("%-8s %7.3f us/span %7.2f GB/s of JSON\n", step,
                 (double)ns / 1e3 / (double)spans, (double)bytes / (double)ns);
}

static void bench_encode(const struct nv_trace *trace, uint64_t limit_ns, struct nv_buf *json)
{
    uint64_t start = now_ns(), rounds = 0, bytes = 0;

    do {
        for (int i = 0; i < 100; i++) {
            nv_buf_clear(json);
            if (nv_encode_trace(json, trace, NV_TRACE_ID_UUID) != NV_OK)
                abort();
            bytes += json->len;
        }
        rounds += 100;
    } while (now_ns() - start < limit_ns);
    report("encode", rounds * SPANS, bytes, now_ns() - start);
}

static void bench_send(const struct nv_buf *json, uint64_t limit_ns)
{
    const struct nv_pack_limits limits = {BODY_TRACES, SIZE_MAX};
    struct nv_compressor *compressor = nv_compressor_new(NV_GZIP_LEVEL);
    struct nv_encoded_list list = {0};
    struct nv_encoded *encoded;
    struct nv_body *body;
    struct nv_buf wire, packed;
    uint64_t pack_ns = 0, gzip_ns = 0, bytes = 0, rounds = 0, start = now_ns();

    for (uint32_t i = 0; i < BODY_TRACES; i++)
        nv_encoded_list_push(&list, nv_encoded_new(nv_buf_str(json), SPANS));
    body = nv_body_take(&list, &limits);
    nv_buf_init(&wire, SIZE_MAX);
    nv_buf_init(&packed, SIZE_MAX);
    do {
        uint64_t at = now_ns();

        nv_buf_clear(&wire);
        nv_buf_clear(&packed);
        if (nv_body_write(body, at, &wire) != NV_OK)
            abort();
        pack_ns += now_ns() - at;
        at = now_ns();
        if (nv_compress_gzip(compressor, nv_buf_str(&wire), &packed) != NV_OK)
            abort();
        gzip_ns += now_ns() - at;
        bytes += wire.len;
        rounds++;
    } while (now_ns() - start < limit_ns);
    report("pack", rounds * BODY_TRACES * SPANS, bytes, pack_ns);
    report("gzip", rounds * BODY_TRACES * SPANS, bytes, gzip_ns);
    while ((encoded = nv_encoded_list_pop(&body->traces)) != NULL)
        free(encoded);
    nv_body_free(body);
    nv_buf_release(&wire);
    nv_buf_release(&packed);
    nv_compressor_free(compressor);
}

static int pass(const struct nv_trace *trace, uint64_t passes, struct nv_buf *json)
{
    for (uint64_t i = 0; i < passes; i++) {
        nv_buf_clear(json);
        if (nv_encode_trace(json, trace, NV_TRACE_ID_UUID) != NV_OK)
            return 1;
    }
    (void)printf("%llu spans\n", (unsigned long long)passes * SPANS);
    return 0;
}

int main(int argc, char **argv)
{
    bool counted = argc > 2 && strcmp(argv[1], "passes") == 0;
    uint64_t limit_ns = (argc > 1 ? strtoull(argv[1], NULL, 10) : 2) * NV_NS_PER_S;
    struct nv_arena *arena = nv_arena_new((size_t)1 << 20);
    struct nv_buf json;

    if (!arena)
        return 1;
    nv_buf_init(&json, SIZE_MAX);
    const struct nv_trace *trace = make_trace(arena);
    int status = 0;
    if (counted) {
        status = pass(trace, strtoull(argv[2], NULL, 10), &json);
    } else {
        bench_encode(trace, limit_ns, &json);
        (void)printf("%zu bytes of JSON a span\n", json.len / SPANS);
        bench_send(&json, limit_ns);
    }
    nv_buf_release(&json);
    nv_arena_free(arena);
    return status;
}
