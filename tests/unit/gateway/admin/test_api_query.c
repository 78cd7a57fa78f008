/*
 * Query strings: escapes, what is refused, and every parameter as a filter.
 */
#include "expect.h"

#include "gateway/admin/api_query.h"

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_api_query query;
static struct nv_trace_filter filter;
static struct nv_fail fail;

static void set_up(void)
{
    arena = nv_arena_new(1u << 18);
    fail = (struct nv_fail){0};
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static enum nv_err parse(const char *text)
{
    enum nv_err err = nv_api_query_read(arena, nv_str_from(text), &query);
    return err != NV_OK ? err : nv_api_query_filter(&query, &filter, &fail);
}

START_TEST(escapes_become_text)
{
    ck_assert_int_eq(parse("&search=a%20b+c%2Bd%e6%9d%b1&&model="), NV_OK);
    ck_assert_nv_str(filter.search, "a b c+d\xe6\x9d\xb1");
    ck_assert_ptr_nonnull(filter.names[NV_MENTION_MODEL].ptr);
    ck_assert_nv_str(nv_api_query_get(&query, "model"), "");
    ck_assert_ptr_null(nv_api_query_get(&query, "agent").ptr);
}
END_TEST

START_TEST(every_parameter_is_taken)
{
    ck_assert_int_eq(
        parse("status=error&agent=a&sort=cost&order=asc&after=1_2&newer=7&limit=500"
              "&min_ms=1.5&max_cost=2&source=ab"),
        NV_OK);
    ck_assert_nv_str(filter.names[NV_MENTION_STATUS], "error");
    ck_assert_int_eq(filter.sort, NV_SORT_COST);
    ck_assert(filter.ascending);
    ck_assert_nv_str(filter.cursor, "1_2");
    ck_assert_int_eq(filter.newer_than, 7);
    ck_assert_uint_eq(filter.limit, 500);
    ck_assert(filter.ranges[NV_RANGE_duration_ms].has_min);
    ck_assert(!filter.ranges[NV_RANGE_duration_ms].has_max);
    ck_assert_double_eq(filter.ranges[NV_RANGE_cost].max, 2.0);
    ck_assert_nv_str(filter.source_id, "ab");
    ck_assert_int_eq(parse("order=desc"), NV_OK);
}
END_TEST

static const struct {
    const char *text;
    enum nv_err err;
} refused[] = {
    {"a%2", NV_ERR_MALFORMED},     {"a=%zz", NV_ERR_MALFORMED},
    {"a=%00", NV_ERR_MALFORMED},   {"search=%ff", NV_ERR_MALFORMED},
    {"nonsense=1", NV_ERR_CONFIG}, {"limit=0", NV_ERR_CONFIG},
    {"limit=501", NV_ERR_CONFIG},  {"limit=x", NV_ERR_CONFIG},
    {"sort=name", NV_ERR_CONFIG},  {"order=up", NV_ERR_CONFIG},
    {"min_ms=x", NV_ERR_CONFIG},   {"min_nothing=1", NV_ERR_CONFIG},
    {"newer=x", NV_ERR_CONFIG},
};

START_TEST(what_is_none_is_refused)
{
    ck_assert_int_eq(parse(refused[_i].text), refused[_i].err);
    if (refused[_i].err == NV_ERR_CONFIG)
        ck_assert_ptr_nonnull(strstr(fail.what, "docs/api.md"));
}
END_TEST

START_TEST(so_many_and_no_more)
{
    char text[4 * NV_QUERY_PAIRS_MAX + 8] = "";
    for (unsigned i = 0; i < NV_QUERY_PAIRS_MAX; i++)
        memcpy(text + 4 * i, "a=1&", 5);
    ck_assert_int_eq(nv_api_query_read(arena, nv_str_from(text), &query), NV_OK);
    memcpy(text + 4 * NV_QUERY_PAIRS_MAX, "a=1", 4);
    ck_assert_int_eq(nv_api_query_read(arena, nv_str_from(text), &query), NV_ERR_LIMIT);
}
END_TEST

START_TEST(a_search_has_its_length)
{
    char text[NV_SEARCH_BYTES_MAX + 16];
    memset(text, 'x', sizeof text);
    memcpy(text, "search=", 7);
    text[7 + NV_SEARCH_BYTES_MAX] = '\0';
    ck_assert_int_eq(parse(text), NV_OK);
    text[7 + NV_SEARCH_BYTES_MAX] = 'x';
    text[8 + NV_SEARCH_BYTES_MAX] = '\0';
    ck_assert_int_eq(parse(text), NV_ERR_CONFIG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/api_query");
    TCase *tcase = tcase_create("query");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, escapes_become_text);
    tcase_add_test(tcase, every_parameter_is_taken);
    tcase_add_loop_test(tcase, what_is_none_is_refused, 0,
                        (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(tcase, so_many_and_no_more);
    tcase_add_test(tcase, a_search_has_its_length);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
