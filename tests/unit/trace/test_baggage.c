/*
 * Baggage: pairs in, out and on to spans below; forms that are wrong; both limits.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "trace/baggage.h"

#include <stdio.h>

#include "base/banned.h"

static char text[NV_TRACE_BAGGAGE_MAX + 1];
static noveum_span span;

static const char *header(noveum_span of)
{
    ck_assert_uint_eq(noveum_baggage_write(of, text, sizeof text), strlen(text));
    return text;
}

static const char *value(noveum_span of, const char *key)
{
    ck_assert_uint_eq(noveum_baggage_get(of, key, text, sizeof text), strlen(text));
    return text;
}

static void begin(void)
{
    kit_trace_on(NULL);
    span = noveum_begin(NOVEUM_FUNCTION, NULL);
}

START_TEST(nothing_while_off)
{
    ck_assert_int_eq(noveum_baggage_set(noveum_null(), "a", "b"), NOVEUM_OFF);
    ck_assert_int_eq(noveum_baggage_read(noveum_null(), "a=b"), NOVEUM_OFF);
    ck_assert_str_eq(header(noveum_null()), "");
}
END_TEST

START_TEST(pairs_are_set_replaced_and_taken_out)
{
    begin();
    ck_assert_int_eq(noveum_baggage_set(span, "tenant", "acme, inc."), NOVEUM_OK);
    ck_assert_int_eq(noveum_baggage_set(span, "plan", "\xc3\xa9%"), NOVEUM_OK);
    ck_assert_str_eq(header(span), "tenant=acme%2C%20inc.,plan=%C3%A9%25");
    ck_assert_str_eq(value(span, "tenant"), "acme, inc.");
    ck_assert_str_eq(value(span, "plan"), "\xc3\xa9%");
    ck_assert_int_eq(noveum_baggage_set(span, "tenant", "x"), NOVEUM_OK);
    ck_assert_str_eq(header(span), "plan=%C3%A9%25,tenant=x");
    ck_assert_int_eq(noveum_baggage_set(span, "plan", NULL), NOVEUM_OK);
    ck_assert_int_eq(noveum_baggage_set(span, "tenant", NULL), NOVEUM_OK);
    ck_assert_str_eq(header(span), "");
    ck_assert_uint_eq(noveum_baggage_get(span, NULL, NULL, 0), 0);
}
END_TEST

START_TEST(spans_below_have_it)
{
    begin();
    ck_assert_int_eq(noveum_baggage_set(span, "a", "1"), NOVEUM_OK);
    noveum_span below = noveum_begin_below(span, NOVEUM_FUNCTION, NULL);
    ck_assert_int_eq(noveum_baggage_set(below, "b", "2"), NOVEUM_OK);
    ck_assert_int_eq(noveum_baggage_set(span, "a", "3"), NOVEUM_OK);
    ck_assert_str_eq(header(span), "a=3");
    noveum_end(span);
    ck_assert_str_eq(header(below), "a=1,b=2");
    ck_assert_str_eq(header(span), ""); /* it has ended */
    ck_assert_int_eq(noveum_baggage_set(span, "a", "1"), NOVEUM_INVALID);
    noveum_end(below);
}
END_TEST

START_TEST(headers_are_read)
{
    begin();
    ck_assert_int_eq(noveum_baggage_read(span, " a = 1 , b=two;ttl=3 ,c=%4g%41"), NOVEUM_OK);
    ck_assert_str_eq(value(span, "a"), "1");
    ck_assert_str_eq(value(span, "b"), "two");
    ck_assert_str_eq(value(span, "c"), "%4gA");
    ck_assert_ptr_nonnull(strstr(header(span), "b=two;ttl=3")); /* handed on as it came */
    ck_assert_int_eq(noveum_baggage_read(span, "d=4,no pair,=x,\x01=1,e=\x80,f=6"),
                     NOVEUM_INVALID);
    ck_assert_str_eq(value(span, "d"), "4");
    ck_assert_str_eq(value(span, "f"), "6");
    ck_assert_str_eq(value(span, "e"), "");
    ck_assert_int_eq(noveum_baggage_read(span, NULL), NOVEUM_OK);
}
END_TEST

START_TEST(keys_are_tokens)
{
    begin();
    const char *wrong[] = {"", "a b", "a=b", "a,b", "\xc3\xa9", "a\n", "a;b"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(noveum_baggage_set(span, wrong[i], "x"), NOVEUM_INVALID);
    ck_assert_int_eq(noveum_baggage_set(span, NULL, "x"), NOVEUM_INVALID);
    ck_assert_str_eq(header(span), "");
}
END_TEST

/* NV_TRACE_BAGGAGE_MAX bytes and NV_TRACE_BAGGAGE_PAIRS pairs, and one more of each. */
START_TEST(limits)
{
    static char big[NV_TRACE_BAGGAGE_MAX];
    char key[16];
    begin();
    memset(big, 'x', sizeof big - 2);
    ck_assert_int_eq(noveum_baggage_set(span, "a", big), NOVEUM_OK); /* "a=" and the rest */
    ck_assert_int_eq(noveum_baggage_set(span, "b", ""), NOVEUM_INVALID);
    big[sizeof big - 2] = 'x';
    ck_assert_int_eq(noveum_baggage_set(span, "a", big), NOVEUM_INVALID);
    ck_assert_int_eq(noveum_baggage_set(span, "a", NULL), NOVEUM_OK);
    for (unsigned i = 0; i < NV_TRACE_BAGGAGE_PAIRS; i++) {
        (void)snprintf(key, sizeof key, "k%u", i);
        ck_assert_int_eq(noveum_baggage_set(span, key, "v"), NOVEUM_OK);
    }
    ck_assert_int_eq(noveum_baggage_set(span, "more", "v"), NOVEUM_INVALID);
    ck_assert_int_eq(noveum_baggage_set(span, "k3", "w"), NOVEUM_OK);
}
END_TEST

/* Of a header that is longer than NV_TRACE_BAGGAGE_MAX the pairs that end within it are kept. */
START_TEST(a_header_that_is_too_long)
{
    static char big[3 * NV_TRACE_BAGGAGE_MAX];
    const size_t front = strlen("a=1,b=2,c=");
    begin();
    memset(big, 'x', sizeof big - 1);
    memcpy(big, "a=1,b=2,c=", front);
    memcpy(big + sizeof big - 5, ",d=4", 4);
    ck_assert_int_eq(noveum_baggage_read(span, big), NOVEUM_INVALID);
    ck_assert_str_eq(header(span), "a=1,b=2");
}
END_TEST

START_TEST(without_memory)
{
    begin();
    for (int at = 1; at <= 3; at++) {
        oom_fail_from((size_t)at);
        noveum_result result = noveum_baggage_set(span, "a", "1");
        (void)oom_end();
        if (result == NOVEUM_OK)
            break;
        ck_assert_str_eq(header(span), "");
    }
    ck_assert_int_eq(noveum_baggage_set(span, "a", "1"), NOVEUM_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("baggage");
    TCase *tcase = tcase_create("baggage");
    tcase_add_test(tcase, nothing_while_off);
    tcase_add_test(tcase, pairs_are_set_replaced_and_taken_out);
    tcase_add_test(tcase, spans_below_have_it);
    tcase_add_test(tcase, headers_are_read);
    tcase_add_test(tcase, keys_are_tokens);
    tcase_add_test(tcase, limits);
    tcase_add_test(tcase, a_header_that_is_too_long);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
