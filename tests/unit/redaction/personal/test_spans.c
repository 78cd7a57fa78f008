/*
 * Which spans count: the longest, the leftmost, the first; lengths in characters; the cap; and
 * against the plain way to do it, with many spans made by chance.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/personal/spans.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_spans spans;

static void tear_down(void)
{
    nv_spans_release(&spans);
}

static void add(size_t from, size_t to, uint32_t label)
{
    struct nv_span_found span = {from, to, to - from, label, 0};
    ck_assert_int_eq(nv_spans_add(&spans, span), NV_OK);
}

static void expect(size_t at, size_t from, uint32_t label)
{
    ck_assert_uint_lt(at, spans.count);
    ck_assert_uint_eq(spans.items[at].from, from);
    ck_assert_uint_eq(spans.items[at].label, label);
}

START_TEST(longest_then_leftmost_then_first)
{
    add(20, 25, 1);
    add(18, 24, 2);
    add(3, 6, 3);
    add(0, 3, 4);
    add(2, 5, 5);
    add(20, 25, 6);
    add(30, 31, 7);
    add(30, 31, 8);
    ck_assert_int_eq(nv_spans_resolve(&spans, 40), NV_OK);
    ck_assert_uint_eq(spans.count, 4);
    expect(0, 0, 4);
    expect(1, 3, 3);
    expect(2, 18, 2);
    expect(3, 30, 7);
    ck_assert(nv_spans_overlap(&spans, 5, 7) && nv_spans_overlap(&spans, 17, 19));
    ck_assert(!nv_spans_overlap(&spans, 6, 18) && !nv_spans_overlap(&spans, 31, 40));
}
END_TEST

START_TEST(lengths_are_in_characters)
{
    ck_assert_int_eq(nv_spans_add(&spans, (struct nv_span_found){0, 8, 4, 1, 0}), NV_OK);
    ck_assert_int_eq(nv_spans_add(&spans, (struct nv_span_found){6, 11, 5, 2, 0}), NV_OK);
    ck_assert_int_eq(nv_spans_resolve(&spans, 11), NV_OK);
    ck_assert_uint_eq(spans.count, 1);
    expect(0, 6, 2);
}
END_TEST

/* As the SDK does it. */
static size_t plain(const struct nv_spans *all, struct nv_span_found *kept)
{
    size_t count = 0;
    for (size_t len = 64; len > 0; len--) {
        for (size_t from = 0; from < 200; from++) {
            for (size_t i = 0; i < all->count; i++) {
                const struct nv_span_found *span = &all->items[i];
                bool free_ = span->characters == len && span->from == from;
                for (size_t k = 0; k < count && free_; k++)
                    free_ = span->to <= kept[k].from || span->from >= kept[k].to;
                if (free_)
                    kept[count++] = *span;
            }
        }
    }
    return count;
}

START_TEST(as_the_plain_way)
{
    struct nv_span_found kept[100];
    srandom((unsigned)_i);
    for (uint32_t i = 0; i < 40; i++) {
        size_t from = (size_t)random() % 130;
        add(from, from + 1 + (size_t)random() % 60, i);
    }
    size_t count = plain(&spans, kept);
    ck_assert_int_eq(nv_spans_resolve(&spans, 200), NV_OK);
    ck_assert_uint_eq(spans.count, count);
    for (size_t i = 0; i < count; i++) {
        bool found = false;
        for (size_t k = 0; k < count; k++)
            found |= spans.items[k].label == kept[i].label;
        ck_assert(found);
    }
}
END_TEST

START_TEST(a_cap_and_no_memory)
{
    struct nv_span_found span = {0, 1, 1, 0, 0};
    for (size_t i = 0; i < NV_SPANS_MAX; i++)
        ck_assert_int_eq(nv_spans_add(&spans, span), NV_OK);
    ck_assert_int_eq(nv_spans_add(&spans, span), NV_ERR_LIMIT);
    oom_fail_nth(1);
    enum nv_err err = nv_spans_resolve(&spans, 1000);
    (void)oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    nv_spans_release(&spans);
    oom_fail_nth(1);
    err = nv_spans_add(&spans, span);
    (void)oom_end();
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/personal/spans");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, longest_then_leftmost_then_first);
    tcase_add_test(tcase, lengths_are_in_characters);
    tcase_add_loop_test(tcase, as_the_plain_way, 0, 20);
    tcase_add_test(tcase, a_cap_and_no_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
