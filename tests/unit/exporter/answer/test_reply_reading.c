/*
 * What is kept of a reply: the last one's headers, at most so much of head and body.
 */
#include "expect.h"
#include "oom.h"

#include "exporter/answer/reply_reading.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_reply_reading reading;

static void setup(void)
{
    nv_reply_reading_init(&reading);
}

static void teardown(void)
{
    nv_reply_reading_release(&reading);
}

static bool line(const char *text)
{
    return nv_reply_reading_line(&reading, nv_str_from(text));
}

static struct nv_reply told(void)
{
    struct nv_reply reply = {.status = 429};
    nv_reply_reading_tell(&reading, &reply);
    return reply;
}

START_TEST(three_headers_are_kept)
{
    ck_assert(line("HTTP/1.1 429 Slow\r\n") && line("RETRY-AFTER:  17 \r\n"));
    ck_assert(line("Location: /other\r\n") && line("Date: today\r\n") && line("Dated: x\r\n"));
    struct nv_reply reply = told();
    ck_assert_nv_str(reply.retry_after, "17");
    ck_assert_nv_str(reply.location, "/other");
    ck_assert_str_eq(reading.date, "today");
    ck_assert_int_eq(reply.status, 429);
}
END_TEST

START_TEST(headers_of_an_interim_reply_do_not_count)
{
    ck_assert(line("HTTP/1.1 103 Early\r\n") && line("Retry-After: 1\r\n"));
    ck_assert(line("Location: /a\r\n") && line("Date: b\r\n") && line("HTTP/1.1 503 No\r\n"));
    struct nv_reply reply = told();
    ck_assert_uint_eq(reply.retry_after.len + reply.location.len, 0);
    ck_assert_str_eq(reading.date, "");
}
END_TEST

START_TEST(the_next_reply_begins_with_nothing)
{
    ck_assert(line("HTTP/1.1 503 No\r\n") && line("Retry-After: 1\r\n"));
    ck_assert(nv_reply_reading_body(&reading, NV_STR("busy")));
    nv_reply_reading_begin(&reading);
    struct nv_reply reply = told();
    ck_assert_uint_eq(reply.retry_after.len + reply.body.len + reading.head_bytes, 0);
}
END_TEST

START_TEST(a_long_value_is_cut)
{
    char text[512] = "Retry-After: ";
    memset(text + strlen(text), '1', sizeof text - strlen(text) - 1);
    ck_assert(line(text));
    ck_assert_uint_eq(told().retry_after.len, sizeof reading.retry_after - 1);
}
END_TEST

/* One line or many: the sum counts, over interim replies as well. */
START_TEST(the_head_is_bounded)
{
    char *half = calloc(1, NV_REPLY_HEAD_BYTES_MAX / 2);
    const struct nv_str text = {half, NV_REPLY_HEAD_BYTES_MAX / 2};
    ck_assert(nv_reply_reading_line(&reading, text) && nv_reply_reading_line(&reading, text));
    ck_assert(!reading.head_oversize);
    ck_assert(!line("x"));
    ck_assert(reading.head_oversize);
    nv_reply_reading_begin(&reading);
    ck_assert(line("x") && !reading.head_oversize);
    free(half);
}
END_TEST

START_TEST(the_body_is_bounded)
{
    char *all = calloc(1, NV_REPLY_BYTES_MAX);
    ck_assert(nv_reply_reading_body(&reading, (struct nv_str){all, NV_REPLY_BYTES_MAX}));
    ck_assert(!reading.body_oversize);
    ck_assert(!nv_reply_reading_body(&reading, NV_STR("x")));
    ck_assert(reading.body_oversize);
    free(all);
}
END_TEST

START_TEST(memory_that_is_refused_is_not_oversize)
{
    oom_fail_nth(1);
    bool kept = nv_reply_reading_body(&reading, NV_STR("x"));
    ck_assert(oom_end());
    ck_assert(!kept);
    ck_assert(!reading.body_oversize);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/answer/reply_reading");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, three_headers_are_kept);
    tcase_add_test(tcase, headers_of_an_interim_reply_do_not_count);
    tcase_add_test(tcase, the_next_reply_begins_with_nothing);
    tcase_add_test(tcase, a_long_value_is_cut);
    tcase_add_test(tcase, the_head_is_bounded);
    tcase_add_test(tcase, the_body_is_bounded);
    tcase_add_test(tcase, memory_that_is_refused_is_not_oversize);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
