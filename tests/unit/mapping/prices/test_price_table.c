/*
 * Tables of prices from text: sorted, with what they hold alone, and refused with the place.
 */
#include "tests/support/expect.h"
#include "tests/support/fixtures.h"
#include "tests/support/oom.h"
#include "mapping/prices/price.h"
#include "mapping/prices/price_table.h"

#include <stdlib.h>

#include "base/banned.h"

#define USD_MAX 1e9
#define HEADER "provider,model,from,input,cached,cache_write,output\n"

static struct nv_price_table parse(struct nv_arena *arena, const char *text)
{
    struct nv_price_table table;
    ck_assert_int_eq(nv_price_table_parse(arena, NV_STR("t"), nv_str_from(text), &table, NULL),
                     NV_OK);
    return table;
}

static void expect_text(const struct nv_price_table *table, uint32_t at, uint32_t len,
                        const char *text)
{
    ck_assert(nv_str_eq((struct nv_str){table->text + at, len}, nv_str_from(text)));
}

START_TEST(rows_stand_by_seller_exact_ones_first)
{
    static const char *const models[] = {"a", "b", "z*", "c*", "x"};
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_price_table table = parse(arena, HEADER "one,z*,,1,,,2\n"
                                                      "two,x,,7\n"
                                                      "one,b,2026-01-02,3,0.5,,4\n"
                                                      "one,c*,01:30-02:00,5,,,6\n"
                                                      "one,a,,0\n");
    ck_assert_uint_eq(table.row_count, 5);
    ck_assert_uint_eq(table.seller_count, 2);
    ck_assert_uint_eq(table.usd_count, 9);
    expect_text(&table, table.sellers[0].name_at, table.sellers[0].name_len, "one");
    ck_assert_uint_eq(table.sellers[0].exact, 2);
    ck_assert_uint_eq(table.sellers[0].count, 4);
    ck_assert_uint_eq(table.sellers[1].first, 4);
    for (uint32_t i = 0; i < 5; i++)
        expect_text(&table, table.rows[i].model_at, table.rows[i].model_len, models[i]);
    const struct nv_price_row *b = &table.rows[1];
    ck_assert_uint_eq(b->from_day, 20455);
    ck_assert_uint_eq(b->columns,
                      1u << NV_PRICE_INPUT | 1u << NV_PRICE_CACHED | 1u << NV_PRICE_OUTPUT);
    ck_assert_double_eq(table.usd[b->usd_at + 1], 0.5);
    ck_assert_uint_eq(table.rows[3].from_minute, 90);
    ck_assert_uint_eq(table.rows[3].to_minute, 120);
    ck_assert_uint_eq(parse(arena, HEADER).row_count, 0);
    ck_assert_uint_eq(parse(arena, "").row_count, 0);
    nv_arena_free(arena);
}
END_TEST

/* What the build has made of it is what the parser makes of it now. */
START_TEST(the_one_that_is_compiled_in_is_the_file)
{
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_str file = nv_test_read_file(NOVEUM_SOURCE_DIR "/mapping/prices.csv");
    struct nv_price_table table;
    const struct nv_price_table *built = &nv_price_table_builtin;
    ck_assert_int_eq(nv_price_table_parse(arena, NV_STR("t"), file, &table, NULL), NV_OK);
    ck_assert_uint_gt(table.row_count, 2000);
    ck_assert_uint_eq(table.row_count, built->row_count);
    ck_assert_uint_eq(table.seller_count, built->seller_count);
    ck_assert_uint_eq(table.usd_count, built->usd_count);
    ck_assert_mem_eq(table.usd, built->usd, table.usd_count * sizeof *table.usd);
    for (uint32_t i = 0; i < table.row_count; i++) {
        struct nv_price_row row = table.rows[i], other = built->rows[i];
        ck_assert_uint_eq(row.model_len, other.model_len);
        ck_assert_mem_eq(table.text + row.model_at, built->text + other.model_at,
                         row.model_len);
        ck_assert(row.usd_at == other.usd_at && row.columns == other.columns &&
                  row.from_day == other.from_day && row.from_minute == other.from_minute &&
                  row.to_minute == other.to_minute && row.glob == other.glob &&
                  row.special == other.special && row.filter.first == other.filter.first &&
                  row.filter.lengths == other.filter.lengths);
    }
    free((char *)(uintptr_t)file.ptr);
    nv_arena_free(arena);
}
END_TEST

START_TEST(a_price_is_at_most_usd_max)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_price_table table = parse(arena, HEADER "one,a,,1e9\n");
    ck_assert_double_eq(table.usd[0], USD_MAX);
    ck_assert_int_eq(nv_price_table_parse(arena, NV_STR("t"),
                                          NV_STR(HEADER "one,a,,1000000000.1\n"), &table, NULL),
                     NV_ERR_CONFIG);
    nv_arena_free(arena);
}
END_TEST

START_TEST(each_allocation_may_fail)
{
    const struct nv_str text = NV_STR(HEADER "one,a,,1,,,2\n");
    for (unsigned long n = 1, failed = 1; failed; n++) {
        struct nv_price_table table;
        enum nv_err err = NV_ERR_NO_MEMORY;
        oom_fail_nth(n);
        struct nv_arena *arena = nv_arena_new(1 << 20);
        if (arena)
            err = nv_price_table_parse(arena, NV_STR("t"), text, &table, NULL);
        failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(wrong_tables_are_refused_with_their_place)
{
    static const struct {
        const char *text, *path;
    } cases[] = {{"openai,x,,1\n", "t:1:1"},
                 {HEADER "openai,x\n", "t:2:1"},
                 {HEADER "openai,x,,cheap,,,2\n", "t:2:11"},
                 {HEADER "openai,x,,-1,,,2\n", "t:2:11"},
                 {HEADER "openai,x,,1,,,1000000001\n", "t:2:15"},
                 {"# c\n" HEADER "openai,x,soon,1,,,2\n", "t:3:10"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_fail fail = {0};
        struct nv_price_table table;
        struct nv_str text = nv_str_from(cases[i].text);
        ck_assert_int_eq(nv_price_table_parse(arena, NV_STR("t"), text, &table, &fail),
                         NV_ERR_CONFIG);
        ck_assert_str_eq(fail.path, cases[i].path);
        nv_arena_free(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/price_table");
    TCase *tcase = tcase_create("price_table");
    tcase_add_test(tcase, rows_stand_by_seller_exact_ones_first);
    tcase_add_test(tcase, the_one_that_is_compiled_in_is_the_file);
    tcase_add_test(tcase, a_price_is_at_most_usd_max);
    tcase_add_test(tcase, each_allocation_may_fail);
    tcase_add_test(tcase, wrong_tables_are_refused_with_their_place);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
