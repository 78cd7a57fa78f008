/*
 * What is taken off a model's name before it is looked up, and who is asked.
 */
#include "tests/support/expect.h"
#include "mapping/prices/price_name.h"

#include "base/banned.h"

static bool has(const struct nv_str *list, unsigned count, const char *text)
{
    for (unsigned i = 0; i < count; i++) {
        if (nv_str_eq(list[i], nv_str_from(text)))
            return true;
    }
    return false;
}

START_TEST(the_most_exact_name_and_the_spans_provider_go_first)
{
    struct nv_price_names names;
    nv_price_names_make(NV_STR("openrouter/anthropic/claude-sonnet-4.5"), NV_STR("openai"),
                        &names);
    ck_assert(nv_str_eq(names.names[0], NV_STR("openrouter/anthropic/claude-sonnet-4.5")));
    ck_assert(nv_str_eq(names.names[1], NV_STR("anthropic/claude-sonnet-4.5")));
    ck_assert(nv_str_eq(names.names[2], NV_STR("claude-sonnet-4.5")));
    ck_assert(nv_str_eq(names.sellers[0], NV_STR("openai")));
    ck_assert(nv_str_eq(names.sellers[1], NV_STR("openrouter")));
    ck_assert(nv_str_eq(names.sellers[2], NV_STR("anthropic")));
}
END_TEST

START_TEST(ends_are_taken_off)
{
    static const struct {
        const char *model, *name;
        bool tried;
    } cases[] = {{"gpt-4o-2024-08-06", "gpt-4o", true},
                 {"claude-3-5-sonnet@20241022", "claude-3-5-sonnet", true},
                 {"claude-3-5-sonnet@latest", "claude-3-5-sonnet", true},
                 {"us.anthropic.claude-x-20241022-v2:0", "claude-x", true},
                 {"models/gemini-2.5-flash-001", "gemini-2.5-flash", true},
                 {"text-embedding-005", "text-embedding", false},
                 {"llama3:8b", "llama3", true},
                 {"deepseek/deepseek-r1:free", "deepseek-r1", false},
                 {"ft:gpt-4o-mini:me::id", "gpt-4o-mini", false},
                 {"gpt-4o-2024-8-6", "gpt-4o", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_price_names names;
        nv_price_names_make(nv_str_from(cases[i].model), NV_STR(""), &names);
        ck_assert_msg(has(names.names, names.count, cases[i].name) == cases[i].tried, "%s",
                      cases[i].model);
    }
}
END_TEST

START_TEST(many_parts_leave_room_for_the_last)
{
    struct nv_price_names names;
    nv_price_names_make(NV_STR("a/b/c/d/e/f/g/h/i/j/k/l/us.anthropic.claude-x-20241022-v2:0"),
                        NV_STR("me"), &names);
    ck_assert_uint_le(names.count, NV_PRICE_NAMES_MAX);
    ck_assert_uint_le(names.seller_count, NV_PRICE_SELLERS_MAX);
    ck_assert(has(names.names, names.count, "claude-x"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/price_name");
    TCase *tcase = tcase_create("price_name");
    tcase_add_test(tcase, the_most_exact_name_and_the_spans_provider_go_first);
    tcase_add_test(tcase, ends_are_taken_off);
    tcase_add_test(tcase, many_parts_leave_room_for_the_last);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
