/*
 * Another try: what was kept as OTLP gives the JSON that it would have given at once, part,
 * project and log records included; requests go through the door; what still fails stays.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/encode/encode.h"
#include "gateway/dead/dead_retry.h"
#include "gateway/dead/raw_join.h"
#include "gateway/dead/untranslated.h"
#include "otlp/request/request.h"
#include "tests/support/fixtures.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/otlp_build.h"

#include <stdlib.h>

#include "base/banned.h"

#define BATCHES_MAX 16

/* A store of one letter. */
static struct nv_buf head, payload, sent;
static bool live, was_sent;
static enum nv_err send_err, accept_err;
static struct nv_batch *taken;
static struct nv_mapping *mapping;

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str new_head,
                       struct nv_str new_payload, uint64_t *id)
{
    (void)ctx;
    ck_assert_int_eq(kind, NV_RECORD_DEAD_LETTER);
    (void)nv_buf_append_str(&head, new_head);
    *id = 7;
    live = true;
    return nv_buf_append_str(&payload, new_payload);
}

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *out)
{
    (void)ctx;
    return id == 7 && live ? nv_buf_append_str(out, nv_buf_str(&payload)) : NV_ERR_NOT_FOUND;
}

static void release(void *ctx, uint64_t id)
{
    (void)ctx;
    live = live && id != 7;
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    (void)ctx;
    (void)kind;
    if (live)
        visit(visit_ctx, 7, nv_buf_str(&head), nv_buf_str(&payload));
    return NV_OK;
}

static const struct nv_store store = {.put = put, .get = get, .release = release, .each = each};

static enum nv_err send_json(void *ctx, uint64_t id, struct nv_str json)
{
    (void)ctx;
    was_sent = id == 7;
    nv_buf_clear(&sent);
    (void)nv_buf_append_str(&sent, json);
    return send_err;
}

static void accept_batch(void *ctx, struct nv_batch *batch, nv_accept_done *done,
                         void *done_ctx)
{
    (void)ctx;
    nv_batch_free(taken);
    taken = batch;
    done(done_ctx, accept_err);
}

static const struct nv_acceptor acceptor = {.accept = accept_batch};

static struct nv_dead_retry make_retry(void)
{
    return (struct nv_dead_retry){.store = &store,
                                  .mapping = mapping,
                                  .acceptor = &acceptor,
                                  .max_trace_bytes = (size_t)1 << 24,
                                  .send = send_json};
}

static enum nv_err try_again(void)
{
    struct nv_dead_retry retry = make_retry();
    return nv_dead_retry(&retry, 7);
}

static void set_up(void)
{
    nv_buf_init(&head, 1u << 20);
    nv_buf_init(&payload, 1u << 26);
    nv_buf_init(&sent, 1u << 26);
    live = was_sent = false;
    send_err = accept_err = NV_OK;
    mapping = nv_test_mapping_new();
}

static void tear_down(void)
{
    nv_buf_release(&head);
    nv_buf_release(&payload);
    nv_buf_release(&sent);
    nv_batch_free(taken);
    taken = NULL;
    nv_mapping_free(mapping);
}

/* ---- traces ------------------------------------------------------------------------------ */

static size_t decode_all(const struct nv_fixture *fixture, struct nv_batch **batches)
{
    size_t count = 0;
    for (size_t i = 0; i < fixture->request_count && count < BATCHES_MAX; i++) {
        const struct nv_fixture_request *request = &fixture->requests[i];
        struct nv_test_decoded decoded = nv_test_decode(
            request->signal, request->json ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, request->body);
        ck_assert_int_eq(decoded.err, NV_OK);
        batches[count++] = decoded.batch;
    }
    return count;
}

static void set_facts(struct nv_raw_trace *raw, uint32_t part)
{
    raw->part = part;
    raw->incomplete = NV_INCOMPLETE_PARENT;
    raw->project = NV_STR("of \"its\" own");
    raw->first_name = part > 0 ? NV_STR("the first\n") : NV_STR("");
    raw->first_session = part > 0 ? NV_STR("s-1") : NV_STR("");
    raw->first_user = part > 0 ? NV_STR("u-1") : NV_STR("");
}

/* What the trace gives when it is translated at once. Takes `raw`. */
static void expect_json(struct nv_raw_trace *raw, struct nv_buf *out)
{
    struct nv_trace *trace = NULL;
    ck_assert_int_eq(nv_mapping_translate(mapping, raw, &trace), NV_OK);
    ck_assert_int_eq(nv_encode_trace(out, trace, NV_TRACE_ID_UUID), NV_OK);
    nv_arena_free(trace->arena);
}

static const char *const names[] = {"adk2-tools", "oi-openai-tools", "baseline-distributed"};

START_TEST(a_trace_gives_what_it_would_have_given)
{
    struct nv_fixture *fixture = nv_test_fixture_load(names[_i / 2]);
    struct nv_batch *batches[BATCHES_MAX] = {NULL};
    size_t count = decode_all(fixture, batches);
    struct nv_buf wanted;
    nv_buf_init(&wanted, 1u << 26);
    struct nv_raw_trace *raw = nv_raw_join_first(batches, count);
    set_facts(raw, (uint32_t)(_i % 2));
    ck_assert_int_eq(nv_untranslated_put(&store, raw, NV_ERR_MALFORMED, 0), NV_OK);
    nv_arena_free(raw->arena);
    raw = nv_raw_join_first(batches, count);
    set_facts(raw, (uint32_t)(_i % 2));
    expect_json(raw, &wanted);
    ck_assert_int_eq(try_again(), NV_OK);
    ck_assert(was_sent);
    /* groups are numbered anew, in the order of the letter; the trace is the same */
    ck_assert_uint_eq(sent.len, wanted.len);
    ck_assert(nv_str_eq(nv_buf_str(&sent), nv_buf_str(&wanted)));
    nv_buf_release(&wanted);
    for (size_t i = 0; i < count; i++)
        nv_batch_free(batches[i]);
    nv_test_fixture_free(fixture);
}
END_TEST

/* A letter of one span, with `more` fields in it. */
static void put_span(struct nv_str more)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, more);
    struct nv_raw_item item = {.bytes = nv_test_view(&span)};
    struct nv_group group = {0};
    struct nv_raw_trace raw = {
        .items = &item, .item_count = 1, .span_count = 1, .groups = &group, .group_count = 1};
    ck_assert_int_eq(nv_untranslated_put(&store, &raw, NV_ERR_MALFORMED, 0), NV_OK);
}

/* Zipkin's two sides of a call, kept in one letter: both are sent. */
START_TEST(both_sides_of_a_call_go)
{
    static const char *const kinds[] = {"\x30\x03", "\x30\x02"};
    struct nv_test_message spans[2];
    struct nv_raw_item items[2];
    struct nv_group group = {0};
    struct nv_raw_trace raw = {
        .items = items, .item_count = 2, .span_count = 2, .groups = &group, .group_count = 1};
    for (size_t i = 0; i < 2; i++) {
        spans[i] = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, nv_str_from(kinds[i]));
        items[i] = (struct nv_raw_item){.bytes = nv_test_view(&spans[i])};
    }
    ck_assert_int_eq(nv_untranslated_put(&store, &raw, NV_ERR_MALFORMED, 0), NV_OK);
    ck_assert_int_eq(try_again(), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&sent), NV_STR("\"span_count\":2")), SIZE_MAX);
}
END_TEST

START_TEST(what_still_fails_stays)
{
    struct nv_dead_retry retry = make_retry();
    put_span(NV_STR("\x7b\x01"));
    ck_assert_int_ne(try_again(), NV_OK);
    ck_assert(live && !was_sent);
    nv_buf_clear(&payload);
    put_span(NV_STR(""));
    retry.max_trace_bytes = 10;
    ck_assert_int_eq(nv_dead_retry(&retry, 7), NV_ERR_LIMIT);
    ck_assert(!was_sent);
    ck_assert_int_eq(nv_dead_retry(&retry, 8), NV_ERR_NOT_FOUND);
    send_err = NV_ERR_NO_SPACE;
    ck_assert_int_eq(try_again(), NV_ERR_NO_SPACE);
    ck_assert(live && was_sent);
}
END_TEST

START_TEST(secrets_are_masked_as_ever)
{
    struct nv_dead_retry retry = make_retry();
    /* attribute api_key = "hidden" */
    put_span(NV_STR("\x4a\x13\x0a\x07"
                    "api_key\x12\x08\x0a\x06"
                    "hidden"));
    for (int i = 0; i < 2; i++) {
        retry.redaction.secrets = i == 1;
        ck_assert_int_eq(nv_dead_retry(&retry, 7), NV_OK);
        ck_assert((nv_str_find(nv_buf_str(&sent), NV_STR("hidden")) == SIZE_MAX) == (i == 1));
    }
}
END_TEST

START_TEST(a_refused_trace_goes_as_it_is)
{
    (void)nv_buf_append_str(&payload,
                            NV_STR("{\"trace_id\":\"x\",\"spans\":[{\"otlp\":[1]}]}"));
    live = true;
    ck_assert_int_eq(try_again(), NV_OK);
    ck_assert(was_sent);
    ck_assert_uint_eq(sent.len, 0);
}
END_TEST

START_TEST(what_is_no_letter_is_malformed)
{
    static const char *const letters[] = {"",
                                          "[]",
                                          "{\"otlp\":\"AAA",
                                          "{\"otlp\":\"\"}",
                                          "{\"otlp\":\"!\"}",
                                          "{\"otlp\":\"/w==\"}"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        nv_buf_clear(&payload);
        (void)nv_buf_append_str(&payload, nv_str_from(letters[i]));
        live = true;
        ck_assert_int_ne(try_again(), NV_OK);
        ck_assert(live && !was_sent);
    }
}
END_TEST

/* ---- requests ---------------------------------------------------------------------------- */

static void put_request(enum nv_signal signal, struct nv_str body)
{
    struct nv_undecoded request = {.signal = signal,
                                   .body = body,
                                   .project = NV_STR("mine"),
                                   .spans = 1,
                                   .why = NV_ERR_MALFORMED};
    nv_buf_clear(&head);
    nv_buf_clear(&payload);
    ck_assert_int_eq(nv_undecoded_write(&request, 0, &head, &payload), NV_OK);
    live = true;
}

START_TEST(a_request_goes_through_the_door)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message body = nv_test_request(nv_test_view(&span));
    struct nv_dead_retry retry = make_retry();
    put_request(NV_SIGNAL_TRACES, nv_test_view(&body));
    retry.acceptor = NULL;
    ck_assert_int_eq(nv_dead_retry(&retry, 7), NV_ERR_AGAIN);
    accept_err = NV_ERR_FULL;
    ck_assert_int_eq(try_again(), NV_ERR_FULL);
    ck_assert(live);
    accept_err = NV_OK;
    ck_assert_int_eq(try_again(), NV_OK);
    ck_assert(!live && !was_sent);
    ck_assert_uint_eq(taken->item_count, 1);
    ck_assert(nv_str_eq(taken->project, NV_STR("mine")));
    put_request(NV_SIGNAL_LOGS, nv_test_view(&body));
    ck_assert_int_ne(try_again(), NV_OK); /* a span is no log record that names a trace */
    put_request(NV_SIGNAL_TRACES, NV_STR("\xff"));
    ck_assert_int_ne(try_again(), NV_OK);
    ck_assert(live);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(out_of_memory)
{
    struct nv_test_message span = nv_test_span(NV_TEST_TRACE_ID, NV_TEST_SPAN_ID, NV_STR(""));
    struct nv_test_message body = nv_test_request(nv_test_view(&span));
    if (_i == 0)
        put_span(NV_STR(""));
    else
        put_request(NV_SIGNAL_TRACES, nv_test_view(&body));
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = try_again();
        bool failed = oom_end();
        ck_assert(err == NV_OK || (failed && err == NV_ERR_NO_MEMORY));
        ck_assert(live || err == NV_OK);
        if (!failed)
            break;
        live = true;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/dead_retry");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, a_trace_gives_what_it_would_have_given, 0, 6);
    tcase_add_test(tcase, what_still_fails_stays);
    tcase_add_test(tcase, both_sides_of_a_call_go);
    tcase_add_test(tcase, secrets_are_masked_as_ever);
    tcase_add_test(tcase, a_refused_trace_goes_as_it_is);
    tcase_add_test(tcase, what_is_no_letter_is_malformed);
    tcase_add_test(tcase, a_request_goes_through_the_door);
    tcase_add_loop_test(tcase, out_of_memory, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
