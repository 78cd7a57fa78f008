/*
 * The look-up of keys: numbers folded, exact before long prefixes before short ones.
 *
 * Globs and their first-character filter are tested beside it.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/rules/rule_parse.h"

#include "base/banned.h"

static struct nv_rules table(struct nv_arena *arena)
{
    struct nv_rule_draft draft;
    struct nv_rules rules;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(
        nv_rule_parse(&draft, NV_STR("t"),
                      NV_STR("a.b | span | | llm.1 | copy | 1\n"
                             "a.{*} | span | | llm.{*} | copy | 1\n"
                             "a.b.{*} | span | | llm.x.{*} | copy | 1\n"
                             "m.{i}.{*} | span | | llm.input.messages | messages(input) | 1\n"
                             "m.{i}.c.{j} | span | | llm.2 | copy | 1\n"),
                      false, NULL),
        NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &rules), NV_OK);
    return rules;
}

START_TEST(the_best_pattern_is_found)
{
    static const struct {
        const char *key, *pattern, *rest;
        unsigned numbers;
        uint32_t first;
    } cases[] = {{"a.b", "a.b", "", 0, 0},
                 {"a.c", "a.", "c", 0, 0},
                 {"a.c.d.e", "a.", "c.d.e", 0, 0},
                 {"a.b.c", "a.b.", "c", 0, 0},
                 {"m.12.role", "m.{i}.", "role", 1, 12},
                 {"m.7.c.3", "m.{i}.c.{i}", "", 2, 7},
                 {"m.7.c.x", "m.{i}.", "c.x", 1, 7},
                 {"m.x.role", NULL, NULL, 0, 0},
                 {"m.1234567890.role", NULL, NULL, 0, 0},
                 {"b", NULL, NULL, 0, 0},
                 {"", NULL, NULL, 0, 0},
                 {"a", NULL, NULL, 0, 0},
                 {"a.", NULL, NULL, 0, 0}};
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rules rules = table(arena);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_key_match match;
        struct nv_str key = nv_str_from(cases[i].key);
        nv_rules_find(&rules, key, &match);
        ck_assert_msg((match.key != 0) == (cases[i].pattern != NULL), "%s", cases[i].key);
        if (match.key == 0)
            continue;
        ck_assert_nv_str(rules.keys[match.key - 1].pattern, cases[i].pattern);
        ck_assert_nv_str(nv_str_slice(key, match.source_rest, key.len), cases[i].rest);
        ck_assert_uint_eq(match.number_count, cases[i].numbers);
        if (cases[i].numbers > 0)
            ck_assert_uint_eq(match.numbers[0], cases[i].first);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(keys_that_are_too_long_pass_as_they_are)
{
    char key[2000];
    struct nv_key_match match;
    memset(key, 'x', sizeof key);
    memcpy(key, "m.1.", 4);
    nv_rules_find(nv_rules_builtin(), (struct nv_str){key, sizeof key}, &match);
    ck_assert_uint_eq(match.number_count, 0);
    ck_assert(match.folded.ptr == key);
}
END_TEST

START_TEST(every_compiled_key_finds_itself)
{
    const struct nv_rules *rules = nv_rules_builtin();
    for (uint32_t i = 0; i < rules->key_count; i++)
        ck_assert_uint_eq(nv_rules_find_exact(rules, rules->keys[i].pattern, rules->keys[i].wild),
                          i);
}
END_TEST

START_TEST(globs)
{
    static const struct {
        const char *globs, *text;
        bool match;
    } cases[] = {{"chat", "CHAT", true},     {"chat", "chats", false},
                 {"a,b,c", "b", true},       {"a,b,c", "d", false},
                 {"*.do*", "ai.doIt", true}, {"*", "", true},
                 {"*", "x", true},           {"", "", true},
                 {"", "x", false},           {"a*b*c", "aXbXbc", true},
                 {"a*b*c", "aXbXb", false},  {"*Retriever", "MyRetriever", true},
                 {"x,*y", "zy", true},       {"gpt-*", "GPT-4o", true},
                 {"1*", "123", true},        {"-*", "-1", true},
                 {"*b", "aabab", true},      {"*B*a*", "xbxA", true},
                 {"*ab*", "xaxaxab", true},  {"*ab", "xabx", false},
                 {"**a", "xa", true},        {"a**", "A", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_str globs_text = nv_str_from(cases[i].globs), text = nv_str_from(cases[i].text);
        ck_assert_msg(nv_glob_any(globs_text, text) == cases[i].match, "%s on %s", cases[i].globs,
                      cases[i].text);
        struct nv_glob_filter filter = nv_glob_filter_of(globs_text);
        ck_assert_msg(nv_glob_any_of(&filter, globs_text, text) == cases[i].match,
                      "filter of %s on %s", cases[i].globs, cases[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rule_find");
    TCase *tcase = tcase_create("rule_find");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_best_pattern_is_found);
    tcase_add_test(tcase, keys_that_are_too_long_pass_as_they_are);
    tcase_add_test(tcase, every_compiled_key_finds_itself);
    tcase_add_test(tcase, globs);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
