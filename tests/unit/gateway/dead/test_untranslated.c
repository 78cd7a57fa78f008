/*
 * Dead letters in OTLP form: what is written decodes to the same spans under the same
 * resources.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/dead/raw_join.h"
#include "gateway/dead/untranslated.h"
#include "otlp/request/request.h"
#include "tests/support/fixtures.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_batch *decode(struct nv_str body, bool json)
{
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    struct nv_fail fail = {0};
    char *copy = malloc(body.len + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, body.ptr, body.len);
    enum nv_err err = nv_request_decode(
        &(struct nv_request_body){NV_SIGNAL_TRACES, json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF,
                                  copy, body.len},
        NULL, &result, &batch, &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    return batch;
}

static struct nv_str span_bytes(const struct nv_batch *batch, uint32_t i)
{
    return (struct nv_str){batch->body + batch->items[i].offset, batch->items[i].length};
}

/* Every span of the trace of `batch`'s first item is in `again`, byte for byte, in its
 * resource. */
static void same_spans(const struct nv_batch *batch, const struct nv_batch *again)
{
    uint32_t matched = 0;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        for (uint32_t j = 0; j < again->item_count; j++) {
            if (!nv_str_eq(span_bytes(batch, i), span_bytes(again, j)))
                continue;
            const struct nv_group *a = &batch->groups[batch->items[i].group];
            const struct nv_group *b = &again->groups[again->items[j].group];
            ck_assert(nv_str_eq(a->resource, b->resource) && nv_str_eq(a->scope, b->scope));
            ck_assert(nv_str_eq(a->scope_schema_url, b->scope_schema_url));
            matched++;
            break;
        }
    }
    ck_assert_uint_eq(matched, again->item_count);
}

/* A resource with many scopes is in the letter once: by scope, its length was multiplied. */
START_TEST(a_resource_is_written_once_for_all_its_scopes)
{
    enum { SCOPES = 300, SPANS = 2 };
    char text[4096];
    struct nv_group groups[SCOPES + 1];
    struct nv_raw_item items[SCOPES * SPANS];
    memset(text, 'r', sizeof text);
    for (uint32_t i = 0; i <= SCOPES; i++) {
        groups[i] =
            (struct nv_group){.resource = {text, sizeof text}, .scope = NV_STR("\n\1s")};
    }
    groups[1].resource = NV_STR("other");
    for (uint32_t i = 0; i < SCOPES * SPANS; i++) {
        items[i] = (struct nv_raw_item){
            .bytes = {text, 1 + i % 2}, .group = i % SCOPES, .signal = NV_SIGNAL_TRACES};
    }
    struct nv_raw_trace raw = {.items = items,
                               .item_count = SCOPES * SPANS,
                               .groups = groups,
                               .group_count = SCOPES + 1};
    struct nv_buf out;
    nv_buf_init(&out, 1u << 20);
    ck_assert_int_eq(nv_untranslated_write(&raw, NV_SIGNAL_TRACES, &out), NV_OK);
    ck_assert_uint_gt(out.len, sizeof text);
    ck_assert_uint_lt(out.len, sizeof text + SCOPES * 32);
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_untranslated_write(&raw, NV_SIGNAL_LOGS, &out), NV_OK);
    ck_assert_uint_eq(out.len, 0);
    nv_buf_release(&out);
}
END_TEST

START_TEST(captured_requests_survive_the_round_trip)
{
    static const char *const names[] = {"baseline-distributed", "oi-openai-tools",
                                        "go-otlp-default"};
    struct nv_fixture *fixture = nv_test_fixture_load(names[_i]);
    for (size_t r = 0; r < fixture->request_count; r++) {
        const struct nv_fixture_request *request = &fixture->requests[r];
        if (request->signal != NV_SIGNAL_TRACES)
            continue;
        struct nv_batch *batch = decode(request->body, request->json);
        struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
        struct nv_buf text;
        nv_buf_init(&text, 1u << 24);
        ck_assert_int_eq(nv_untranslated_write(raw, NV_SIGNAL_TRACES, &text), NV_OK);
        struct nv_batch *again = decode(nv_buf_str(&text), false);
        ck_assert_uint_eq(again->item_count, raw->span_count);
        same_spans(batch, again);
        nv_batch_free(again);
        nv_buf_release(&text);
        nv_arena_free(raw->arena);
        nv_batch_free(batch);
    }
    nv_test_fixture_free(fixture);
}
END_TEST

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    (void)head;
    (void)payload;
    (void)id;
    *(unsigned *)ctx += kind == NV_RECORD_DEAD_LETTER ? 1 : 100;
    return NV_OK;
}

START_TEST(out_of_memory_and_no_store)
{
    struct nv_fixture *fixture = nv_test_fixture_load("oi-openai-chat");
    struct nv_batch *batch = decode(fixture->requests[0].body, fixture->requests[0].json);
    struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
    unsigned stored = 0;
    struct nv_store store = {.ctx = &stored, .put = put};
    ck_assert_int_eq(nv_untranslated_put(NULL, raw, NV_ERR_MALFORMED, 0), NV_ERR_NOT_FOUND);
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_untranslated_put(&store, raw, NV_ERR_MALFORMED, 0);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_uint_eq(stored, 0);
    }
    ck_assert_uint_eq(stored, 1);
    nv_arena_free(raw->arena);
    nv_batch_free(batch);
    nv_test_fixture_free(fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/untranslated");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_resource_is_written_once_for_all_its_scopes);
    tcase_add_loop_test(tcase, captured_requests_survive_the_round_trip, 0, 3);
    tcase_add_test(tcase, out_of_memory_and_no_store);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
