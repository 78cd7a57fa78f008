/*
 * Sets of rules: rows sorted and numbered, a user's rows merged, fields gated.
 *
 * What an import and a build make of the compiled tables must be the compiled tables again.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/rules/rule_parse.h"

#include "base/banned.h"

static struct nv_rules build(struct nv_arena *arena, const char *builtin, const char *user)
{
    struct nv_rule_draft draft;
    struct nv_rules rules;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("a"), nv_str_from(builtin), false, NULL),
                     NV_OK);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("u"), nv_str_from(user), true, NULL), NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &rules), NV_OK);
    return rules;
}

START_TEST(rows_of_a_key_stand_by_precedence_user_first)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rules rules =
        build(arena, "k | span | | llm.b | copy | 50\nk | span | | llm.a | copy | 30\n",
              "k | span | | llm.c | copy | 50\nk | span | | llm.d | int | 70\n");
    uint16_t key = nv_rules_find_exact(&rules, NV_STR("k"), false);
    ck_assert_uint_ne(key, UINT16_MAX);
    ck_assert_uint_eq(rules.keys[key].rule_count, 4);
    static const char *const order[] = {"llm.a", "llm.c", "llm.b", "llm.d"};
    for (unsigned i = 0; i < 4; i++) {
        const struct nv_rule *rule = &rules.rules[rules.keys[key].first_rule + i];
        ck_assert_nv_str(rules.fields[rule->field].name, order[i]);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(known_fields_come_first)
{
    const struct nv_rules *rules = nv_rules_builtin();
    ck_assert_nv_str(rules->fields[NV_FIELD_MODEL].name, "llm.model");
    ck_assert_nv_str(rules->fields[NV_FIELD_TRACE_NAME].name, "trace.name");
    ck_assert(rules->fields[NV_FIELD_SESSION_ID].of_trace);
    ck_assert(rules->fields[NV_FIELD_MODEL].replaces);
    ck_assert(!rules->fields[NV_FIELD_SESSION_ID].replaces);
}
END_TEST

START_TEST(the_longest_gate_counts)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rules rules =
        build(arena,
              "field x.{*} llm\nfield x.y agent\na | span | | x.y | copy | 1\n"
              "a | span | | x.z | copy | 1\nx.q.w | span | | llm.k | copy | 1\n",
              "");
    for (uint32_t i = 0; i < rules.field_count; i++) {
        struct nv_str name = rules.fields[i].name;
        if (nv_str_eq(name, NV_STR("x.y")))
            ck_assert_uint_eq(rules.fields[i].kinds, NV_KIND_BIT(NV_KIND_AGENT));
        if (nv_str_eq(name, NV_STR("x.z")))
            ck_assert_uint_eq(rules.fields[i].kinds, NV_KIND_BIT(NV_KIND_LLM));
    }
    uint16_t key = nv_rules_find_exact(&rules, NV_STR("x.q.w"), false);
    ck_assert_uint_eq(rules.keys[key].gate, NV_KIND_BIT(NV_KIND_LLM));
    nv_arena_free(arena);
}
END_TEST

START_TEST(an_import_builds_the_same_set)
{
    struct nv_arena *arena = nv_arena_new((size_t)64 << 20);
    const struct nv_rules *builtin = nv_rules_builtin();
    struct nv_rule_draft draft;
    struct nv_rules again;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_draft_import(&draft, builtin), NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &again), NV_OK);
    ck_assert_uint_eq(again.rule_count, builtin->rule_count);
    ck_assert_uint_eq(again.key_count, builtin->key_count);
    ck_assert_uint_eq(again.field_count, builtin->field_count);
    ck_assert_uint_eq(again.watch_count, builtin->watch_count);
    for (uint32_t i = 0; i < builtin->rule_count; i++) {
        const struct nv_rule *a = &builtin->rules[i], *b = &again.rules[i];
        ck_assert_uint_eq(a->key, b->key);
        ck_assert_uint_eq(a->field, b->field);
        ck_assert_uint_eq(a->line, b->line);
        ck_assert_uint_eq(a->kinds, b->kinds);
        ck_assert_uint_eq(a->gives, b->gives);
        ck_assert_uint_eq(a->order, b->order);
        ck_assert_uint_eq(a->flags, b->flags);
        ck_assert_mem_eq(&a->filter, &b->filter, sizeof a->filter);
    }
    for (uint32_t i = 0; i < builtin->key_count; i++) {
        ck_assert_mem_eq(&builtin->keys[i].signs, &again.keys[i].signs,
                         sizeof again.keys[i].signs);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(a_wild_watch_sees_keys_with_rows_of_their_own)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rules rules =
        build(arena,
              "a.b | span | | llm.b | copy | 1\nz | span | has=a.{*} | llm.z | copy | 1\n", "");
    uint16_t key = nv_rules_find_exact(&rules, NV_STR("a.b"), false);
    const struct nv_rule_key *wild =
        &rules.keys[nv_rules_find_exact(&rules, NV_STR("a."), true)];
    ck_assert_mem_eq(&rules.keys[key].signs, &wild->signs, sizeof wild->signs);
    ck_assert_uint_eq(wild->signs.bits[0], 1);
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rule_build");
    TCase *tcase = tcase_create("rule_build");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, rows_of_a_key_stand_by_precedence_user_first);
    tcase_add_test(tcase, known_fields_come_first);
    tcase_add_test(tcase, the_longest_gate_counts);
    tcase_add_test(tcase, an_import_builds_the_same_set);
    tcase_add_test(tcase, a_wild_watch_sees_keys_with_rows_of_their_own);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
