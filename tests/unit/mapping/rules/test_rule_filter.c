/*
 * What the last step of building derives: signs, filters, order and flags.
 */
#include "tests/support/expect.h"
#include "mapping/rules/rule_parse.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_rules rules;

static void setup(void)
{
    arena = nv_arena_new(8 << 20);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

/* Builds `rows` behind a convention line. */
static enum nv_err build(const char *rows)
{
    struct nv_rule_draft draft;
    struct nv_fail fail = {0};
    struct nv_str text = nv_arena_printf(arena, "convention t \"t\"\n%s", rows);
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t.rules"), text, false, &fail), NV_OK);
    return nv_rule_build(&draft, &rules);
}

/* The first rule of a key. */
static const struct nv_rule *rule_of(const char *key)
{
    uint16_t index = nv_rules_find_exact(&rules, nv_str_from(key), false);
    ck_assert_uint_ne(index, UINT16_MAX);
    return &rules.rules[rules.keys[index].first_rule];
}

static const struct nv_signs *signs_of(const char *key)
{
    uint16_t index = nv_rules_find_exact(&rules, nv_str_from(key), false);
    ck_assert_uint_ne(index, UINT16_MAX);
    return &rules.keys[index].signs;
}

static unsigned count(const struct nv_signs *signs)
{
    unsigned bits = 0;
    for (unsigned i = 0; i < NV_SIGNS_MAX / 64; i++)
        bits += (unsigned)__builtin_popcountll(signs->bits[i]);
    return bits;
}

START_TEST(equal_questions_share_a_sign)
{
    ck_assert_int_eq(build("a | span | has=k,l | llm.a | copy | 1\n"
                           "b | span | has=k,l | llm.b | copy | 1\n"
                           "c | span | lacks=k,l | llm.c | copy | 1\n"
                           "d | span | has=k | llm.d | copy | 1\n"),
                     NV_OK);
    ck_assert_mem_eq(&rule_of("a")->filter.need, &rule_of("b")->filter.need,
                     sizeof(struct nv_signs));
    ck_assert_mem_eq(&rule_of("a")->filter.need, &rule_of("c")->filter.lack,
                     sizeof(struct nv_signs));
    ck_assert_uint_eq(count(&rule_of("c")->filter.need), 0);
    ck_assert_uint_eq(count(signs_of("k")), 2);
    ck_assert_uint_eq(count(signs_of("l")), 1);
    ck_assert_uint_eq(count(signs_of("a")), 0);
}
END_TEST

START_TEST(a_scope_gives_its_signs)
{
    ck_assert_int_eq(build("a | span | scope=x* | llm.a | copy | 1\n"
                           "b | span | scope!=x* | llm.b | copy | 1\n"
                           "c | span | scope=xy,z | llm.c | copy | 1\n"),
                     NV_OK);
    struct nv_signs both = nv_rules_scope_signs(&rules, NV_STR("xy"));
    struct nv_signs one = nv_rules_scope_signs(&rules, NV_STR("x.core"));
    ck_assert_uint_eq(rules.scope_count, 2);
    ck_assert_uint_eq(count(&both), 2);
    ck_assert_mem_eq(&one, &rule_of("a")->filter.need, sizeof one);
    ck_assert_mem_eq(&one, &rule_of("b")->filter.lack, sizeof one);
    one = nv_rules_scope_signs(&rules, NV_STR("other"));
    ck_assert_uint_eq(count(&one), 0);
}
END_TEST

START_TEST(tests_on_signs_come_first_and_are_not_asked_again)
{
    ck_assert_int_eq(build("a | span | value=v name=n has=k scope=s | llm.a | copy | 1\n"
                           "b | span | attr:k=v | llm.b | copy | 1\n"),
                     NV_OK);
    const struct nv_rule *rule = rule_of("a");
    ck_assert_uint_eq(rule->test_count, 4);
    ck_assert_uint_eq(rule->sign_tests, 2);
    ck_assert_uint_eq(count(&rule->filter.need), 2);
    rule = rule_of("b");
    ck_assert_uint_eq(rule->sign_tests, 0);
    ck_assert_uint_eq(count(&rule->filter.need), 1);
    ck_assert_mem_eq(&rule->filter.need, &rules.valued, sizeof rules.valued);
}
END_TEST

START_TEST(values_are_told_by_how_they_begin_and_how_long_they_are)
{
    ck_assert_int_eq(build("a | span | value=chat,x* | llm.a | copy | 1\n"
                           "b | span | value!=chat | llm.b | copy | 1\n"),
                     NV_OK);
    const struct nv_glob_filter *value = &rule_of("a")->filter.value;
    ck_assert(nv_glob_may(value, nv_glob_bits(NV_STR("Chat"))));
    ck_assert(nv_glob_may(value, nv_glob_bits(NV_STR("xyz and more"))));
    ck_assert(!nv_glob_may(value, nv_glob_bits(NV_STR("tool"))));
    ck_assert(nv_glob_may(&rule_of("b")->filter.value, nv_glob_bits(NV_STR("tool"))));
}
END_TEST

START_TEST(order_and_flags)
{
    ck_assert_int_eq(build("a | span | | llm.a | copy | 7\n"
                           "b | span | | metadata.custom_attributes.{*} | spread | 7\n"
                           "c | resource | | noveum.project | copy | 999\n"
                           "d | span | | llm.finish_reason | text | 7\n"
                           "e | span | | llm.e | json>copy | 7\n"
                           "f | span | | metadata.user_id | text | 7\n"),
                     NV_OK);
    ck_assert_uint_eq(rule_of("a")->order, 7 * 4 + 2);
    ck_assert_uint_eq(rule_of("a")->flags & (NV_RULE_PLAIN | NV_RULE_SPREAD), NV_RULE_PLAIN);
    ck_assert_uint_eq(rule_of("b")->flags & (NV_RULE_PLAIN | NV_RULE_SPREAD), NV_RULE_SPREAD);
    /* Respelled, more than one step, outside of the span's attributes: not as it is. */
    ck_assert_uint_ne(rule_of("a")->flags & NV_RULE_DIRECT, 0);
    for (const char *key = "bdef"; *key != '\0'; key++) {
        const char name[] = {*key, '\0'};
        ck_assert_uint_eq(rule_of(name)->flags & NV_RULE_DIRECT, 0);
    }
    ck_assert_uint_eq(rule_of("c")->order, 999 * 4 + 2);
    ck_assert_uint_ne(rule_of("a")->gives, 0);
    ck_assert_uint_eq(rule_of("c")->gives, 0);
}
END_TEST

START_TEST(more_questions_than_numbers)
{
    char rows[16384];
    size_t len = 0;
    for (unsigned i = 0; i <= NV_SIGNS_MAX; i++) {
        len += (size_t)snprintf(rows + len, sizeof rows - len,
                                "a%u | span | scope=s%u | llm.a | copy | 1\n", i, i);
    }
    ck_assert_int_eq(build(rows), NV_ERR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rule_filter");
    TCase *tcase = tcase_create("rule_filter");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, equal_questions_share_a_sign);
    tcase_add_test(tcase, a_scope_gives_its_signs);
    tcase_add_test(tcase, tests_on_signs_come_first_and_are_not_asked_again);
    tcase_add_test(tcase, values_are_told_by_how_they_begin_and_how_long_they_are);
    tcase_add_test(tcase, order_and_flags);
    tcase_add_test(tcase, more_questions_than_numbers);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
