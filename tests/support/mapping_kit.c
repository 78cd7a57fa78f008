/*
 * See mapping_kit.h. Raw traces are built in arenas of their own, as assembly does: the mapping
 * takes them over. Batches live until all traces of a case have been visited, because raw items
 * point into their bodies. Grouping is quadratic in the number of traces; cases have few.
 */
#include "tests/support/mapping_kit.h"

#include "exporter/encode/encode.h"
#include "otlp/request/request.h"
#include "tests/support/expect.h"

#include <stdlib.h>

#include "base/banned.h"

#define BATCHES_MAX 512
#define ARENA_MAX ((size_t)512 << 20)

struct batches {
    struct nv_batch *list[BATCHES_MAX];
    size_t count;
};

struct nv_mapping *nv_test_mapping_new(void)
{
    struct nv_fail fail = {0};
    struct nv_mapping_config config = {.gateway_version = NV_STR("0.0.0-test")};
    struct nv_mapping *mapping = nv_mapping_new(&config, &fail);
    ck_assert_msg(mapping != NULL, "%s: %s", fail.path, fail.what);
    return mapping;
}

static void add_request(struct batches *batches, enum nv_signal signal, bool json,
                        struct nv_str body)
{
    struct nv_request_limits limits = {0};
    struct nv_request_result result;
    struct nv_fail fail = {0};
    char *copy = malloc(body.len + 1);
    ck_assert_ptr_nonnull(copy);
    ck_assert_uint_lt(batches->count, BATCHES_MAX);
    memcpy(copy, body.ptr, body.len);
    enum nv_err err = nv_request_decode(
        &(struct nv_request_body){signal, json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, copy,
                                  body.len},
        &limits, &result, &batches->list[batches->count], &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", fail.path, fail.what);
    batches->count++;
}

/* Is any item of this trace in an earlier place? */
static bool seen_before(const struct batches *batches, size_t batch, uint32_t item)
{
    const uint8_t *id = batches->list[batch]->items[item].trace_id;
    for (size_t b = 0; b <= batch; b++) {
        uint32_t end = b == batch ? item : batches->list[b]->item_count;
        for (uint32_t i = 0; i < end; i++) {
            if (memcmp(batches->list[b]->items[i].trace_id, id, NV_TRACE_ID_BYTES) == 0)
                return true;
        }
    }
    return false;
}

static enum nv_incomplete sent_as = NV_COMPLETE;

void nv_test_incomplete_set(enum nv_incomplete incomplete)
{
    sent_as = incomplete;
}

static struct nv_raw_trace *gather(const struct batches *batches, const uint8_t *id,
                                   size_t arena_max)
{
    uint32_t items = 0, groups = 0;
    for (size_t b = 0; b < batches->count; b++) {
        items += batches->list[b]->item_count;
        groups += batches->list[b]->group_count;
    }
    struct nv_arena *arena = nv_arena_new(arena_max);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    raw->arena = arena;
    raw->incomplete = sent_as;
    memcpy(raw->trace_id, id, NV_TRACE_ID_BYTES);
    uint32_t flags = 0;
    raw->items = nv_arena_array(arena, items, sizeof *raw->items);
    raw->groups = nv_arena_array(arena, groups, sizeof *raw->groups);
    for (size_t b = 0; b < batches->count; b++) {
        const struct nv_batch *batch = batches->list[b];
        for (uint32_t i = 0; i < batch->item_count; i++) {
            const struct nv_item *item = &batch->items[i];
            if (memcmp(item->trace_id, id, NV_TRACE_ID_BYTES) != 0)
                continue;
            flags |= item->flags;
            if (item->flags & NV_ITEM_MARK)
                continue;
            raw->items[raw->item_count++] =
                (struct nv_raw_item){.bytes = {batch->body + item->offset, item->length},
                                     .group = raw->group_count + item->group,
                                     .signal = batch->signal};
            raw->span_count += batch->signal == NV_SIGNAL_TRACES;
        }
        if (batch->group_count > 0) {
            memcpy(raw->groups + raw->group_count, batch->groups,
                   batch->group_count * sizeof *raw->groups);
        }
        raw->group_count += batch->group_count;
    }
    raw->is_turn = (flags & NV_ITEM_TURNS) != 0;
    raw->of_records = raw->span_count == 0 && nv_item_flags_make(flags);
    return raw;
}

static bool names_no_trace(const struct nv_item *item)
{
    static const uint8_t none[NV_TRACE_ID_BYTES];
    return memcmp(item->trace_id, none, sizeof none) == 0;
}

static void translate_all(const struct nv_mapping *mapping, struct batches *batches,
                          nv_test_trace_visit *visit, void *ctx)
{
    for (size_t b = 0; b < batches->count; b++) {
        for (uint32_t i = 0; i < batches->list[b]->item_count; i++) {
            if (names_no_trace(&batches->list[b]->items[i]) || seen_before(batches, b, i))
                continue;
            struct nv_raw_trace *raw =
                gather(batches, batches->list[b]->items[i].trace_id, ARENA_MAX);
            struct nv_arena *arena = raw->arena;
            struct nv_trace *trace = NULL;
            uint32_t unused;
            if (raw->of_records)
                ck_assert_int_eq(nv_mapping_make_spans(raw, &unused), NV_OK);
            if (raw->span_count > 0) {
                ck_assert_int_eq(nv_mapping_translate(mapping, raw, &trace), NV_OK);
                visit(ctx, trace);
            }
            nv_arena_free(arena);
        }
    }
    for (size_t b = 0; b < batches->count; b++)
        nv_batch_free(batches->list[b]);
}

void nv_test_case_translate(const struct nv_mapping *mapping, const struct nv_fixture *fixture,
                            nv_test_trace_visit *visit, void *ctx)
{
    struct batches batches = {.count = 0};
    for (size_t i = 0; i < fixture->request_count; i++) {
        add_request(&batches, fixture->requests[i].signal, fixture->requests[i].json,
                    fixture->requests[i].body);
    }
    translate_all(mapping, &batches, visit, ctx);
}

void nv_test_json_translate(const struct nv_mapping *mapping, const char *json,
                            nv_test_trace_visit *visit, void *ctx)
{
    struct batches batches = {.count = 0};
    add_request(&batches, NV_SIGNAL_TRACES, true, nv_str_from(json));
    translate_all(mapping, &batches, visit, ctx);
}

enum nv_err nv_test_translate_within(const struct nv_mapping *mapping,
                                     const struct nv_fixture *fixture, size_t arena_max,
                                     size_t used)
{
    struct batches batches = {.count = 0};
    struct nv_trace *trace;
    for (size_t i = 0; i < fixture->request_count; i++) {
        add_request(&batches, fixture->requests[i].signal, fixture->requests[i].json,
                    fixture->requests[i].body);
    }
    struct nv_raw_trace *raw = gather(&batches, batches.list[0]->items[0].trace_id, arena_max);
    struct nv_arena *arena = raw->arena;
    ck_assert_ptr_nonnull(nv_arena_alloc(arena, used));
    enum nv_err err = nv_mapping_translate(mapping, raw, &trace);
    nv_arena_free(arena);
    for (size_t b = 0; b < batches.count; b++)
        nv_batch_free(batches.list[b]);
    return err;
}

/* What is between these in the JSON of a trace: the version that wrote it. */
#define BEFORE_VERSION NV_STR("\"name\":\"noveum-otel-gateway\",\"version\":\"")

void nv_test_trace_write(struct nv_buf *buf, const struct nv_trace *trace)
{
    struct nv_buf whole;
    nv_buf_init(&whole, buf->max);
    ck_assert_int_eq(nv_encode_trace(&whole, trace, NV_TRACE_ID_UUID), NV_OK);
    struct nv_str text = nv_buf_str(&whole);
    size_t at = nv_str_find(text, BEFORE_VERSION);
    ck_assert_uint_ne(at, SIZE_MAX);
    at += BEFORE_VERSION.len;
    ck_assert_int_eq(nv_buf_append_str(buf, nv_str_slice(text, 0, at)), NV_OK);
    ck_assert_int_eq(nv_buf_append_str(buf, NV_STR(NV_TEST_VERSION)), NV_OK);
    text = nv_str_slice(text, at + strlen(NOVEUM_VERSION), SIZE_MAX);
    ck_assert_int_eq(nv_buf_append_str(buf, text), NV_OK);
    nv_buf_release(&whole);
}
