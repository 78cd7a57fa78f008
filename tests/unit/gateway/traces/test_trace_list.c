/*
 * The list: literal search, filters, ranges, orders, and pages that together are the whole.
 */
#include "chance.h"
#include "expect.h"
#include "traces_kit.h"

#include "gateway/traces/trace_list.h"

#include <stdio.h>

#include "base/banned.h"

static struct traces_kit kit;

static const struct kit_trace traces[] = {
    {.id = "a1",
     .name = "alpha",
     .model = "gpt-4o",
     .session = "s-1",
     .question = "say \"AND\" or foo-bar:baz*",
     .answer = "C:\\dir 50% _x_",
     .start_ms = 1000,
     .ms = 30,
     .cost = 0.5,
     .tool = "find"},
    {.id = "a2",
     .name = "beta",
     .model = "gpt-4o",
     .session = "s-1",
     .question = "weather in \xe6\x9d\xb1\xe4\xba\xac today",
     .answer = "sunny",
     .start_ms = 3000,
     .ms = 10,
     .cost = -1,
     .failed = true},
    {.id = "a3",
     .name = "gamma",
     .model = "claude",
     .session = "s-2",
     .question = "hello",
     .answer = "world",
     .start_ms = 2000,
     .ms = 20,
     .cost = 0.1},
};

static void set_up(void)
{
    traces_kit_init(&kit, NULL);
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++)
        traces_kit_put(&kit, &traces[i], 0);
}

static void tear_down(void)
{
    traces_kit_release(&kit);
}

/* Ids of the answer, as "a1 a2 ", and its cursor. */
static const char *ask(const struct nv_trace_filter *filter, char cursor[64])
{
    static char ids[400];
    size_t len = 0;
    nv_buf_clear(&kit.out);
    ck_assert_int_eq(nv_trace_list_write(kit.reader, filter, &kit.out), NV_OK);
    const char *text = traces_kit_text(&kit);
    ids[0] = '\0';
    for (const char *at = text; (at = strstr(at, "\"trace_id\":\"")) != NULL; at += 12)
        len += (size_t)snprintf(ids + len, sizeof ids - len, "%.2s ", at + 12);
    if (cursor) {
        const char *next = strstr(text, "\"next\":\"");
        const char *end = next ? strchr(next + 8, '"') : NULL;
        (void)snprintf(cursor, 64, "%.*s", next ? (int)(end - next - 8) : 0,
                       next ? next + 8 : "");
    }
    return ids;
}

static const struct {
    const char *search, *ids;
} searches[] = {
    {"", "a2 a3 a1 "},
    {"hello", "a3 "},
    {"ELL", "a3 "},     /* inside a word, in any case */
    {"\"AND\"", "a1 "}, /* quotes and operators are text */
    {"foo-bar:baz*", "a1 "},
    {"foo-bar:bat*", ""},
    {"AND", "a1 "},
    {"NOT hello", ""},
    {"50%", "a1 "},
    {"_x_", "a1 "},
    {"\\dir", "a1 "},
    {"\xe6\x9d\xb1\xe4\xba\xac", "a2 "}, /* two characters inside a sentence */
    {"or", "a1 a3 "},                    /* or, world */
    {"weather sunny", "a2 "},            /* all terms, wherever */
    {"weather hello", ""},
    {"'; DROP TABLE trace; --", ""},
    {"it broke", "a2 "},
    {"\x1b[2J\x01", ""}, /* a control character is a character */
};

START_TEST(a_search_is_literal)
{
    struct nv_trace_filter filter = {.search = nv_str_from(searches[_i].search)};
    if (nv_str_eq(filter.search, NV_STR("or")))
        filter.sort = NV_SORT_ARRIVAL, filter.ascending = true;
    ck_assert_msg(strcmp(ask(&filter, NULL), searches[_i].ids) == 0, "%s: %s",
                  searches[_i].search, ask(&filter, NULL));
}
END_TEST

START_TEST(filters_are_exact_and_all_hold)
{
    struct nv_trace_filter filter = {.names = {[NV_MENTION_MODEL] = NV_STR_INIT("gpt-4o")}};
    ck_assert_str_eq(ask(&filter, NULL), "a2 a1 ");
    filter.names[NV_MENTION_STATUS] = NV_STR("error");
    ck_assert_str_eq(ask(&filter, NULL), "a2 ");
    filter.names[NV_MENTION_TOOL] = NV_STR("find");
    ck_assert_str_eq(ask(&filter, NULL), "");
    filter = (struct nv_trace_filter){.names = {[NV_MENTION_MODEL] = NV_STR_INIT("gpt")}};
    ck_assert_str_eq(ask(&filter, NULL), "");
    filter = (struct nv_trace_filter){.source_id = NV_STR("a3")};
    ck_assert_str_eq(ask(&filter, NULL), "a3 ");
    filter = (struct nv_trace_filter){.newer_than = 2};
    ck_assert_str_eq(ask(&filter, NULL), "a3 ");
}
END_TEST

START_TEST(ranges_include_their_ends)
{
    struct nv_trace_filter filter = {
        .ranges = {
            [NV_RANGE_duration_ms] = {.has_min = true, .min = 20, .has_max = true, .max = 30}}};
    ck_assert_str_eq(ask(&filter, NULL), "a3 a1 ");
    filter =
        (struct nv_trace_filter){.ranges = {[NV_RANGE_cost] = {.has_max = true, .max = 1}}};
    ck_assert_str_eq(ask(&filter, NULL), "a3 a1 "); /* what is not known is in no range */
}
END_TEST

static const struct {
    enum nv_trace_sort sort;
    const char *ids;
} sorts[] = {{NV_SORT_TIME, "a2 a3 a1 "},
             {NV_SORT_ARRIVAL, "a3 a2 a1 "},
             {NV_SORT_DURATION, "a1 a3 a2 "},
             {NV_SORT_COST, "a1 a3 a2 "},
             {NV_SORT_TOKENS, "a3 a2 a1 "}};

START_TEST(pages_of_one_are_the_whole_in_order)
{
    char cursor[64] = "", all[40] = "";
    struct nv_trace_filter filter = {.sort = sorts[_i].sort, .limit = 1};
    for (unsigned page = 0; page < 5; page++) {
        filter.cursor = nv_str_from(cursor);
        char next[64];
        const char *ids = ask(&filter, next);
        (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s", ids);
        memcpy(cursor, next, sizeof cursor);
        if (cursor[0] == '\0')
            break;
    }
    ck_assert_str_eq(all, sorts[_i].ids);
}
END_TEST

START_TEST(totals_come_with_the_first_page)
{
    struct nv_trace_filter filter = {.limit = 1};
    char cursor[64];
    (void)ask(&filter, cursor);
    ck_assert_ptr_nonnull(strstr(
        kit.out.bytes, "\"total\":{\"traces\":3,\"errors\":1,\"tokens\":360,\"cost\":0.6"));
    filter.cursor = nv_str_from(cursor);
    (void)ask(&filter, NULL);
    ck_assert_ptr_null(strstr(kit.out.bytes, "\"total\""));
}
END_TEST

START_TEST(what_is_no_filter_is_refused)
{
    static const char *const cursors[] = {"x", "1", "1_", "_1", "1_2_3"};
    for (size_t i = 0; i < sizeof cursors / sizeof cursors[0]; i++) {
        struct nv_trace_filter filter = {.cursor = nv_str_from(cursors[i])};
        ck_assert_int_eq(nv_trace_list_write(kit.reader, &filter, &kit.out), NV_ERR_CONFIG);
    }
    ck_assert_uint_eq(NV_SEARCH_TERMS_MAX, 16); /* so many, and one more */
    struct nv_trace_filter filter = {.search = NV_STR("1 2 3 4 5 6 7 8 9 a b c d e f g")};
    ck_assert_int_eq(nv_trace_list_write(kit.reader, &filter, &kit.out), NV_OK);
    filter.search = NV_STR("1 2 3 4 5 6 7 8 9 a b c d e f g h");
    ck_assert_int_eq(nv_trace_list_write(kit.reader, &filter, &kit.out), NV_ERR_CONFIG);
}
END_TEST

#define MANY 57u /* no page size below but one divides it */

/* Traces of which many are alike in what lists are ordered by. */
static void put_many(void)
{
    uint64_t state = 7;
    for (unsigned i = 0; i < MANY; i++) {
        char id[3] = {(char)('b' + i / 10), (char)('0' + i % 10), '\0'};
        const struct kit_trace trace = {.id = id,
                                        .name = "many",
                                        .model = "m",
                                        .start_ms = chance_below(&state, 4),
                                        .ms = chance_below(&state, 3) / 3.0,
                                        .cost = chance_below(&state, 4) / 7.0 - 0.1};
        traces_kit_put(&kit, &trace, 0);
    }
}

/* All pages of `filter`, one behind the other. */
static void turn_pages(struct nv_trace_filter *filter, char *all, size_t size)
{
    char cursor[64] = "";
    all[0] = '\0';
    for (unsigned page = 0; page <= MANY + 3; page++) {
        char next[64];
        filter->cursor = nv_str_from(cursor);
        (void)snprintf(all + strlen(all), size - strlen(all), "%s", ask(filter, next));
        memcpy(cursor, next, sizeof cursor);
        if (cursor[0] == '\0')
            return;
    }
    ck_abort_msg("the pages don't end");
}

/* Each order, up and down, in pages of several sizes: the same as all at once, though most rows
 * have equals. */
START_TEST(pages_of_any_size_are_the_whole)
{
    static char whole[400], paged[400];
    put_many();
    for (unsigned up = 0; up < 2; up++) {
        struct nv_trace_filter filter = {
            .sort = (enum nv_trace_sort)_i, .ascending = up == 1, .limit = MANY + 3};
        (void)snprintf(whole, sizeof whole, "%s", ask(&filter, NULL));
        ck_assert_uint_eq(strlen(whole), (size_t)3 * (MANY + 3));
        for (uint32_t size = 1; size <= 8; size++) {
            filter.limit = size;
            turn_pages(&filter, paged, sizeof paged);
            ck_assert_str_eq(paged, whole);
        }
    }
}
END_TEST

/* What arrives between two pages moves no row from one to the other. */
START_TEST(what_arrives_meanwhile_shifts_nothing)
{
    struct nv_trace_filter filter = {.sort = (enum nv_trace_sort)_i, .limit = 10};
    char cursor[64], first[64], again[400];
    put_many();
    (void)snprintf(first, sizeof first, "%s", ask(&filter, cursor));
    for (unsigned i = 0; i < 5; i++) {
        char id[3] = {'z', (char)('0' + i), '\0'};
        const struct kit_trace late = {
            .id = id, .name = "late", .model = "m", .start_ms = 2, .ms = 0.3, .cost = 0.2};
        traces_kit_put(&kit, &late, 0);
    }
    filter.cursor = nv_str_from(cursor);
    char next[64];
    (void)snprintf(again, sizeof again, "%s", ask(&filter, next));
    for (const char *at = first; *at != '\0'; at += 3) {
        char id[4] = {at[0], at[1], ' ', '\0'};
        ck_assert_msg(!strstr(again, id), "%sis on two pages", id);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/traces/trace_list");
    TCase *tcase = tcase_create("list");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_search_is_literal, 0,
                        (int)(sizeof searches / sizeof searches[0]));
    tcase_add_test(tcase, filters_are_exact_and_all_hold);
    tcase_add_test(tcase, ranges_include_their_ends);
    tcase_add_loop_test(tcase, pages_of_one_are_the_whole_in_order, 0,
                        (int)(sizeof sorts / sizeof sorts[0]));
    tcase_add_test(tcase, totals_come_with_the_first_page);
    tcase_add_test(tcase, what_is_no_filter_is_refused);
    tcase_add_loop_test(tcase, pages_of_any_size_are_the_whole, 0, NV_TRACE_SORT_COUNT);
    tcase_add_loop_test(tcase, what_arrives_meanwhile_shifts_nothing, 0, NV_TRACE_SORT_COUNT);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
