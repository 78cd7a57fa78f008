/*
 * The calls of an extension against an API that answers from a list: what is asked, what
 * answers mean, and that a call which waits can be broken off.
 */
#include "expect.h"
#include "gateway/lambda/runtime_api.h"
#include "lambda_kit.h"

#include <stdio.h>

#include "base/banned.h"

#define HEAD "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: session-1\r\n"
#define REGISTERED HEAD "Content-Length: 2\r\n\r\n{}"

static struct lambda_kit kit;
static struct nv_lambda_api api;
static struct nv_fail fail;

static void open_with(const char *const *answers)
{
    fail = (struct nv_fail){0};
    lambda_kit_open(&kit, answers);
    ck_assert_int_eq(nv_lambda_api_init(&api, kit.address), NV_OK);
}

static void close_all(void)
{
    lambda_kit_close(&kit);
    nv_lambda_api_release(&api);
}

START_TEST(registers_subscribes_and_asks)
{
    static const char *const answers[] = {
        REGISTERED, "HTTP/1.1 200 OK\r\n\r\nOK",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"eventType\":\"IN\r\n"
        "6\r\nVOKE\"}\r\n0\r\n\r\n",
        NULL};
    struct nv_lambda_event event;
    open_with(answers);
    ck_assert_int_eq(nv_lambda_register(&api, "noveum", &fail), NV_OK);
    ck_assert_str_eq(api.session, "session-1");
    ck_assert_int_eq(nv_lambda_subscribe(&api, "http://x:1/", &fail), NV_OK);
    ck_assert_int_eq(nv_lambda_next(&api, &event, &fail), NV_OK);
    ck_assert_int_eq(event.kind, NV_LAMBDA_INVOKE);
    close_all();
    ck_assert_ptr_nonnull(strstr(kit.asked[0], "POST /2020-01-01/extension/register HTTP/1.1"));
    ck_assert_ptr_nonnull(strstr(kit.asked[0], "Lambda-Extension-Name: noveum\r\n"));
    ck_assert_ptr_nonnull(strstr(kit.asked[0], "[\"INVOKE\",\"SHUTDOWN\"]"));
    ck_assert_ptr_nonnull(strstr(kit.asked[1], "PUT /2022-07-01/telemetry HTTP/1.1"));
    ck_assert_ptr_nonnull(strstr(kit.asked[1], "\"URI\":\"http://x:1/\""));
    ck_assert_ptr_nonnull(strstr(kit.asked[1], "Lambda-Extension-Identifier: session-1\r\n"));
    ck_assert_ptr_nonnull(
        strstr(kit.asked[2], "GET /2020-01-01/extension/event/next HTTP/1.1"));
}
END_TEST

START_TEST(what_is_refused_says_by_whom_and_why)
{
    static const char *const answers[] = {"HTTP/1.1 403 Forbidden\r\n\r\nnot in this place",
                                          "HTTP/1.1 200 OK\r\n\r\n{}", "",
                                          "HTTP/1.1 200 OK\r\n\r\nnothing", NULL};
    struct nv_lambda_event event;
    open_with(answers);
    ck_assert_int_eq(nv_lambda_register(&api, "noveum", &fail), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, "403"));
    ck_assert_ptr_nonnull(strstr(fail.what, "not in this place"));
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_lambda_register(&api, "noveum", &fail), NV_ERR_IO); /* no session */
    ck_assert_int_eq(nv_lambda_next(&api, &event, &fail), NV_ERR_IO);       /* no answer */
    ck_assert_int_eq(nv_lambda_next(&api, &event, &fail), NV_ERR_MALFORMED);
    close_all();
}
END_TEST

START_TEST(nobody_there)
{
    static const char *const answers[] = {NULL};
    open_with(answers);
    close_all();
    ck_assert_int_eq(nv_lambda_api_init(&api, kit.address), NV_OK);
    ck_assert_int_eq(nv_lambda_register(&api, "noveum", &fail), NV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fail.what, kit.address));
    nv_lambda_api_release(&api);
    ck_assert_int_eq(nv_lambda_api_init(&api, "no-port"), NV_ERR_CONFIG);
    nv_lambda_api_release(&api);
    ck_assert_int_eq(nv_lambda_api_init(&api, NULL), NV_ERR_CONFIG);
    nv_lambda_api_release(&api);
}
END_TEST

static void *end(void *arg)
{
    nv_lambda_api_end(arg);
    return NULL;
}

/* Whether the end comes before the call, at its connect or while it waits. */
START_TEST(a_call_that_waits_is_broken_off)
{
    static const char *const answers[] = {NULL};
    pthread_t thread;
    struct nv_lambda_event event;
    open_with(answers);
    ck_assert_int_eq(pthread_create(&thread, NULL, end, &api), 0);
    ck_assert_int_eq(nv_lambda_next(&api, &event, &fail), NV_ERR_STOPPING);
    (void)pthread_join(thread, NULL);
    ck_assert_int_eq(nv_lambda_next(&api, &event, &fail), NV_ERR_STOPPING);
    close_all();
}
END_TEST

static const struct answer_case {
    const char *text;
    int status;
    const char *value, *body;
} answer_cases[] = {
    {"HTTP/1.1 202 Accepted\r\nx-id:  a b \r\n\r\nbody", 202, "a b", "body"},
    {"HTTP/1.1 200\r\n\r\n", 200, "", ""},
    {"HTTP/1.0 500 No\r\nX-ID: q\r\nX: y", 500, "q", ""},
    {"HTTP/2 200 OK\r\n\r\n", 0, "", ""},
    {"", 0, "", ""},
    {"HTTP/1.1 2x0 OK\r\n\r\n", 0, "", ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 200, "", "abc"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc", 200, "",
     ""},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", 200, "", ""},
};

START_TEST(an_answer)
{
    const struct answer_case *one = &answer_cases[_i];
    char value[NV_LAMBDA_SESSION_SIZE];
    struct nv_buf body;
    nv_buf_init(&body, 1000);
    ck_assert_int_eq(
        nv_lambda_answer_read(nv_str_from(one->text), NV_STR("X-Id"), value, &body),
        one->status);
    ck_assert_str_eq(value, one->value);
    ck_assert_nv_str(nv_buf_str(&body), one->body);
    nv_buf_release(&body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/lambda/runtime_api");
    TCase *tcase = tcase_create("api");
    tcase_add_test(tcase, registers_subscribes_and_asks);
    tcase_add_test(tcase, what_is_refused_says_by_whom_and_why);
    tcase_add_test(tcase, nobody_there);
    tcase_add_test(tcase, a_call_that_waits_is_broken_off);
    tcase_add_loop_test(tcase, an_answer, 0,
                        (int)(sizeof answer_cases / sizeof answer_cases[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
