/*
 * How each kind of answer looks to a client of HTTP/2: blocks of headers, DATA, trailers.
 */
#include "base/limits.h"
#include "expect.h"
#include "grpc_rig.h"
#include "otlp/request/reply.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/banned.h"

static struct grpc_rig rig;
static struct nv_grpc_answer answer; /* what the service says */
static bool silent;

static void on_head(void *ctx, struct nv_grpc_call *call)
{
    (void)ctx;
    (void)call;
}

static enum nv_err on_admit(void *ctx, struct nv_grpc_call *call, size_t len)
{
    (void)ctx;
    (void)call;
    (void)len;
    return NV_OK;
}

static struct nv_grpc_call *kept;

static void on_handle(void *ctx, struct nv_grpc_call *call)
{
    (void)ctx;
    kept = call;
    if (!silent)
        nv_grpc_call_answer(call, &answer);
}

static void set_up(void)
{
    silent = false;
    answer = (struct nv_grpc_answer){.code = 0};
    grpc_rig_open(&rig, (struct nv_grpc_service){
                            .head = on_head, .admit = on_admit, .handle = on_handle});
}

static void tear_down(void)
{
    grpc_rig_close(&rig);
}

static const struct grpc_rig_stream *ask(const struct grpc_rig_header *more)
{
    int32_t id = grpc_rig_request(&rig, "/x", more, NV_STR("\0\0\0\0\0"), true);
    grpc_rig_pump(&rig);
    return grpc_rig_stream(&rig, id);
}

START_TEST(success_is_headers_data_trailers)
{
    answer.body = NV_STR("body");
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_int_eq(stream->http_status, 200);
    ck_assert_str_eq(stream->content_type, "application/grpc");
    ck_assert_uint_eq(stream->header_blocks, 2);
    ck_assert(!stream->trailers_only && stream->closed);
    ck_assert_int_eq(stream->grpc_status, 0);
    ck_assert_nv_str_eq(((struct nv_str){stream->body, stream->body_len}),
                        NV_STR("\0\0\0\0\4body"));
}
END_TEST

START_TEST(an_empty_message_is_a_prefix)
{
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_uint_eq(stream->body_len, NV_GRPC_PREFIX_BYTES);
    ck_assert_int_eq(stream->grpc_status, 0);
}
END_TEST

START_TEST(an_error_is_one_block)
{
    answer.code = NV_GRPC_INVALID_ARGUMENT;
    answer.message = NV_STR("50% \n");
    answer.details = NV_STR("\x08\x03");
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_int_eq(stream->http_status, 200);
    ck_assert(stream->trailers_only);
    ck_assert_uint_eq(stream->header_blocks, 1);
    ck_assert_int_eq(stream->grpc_status, NV_GRPC_INVALID_ARGUMENT);
    ck_assert_str_eq(stream->message, "50%25 \\n");
    ck_assert_str_eq(stream->details, "CAM"); /* no padding */
    ck_assert_str_eq(stream->accept_encoding, "");
    ck_assert_uint_eq(stream->body_len, 0);
}
END_TEST

START_TEST(an_error_without_words_has_no_empty_headers)
{
    answer.code = NV_GRPC_UNAVAILABLE;
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_int_eq(stream->grpc_status, NV_GRPC_UNAVAILABLE);
    ck_assert_str_eq(stream->message, "");
    ck_assert_str_eq(stream->details, "");
    ck_assert(stream->trailers_only);
}
END_TEST

START_TEST(encodings_are_named_when_asked)
{
    answer.code = NV_GRPC_UNIMPLEMENTED;
    answer.accepts_encodings = true;
    ck_assert_str_eq(ask(NULL)->accept_encoding, "identity,gzip,deflate,zstd");
}
END_TEST

/* For whoever has lost the way: a status of HTTP, a line of text, no trailers. */
START_TEST(what_is_no_grpc_gets_plain_http)
{
    answer.http_status = 415;
    answer.message = NV_STR("this is gRPC\n");
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_int_eq(stream->http_status, 415);
    ck_assert_str_eq(stream->content_type, "text/plain");
    ck_assert_int_eq(stream->grpc_status, -1);
    ck_assert_uint_eq(stream->header_blocks, 1);
    ck_assert_nv_str_eq(((struct nv_str){stream->body, stream->body_len}),
                        NV_STR("this is gRPC\n"));
    ck_assert(stream->closed);
}
END_TEST

START_TEST(an_answer_that_stays_ends_with_the_session)
{
    answer.body = NV_STR("on");
    answer.stay = true;
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_uint_eq(stream->body_len, NV_GRPC_PREFIX_BYTES + 2);
    ck_assert(!stream->closed);
    ck_assert_int_eq(stream->grpc_status, -1);
}
END_TEST

START_TEST(a_deadline_answers_in_the_place_of_the_service)
{
    static const struct grpc_rig_header one_second[] = {{"grpc-timeout", "1S"}, {"", NULL}};
    silent = true;
    const struct grpc_rig_stream *stream = ask(one_second);
    ck_assert(grpc_rig_advance(&rig, 1000));
    ck_assert_int_eq(stream->grpc_status, NV_GRPC_DEADLINE_EXCEEDED);
    ck_assert(stream->trailers_only && stream->closed);
    nv_grpc_call_answer(kept, &answer); /* too late: no second answer */
    grpc_rig_pump(&rig);
    ck_assert_uint_eq(stream->header_blocks, 1);
    ck_assert_uint_eq(atomic_load(&rig.shared.calls), 0);
}
END_TEST

/* The message goes out as the peer's window opens, whole in the end. */
START_TEST(a_large_answer_through_a_small_window)
{
    nghttp2_settings_entry small = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 7};
    static char body[4000];
    memset(body, 'b', sizeof body);
    ck_assert_int_eq(nghttp2_submit_settings(rig.client, 0, &small, 1), 0);
    answer.body = (struct nv_str){body, sizeof body};
    const struct grpc_rig_stream *stream = ask(NULL);
    ck_assert_uint_eq(stream->body_len, sizeof body + NV_GRPC_PREFIX_BYTES);
    ck_assert_int_eq(memcmp(stream->body + NV_GRPC_PREFIX_BYTES, body, sizeof body), 0);
    ck_assert_int_eq(stream->grpc_status, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("otlp/grpc_answer");
    TCase *tcase = tcase_create("answer");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, success_is_headers_data_trailers);
    tcase_add_test(tcase, an_empty_message_is_a_prefix);
    tcase_add_test(tcase, an_error_is_one_block);
    tcase_add_test(tcase, an_error_without_words_has_no_empty_headers);
    tcase_add_test(tcase, encodings_are_named_when_asked);
    tcase_add_test(tcase, what_is_no_grpc_gets_plain_http);
    tcase_add_test(tcase, an_answer_that_stays_ends_with_the_session);
    tcase_add_test(tcase, a_deadline_answers_in_the_place_of_the_service);
    tcase_add_test(tcase, a_large_answer_through_a_small_window);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
