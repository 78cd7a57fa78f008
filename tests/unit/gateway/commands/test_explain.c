/*
 * explain: reports on captured bodies in both encodings and compressed, traces put together out
 * of several bodies, and what it says of bodies that are none.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/commands/explain.h"
#include "tests/support/fixtures.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/otlp_build.h"

#include <libdeflate.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_mapping *mapping;
static struct nv_explain explain;
static struct nv_buf report;
static struct nv_fail fail;

static void set_up(void)
{
    mapping = nv_test_mapping_new();
    explain = (struct nv_explain){0};
    fail = (struct nv_fail){0};
    nv_buf_init(&report, 1u << 24);
}

static void tear_down(void)
{
    nv_buf_release(&report);
    nv_explain_release(&explain);
    nv_mapping_free(mapping);
}

static char *copy_of(struct nv_str body)
{
    char *copy = malloc(body.len + 1);
    ck_assert_ptr_nonnull(copy);
    if (body.len > 0)
        memcpy(copy, body.ptr, body.len);
    return copy;
}

static enum nv_err add(struct nv_str body)
{
    return nv_explain_add(&explain, copy_of(body), body.len, &report, &fail);
}

static enum nv_err add_gzip(struct nv_str body)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(1);
    size_t room = libdeflate_gzip_compress_bound(compressor, body.len);
    char *packed = malloc(room);
    ck_assert_ptr_nonnull(packed);
    size_t len = libdeflate_gzip_compress(compressor, body.ptr, body.len, packed, room);
    libdeflate_free_compressor(compressor);
    return nv_explain_add(&explain, packed, len, &report, &fail);
}

static bool says(const char *part)
{
    return nv_str_find(nv_buf_str(&report), nv_str_from(part)) != SIZE_MAX;
}

static const char *const cases[] = {"oi-openai-chat", "aisdk6-json-chat", "tl-openai-tools"};

START_TEST(a_report_names_target_and_source)
{
    struct nv_fixture *fixture = nv_test_fixture_load(cases[_i / 2]);
    struct nv_str body = fixture->requests[0].body;
    ck_assert_int_eq(_i % 2 == 0 ? add(body) : add_gzip(body), NV_OK);
    ck_assert_int_eq(nv_explain_write(&explain, mapping, NULL, &report), NV_OK);
    ck_assert(says("llm.model"));
    nv_test_fixture_free(fixture);
}
END_TEST

static size_t count(const char *part)
{
    struct nv_str text = nv_buf_str(&report);
    size_t found = 0;
    for (size_t at; (at = nv_str_find(text, nv_str_from(part))) != SIZE_MAX; found++)
        text = nv_str_slice(text, at + 1, text.len);
    return found;
}

static void explain_requests(const struct nv_fixture *fixture, bool logs_too, bool backwards)
{
    nv_explain_release(&explain);
    nv_buf_clear(&report);
    for (size_t i = 0; i < fixture->request_count; i++) {
        size_t r = backwards ? fixture->request_count - 1 - i : i;
        if (logs_too || fixture->requests[r].signal == NV_SIGNAL_TRACES)
            ck_assert_int_eq(add(fixture->requests[r].body), NV_OK);
    }
    ck_assert_int_eq(nv_explain_write(&explain, mapping, NULL, &report), NV_OK);
}

/* Content that comes as log records is found only when the files are joined, in any order. */
START_TEST(traces_and_logs_are_joined)
{
    struct nv_fixture *fixture = nv_test_fixture_load("adk2-tools");
    explain_requests(fixture, false, false);
    size_t spans = count("span \""), fields = count("    won ");
    ck_assert_uint_eq(spans, (size_t)fixture->span_count);
    explain_requests(fixture, true, _i == 1);
    ck_assert_uint_eq(count("span \""), spans);
    ck_assert_uint_gt(count("    won "), fields);
    nv_test_fixture_free(fixture);
}
END_TEST

START_TEST(every_captured_body_is_told_apart)
{
    struct nv_fixtures all;
    nv_test_fixtures_list(&all);
    for (size_t i = 0; i < all.count; i++) {
        struct nv_fixture *fixture = nv_test_fixture_load(all.names[i]);
        for (size_t r = 0; r < fixture->request_count; r++) {
            const struct nv_fixture_request *request = &fixture->requests[r];
            enum nv_err err = add(r % 2 == 0 ? request->wire : request->body);
            ck_assert_msg(err == NV_OK, "%s %s: %s", fixture->name, request->file, fail.what);
            const struct nv_batch *batch = explain.batches[explain.count - 1];
            ck_assert_msg(batch->signal == request->signal || batch->item_count == 0, "%s %s",
                          fixture->name, request->file);
        }
        nv_explain_release(&explain);
        nv_test_fixture_free(fixture);
    }
    nv_test_fixtures_release(&all);
}
END_TEST

/* LogRecord of the trace, without a time, as some senders leave it: 11 observed time, 9 trace
 * id.
 */
START_TEST(log_records_alone_are_no_trace)
{
    struct nv_test_message record = {0};
    nv_test_add(&record, 9, NV_TEST_TRACE_ID);
    struct nv_test_message body = nv_test_request(nv_test_view(&record));
    ck_assert_int_eq(add(nv_test_view(&body)), NV_OK);
    ck_assert_int_eq(explain.batches[0]->signal, NV_SIGNAL_LOGS);
    ck_assert_int_eq(nv_explain_write(&explain, mapping, NULL, &report), NV_OK);
    ck_assert(says("1 log records and no span"));
}
END_TEST

/* Each was looked for among all before it, and all items for each of them. */
START_TEST(many_traces_take_time_in_proportion)
{
    enum { TRACES = 100000 };
    struct nv_buf body;
    nv_buf_init(&body, (size_t)TRACES * 64);
    for (uint32_t i = 1; i <= TRACES; i++) {
        struct nv_test_message record = {0};
        char id[NV_TRACE_ID_BYTES] = {1};
        memcpy(id + 1, &i, sizeof i);
        nv_test_add(&record, 9, (struct nv_str){id, sizeof id});
        struct nv_test_message request = nv_test_request(nv_test_view(&record));
        ck_assert_int_eq(nv_buf_append_str(&body, nv_test_view(&request)), NV_OK);
    }
    ck_assert_int_eq(add(nv_buf_str(&body)), NV_OK);
    ck_assert_uint_eq(explain.batches[0]->item_count, TRACES);
    ck_assert_int_eq(nv_explain_write(&explain, mapping, NULL, &report), NV_OK);
    ck_assert(nv_str_starts(nv_buf_str(&report), NV_STR("trace 0101000000")));
    nv_buf_release(&body);
}
END_TEST

START_TEST(json_log_records_are_told_by_their_key)
{
    ck_assert_int_eq(
        add(NV_STR("{\"x\": [{}], \"resourceLogs\": [{\"scopeLogs\": [{\"logRecords\": [{"
                   "\"traceId\": \"5b8efff798038103d269b633813fc60c\"}]}]}]}")),
        NV_OK);
    ck_assert_int_eq(explain.batches[0]->signal, NV_SIGNAL_LOGS);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
    static const char *const bodies[] = {"{", "{\"resourceSpans\": 5}", "\xff\xff\xff",
                                         "\x1f\x8b\x08 no gzip", "\x28\xb5\x2f\xfd no zstd"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        fail = (struct nv_fail){0};
        ck_assert_int_ne(add(nv_str_from(bodies[i])), NV_OK);
        ck_assert_uint_gt(strlen(fail.what), 0);
    }
    ck_assert_uint_eq(explain.count, 0);
}
END_TEST

START_TEST(bad_spans_are_named)
{
    struct nv_test_message span = nv_test_span(NV_STR("short"), NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message body = nv_test_request(nv_test_view(&span));
    ck_assert_int_eq(add(nv_test_view(&body)), NV_OK);
    ck_assert(says("rejected at the door"));
}
END_TEST

START_TEST(out_of_memory)
{
    struct nv_fixture *fixture = nv_test_fixture_load("oi-openai-chat");
    struct nv_str body = fixture->requests[0].body;
    for (unsigned long n = 1;; n++) {
        char *copy = copy_of(body);
        nv_explain_release(&explain);
        nv_buf_clear(&report);
        oom_fail_nth(n);
        enum nv_err err = nv_explain_add(&explain, copy, body.len, &report, &fail);
        if (err == NV_OK)
            err = nv_explain_write(&explain, mapping, NULL, &report);
        bool failed = oom_end();
        /* what only the report needs may be left out */
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        if (!failed)
            break;
    }
    nv_test_fixture_free(fixture);
}
END_TEST

START_TEST(values_are_shown_as_they_leave_and_what_no_row_knows)
{
    static const char body[] =
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
        "\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\",\"name\":"
        "\"chat\","
        "\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\",\"attributes\":["
        "{\"key\":\"gen_ai.request.model\",\"value\":{\"stringValue\":\"gpt-4o\"}},"
        "{\"key\":\"my.own\",\"value\":{\"stringValue\":\"two\\nlines\"}},"
        "{\"key\":\"note\",\"value\":{\"stringValue\":\"sk-abcdefghij0123456789\"}}]}]}]}]}";
    const struct nv_redaction_config redaction = {.secrets = true, .uncounted = true};
    ck_assert_int_eq(add(nv_str_from(body)), NV_OK);
    ck_assert_int_eq(nv_explain_write(&explain, mapping, &redaction, &report), NV_OK);
    ck_assert(says("  unmapped my.own\n") && says("values of span \"chat\"\n"));
    ck_assert(says("  llm.model = gpt-4o\n") && says("  my.own = two⏎lines\n"));
    ck_assert(!says("abcdefghij0123456789"));
}
END_TEST

/* As explain.c has it. */
#define BODY_BYTES_MAX ((size_t)256 << 20)

/* Zeros are no OTLP: at the cap it is the bytes that are refused, past it their number. */
START_TEST(bodies_are_inflated_up_to_a_size)
{
    char *zeros = calloc(1, BODY_BYTES_MAX + 1);
    ck_assert_ptr_nonnull(zeros);
    ck_assert_int_eq(add_gzip((struct nv_str){zeros, BODY_BYTES_MAX}), NV_ERR_MALFORMED);
    ck_assert_int_eq(add_gzip((struct nv_str){zeros, BODY_BYTES_MAX + 1}), NV_ERR_TOO_LARGE);
    free(zeros);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/explain");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_report_names_target_and_source, 0, 6);
    tcase_add_loop_test(tcase, traces_and_logs_are_joined, 0, 2);
    tcase_add_test(tcase, every_captured_body_is_told_apart);
    tcase_add_test(tcase, log_records_alone_are_no_trace);
    tcase_add_test(tcase, json_log_records_are_told_by_their_key);
    tcase_add_test(tcase, many_traces_take_time_in_proportion);
    tcase_add_test(tcase, what_is_no_request_is_refused);
    tcase_add_test(tcase, values_are_shown_as_they_leave_and_what_no_row_knows);
    tcase_add_test(tcase, bad_spans_are_named);
    tcase_add_test(tcase, out_of_memory);
    tcase_add_test(tcase, bodies_are_inflated_up_to_a_size);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
