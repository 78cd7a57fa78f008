/*
 * One request over HTTP: headers and body as they arrive, statuses, Retry-After, no answer, and
 * a deadline that another thread brings forward.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "base/clock.h"
#include "base/limits.h"
#include "trace/send.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/banned.h"

static struct kit_receiver receiver;
static struct nv_trace_config *config;
static struct nv_trace_sender *sender;
static _Atomic uint64_t deadline = UINT64_MAX;
static struct nv_trace_answer answer;

static void setup(void)
{
    char why[200];
    atomic_store(&deadline, UINT64_MAX);
    kit_receiver_start(&receiver);
    noveum_options options = kit_options(&receiver);
    options.headers = "x-noveum-project=shop,authorization=Bearer%20t";
    ck_assert(nv_trace_sender_ready());
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_OK);
    sender = nv_trace_sender_new(config);
    ck_assert_ptr_nonnull(sender);
}

static void teardown(void)
{
    nv_trace_sender_free(sender);
    nv_trace_sender_free(NULL);
    nv_trace_config_free(config);
    kit_receiver_stop(&receiver);
}

static void post(const char *body)
{
    nv_trace_sender_post(sender, nv_str_from(body), &deadline, &answer);
}

START_TEST(arrives_as_it_should)
{
    const struct kit_answer partial = {
        .status = 200, .body = "\x0a\x02\x08\x01", .body_len = 4};
    kit_receiver_plan(&receiver, partial);
    post("hello");
    ck_assert_uint_eq(answer.status, 200);
    ck_assert_nv_str(answer.body, "\x0a\x02\x08\x01");
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "POST /v1/traces HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(
        strstr(receiver.heads[0], "Content-Type: application/x-protobuf\r\n"));
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "x-noveum-project: shop\r\n"));
    ck_assert_ptr_nonnull(strstr(receiver.heads[0], "authorization: Bearer t\r\n"));
    ck_assert_ptr_null(strstr(receiver.heads[0], "Expect"));
    ck_assert_uint_eq(receiver.lengths[0], 5);
    ck_assert_mem_eq(receiver.bodies[0], "hello", 5);
    post("again"); /* on the same connection */
    ck_assert_uint_eq(answer.status, 200);
    ck_assert_uint_eq(answer.body.len, 0);
}
END_TEST

START_TEST(says_what_was_answered)
{
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 0});
    kit_receiver_plan(&receiver,
                      (struct kit_answer){.status = 429, .header = "Retry-After: 7"});
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 302,
                                                     .header = "Location: http://127.0.0.1:1"});
    post("a"); /* on a connection that was used before libcurl would try again by itself */
    ck_assert_uint_eq(answer.status, 0);
    ck_assert_str_ne(answer.error, "");
    post("b");
    ck_assert_uint_eq(answer.status, 429);
    ck_assert_uint_eq(answer.retry_after_s, 7);
    post("c");
    ck_assert_uint_eq(answer.status, 302); /* never followed */
    ck_assert_int_eq(receiver.count, 3);
}
END_TEST

/* As send.c has them. */
#define ANSWER_MAX NV_CAP_KIB(64)
#define RETRY_AFTER_MAX_S 3600

START_TEST(answers_to_their_size)
{
    static char page[ANSWER_MAX + 1];
    memset(page, 'x', sizeof page);
    for (size_t more = 0; more < 2; more++) {
        kit_receiver_plan(
            &receiver,
            (struct kit_answer){.status = 200, .body = page, .body_len = ANSWER_MAX + more});
        post("a");
        ck_assert_uint_eq(answer.status, 200);
        ck_assert_uint_eq(answer.body.len, ANSWER_MAX);
    }
}
END_TEST

START_TEST(waits_to_their_length)
{
    static const struct {
        const char *header;
        uint32_t wait;
    } rows[] = {{"Retry-After: 3599", RETRY_AFTER_MAX_S - 1},
                {"Retry-After: 3600", RETRY_AFTER_MAX_S},
                {"Retry-After: 3601", RETRY_AFTER_MAX_S}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        kit_receiver_plan(&receiver,
                          (struct kit_answer){.status = 503, .header = rows[i].header});
        post("a");
        ck_assert_uint_eq(answer.retry_after_s, rows[i].wait);
    }
}
END_TEST

static void *hurry(void *unused)
{
    (void)unused;
    ck_assert(kit_receiver_wait(&receiver, 1));
    atomic_store(&deadline, 0);
    nv_trace_sender_wake(sender);
    return NULL;
}

START_TEST(a_deadline_ends_the_wait)
{
    pthread_t thread;
    kit_receiver_plan(&receiver, (struct kit_answer){.status = 1});
    ck_assert_int_eq(pthread_create(&thread, NULL, hurry, NULL), 0);
    uint64_t before = nv_clock_mono_ns(nv_clock_system());
    post("a");
    ck_assert_uint_lt(nv_clock_mono_ns(nv_clock_system()) - before, 5 * NV_NS_PER_S);
    ck_assert_uint_eq(answer.status, 0);
    pthread_join(thread, NULL);
}
END_TEST

/* zlib's reader, as any receiver has it. */
static void assert_unpacks(const char *packed, size_t packed_len, const char *body)
{
    char room[2000] = "";
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed,
                       .avail_in = (unsigned)packed_len,
                       .next_out = (unsigned char *)room,
                       .avail_out = sizeof room - 1};
    ck_assert_int_eq(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&stream);
    ck_assert_str_eq(room, body);
}

START_TEST(compressed_where_it_is_shorter)
{
    char body[1001];
    memset(body, 'a', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    nv_trace_sender_free(sender);
    config->gzip = true;
    sender = nv_trace_sender_new(config);
    ck_assert_ptr_nonnull(sender);
    post(body);
    post("short");
    post(body);
    ck_assert_uint_eq(answer.status, 200);
    ck_assert_int_eq(receiver.count, 3);
    for (int i = 0; i < 3; i += 2) {
        ck_assert_ptr_nonnull(strstr(receiver.heads[i], "Content-Encoding: gzip\r\n"));
        ck_assert_ptr_nonnull(strstr(receiver.heads[i], "authorization: Bearer t\r\n"));
        ck_assert_ptr_null(strstr(receiver.heads[i], "Expect"));
        ck_assert_uint_lt(receiver.lengths[i], 100);
        assert_unpacks(receiver.bodies[i], receiver.lengths[i], body);
    }
    ck_assert_ptr_null(strstr(receiver.heads[1], "Content-Encoding"));
    ck_assert_mem_eq(receiver.bodies[1], "short", 5);
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    config->gzip = true;
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        struct nv_trace_sender *other = nv_trace_sender_new(config);
        bool failed = oom_end();
        ck_assert_int_eq(other == NULL, failed);
        nv_trace_sender_free(other);
        if (!failed)
            break;
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("send");
    TCase *tcase = tcase_create("send");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, arrives_as_it_should);
    tcase_add_test(tcase, says_what_was_answered);
    tcase_add_test(tcase, answers_to_their_size);
    tcase_add_test(tcase, waits_to_their_length);
    tcase_add_test(tcase, a_deadline_ends_the_wait);
    tcase_add_test(tcase, compressed_where_it_is_shorter);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
