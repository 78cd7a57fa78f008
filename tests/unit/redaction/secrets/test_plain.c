/*
 * Texts in which nothing was found: of this trace, at their place and of their length, and of
 * what was looked for.
 */
#include "expect.h"

#include "redaction/secrets/plain.h"

#include "base/banned.h"

static char bytes[4096];

static struct nv_str text_at(size_t at)
{
    return (struct nv_str){bytes + at, 100};
}

START_TEST(what_was_noted)
{
    struct nv_str text = text_at(0), shorter = {bytes, 99};
    nv_plain_clear();
    ck_assert(!nv_plain_has(text, NV_PLAIN_ALL));
    nv_plain_put(text, NV_PLAIN_MEDIA);
    ck_assert(nv_plain_has(text, NV_PLAIN_MEDIA));
    ck_assert(!nv_plain_has(text, NV_PLAIN_SECRETS));
    ck_assert(!nv_plain_has(shorter, NV_PLAIN_MEDIA));
    nv_plain_put(text, NV_PLAIN_SECRETS);
    ck_assert(nv_plain_has(text, NV_PLAIN_MEDIA));
    ck_assert(nv_plain_has(text, NV_PLAIN_SECRETS));
}
END_TEST

START_TEST(another_trace_knows_nothing)
{
    nv_plain_clear();
    nv_plain_put(text_at(0), NV_PLAIN_ALL);
    nv_plain_clear();
    ck_assert(!nv_plain_has(text_at(0), NV_PLAIN_ALL));
    nv_plain_put(text_at(0), NV_PLAIN_MEDIA);
    ck_assert(!nv_plain_has(text_at(0), NV_PLAIN_SECRETS));
}
END_TEST

/* When the numbers of traces begin anew, what the first one noted is gone. */
START_TEST(numbers_that_begin_anew)
{
    nv_plain_clear();
    nv_plain_here.trace = 4;
    nv_plain_put(text_at(0), NV_PLAIN_ALL);
    nv_plain_here.trace = UINT32_MAX & ~NV_PLAIN_ALL;
    nv_plain_clear();
    ck_assert_uint_eq(nv_plain_here.trace, 4);
    ck_assert(!nv_plain_has(text_at(0), NV_PLAIN_ALL));
}
END_TEST

/* What is forgotten is only looked at again; nothing is known that was not noted. */
START_TEST(many_texts)
{
    unsigned known = 0;
    nv_plain_clear();
    for (size_t at = 0; at < 4000; at++)
        nv_plain_put(text_at(at), at % 2 == 0 ? NV_PLAIN_MEDIA : NV_PLAIN_SECRETS);
    for (size_t at = 0; at < 4000; at++) {
        known += nv_plain_has(text_at(at), NV_PLAIN_ALL) ? 1 : 0;
        ck_assert(!nv_plain_has(text_at(at), at % 2 == 0 ? NV_PLAIN_SECRETS : NV_PLAIN_MEDIA));
    }
    ck_assert_uint_gt(known, 0);
    ck_assert_uint_le(known, 2u << NV_PLAIN_BITS);
    ck_assert(nv_plain_has(text_at(3999), NV_PLAIN_SECRETS));
}
END_TEST

/* A length of more than 32 bits is not kept. */
START_TEST(a_text_that_is_too_long)
{
    struct nv_str text = {bytes, (size_t)UINT32_MAX + 101};
    nv_plain_clear();
    nv_plain_put(text, NV_PLAIN_ALL);
    ck_assert(!nv_plain_has(text, NV_PLAIN_ALL));
    ck_assert(!nv_plain_has(text_at(0), NV_PLAIN_ALL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/plain");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, what_was_noted);
    tcase_add_test(tcase, another_trace_knows_nothing);
    tcase_add_test(tcase, numbers_that_begin_anew);
    tcase_add_test(tcase, many_texts);
    tcase_add_test(tcase, a_text_that_is_too_long);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
