/*
 * The ring of refused requests: the newest first, equal ones of one sender counted, at its cap
 * and one past it. Each test runs in a process of its own, so each begins with nothing.
 */
#include "expect.h"
#include "otlp/request/refused.h"

#include <stdio.h>

static struct nv_refused lines[NV_REFUSED_KEPT_MAX + 1];

static void keep(const char *reason, const char *sender, const char *message)
{
    nv_refused_keep("http", reason, nv_str_from(sender), nv_str_from(message));
}

START_TEST(the_newest_comes_first)
{
    keep("path", "127.0.0.1:1 (a)", "no such path");
    keep("token", "127.0.0.1:2 (a)", "unknown token");
    ck_assert_uint_eq(nv_refused_read(lines, 10), 2);
    ck_assert_str_eq(lines[0].reason, "token");
    ck_assert_str_eq(lines[1].message, "no such path");
    ck_assert_str_eq(lines[1].sender, "127.0.0.1:1 (a)");
    ck_assert_str_eq(lines[1].protocol, "http");
    ck_assert_uint_gt(lines[1].wall_ns, 0);
    ck_assert_uint_eq(nv_refused_read(lines, 1), 1);
}
END_TEST

START_TEST(equal_ones_of_one_sender_are_counted)
{
    keep("path", "127.0.0.1:1 (a)", "x");
    keep("path", "127.0.0.1:1 (b)", "x");
    keep("path", "[::1]:7", "x");
    for (int i = 2; i < 5; i++) {
        char sender[32];
        (void)snprintf(sender, sizeof sender, "127.0.0.1:%d (a)", i); /* other connections */
        keep("path", sender, "x");
    }
    ck_assert_uint_eq(nv_refused_read(lines, 10), 3);
    ck_assert_str_eq(lines[0].sender, "127.0.0.1:4 (a)");
    ck_assert_uint_eq(lines[0].count, 4);
    ck_assert_uint_le(lines[0].first_wall_ns, lines[1].first_wall_ns);
    ck_assert_uint_eq(lines[1].count, 1);
    keep("path", "[::1]:9", "x");
    ck_assert_uint_eq(nv_refused_read(lines, 10), 3);
    ck_assert_uint_eq(lines[0].count, 2);
}
END_TEST

START_TEST(so_many_and_no_more)
{
    for (unsigned i = 0; i <= NV_REFUSED_KEPT_MAX; i++) {
        char message[32];
        (void)snprintf(message, sizeof message, "%u", i);
        keep("path", "", message);
        ck_assert_uint_eq(nv_refused_read(lines, NV_REFUSED_KEPT_MAX + 1),
                          i < NV_REFUSED_KEPT_MAX ? i + 1 : NV_REFUSED_KEPT_MAX);
    }
    ck_assert_str_eq(lines[NV_REFUSED_KEPT_MAX - 1].message, "1"); /* 0 has gone */
}
END_TEST

START_TEST(long_texts_are_cut)
{
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    keep(text, text, text);
    ck_assert_uint_eq(nv_refused_read(lines, 1), 1);
    ck_assert_uint_eq(strlen(lines[0].message), sizeof lines[0].message - 1);
    ck_assert_uint_eq(strlen(lines[0].sender), sizeof lines[0].sender - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("refused");
    TCase *tcase = tcase_create("refused");
    tcase_add_test(tcase, the_newest_comes_first);
    tcase_add_test(tcase, equal_ones_of_one_sender_are_counted);
    tcase_add_test(tcase, so_many_and_no_more);
    tcase_add_test(tcase, long_texts_are_cut);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
