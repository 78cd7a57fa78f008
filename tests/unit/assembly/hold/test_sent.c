/*
 * The memory of sent traces: recent ones with names and span ids, older ones as numbers of
 * parts, both bounded; the oldest goes first.
 */
#include "chance.h"
#include "expect.h"
#include "assembly/hold/sent.h"
#include "assembly/door/request.h"
#include "base/clock.h"
#include "oom.h"

#include <stdlib.h>

#define BYTES ((size_t)16 << 20)

static struct nv_sent sent;

static const uint8_t *id(uint32_t number)
{
    static uint8_t bytes[NV_TRACE_ID_BYTES];
    memset(bytes, 7, sizeof bytes);
    memcpy(bytes + 3, &number, sizeof number);
    return bytes;
}

START_TEST(parts_are_counted)
{
    nv_sent_init(&sent, 100, BYTES, NV_NS_PER_S);
    ck_assert_uint_eq(nv_sent_parts(&sent, id(1)), 0);
    nv_sent_note(&sent, id(1), 0, 5);
    nv_sent_note(&sent, id(1), 2, 6);
    nv_sent_note(&sent, id(1), 1, 7);
    ck_assert_uint_eq(nv_sent_parts(&sent, id(1)), 3);
    nv_sent_release(&sent);
}
END_TEST

START_TEST(older_traces_are_still_counted)
{
    nv_sent_init(&sent, 40000, BYTES, NV_NS_PER_S);
    for (uint32_t i = 0; i < 30000; i++)
        nv_sent_note(&sent, id(i), i % 3, 5);
    ck_assert_uint_eq(sent.index.count, NV_SENT_RECENT_MAX);
    for (uint32_t i = 0; i < 30000; i++)
        ck_assert_uint_eq(nv_sent_parts(&sent, id(i)), i % 3 + 1);
    ck_assert_ptr_null(nv_sent_find(&sent, id(0)));
    ck_assert_uint_lt(nv_sent_bytes(&sent), 30000 * 40);
    struct nv_sent_trace *again = nv_sent_note(&sent, id(0), 0, 6);
    ck_assert_uint_eq(again->next_part, 1);
    nv_sent_release(&sent);
}
END_TEST

/* All that are recent are found; one more, and the first is only counted. */
START_TEST(so_many_recent_ones_and_one_more)
{
    nv_sent_init(&sent, 40000, BYTES, NV_NS_PER_S);
    for (uint32_t i = 0; i < NV_SENT_RECENT_MAX; i++)
        nv_sent_note(&sent, id(i), 0, 5);
    for (uint32_t i = 0; i < NV_SENT_RECENT_MAX; i++)
        ck_assert_ptr_nonnull(nv_sent_find(&sent, id(i)));
    nv_sent_note(&sent, id(NV_SENT_RECENT_MAX), 0, 5);
    ck_assert_ptr_null(nv_sent_find(&sent, id(0)));
    ck_assert_uint_eq(nv_sent_parts(&sent, id(0)), 1);
    for (uint32_t i = 1; i <= NV_SENT_RECENT_MAX; i++)
        ck_assert_ptr_nonnull(nv_sent_find(&sent, id(i)));
    nv_sent_release(&sent);
}
END_TEST

START_TEST(the_oldest_generation_is_forgotten)
{
    nv_sent_init(&sent, 1000, BYTES, 4000);
    sent.recent_max = 1;
    nv_sent_note(&sent, id(1), 0, 0);
    for (uint32_t i = 2; i < 12; i++)
        nv_sent_note(&sent, id(i), 0, i * 1000);
    ck_assert_uint_eq(nv_sent_parts(&sent, id(1)), 0);
    ck_assert_uint_eq(nv_sent_parts(&sent, id(11)), 1);
    ck_assert_uint_eq(nv_sent_parts(&sent, id(9)), 1);
    nv_sent_release(&sent);
}
END_TEST

START_TEST(it_is_bounded)
{
    nv_sent_init(&sent, 400, BYTES, UINT64_MAX / 2);
    sent.recent_max = 10;
    for (uint32_t i = 0; i < 5000; i++)
        nv_sent_note(&sent, id(i), 0, i);
    uint32_t known = 0;
    for (uint32_t i = 0; i < 5000; i++)
        known += nv_sent_parts(&sent, id(i)) != 0;
    ck_assert_uint_le(known, 420);
    ck_assert_uint_ge(known, 300);
    nv_sent_release(&sent);
}
END_TEST

START_TEST(spans_are_recognised)
{
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), 0, 0);
    uint64_t first[] = {9, 3, 7};
    uint64_t second[] = {1, 8};
    for (int i = 0; i < 3; i++)
        first[i] = nv_sent_key(first[i], NV_HELD_ENDED);
    for (int i = 0; i < 2; i++)
        second[i] = nv_sent_key(second[i], NV_HELD_ENDED);
    nv_sent_add_spans(&sent, entry, first, 3);
    nv_sent_add_spans(&sent, entry, second, 2);
    for (uint64_t i = 0; i < 12; i++) {
        ck_assert_int_eq(nv_sent_has_span(entry, i, NV_HELD_ENDED),
                         i == 9 || i == 3 || i == 7 || i == 1 || i == 8);
    }
    ck_assert_uint_eq(entry->span_count, 5);
    nv_sent_release(&sent);
}
END_TEST

/* Parts of one trace, each with spans that were sent before and some twice. */
START_TEST(spans_of_many_parts_are_recognised)
{
    enum { PARTS = 9, OF_PART = 1000, NEW = 700 };
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    for (uint32_t part = 0; part < PARTS; part++) {
        struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), part, part);
        uint64_t keys[OF_PART];
        for (uint32_t i = 0; i < OF_PART; i++)
            keys[i] = nv_sent_key((uint64_t)(part * NEW + i % 900) * 7919, NV_HELD_ENDED);
        nv_sent_add_spans(&sent, entry, keys, OF_PART);
    }
    struct nv_sent_trace *entry = nv_sent_find(&sent, id(1));
    ck_assert_uint_eq(entry->span_count, (PARTS - 1) * NEW + 900);
    for (uint64_t i = 0; i < (PARTS - 1) * NEW + 900; i++)
        ck_assert(nv_sent_has_span(entry, i * 7919, NV_HELD_ENDED));
    ck_assert(!nv_sent_has_span(entry, 3, NV_HELD_ENDED));
    nv_sent_release(&sent);
}
END_TEST

START_TEST(one_trace_has_its_share_of_span_ids)
{
    static uint64_t keys[3 * BYTES / 8 / NV_SENT_TRACE_SHARE / 2];
    const uint32_t count = sizeof keys / sizeof keys[0];
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), 0, 0);
    for (uint32_t i = 0; i < count; i++)
        keys[i] = i + 1;
    nv_sent_add_spans(&sent, entry, keys, count);
    ck_assert_uint_eq(entry->span_count, BYTES / 8 / NV_SENT_TRACE_SHARE);
    nv_sent_add_spans(&sent, entry, keys, count);
    ck_assert_uint_eq(entry->span_count, BYTES / 8 / NV_SENT_TRACE_SHARE);
    nv_sent_release(&sent);
}
END_TEST

/* What its traces own is counted: the oldest are known by their numbers of parts alone. */
START_TEST(bytes_are_bounded)
{
    const size_t bytes = 64 << 10;
    static char name[NV_SENT_TEXT_MAX];
    memset(name, 'n', sizeof name);
    nv_sent_init(&sent, 1000, bytes, NV_NS_PER_S);
    for (uint32_t i = 0; i < 500; i++) {
        uint64_t keys[100];
        struct nv_sent_trace *entry = nv_sent_note(&sent, id(i), 1, i);
        for (uint64_t k = 0; k < 100; k++)
            keys[k] = k * 31;
        nv_sent_add_spans(&sent, entry, keys, 100);
        nv_sent_set_text(&sent, entry, (struct nv_str){name, sizeof name}, NV_STR(""),
                         NV_STR(""));
        ck_assert_uint_le(sent.bytes, bytes);
        ck_assert_ptr_eq(nv_sent_find(&sent, id(i)), entry);
    }
    ck_assert_uint_gt(sent.bytes, bytes / 2);
    ck_assert_uint_ge(nv_sent_bytes(&sent), sent.bytes);
    ck_assert_ptr_null(nv_sent_find(&sent, id(0)));
    for (uint32_t i = 0; i < 500; i++)
        ck_assert_uint_eq(nv_sent_parts(&sent, id(i)), 2);
    nv_sent_release(&sent);
    ck_assert_uint_eq(sent.bytes, 0);
}
END_TEST

START_TEST(texts_are_kept_and_cut)
{
    static char longer[1000];
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    memset(longer, 'x', sizeof longer);
    struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), 0, 0);
    nv_sent_set_text(&sent, entry, NV_STR(""), NV_STR(""), NV_STR(""));
    ck_assert_uint_eq(nv_sent_text(entry, 0).len, 0);
    nv_sent_set_text(&sent, entry, NV_STR("name"), (struct nv_str){longer, sizeof longer},
                     NV_STR("u"));
    nv_sent_set_text(&sent, entry, NV_STR("other"), NV_STR(""), NV_STR(""));
    ck_assert(nv_str_eq(nv_sent_text(entry, 0), NV_STR("name")));
    ck_assert_uint_eq(nv_sent_text(entry, 1).len, NV_SENT_TEXT_MAX);
    ck_assert(nv_str_eq(nv_sent_text(entry, 2), NV_STR("u")));
    nv_sent_release(&sent);
}
END_TEST

START_TEST(without_memory_it_forgets_and_goes_on)
{
    for (unsigned long n = 1; n < 40; n++) {
        nv_sent_init(&sent, 1000, BYTES, NV_NS_PER_S);
        sent.recent_max = 4;
        oom_fail_nth(n);
        for (uint32_t i = 0; i < 20; i++) {
            struct nv_sent_trace *entry = nv_sent_note(&sent, id(i), 0, i);
            uint64_t span = i;
            if (entry) {
                nv_sent_add_spans(&sent, entry, &span, 1);
                nv_sent_set_text(&sent, entry, NV_STR("n"), NV_STR("s"), NV_STR("u"));
            }
        }
        oom_end();
        uint32_t known = 0;
        for (uint32_t i = 0; i < 20; i++)
            known += nv_sent_parts(&sent, id(i)) == 1;
        ck_assert_uint_ge(known, 18);
        nv_sent_release(&sent);
    }
}
END_TEST

/* Both sides of a call, and one that had not ended, are told apart; all else is sent again. */
START_TEST(the_other_side_and_the_end_of_a_span_are_not_the_same)
{
    const unsigned caller = NV_HELD_CALLER, served = NV_HELD_SERVED, ended = NV_HELD_ENDED;
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), 0, 0);
    uint64_t keys[] = {nv_sent_key(1, caller | ended), nv_sent_key(2, caller),
                       nv_sent_key(3, ended)};
    nv_sent_add_spans(&sent, entry, keys, 3);
    ck_assert(nv_sent_has_span(entry, 1, caller | ended));
    ck_assert(nv_sent_has_span(entry, 1, caller));
    ck_assert(nv_sent_has_span(entry, 1, ended));
    ck_assert(nv_sent_has_span(entry, 1, ended | NV_HELD_PARENT | NV_HELD_REMOTE));
    ck_assert(!nv_sent_has_span(entry, 1, served | ended));
    ck_assert(nv_sent_has_span(entry, 2, caller));
    ck_assert(!nv_sent_has_span(entry, 2, caller | ended));
    ck_assert(nv_sent_has_span(entry, 3, served | ended));
    ck_assert(nv_sent_has_span(entry, 3, caller));
    nv_sent_release(&sent);
}
END_TEST

/* Against a plain list: whatever is noted in whatever order, numbers of parts are those that a
 * list would know, though only eight traces have names. */
START_TEST(parts_are_those_of_a_plain_list)
{
    enum { IDS = 300, NOTES = 6000 };
    static uint32_t known[IDS];
    uint64_t state = (uint64_t)_i, now_ns = 1;
    memset(known, 0, sizeof known);
    nv_sent_init(&sent, 4 * IDS, BYTES, NV_NS_PER_S);
    sent.recent_max = 8;
    for (unsigned i = 0; i < NOTES; i++) {
        const uint32_t which = chance_below(&state, IDS);
        const uint32_t part = known[which] + chance_below(&state, 2);
        const struct nv_sent_trace *entry = nv_sent_note(&sent, id(which), part, now_ns);
        ck_assert_ptr_nonnull(entry);
        if (part < 200)
            known[which] = part + 1;
        ck_assert_ptr_eq(nv_sent_find(&sent, id(which)), entry);
        ck_assert_uint_le(sent.index.count, 8);
        const uint32_t other = chance_below(&state, IDS);
        if (known[other] < 200)
            ck_assert_uint_eq(nv_sent_parts(&sent, id(other)), known[other]);
        now_ns += chance_below(&state, 20);
    }
    ck_assert_uint_eq(nv_sent_parts(&sent, id(IDS)), 0);
    nv_sent_release(&sent);
}
END_TEST

/* Span ids likewise: what was added is there, also to one that does not tell its side of a call,
 * what was not isn't, and the other side never is. */
START_TEST(spans_are_those_of_a_plain_list)
{
    enum { SPANS = 400 };
    static bool added[SPANS];
    uint64_t state = (uint64_t)_i;
    memset(added, 0, sizeof added);
    nv_sent_init(&sent, 10, BYTES, NV_NS_PER_S);
    for (uint32_t part = 0; part < 20; part++) {
        struct nv_sent_trace *entry = nv_sent_note(&sent, id(1), part, part);
        uint64_t keys[40];
        const uint32_t count = chance_below(&state, 41);
        for (uint32_t i = 0; i < count; i++) {
            const uint32_t span = chance_below(&state, SPANS);
            keys[i] = nv_sent_key(span, NV_HELD_CALLER | NV_HELD_ENDED);
            added[span] = true;
        }
        nv_sent_add_spans(&sent, entry, keys, count);
        for (uint32_t span = 0; span < SPANS; span++) {
            ck_assert_int_eq(nv_sent_has_span(entry, span, NV_HELD_CALLER), added[span]);
            ck_assert_int_eq(nv_sent_has_span(entry, span, NV_HELD_ENDED), added[span]);
            ck_assert(!nv_sent_has_span(entry, span, NV_HELD_ENDED | NV_HELD_SERVED));
        }
    }
    nv_sent_release(&sent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sent");
    TCase *tcase = tcase_create("sent");
    tcase_add_test(tcase, the_other_side_and_the_end_of_a_span_are_not_the_same);
    tcase_add_test(tcase, parts_are_counted);
    tcase_add_test(tcase, older_traces_are_still_counted);
    tcase_add_test(tcase, so_many_recent_ones_and_one_more);
    tcase_add_test(tcase, the_oldest_generation_is_forgotten);
    tcase_add_test(tcase, it_is_bounded);
    tcase_add_test(tcase, spans_are_recognised);
    tcase_add_test(tcase, spans_of_many_parts_are_recognised);
    tcase_add_test(tcase, one_trace_has_its_share_of_span_ids);
    tcase_add_test(tcase, bytes_are_bounded);
    tcase_add_test(tcase, texts_are_kept_and_cut);
    tcase_add_test(tcase, without_memory_it_forgets_and_goes_on);
    tcase_add_loop_test(tcase, parts_are_those_of_a_plain_list, 0, 5);
    tcase_add_loop_test(tcase, spans_are_those_of_a_plain_list, 0, 5);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
