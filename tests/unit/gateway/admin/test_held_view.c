/*
 * Held traces as rows and by themselves: translated and redacted as those that leave, with what
 * their shard knows where they can't be shown.
 */
#include "expect.h"
#include "mapping_kit.h"
#include "oom.h"

#include "gateway/admin/held_view.h"

#include "base/limits.h"
#include "base/log/counters.h"
#include "base/text/text.h"
#include "gateway/dead/raw_join.h"
#include "otlp/request/request.h"

#include <stdlib.h>

#include "base/banned.h"

#define SECRET "sk-proj-a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4a1B2c3D4"
#define ID "0102030405060708090a0b0c0d0e0f10"

static const char spans[] =
    "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"" ID
    "\",\"spanId\":\"0102030405060708\",\"name\":\"chat\",\"startTimeUnixNano\":\"1\","
    "\"endTimeUnixNano\":\"2000001\",\"attributes\":["
    "{\"key\":\"gen_ai.operation.name\",\"value\":{\"stringValue\":\"chat\"}},"
    "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"gpt-4o\"}},"
    "{\"key\":\"note\",\"value\":{\"stringValue\":\"my key is " SECRET "\"}}]}]}]}]}";

static struct nv_batch *batch;
static struct nv_mapping *mapping;
static struct nv_redaction_config redaction;
static struct nv_buf out;
static size_t held_count;
static bool copies;
static uint64_t bytes_of_one;

static struct nv_raw_trace *make_raw(void)
{
    struct nv_raw_trace *raw = nv_raw_join_first(&batch, 1);
    if (raw)
        raw->incomplete = NV_INCOMPLETE_PARENT;
    return raw;
}

static size_t read_held(void *ctx, const struct nv_held_ask *ask, struct nv_held_trace *found)
{
    uint8_t id[NV_TRACE_ID_BYTES];
    (void)ctx;
    /* no ck_assert: memory may be short here */
    if (nv_hex_decode(NV_STR(ID), id, sizeof id) != NV_OK)
        return 0;
    if (ask->trace_id && memcmp(ask->trace_id, id, sizeof id) != 0)
        return 0;
    size_t count = ask->trace_id ? 1 : held_count < ask->max ? held_count : ask->max;
    for (size_t i = 0; i < count; i++) {
        found[i] = (struct nv_held_trace){.wait = NV_WAIT_OPEN,
                                          .age_ns = 5000000,
                                          .left_ns = 60 * NV_NS_PER_S,
                                          .spans = 1,
                                          .bytes = bytes_of_one};
        memcpy(found[i].trace_id, id, sizeof id);
        if (copies && found[i].bytes <= ask->raw_bytes_max)
            found[i].raw = make_raw();
    }
    return count;
}

static const struct nv_mapping *look_mapping(void *ctx)
{
    (void)ctx;
    return mapping;
}

static const struct nv_admin_source source = {
    .redaction = &redaction, .read_held = read_held, .look_mapping = look_mapping};

static void set_up(void)
{
    struct nv_request_result result;
    struct nv_fail fail = {0};
    char *body = strdup(spans);
    ck_assert_int_eq(
        nv_request_decode(
            &(struct nv_request_body){NV_SIGNAL_TRACES, NV_MEDIA_JSON, body, sizeof spans - 1},
            NULL, &result, &batch, &fail),
        NV_OK);
    mapping = nv_test_mapping_new();
    redaction = (struct nv_redaction_config){.secrets = true};
    nv_buf_init(&out, 1u << 20);
    held_count = 1;
    copies = true;
    bytes_of_one = 300;
}

static void tear_down(void)
{
    nv_buf_release(&out);
    nv_mapping_free(mapping);
    nv_batch_free(batch);
}

static bool says(const char *part)
{
    return nv_str_find(nv_buf_str(&out), nv_str_from(part)) != SIZE_MAX;
}

START_TEST(a_row_is_that_of_the_list_and_says_why_it_waits)
{
    uint64_t before = nv_redaction_count(0);
    ck_assert_int_eq(nv_held_list_write(&source, &out), NV_OK);
    ck_assert(says("{\"held\":[{\"trace_id\":\"01020304-0506-0708-090a-0b0c0d0e0f10\""));
    ck_assert(says("\"name\":\"chat\"") && says("\"model\":\"gpt-4o\""));
    ck_assert(says("\"wait\":{\"reason\":\"open\",\"text\":\"A span that others name"));
    ck_assert(says("\"root\":false") && says("\"until_ms\":"));
    ck_assert(!says(SECRET));
    for (unsigned rule = 0; rule < NV_REDACTION_RULE_COUNT; rule++)
        before = nv_redaction_count(rule) > before ? UINT64_MAX : before;
    ck_assert_uint_eq(before, 0); /* counted when it leaves, not when it is looked at */
}
END_TEST

START_TEST(what_cannot_be_shown_has_a_row_all_the_same)
{
    copies = false;
    ck_assert_int_eq(nv_held_list_write(&source, &out), NV_OK);
    ck_assert(says("\"trace_id\":\"" ID "\"") && says("\"span_count\":1,"));
    ck_assert(says("\"input_tokens\":null") && says("\"reason\":\"open\""));
    nv_buf_clear(&out);
    copies = true;
    bytes_of_one = NV_HELD_SHOWN_BYTES + 1;
    ck_assert_int_eq(nv_held_list_write(&source, &out), NV_OK);
    ck_assert(says("\"trace_id\":\"" ID "\""));
}
END_TEST

START_TEST(as_many_rows_as_there_may_be)
{
    held_count = NV_HELD_LISTED_MAX + 1;
    copies = false;
    ck_assert_int_eq(nv_held_list_write(&source, &out), NV_OK);
    unsigned rows = 0;
    struct nv_str rest = nv_buf_str(&out);
    for (size_t at; (at = nv_str_find(rest, NV_STR("\"wait\":"))) != SIZE_MAX; rows++)
        rest = nv_str_slice(rest, at + 1, rest.len);
    ck_assert_uint_eq(rows, NV_HELD_LISTED_MAX);
}
END_TEST

START_TEST(one_by_its_id_in_either_form)
{
    static const char *const ids[] = {ID, "01020304-0506-0708-090a-0b0c0d0e0f10"};
    bytes_of_one = NV_HELD_SHOWN_BYTES + 1; /* too large for a row, shown when it is opened */
    for (size_t i = 0; i < 2; i++) {
        nv_buf_clear(&out);
        ck_assert_int_eq(nv_held_trace_write(&source, nv_str_from(ids[i]), &out), NV_OK);
        ck_assert(says("{\"wait\":{\"reason\":\"open\"") && says("\"trace\":{\"trace_id\":"));
        ck_assert(says("my key is ***") && !says(SECRET));
    }
}
END_TEST

/* As held_view.c has it. */
#define OPENED_BYTES_MAX NV_CAP_MIB(16)

START_TEST(one_as_large_as_may_be_opened_and_one_byte_more)
{
    for (unsigned more = 0; more < 2; more++) {
        nv_buf_clear(&out);
        bytes_of_one = OPENED_BYTES_MAX + more;
        ck_assert_int_eq(nv_held_trace_write(&source, NV_STR(ID), &out), NV_OK);
        ck_assert(says("{\"wait\":{\"reason\":\"open\""));
        ck_assert(says(more == 0 ? "\"trace\":{\"trace_id\":" : "\"trace\":null"));
    }
}
END_TEST

START_TEST(what_is_not_held_is_said_so)
{
    static const char *const ids[] = {
        "ffffffffffffffffffffffffffffffff", "", "12", "zz", ID "00",
        "0102030405060708090a0b0c0d0e0f1z"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        nv_buf_clear(&out);
        ck_assert_int_eq(nv_held_trace_write(&source, nv_str_from(ids[i]), &out), NV_OK);
        ck_assert(says("{\"wait\":null,\"trace\":null}"));
    }
    held_count = 0;
    nv_buf_clear(&out);
    ck_assert_int_eq(nv_held_list_write(&source, &out), NV_OK);
    ck_assert(says("{\"held\":[]}"));
}
END_TEST

START_TEST(without_memory_it_fails_whole)
{
    for (unsigned long n = 1; n < 400; n++) {
        nv_buf_clear(&out);
        nv_buf_release(&out);
        nv_buf_init(&out, 1u << 20);
        oom_fail_nth(n);
        enum nv_err err = nv_held_list_write(&source, &out);
        if (!oom_end())
            break;
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        ck_assert(err != NV_OK || says("\"held\":["));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/held_view");
    TCase *tcase = tcase_create("held_view");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_row_is_that_of_the_list_and_says_why_it_waits);
    tcase_add_test(tcase, what_cannot_be_shown_has_a_row_all_the_same);
    tcase_add_test(tcase, as_many_rows_as_there_may_be);
    tcase_add_test(tcase, one_by_its_id_in_either_form);
    tcase_add_test(tcase, what_is_not_held_is_said_so);
    tcase_add_test(tcase, without_memory_it_fails_whole);
    tcase_add_test(tcase, one_as_large_as_may_be_opened_and_one_byte_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
