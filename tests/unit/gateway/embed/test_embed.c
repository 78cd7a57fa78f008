/*
 * noveum/pipeline.h as a program uses it: bytes in, JSON out, on the test's own clock; each
 * span in one place; and what is no request, no setting or no handle is refused.
 */
#include "noveum/pipeline.h"

#include "base/clock.h"
#include "expect.h"
#include "oom.h"
#include "otlp_build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TIMES "\x39\x00\x00\x64\xa7\xb3\xb6\xe0\x0d\x41\x00\x2a\x75\xa7\xb3\xb6\xe0\x0d"
#define SECOND NV_NS_PER_S

static uint64_t now_ns;
static noveum_pipeline *pipeline;
static noveum_pipeline_payload payload;
static char lines[4096];

static uint64_t tell_time(void *ctx)
{
    return *(const uint64_t *)ctx;
}

static void keep_line(void *ctx, const char *line, size_t len)
{
    (void)snprintf(ctx, sizeof lines, "%.*s", (int)len, line);
}

static void open_with(const char *const *settings)
{
    char why[NOVEUM_PIPELINE_WHY_SIZE];
    noveum_pipeline_options options = {.size = sizeof options,
                                       .settings = settings,
                                       .now_ns = tell_time,
                                       .clock_ctx = &now_ns,
                                       .log = keep_line,
                                       .log_ctx = lines};
    noveum_pipeline_close(pipeline);
    noveum_pipeline_result result = noveum_pipeline_open(&options, &pipeline, why, sizeof why);
    ck_assert_msg(result == NOVEUM_PIPELINE_OK, "%d: %s", result, why);
    ck_assert_str_eq(why, "");
}

static void set_up(void)
{
    now_ns = UINT64_C(1000000000) * SECOND;
    pipeline = NULL;
    lines[0] = '\0';
    open_with(NULL);
}

static void tear_down(void)
{
    noveum_pipeline_close(pipeline);
    noveum_pipeline_close(NULL);
    pipeline = NULL;
}

/* A root span of trace `trace` with id `id`, or below `parent`. */
static struct nv_test_message request_of(char trace, char id, char parent)
{
    char more[64] = "\x2a\x04step" TIMES;
    size_t len = 6 + 18;
    char trace_id[] = "0123456789abcde?";
    char span_id[] = "span-id?";
    trace_id[15] = trace;
    if (parent != '\0') {
        span_id[7] = parent;
        memcpy(more + len, "\x22\x08", 2);
        memcpy(more + len + 2, span_id, 8);
        len += 10;
    }
    span_id[7] = id;
    struct nv_test_message span = nv_test_span(
        (struct nv_str){trace_id, 16}, (struct nv_str){span_id, 8}, (struct nv_str){more, len});
    return nv_test_request(nv_test_view(&span));
}

static noveum_pipeline_result accept(char trace, char id, char parent)
{
    struct nv_test_message request = request_of(trace, id, parent);
    return noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, request.bytes, request.len,
                                  NULL);
}

/* A root span of `trace` whose id is a number. */
static noveum_pipeline_result accept_numbered(char trace, int number)
{
    struct nv_test_message request = request_of(trace, '#', '\0');
    char *id = memchr(request.bytes, '#', request.len);
    ck_assert_ptr_nonnull(id);
    id[0] = (char)(number % 200 + 1);
    id[-1] = (char)(number / 200 + 1);
    return noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, request.bytes, request.len,
                                  NULL);
}

/* Asserts that the places add up, and that none of them can have wrapped. */
static noveum_pipeline_status status(void)
{
    noveum_pipeline_status now = {.size = sizeof now};
    ck_assert_int_eq(noveum_pipeline_read_status(pipeline, &now), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(now.accepted + now.replayed,
                      now.held + now.ready + now.pulled + now.delivered + now.refused +
                          now.sampled + now.placeholders + now.untranslated + now.left_out);
    ck_assert_uint_le(now.held, now.accepted + now.replayed);
    return now;
}

static bool has(const char *part)
{
    return nv_str_find((struct nv_str){payload.json, payload.json_len}, nv_str_from(part)) !=
           SIZE_MAX;
}

/* ---- the way through --------------------------------------------------------------------- */

START_TEST(bytes_in_json_out)
{
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept('a', '2', '1'), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().held, 2);
    ck_assert_uint_eq(status().open_traces, 1);
    uint64_t wait_ns = noveum_pipeline_tick(pipeline);
    ck_assert_uint_gt(wait_ns, 0);
    ck_assert_uint_le(wait_ns, SECOND); /* assembly.quiet_ms */
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_EMPTY);
    ck_assert_uint_eq(payload.id, 0);
    now_ns += wait_ns;
    ck_assert_uint_eq(noveum_pipeline_tick(pipeline), UINT64_MAX);
    ck_assert_uint_eq(status().ready, 2);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(payload.spans, 2);
    ck_assert_ptr_null(payload.stub);
    ck_assert(has("\"trace_id\":\"30313233-3435-3637-3839-616263646561\""));
    ck_assert(has("\"span_count\":2"));
    ck_assert_uint_eq(status().pulled, 2);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(payload.id, 0);
    ck_assert_ptr_null(payload.json);
    ck_assert_uint_eq(status().delivered, 2);
    ck_assert_uint_eq(status().ready_bytes, 0);
    ck_assert_str_eq(lines, "");
}
END_TEST

START_TEST(what_is_not_whole_waits_for_the_end)
{
    ck_assert_int_eq(accept('a', '2', '1'), NOVEUM_PIPELINE_OK);
    now_ns += 60 * SECOND;
    ck_assert_uint_gt(noveum_pipeline_tick(pipeline), SECOND);
    ck_assert_uint_eq(status().held, 1);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().ready, 1);
    ck_assert_int_eq(accept('b', '1', '\0'), NOVEUM_PIPELINE_CLOSED);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_REFUSED),
                     NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().refused, 1);
}
END_TEST

START_TEST(several_are_out_at_a_time)
{
    noveum_pipeline_payload out[3];
    for (char trace = 'a'; trace <= 'c'; trace++)
        ck_assert_int_eq(accept(trace, '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(noveum_pipeline_pull(pipeline, &out[i]), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_EMPTY);
    noveum_pipeline_payload twice = out[1];
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &out[1], NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &twice, NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &out[2], NOVEUM_PIPELINE_REFUSED),
                     NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &out[0], NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().delivered, 2);
    ck_assert_uint_eq(status().refused, 1);
}
END_TEST

/* Each of two keeps to itself. */
START_TEST(two_pipelines_in_one_process)
{
    noveum_pipeline *other = NULL;
    noveum_pipeline_status none = {.size = sizeof none};
    ck_assert_int_eq(noveum_pipeline_open(NULL, &other, NULL, 0), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_settle(other, &payload, NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_read_status(other, &none), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(none.accepted, 0);
    ck_assert_uint_eq(status().accepted, 1);
    noveum_pipeline_close(other);
}
END_TEST

START_TEST(logs_join_their_spans)
{
    struct nv_test_message empty = {.len = 0};
    noveum_pipeline_receipt receipt = {.size = sizeof receipt};
    ck_assert_int_eq(
        noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_LOGS, empty.bytes, 0, &receipt),
        NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(receipt.accepted, 0);
    /* one record without a trace id: taken, joins nothing, and is no span */
    ck_assert_int_eq(noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_LOGS,
                                            "\x0a\x04\x12\x02\x12\x00", 6, &receipt),
                     NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(receipt.accepted, 1);
    ck_assert_uint_eq(status().accepted, 0);
}
END_TEST

/* ---- where spans end otherwise ----------------------------------------------------------- */

START_TEST(a_span_that_comes_twice_is_left_out)
{
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().left_out, 1);
    ck_assert_uint_eq(status().ready, 1);
}
END_TEST

START_TEST(what_is_no_ai_work_is_told)
{
    static const char *const settings[] = {"mapping.spans=ai", NULL};
    open_with(settings);
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept('a', '2', '1'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().sampled, 2);
    ck_assert_uint_eq(status().held, 0);
}
END_TEST

START_TEST(sampled_out_is_told)
{
    static const char *const settings[] = {"sampling.rate=0", NULL};
    open_with(settings);
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(accept('a', '2', '1'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().sampled, 2);
    ck_assert_uint_eq(status().held, 0);
}
END_TEST

/* While JSON waits, whole traces are held, and come when there is room. */
START_TEST(nothing_is_translated_past_the_queue)
{
    static const char *const settings[] = {"exporter.noveum.queue_bytes=65536", NULL};
    open_with(settings);
    for (unsigned i = 0; i < 200; i++)
        ck_assert_int_eq(accept((char)(i + 1), '1', '\0'), NOVEUM_PIPELINE_OK);
    now_ns += 2 * SECOND;
    ck_assert_uint_le(noveum_pipeline_tick(pipeline), 20 * NV_NS_PER_MS);
    ck_assert_uint_ge(status().ready_bytes, 65536);
    ck_assert_uint_lt(status().ready_bytes, 2 * 65536);
    uint64_t ready = status().ready;
    ck_assert_uint_lt(ready, 200);
    for (unsigned i = 0; i < ready; i++) {
        ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
        (void)noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED);
    }
    (void)noveum_pipeline_tick(pipeline);
    ck_assert_uint_gt(status().ready, 0);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().held, 0);
    ck_assert_uint_eq(status().ready + status().delivered, 200);
}
END_TEST

START_TEST(past_its_memory_it_is_full)
{
    static const char *const settings[] = {"assembly.memory_bytes=1048576", NULL};
    noveum_pipeline_result result = NOVEUM_PIPELINE_OK;
    unsigned taken = 0;
    open_with(settings);
    for (; result == NOVEUM_PIPELINE_OK && taken < 100000; taken++)
        result = accept((char)(taken % 250 + 1), (char)(taken / 250 % 250 + 1), 'p');
    ck_assert_int_eq(result, NOVEUM_PIPELINE_FULL);
    ck_assert_uint_eq(status().accepted, taken - 1);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(status().held, 0);
}
END_TEST

START_TEST(too_large_a_trace_is_a_stub)
{
    static const char *const settings[] = {"exporter.noveum.max_trace_bytes=65536", NULL};
    open_with(settings);
    for (int id = 0; id < 3000; id++)
        ck_assert_int_eq(accept_numbered('a', id), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_finish(pipeline), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, &payload), NOVEUM_PIPELINE_OK);
    ck_assert_ptr_nonnull(payload.stub);
    ck_assert_uint_le(payload.json_len, 65536);
    ck_assert(has("\"status\":\"error\""));
}
END_TEST

/* The request is refused whole and may be sent again. More: test_embed_stages.c. */
START_TEST(accepting_without_memory)
{
    struct nv_test_message request = request_of('a', '1', '\0');
    unsigned refused = 0;
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        noveum_pipeline_result result = noveum_pipeline_accept(
            pipeline, NOVEUM_PIPELINE_TRACES, request.bytes, request.len, NULL);
        bool failed = oom_end();
        ck_assert(result == NOVEUM_PIPELINE_OK ||
                  (failed && result == NOVEUM_PIPELINE_NO_MEMORY));
        refused += result != NOVEUM_PIPELINE_OK;
        ck_assert_uint_eq(status().accepted, n - refused);
        if (!failed)
            break;
    }
    ck_assert_uint_gt(refused, 2);
}
END_TEST

/* ---- what is refused --------------------------------------------------------------------- */

static const struct {
    const char *bytes;
    size_t len;
    noveum_pipeline_result want;
} requests[] = {
    {"", 0, NOVEUM_PIPELINE_OK},
    {"\x0a", 1, NOVEUM_PIPELINE_MALFORMED},
    {"\x0a\x05\x12", 3, NOVEUM_PIPELINE_MALFORMED},
    {"{}", 2, NOVEUM_PIPELINE_MALFORMED},
    {NULL, 3, NOVEUM_PIPELINE_INVALID},
};

START_TEST(what_is_no_request)
{
    noveum_pipeline_receipt receipt = {.size = sizeof receipt};
    ck_assert_int_eq(noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES,
                                            requests[_i].bytes, requests[_i].len, &receipt),
                     requests[_i].want);
    if (requests[_i].want == NOVEUM_PIPELINE_MALFORMED)
        ck_assert_str_ne(receipt.why, "");
    ck_assert_uint_eq(status().accepted, 0);
}
END_TEST

START_TEST(a_span_without_an_id_is_rejected_alone)
{
    struct nv_test_message span = nv_test_span(NV_STR("short"), NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message request = nv_test_request(nv_test_view(&span));
    noveum_pipeline_receipt receipt = {.size = sizeof receipt};
    ck_assert_int_eq(noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, request.bytes,
                                            request.len, &receipt),
                     NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(receipt.accepted, 0);
    ck_assert_uint_eq(receipt.rejected, 1);
    ck_assert_str_ne(receipt.why, "");
    ck_assert_uint_eq(status().rejected, 1);
}
END_TEST

static const char *const bad_settings[][2] = {
    {"assembly.quiet_ms=soon", "assembly.quiet_ms"},
    {"assembly.quite_ms=5", "assembly.quiet_ms"}, /* the nearest name */
    {"assembly.quiet_ms", "assembly.quiet_ms"},
    {"receiver.http.listen=:1", "no use"},
    {"exporter.noveum.api_key=nv_secret_secret", "no use"},
    {"mapping.rules_file=/nowhere/at.all", "/nowhere/at.all"},
};

START_TEST(what_is_no_setting)
{
    const char *settings[] = {bad_settings[_i][0], NULL};
    noveum_pipeline_options options = {.size = sizeof options, .settings = settings};
    noveum_pipeline *none = pipeline;
    char why[NOVEUM_PIPELINE_WHY_SIZE];
    ck_assert_int_eq(noveum_pipeline_open(&options, &none, why, sizeof why),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_ptr_null(none);
    ck_assert_msg(strstr(why, bad_settings[_i][1]) != NULL, "%s", why);
    ck_assert_ptr_null(strstr(why, "nv_secret_secret"));
    ck_assert_int_eq(noveum_pipeline_open(&options, &none, why, 4), NOVEUM_PIPELINE_INVALID);
    ck_assert_uint_eq(strlen(why), 3); /* cut */
}
END_TEST

static void *no_memory(void *ctx, size_t size)
{
    (void)ctx;
    (void)size;
    return NULL;
}

START_TEST(what_is_no_argument)
{
    noveum_pipeline *none;
    noveum_pipeline_status now = {.size = 0};
    noveum_pipeline_receipt receipt = {.size = 0};
    noveum_allocator half = {.allocate = no_memory};
    noveum_pipeline_options options = {.size = 1};
    ck_assert_int_eq(noveum_pipeline_open(NULL, NULL, NULL, 0), NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_open(&options, &none, NULL, 0), NOVEUM_PIPELINE_INVALID);
    options = (noveum_pipeline_options){.size = sizeof options, .allocator = &half};
    ck_assert_int_eq(noveum_pipeline_open(&options, &none, NULL, 0), NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_accept(NULL, NOVEUM_PIPELINE_TRACES, "", 0, NULL),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_accept(pipeline, (noveum_pipeline_signal)7, "", 0, NULL),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_accept(pipeline, NOVEUM_PIPELINE_TRACES, "", 0, &receipt),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_uint_eq(noveum_pipeline_tick(NULL), UINT64_MAX);
    ck_assert_int_eq(noveum_pipeline_finish(NULL), NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_pull(NULL, &payload), NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_pull(pipeline, NULL), NOVEUM_PIPELINE_INVALID);
    payload = (noveum_pipeline_payload){.id = 77};
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &payload, NOVEUM_PIPELINE_DELIVERED),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_settle(pipeline, &payload, (noveum_pipeline_outcome)0),
                     NOVEUM_PIPELINE_INVALID);
    ck_assert_int_eq(noveum_pipeline_read_status(pipeline, &now), NOVEUM_PIPELINE_INVALID);
}
END_TEST

/* A program of before a member was added is given what it knows, and no byte behind it. */
START_TEST(structs_of_an_older_header)
{
    noveum_pipeline_status now;
    memset(&now, 0x5a, sizeof now);
    now.size = offsetof(noveum_pipeline_status, replayed);
    ck_assert_int_eq(accept('a', '1', '\0'), NOVEUM_PIPELINE_OK);
    ck_assert_int_eq(noveum_pipeline_read_status(pipeline, &now), NOVEUM_PIPELINE_OK);
    ck_assert_uint_eq(now.accepted, 1);
    ck_assert_uint_eq(now.size, offsetof(noveum_pipeline_status, replayed));
    ck_assert_uint_eq(now.replayed, UINT64_C(0x5a5a5a5a5a5a5a5a));
}
END_TEST

START_TEST(every_result_has_words)
{
    for (int result = NOVEUM_PIPELINE_IO; result <= NOVEUM_PIPELINE_EMPTY; result++) {
        const char *text = noveum_pipeline_result_text((noveum_pipeline_result)result);
        ck_assert_ptr_null(strstr(text, "no result"));
    }
    ck_assert_ptr_nonnull(
        strstr(noveum_pipeline_result_text((noveum_pipeline_result)99), "no result"));
    ck_assert_str_eq(noveum_pipeline_version(), NOVEUM_VERSION);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/embed");
    TCase *tcase = tcase_create("embed");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, bytes_in_json_out);
    tcase_add_test(tcase, what_is_not_whole_waits_for_the_end);
    tcase_add_test(tcase, several_are_out_at_a_time);
    tcase_add_test(tcase, two_pipelines_in_one_process);
    tcase_add_test(tcase, logs_join_their_spans);
    tcase_add_test(tcase, a_span_that_comes_twice_is_left_out);
    tcase_add_test(tcase, what_is_no_ai_work_is_told);
    tcase_add_test(tcase, sampled_out_is_told);
    tcase_add_test(tcase, nothing_is_translated_past_the_queue);
    tcase_add_test(tcase, past_its_memory_it_is_full);
    tcase_add_test(tcase, too_large_a_trace_is_a_stub);
    tcase_add_test(tcase, accepting_without_memory);
    tcase_add_loop_test(tcase, what_is_no_request, 0, COUNT(requests));
    tcase_add_test(tcase, a_span_without_an_id_is_rejected_alone);
    tcase_add_loop_test(tcase, what_is_no_setting, 0, COUNT(bad_settings));
    tcase_add_test(tcase, what_is_no_argument);
    tcase_add_test(tcase, structs_of_an_older_header);
    tcase_add_test(tcase, every_result_has_words);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
