/*
 * Tables of layouts: whose they are, that they stay within their cap, and what happens without
 * memory.
 */
#include "mapping/engine/layout_table.h"
#include "base/limits.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"
#include "tests/support/oom.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static size_t bytes_of(const struct nv_layout_table *table)
{
    return table->arena ? nv_arena_bytes(table->arena) : 0;
}

static unsigned count_of(const struct nv_layout_table *table)
{
    unsigned count = 0;
    for (unsigned i = 0; i < NV_LAYOUT_BUCKETS; i++) {
        for (const struct nv_layout *layout = table->buckets[i]; layout; layout = layout->next)
            count++;
    }
    return count;
}

START_TEST(a_table_is_one_threads_until_it_is_given_back)
{
    struct nv_layout_pool *pool = nv_layout_pool_new();
    struct nv_layout_table *tables[NV_LAYOUT_TABLES];
    for (unsigned i = 0; i < NV_LAYOUT_TABLES; i++) {
        tables[i] = nv_layout_table_take(pool);
        ck_assert_ptr_nonnull(tables[i]);
        for (unsigned k = 0; k < i; k++)
            ck_assert_ptr_ne(tables[i], tables[k]);
    }
    ck_assert_ptr_null(nv_layout_table_take(pool));
    nv_layout_table_give(pool, NULL);
    ck_assert_ptr_null(nv_layout_table_take(pool));
    nv_layout_table_give(pool, tables[3]);
    ck_assert_ptr_eq(nv_layout_table_take(pool), tables[3]);
    for (unsigned i = 0; i < NV_LAYOUT_TABLES; i++)
        nv_layout_table_give(pool, tables[i]);
    ck_assert_ptr_nonnull(nv_layout_table_take(pool));
    nv_layout_pool_free(pool);
    nv_layout_pool_free(NULL);
}
END_TEST

START_TEST(a_full_table_is_emptied)
{
    struct nv_layout_pool *pool = nv_layout_pool_new();
    struct nv_layout_table *table = nv_layout_table_take(pool);
    unsigned fits = 0;
    struct nv_layout *layout;
    while ((layout = nv_layout_table_alloc(table, 1, 4096)) != NULL) {
        *layout = (struct nv_layout){.hash = 1};
        table->buckets[1] = layout;
        fits++;
        ck_assert_uint_le(bytes_of(table), NV_CAP_LAYOUTS);
    }
    ck_assert_uint_gt(fits, 64);
    ck_assert_ptr_null(table->buckets[1]);
    ck_assert_ptr_nonnull(nv_layout_table_alloc(table, 1, 4096)); /* and used again */
    nv_layout_table_give(pool, table);
    nv_layout_pool_free(pool);
}
END_TEST

/* One more layout than fits: what comes after is remembered and the same as before. */
START_TEST(layouts_without_end_stay_within_the_cap)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_layout_table *table;
    unsigned most = 0;
    for (unsigned n = 0; n < 600; n++) {
        char spans[256];
        (void)snprintf(spans, sizeof spans,
                       "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat', "
                       "'gen_ai.request.model': 'm', 'app.key%u': %u}}]",
                       n, n);
        for (unsigned round = 0; round < 3; round++) {
            struct told *told = told_with(mapping, NULL, spans);
            told_is(told, "a", "llm.model", "'m'");
            told_free(told);
        }
        table = nv_layout_table_take(mapping->layouts);
        ck_assert_uint_le(bytes_of(table), NV_CAP_LAYOUTS);
        most = count_of(table) > most ? count_of(table) : most;
        nv_layout_table_give(mapping->layouts, table);
    }
    ck_assert_uint_gt(most, 50);
    ck_assert_uint_lt(most, 600);
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(keys_that_never_come_again_are_not_learnt)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    for (unsigned n = 0; n < 100; n++) {
        char spans[128];
        (void)snprintf(spans, sizeof spans, "[{'name': 'a', 'attributes': {'app.key%u': 1}}]",
                       n);
        told_free(told_with(mapping, NULL, spans));
    }
    struct nv_layout_table *table = nv_layout_table_take(mapping->layouts);
    ck_assert_uint_eq(count_of(table), 0);
    nv_layout_table_give(mapping->layouts, table);
    nv_mapping_free(mapping);
}
END_TEST

/* Names of scopes and keys of resources: more than there is room for, each asked for twice, and
 * the answers of one that remembers nothing. */
START_TEST(what_is_forgotten_is_asked_for_again)
{
    const struct nv_rules *rules = nv_rules_builtin();
    struct nv_layout_pool *pool = nv_layout_pool_new();
    struct nv_layout_table *table = nv_layout_table_take(pool);
    for (uint32_t i = 0; i < 2 * rules->key_count; i++) {
        const struct nv_str key = rules->keys[i / 2].pattern;
        struct nv_key_match match;
        nv_rules_find(rules, key, &match);
        ck_assert_uint_eq(nv_layout_key_of(table, rules, key), match.key);
        ck_assert_uint_eq(nv_layout_key_of(NULL, rules, key), match.key);
    }
    for (uint32_t round = 0; round < 2; round++) {
        for (size_t len = 0; len <= NV_LAYOUT_SCOPE_BYTES + 1; len++) {
            char name[NV_LAYOUT_SCOPE_BYTES + 2] = "pipecat";
            memset(name + 7, 'x', sizeof name - 7);
            const struct nv_str scope = {name, len};
            const struct nv_signs want = nv_rules_scope_signs(rules, scope),
                                  got = nv_layout_scope_signs(table, rules, scope),
                                  again = nv_layout_scope_signs(table, rules, scope);
            ck_assert_mem_eq(&want, &got, sizeof want);
            ck_assert_mem_eq(&want, &again, sizeof want);
        }
    }
    nv_layout_table_give(pool, table);
    nv_layout_pool_free(pool);
}
END_TEST

START_TEST(without_memory_nothing_is_remembered)
{
    oom_fail_nth(1);
    struct nv_layout_pool *pool = nv_layout_pool_new();
    ck_assert(oom_end());
    ck_assert_ptr_null(pool);
    pool = nv_layout_pool_new();
    for (unsigned i = 0; i <= NV_LAYOUT_TABLES; i++) {
        oom_fail_nth(1);
        struct nv_layout_table *none = nv_layout_table_take(pool);
        ck_assert(oom_end());
        ck_assert_ptr_null(none);
    }
    struct nv_layout_table *table = nv_layout_table_take(pool); /* none was lost by that */
    ck_assert_ptr_nonnull(table);
    oom_fail_from(1);
    void *bytes = nv_layout_table_alloc(table, 1, 16);
    ck_assert(oom_end());
    ck_assert_ptr_null(bytes);
    ck_assert_ptr_nonnull(nv_layout_table_alloc(table, 1, 16));
    nv_layout_table_give(pool, table);
    nv_layout_pool_free(pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/engine/layout_table");
    TCase *tcase = tcase_create("layout_table");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_table_is_one_threads_until_it_is_given_back);
    tcase_add_test(tcase, a_full_table_is_emptied);
    tcase_add_test(tcase, layouts_without_end_stay_within_the_cap);
    tcase_add_test(tcase, keys_that_never_come_again_are_not_learnt);
    tcase_add_test(tcase, what_is_forgotten_is_asked_for_again);
    tcase_add_test(tcase, without_memory_nothing_is_remembered);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
