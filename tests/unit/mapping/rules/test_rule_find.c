/*
 * The look-up of keys: numbers folded, exact before long prefixes before short ones.
 *
 * Globs and their first-character filter are tested beside it.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/rules/rule_parse.h"

#include <fnmatch.h>
#include <stdio.h>

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

/* By the last part, where nothing but conditions ask for what is before it. */
START_TEST(endings_are_found_last)
{
    static const struct {
        const char *key, *pattern;
    } cases[] = {{"x.y.failed", "{*}.failed"},   {"x.failed", "{*}.failed"},
                 {"asked.failed", "{*}.failed"}, {"row.failed", "row."},
                 {"own.failed", "own.failed"},   {"failed", NULL},
                 {"x.unfailed", NULL},           {"x.failed.y", NULL}};
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rule_draft draft;
    struct nv_rules rules;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t"),
                                   NV_STR("{*}.failed | span | | llm.x | copy | 1\n"
                                          "row.{*} | span | has=asked.{*} | llm.y | copy | 1\n"
                                          "own.failed | span | | llm.z | copy | 1\n"),
                                   false, NULL),
                     NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &rules), NV_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_key_match match;
        nv_rules_find(&rules, nv_str_from(cases[i].key), &match);
        ck_assert_msg((match.key != 0) == (cases[i].pattern != NULL), "%s", cases[i].key);
        if (match.key != 0)
            ck_assert_nv_str(rules.keys[match.key - 1].pattern, cases[i].pattern);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(fields_are_found_by_name)
{
    const struct nv_rules *rules = nv_rules_builtin();
    for (uint16_t i = 0; i < rules->field_count; i++)
        ck_assert_uint_eq(nv_rules_find_field(rules, rules->fields[i].name), i);
    ck_assert_uint_eq(nv_rules_find_field(rules, NV_STR("llm.no.such.field")), NV_FIELD_NONE);
}
END_TEST

static uint32_t random_below(uint64_t *state, uint32_t end)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % end;
}

/* As the header says it: the longest of the known texts that ends in a dot of the key. */
static struct nv_str longest_prefix(struct nv_str key, const char *const *known, size_t count)
{
    for (size_t len = key.len > 0 ? key.len - 1 : 0; len > 0; len--) {
        for (size_t i = 0; i < count; i++) {
            if (nv_str_eq(nv_str_slice(key, 0, len), nv_str_from(known[i])))
                return nv_str_slice(key, 0, len);
        }
    }
    return NV_STR("");
}

/* Dots are looked for eight bytes at a time: keys of all lengths, with dots at all places. */
START_TEST(prefixes_of_any_length_are_found)
{
    static const char *const known[] = {"a.", "a.b.", "abababa.", "abababab.", "ababababa.b."};
    const size_t count = sizeof known / sizeof *known;
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rule_draft draft;
    struct nv_rules rules;
    uint64_t random = 7;
    unsigned hits = 0;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t"),
                                   NV_STR("a.{*} | span | | llm.1.{*} | copy | 1\n"
                                          "a.b.{*} | span | | llm.2.{*} | copy | 1\n"
                                          "abababa.{*} | span | | llm.3.{*} | copy | 1\n"
                                          "abababab.{*} | span | | llm.4.{*} | copy | 1\n"
                                          "ababababa.b.{*} | span | | llm.5.{*} | copy | 1\n"),
                                   false, NULL),
                     NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &rules), NV_OK);
    for (unsigned round = 0; round < 200000; round++) {
        char text[32];
        struct nv_str key = {text, random_below(&random, sizeof text)};
        struct nv_key_match match;
        for (size_t i = 0; i < key.len; i++)
            text[i] = random_below(&random, 5) == 0 ? '.' : "ab"[i % 2];
        struct nv_str want = longest_prefix(key, known, count);
        nv_rules_find(&rules, key, &match);
        ck_assert_msg((match.key != 0) == (want.len > 0), "%.*s", NV_STR_ARG(key));
        ck_assert_uint_eq(match.rest, want.len);
        hits += want.len > 0;
    }
    ck_assert_uint_gt(hits, 10000);
    nv_arena_free(arena);
}
END_TEST

/* Against fnmatch(3), which knows the same wildcard. */
START_TEST(random_globs)
{
    uint64_t random = 3;
    unsigned hits = 0;
    for (unsigned round = 0; round < 200000; round++) {
        char pattern[24], text[40];
        size_t pattern_len = random_below(&random, sizeof pattern);
        size_t text_len = random_below(&random, sizeof text);
        for (size_t i = 0; i < pattern_len; i++)
            pattern[i] = "abA@`*"[random_below(&random, 6)];
        for (size_t i = 0; i < text_len; i++)
            text[i] = "abBA@`"[random_below(&random, 6)];
        /* every other text begins like its pattern, for longer than by chance */
        const size_t same =
            round % 2 == 0 ? 0 : random_below(&random, (uint32_t)pattern_len + 1);
        memcpy(text, pattern, same < text_len ? same : text_len);
        pattern[pattern_len] = text[text_len] = '\0';
        bool want = fnmatch(pattern, text, FNM_CASEFOLD) == 0;
        ck_assert_msg(nv_glob_any(nv_str_from(pattern), nv_str_from(text)) == want, "%s %s",
                      pattern, text);
        hits += want;
    }
    ck_assert_uint_gt(hits, 1000);
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
    for (uint32_t i = 0; i < rules->key_count; i++) {
        ck_assert_uint_eq(
            nv_rules_find_exact(rules, rules->keys[i].pattern, rules->keys[i].wild), i);
    }
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
        struct nv_str globs_text = nv_str_from(cases[i].globs),
                      text = nv_str_from(cases[i].text);
        ck_assert_msg(nv_glob_any(globs_text, text) == cases[i].match, "%s on %s",
                      cases[i].globs, cases[i].text);
        struct nv_glob_filter filter = nv_glob_filter_of(globs_text);
        ck_assert_msg(nv_glob_any_of(&filter, globs_text, text) == cases[i].match,
                      "filter of %s on %s", cases[i].globs, cases[i].text);
    }
}
END_TEST

/* The ninth number stays as it is. */
START_TEST(numbers_that_are_kept_aside)
{
    struct nv_key_match match;
    nv_rules_find(nv_rules_builtin(), NV_STR("m.1.2.3.4.5.6.7.8.x"), &match);
    ck_assert_uint_eq(match.number_count, NV_KEY_NUMBERS_MAX);
    ck_assert_nv_str(match.folded, "m.{i}.{i}.{i}.{i}.{i}.{i}.{i}.{i}.x");
    nv_rules_find(nv_rules_builtin(), NV_STR("m.1.2.3.4.5.6.7.8.9"), &match);
    ck_assert_uint_eq(match.number_count, NV_KEY_NUMBERS_MAX);
    ck_assert_nv_str(match.folded, "m.{i}.{i}.{i}.{i}.{i}.{i}.{i}.{i}.9");
}
END_TEST

/* Folded the key is two bytes longer; one byte of the space is kept free. */
START_TEST(keys_that_fold_to_the_byte)
{
    char key[NV_KEY_FOLDED_MAX];
    struct nv_key_match match;
    memset(key, 'x', sizeof key);
    memcpy(key, "m.1.", 4);
    nv_rules_find(nv_rules_builtin(), (struct nv_str){key, NV_KEY_FOLDED_MAX - 3}, &match);
    ck_assert_uint_eq(match.number_count, 1);
    ck_assert_uint_eq(match.folded.len, NV_KEY_FOLDED_MAX - 1);
    nv_rules_find(nv_rules_builtin(), (struct nv_str){key, NV_KEY_FOLDED_MAX - 2}, &match);
    ck_assert_uint_eq(match.number_count, 0);
    ck_assert(match.folded.ptr == key);
}
END_TEST

/* `{*}.PART` with PART as long as it may be is found by its end; one byte longer by nothing. */
START_TEST(endings_to_the_byte)
{
    for (size_t more = 0; more < 2; more++) {
        const size_t part = NV_KEY_ENDING_MAX - 4 + more; /* "{*}." in front */
        char row[200], key[100];
        struct nv_arena *arena = nv_arena_new(8u << 20);
        struct nv_rule_draft draft;
        struct nv_rules rules;
        struct nv_key_match match;
        memset(key, 'p', sizeof key);
        memcpy(key, "x.", 2);
        (void)snprintf(row, sizeof row, "{*}.%.*s | span | | llm.x | copy | 1", (int)part,
                       key + 2);
        nv_rule_draft_init(&draft, arena);
        ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t"), nv_str_from(row), false, NULL),
                         NV_OK);
        ck_assert_int_eq(nv_rule_build(&draft, &rules), NV_OK);
        nv_rules_find(&rules, (struct nv_str){key, 2 + part}, &match);
        ck_assert_int_eq(match.key != 0, more == 0);
        nv_arena_free(arena);
    }
}
END_TEST

/* That a key matches nothing is remembered for the rules that were asked, and for no others. */
START_TEST(what_one_table_misses_another_finds)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_rules first = table(arena), second, others[] = {{0}, {0}};
    struct nv_rule_draft draft;
    struct nv_key_match match;
    nv_rule_draft_init(&draft, arena);
    ck_assert_int_eq(nv_rule_parse(&draft, NV_STR("t"),
                                   NV_STR("own.{*} | span | | llm.{*} | copy | 1\n"), false,
                                   NULL),
                     NV_OK);
    ck_assert_int_eq(nv_rule_build(&draft, &second), NV_OK);
    others[0] = first;
    others[1] = second;
    for (int i = 0; i < 6; i++) {
        nv_rules_find(&others[i / 2 % 2], NV_STR("own.key"), &match);
        ck_assert_int_eq(match.key != 0, i / 2 % 2 == 1);
        nv_rules_find(nv_rules_builtin(), NV_STR("own.key"), &match);
        ck_assert_uint_eq(match.key, 0);
        nv_rules_find(&others[i / 2 % 2], NV_STR("a.key"), &match);
        ck_assert_int_eq(match.key != 0, i / 2 % 2 == 0);
    }
    nv_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rule_find");
    TCase *tcase = tcase_create("rule_find");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, the_best_pattern_is_found);
    tcase_add_test(tcase, what_one_table_misses_another_finds);
    tcase_add_test(tcase, endings_are_found_last);
    tcase_add_test(tcase, fields_are_found_by_name);
    tcase_add_test(tcase, keys_that_are_too_long_pass_as_they_are);
    tcase_add_test(tcase, every_compiled_key_finds_itself);
    tcase_add_test(tcase, globs);
    tcase_add_test(tcase, prefixes_of_any_length_are_found);
    tcase_add_test(tcase, random_globs);
    tcase_add_test(tcase, numbers_that_are_kept_aside);
    tcase_add_test(tcase, keys_that_fold_to_the_byte);
    tcase_add_test(tcase, endings_to_the_byte);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
