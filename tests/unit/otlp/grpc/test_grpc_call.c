/*
 * One call without a session: headers kept and counted, the message as it comes in pieces, what
 * is refused before the service has it, answers, and where every byte of the budget goes.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "expect.h"
#include "oom.h"
#include "otlp/grpc/grpc_internal.h"
#include "otlp/request/reply.h"

#include <stdlib.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct nv_fake_clock clock_of_test;
static struct nv_grpc_shared shared;
static struct nv_grpc_call *call;
static struct {
    unsigned heads, handled, refused, woken;
    int refused_code;
    size_t admitted;
    enum nv_err admit;
    bool discard;
} seen;

static void on_head(void *ctx, struct nv_grpc_call *of)
{
    (void)ctx;
    seen.heads++;
    if (seen.discard)
        nv_grpc_call_discard(of);
}

static enum nv_err on_admit(void *ctx, struct nv_grpc_call *of, size_t len)
{
    (void)ctx;
    (void)of;
    seen.admitted = len;
    return seen.admit;
}

static void on_handle(void *ctx, struct nv_grpc_call *of)
{
    (void)ctx;
    (void)of;
    seen.handled++;
}

static void on_refused(void *ctx, int code)
{
    (void)ctx;
    seen.refused++;
    seen.refused_code = code;
}

static void on_wake(struct nv_grpc_call *of)
{
    seen.woken++;
    of->ready = true;
}

static void set_up(void)
{
    memset(&seen, 0, sizeof seen);
    nv_fake_clock_init(&clock_of_test, 1000 * NV_NS_PER_S, 0);
    shared = (struct nv_grpc_shared){
        .clock = &clock_of_test.clock,
        .wake = on_wake,
        .service = {
            .head = on_head, .admit = on_admit, .handle = on_handle, .refused = on_refused}};
    nv_grpc_limits_init(&shared.limits);
    call = nv_grpc_call_new(&shared, 1);
    ck_assert_ptr_nonnull(call);
}

/* However a call ends, nothing of it stays counted. */
static void tear_down(void)
{
    nv_grpc_call_free(call);
    ck_assert_uint_eq(atomic_load(&shared.calls), 0);
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), 0);
}

static void begin(void)
{
    nv_grpc_call_begin(call);
    ck_assert_uint_eq(seen.heads, 1);
}

static enum nv_err add(const char *name, const char *value)
{
    return nv_grpc_call_add_header(call, nv_str_from(name), nv_str_from(value));
}

/* ---- headers ----------------------------------------------------------------------------- */

START_TEST(headers_that_are_kept)
{
    ck_assert_int_eq(add(":path", "/a.B/C"), NV_OK);
    ck_assert_int_eq(add("user-agent", "x"), NV_OK);
    ck_assert_int_eq(add("authorization", ""), NV_OK);
    ck_assert_int_eq(add("x-api-key", "first"), NV_OK);
    ck_assert_int_eq(add("x-api-key", "second"), NV_OK);
    ck_assert_nv_str(nv_grpc_call_header(call, NV_GRPC_PATH), "/a.B/C");
    ck_assert_nv_str(nv_grpc_call_header(call, NV_GRPC_API_KEY), "first");
    ck_assert(nv_grpc_call_repeats(call, NV_GRPC_API_KEY));
    ck_assert(!nv_grpc_call_repeats(call, NV_GRPC_PATH));
    ck_assert_ptr_nonnull(nv_grpc_call_header(call, NV_GRPC_AUTHORIZATION).ptr); /* empty */
    ck_assert_ptr_null(nv_grpc_call_header(call, NV_GRPC_PROJECT).ptr);          /* none */
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), strlen("/a.B/Cfirst"));
}
END_TEST

/* RFC 9113, 6.5.2: names and values and 32 bytes each, kept or not. */
START_TEST(header_list_at_its_cap_and_past_it)
{
    shared.limits.header_list_bytes = 2 * 32 + 10;
    ck_assert_int_eq(add("a", "1234"), NV_OK);
    ck_assert_int_eq(add("b", "1234"), NV_OK); /* 74 of 74 */
    ck_assert_int_eq(add("", ""), NV_ERR_LIMIT);
}
END_TEST

START_TEST(kept_headers_at_the_budget_and_past_it)
{
    shared.limits.undecoded_bytes_max = 10;
    ck_assert_int_eq(add("x-api-key", "0123456789"), NV_OK);
    ck_assert_int_eq(add("authorization", "0"), NV_ERR_BUSY);
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), 10);
}
END_TEST

/* ---- the message ------------------------------------------------------------------------- */

START_TEST(a_message_in_pieces_of_any_size)
{
    static const char bytes[] = "\1\0\0\0\5hello";
    const size_t len = sizeof bytes - 1;
    char *message;
    begin();
    for (size_t at = 0; at < len; at += (size_t)_i) {
        size_t left = len - at < (size_t)_i ? len - at : (size_t)_i;
        nv_grpc_call_feed(call, (struct nv_str){bytes + at, left});
    }
    nv_grpc_call_end(call);
    ck_assert_uint_eq(seen.handled, 1);
    ck_assert_uint_eq(seen.admitted, 5);
    ck_assert(nv_grpc_call_compressed(call));
    ck_assert_uint_eq(nv_grpc_call_take_message(call, &message), 5);
    ck_assert_nv_str(((struct nv_str){message, 5}), "hello");
    ck_assert_uint_ge(atomic_load(&shared.undecoded_bytes), 5); /* until the answer */
    free(message);
}
END_TEST

static const struct {
    const char *name;
    struct nv_str bytes;
    int code;
} refusals[] = {
    {"no message", NV_STR_INIT(""), NV_GRPC_UNIMPLEMENTED},
    {"half a prefix", NV_STR_INIT("\0\0\0"), NV_GRPC_INTERNAL},
    {"a byte too few", NV_STR_INIT("\0\0\0\0\3ab"), NV_GRPC_INTERNAL},
    {"a byte too many", NV_STR_INIT("\0\0\0\0\3abcd"), NV_GRPC_UNIMPLEMENTED},
    {"two messages", NV_STR_INIT("\0\0\0\0\1a\0\0\0\0\1b"), NV_GRPC_UNIMPLEMENTED},
    {"compressed flag 2", NV_STR_INIT("\2\0\0\0\1a"), NV_GRPC_INTERNAL},
};

START_TEST(what_is_no_unary_message_is_refused_once)
{
    begin();
    nv_grpc_call_feed(call, refusals[_i].bytes);
    if (!call->ready)
        nv_grpc_call_end(call);
    ck_assert_msg(call->ready && call->code == refusals[_i].code, "%s: %d", refusals[_i].name,
                  call->code);
    ck_assert_uint_eq(seen.handled, 0);
    ck_assert_uint_eq(seen.refused, 1);
    ck_assert_int_eq(seen.refused_code, refusals[_i].code);
    ck_assert_uint_eq(seen.woken, 1);
}
END_TEST

START_TEST(a_message_at_the_limit_and_past_it)
{
    begin();
    shared.limits.message_bytes_max = 4;
    nv_grpc_call_feed(call, NV_STR("\0\0\0\0\4abcd"));
    nv_grpc_call_end(call);
    ck_assert_uint_eq(seen.handled, 1);
    nv_grpc_call_free(call);
    call = nv_grpc_call_new(&shared, 3);
    ck_assert_ptr_nonnull(call);
    nv_grpc_call_begin(call);
    nv_grpc_call_feed(call, NV_STR("\0\0\0\0\5"));
    ck_assert(call->ready);
    ck_assert_int_eq(call->code, NV_GRPC_RESOURCE_EXHAUSTED);
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), 0);
}
END_TEST

START_TEST(a_service_that_does_not_admit)
{
    seen.admit = NV_ERR_FULL;
    begin();
    nv_grpc_call_feed(call, NV_STR("\0\0\0\0\1a"));
    ck_assert(call->ready);
    ck_assert_int_eq(call->code, NV_GRPC_UNAVAILABLE);
    ck_assert_uint_gt(call->answer_details.len, 0); /* when to come back */
}
END_TEST

START_TEST(a_discarded_message_is_not_kept)
{
    seen.discard = true;
    begin();
    nv_grpc_call_feed(call, NV_STR("\0\0\0\xff\xff any bytes at all"));
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), 0);
    nv_grpc_call_end(call);
    ck_assert_uint_eq(seen.handled, 1);
    ck_assert_uint_eq(seen.refused, 0);
}
END_TEST

START_TEST(a_deadline_is_read_from_the_headers)
{
    ck_assert_int_eq(add("grpc-timeout", "5S"), NV_OK);
    begin();
    ck_assert_uint_eq(call->answer_by_ns, 1005 * NV_NS_PER_S);
    nv_grpc_call_free(call);
    call = nv_grpc_call_new(&shared, 3);
    ck_assert_ptr_nonnull(call);
    ck_assert_int_eq(add("grpc-timeout", "soon"), NV_OK);
    nv_grpc_call_begin(call);
    ck_assert_int_eq(call->code, NV_GRPC_INVALID_ARGUMENT);
    ck_assert_uint_eq(seen.heads, 1); /* the service is not asked */
}
END_TEST

/* ---- answers ----------------------------------------------------------------------------- */

START_TEST(an_error_says_what_and_where)
{
    struct nv_fail fail = {.code = NV_ERR_MALFORMED, .what = "bad \xc3\xbc", .path = "a[0].b"};
    nv_grpc_call_fail(call, NV_ERR_MALFORMED, &fail);
    ck_assert_int_eq(call->code, NV_GRPC_INVALID_ARGUMENT);
    ck_assert_nv_str(nv_buf_str(&call->answer_message), "bad %C3%BC at a[0].b");
    ck_assert_uint_gt(call->answer_details.len, 0);
    ck_assert_uint_eq(call->out.len, 0);
}
END_TEST

/* The code says what matters: a text past its cap is left out whole. */
START_TEST(a_message_text_at_its_cap_and_past_it)
{
    char *text = calloc(1, NV_CAP_GRPC_TEXT + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'm', NV_CAP_GRPC_TEXT + 1);
    struct nv_grpc_answer answer = {.code = NV_GRPC_INTERNAL,
                                    .message = {text, NV_CAP_GRPC_TEXT}};
    nv_grpc_call_answer(call, &answer);
    ck_assert_uint_eq(call->answer_message.len, NV_CAP_GRPC_TEXT);
    nv_buf_clear(&call->answer_message);
    answer.message.len++;
    nv_grpc_call_answer(call, &answer);
    ck_assert_uint_eq(call->answer_message.len, 0);
    ck_assert_int_eq(call->code, NV_GRPC_INTERNAL);
    free(text);
}
END_TEST

START_TEST(a_body_at_its_cap_fits)
{
    char *body = calloc(1, NV_CAP_OTLP_REPLY);
    ck_assert_ptr_nonnull(body);
    nv_grpc_call_answer(call, &(struct nv_grpc_answer){.body = {body, NV_CAP_OTLP_REPLY}});
    ck_assert_int_eq(call->code, NV_GRPC_OK);
    ck_assert_uint_eq(call->out.len, NV_CAP_OTLP_REPLY + NV_GRPC_PREFIX_BYTES);
    free(body);
}
END_TEST

START_TEST(an_answer_without_memory_asks_to_come_again)
{
    oom_fail_from(1);
    nv_grpc_call_answer(call, &(struct nv_grpc_answer){.body = NV_STR("ok")});
    bool failed = oom_end();
    ck_assert(failed);
    ck_assert_int_eq(call->code, NV_GRPC_UNAVAILABLE);
    ck_assert_uint_eq(seen.woken, 1);
}
END_TEST

START_TEST(what_is_made_of_a_request_counts_too)
{
    shared.limits.undecoded_bytes_max = 100;
    ck_assert_int_eq(nv_grpc_call_count(call, 100), NV_OK);
    ck_assert_int_eq(nv_grpc_call_count(call, 1), NV_ERR_BUSY);
    ck_assert_uint_eq(atomic_load(&shared.undecoded_bytes), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/grpc_call");
    TCase *tcase = tcase_create("call");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, headers_that_are_kept);
    tcase_add_test(tcase, header_list_at_its_cap_and_past_it);
    tcase_add_test(tcase, kept_headers_at_the_budget_and_past_it);
    tcase_add_loop_test(tcase, a_message_in_pieces_of_any_size, 1, 12);
    tcase_add_loop_test(tcase, what_is_no_unary_message_is_refused_once, 0, COUNT(refusals));
    tcase_add_test(tcase, a_message_at_the_limit_and_past_it);
    tcase_add_test(tcase, a_service_that_does_not_admit);
    tcase_add_test(tcase, a_discarded_message_is_not_kept);
    tcase_add_test(tcase, a_deadline_is_read_from_the_headers);
    tcase_add_test(tcase, an_error_says_what_and_where);
    tcase_add_test(tcase, a_message_text_at_its_cap_and_past_it);
    tcase_add_test(tcase, a_body_at_its_cap_fits);
    tcase_add_test(tcase, an_answer_without_memory_asks_to_come_again);
    tcase_add_test(tcase, what_is_made_of_a_request_counts_too);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
