/*
 * The price tables: finding a model under all its spellings, multiplying.
 *
 * Spellings are those that the SDK's own table misses (docs/noveum-backend.md#costs).
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/prices/price.h"
#include "mapping/prices/price_name.h"

#include <signal.h>
#include <stdlib.h>

#include "base/banned.h"

static struct nv_prices *builtin(struct nv_arena *arena, const char *user)
{
    struct nv_prices *prices = nv_prices_make(arena);
    ck_assert_ptr_nonnull(prices);
    if (user)
        ck_assert_int_eq(nv_prices_add(prices, NV_STR("user"), nv_str_from(user), NULL), NV_OK);
    nv_prices_add_builtin(prices);
    return prices;
}

/* row NULL: none. */
static struct nv_price find(const struct nv_prices *prices, const char *provider,
                            const char *model, uint64_t at)
{
    struct nv_price price = {0};
    if (!nv_price_find(prices, nv_str_from(provider), nv_str_from(model), at, &price))
        ck_assert_ptr_null(price.row);
    return price;
}

#define HEADER "provider,model,from,input,cached,cache_write,output\n"
#define NOW UINT64_C(1795357249000000000) /* 2026-11-22 */

START_TEST(models_are_found_under_their_spellings)
{
    static const struct {
        const char *provider, *model;
        bool known;
    } cases[] = {{"openai", "gpt-4o-mini", true},
                 {"openai", "GPT-4o-mini", true},
                 {"openai", "gpt-4o-mini-2024-07-18", true},
                 {"openai", "gpt-4o-mini-2099-01-01", true},
                 {"", "gpt-4o-mini", true},
                 {"", "openai/gpt-4o", true},
                 {"azure_openai", "azure/gpt-4o", true},
                 {"anthropic", "claude-3-5-sonnet-20241022", true},
                 {"anthropic", "claude-3-7-sonnet-latest", true},
                 {"anthropic", "claude-sonnet-4-5", true},
                 {"openai", "o3", true},
                 {"openai", "o3-mini", true},
                 {"google", "gemini-1.5-pro-002", true},
                 {"google", "models/gemini-1.5-pro", true},
                 {"bedrock", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", true},
                 {"bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0", true},
                 {"mistral", "mistral-large-latest", true},
                 {"openai", "my-own-model", false},
                 {"", "llama-local", false},
                 {"openai", "", false}};
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = builtin(arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_price price = find(prices, cases[i].provider, cases[i].model, NOW);
        ck_assert_msg((price.row != NULL) == cases[i].known, "%s %s", cases[i].provider,
                      cases[i].model);
    }
    nv_arena_free(arena);
}
END_TEST

/* Names with what gateways, clouds and clients put around them cost what the bare name
 * costs. */
START_TEST(names_in_all_their_wrappings)
{
    static const struct {
        const char *provider, *model, *at, *bare;
    } cases[] = {
        {"", "openrouter/anthropic/claude-sonnet-4.5", "openrouter",
         "anthropic/claude-sonnet-4.5"},
        {"openrouter", "openrouter/openai/gpt-4o-mini", "openrouter", "openai/gpt-4o-mini"},
        {"", "anthropic:claude-sonnet-4-5", "anthropic", "claude-sonnet-4-5"},
        {"", "openai:gpt-4o-mini", "openai", "gpt-4o-mini"},
        {"", "google-gla:gemini-2.5-pro", "google", "gemini-2.5-pro"},
        {"", "google-vertex:gemini-2.5-flash", "google", "gemini-2.5-flash"},
        {"", "vertex_ai/gemini-2.5-pro", "google", "gemini-2.5-pro"},
        {"google", "models/gemini-2.5-pro", "google", "gemini-2.5-pro"},
        {"google", "publishers/google/models/gemini-2.5-pro", "google", "gemini-2.5-pro"},
        {"", "gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"},
        {"", "vertex_ai/claude-3-5-sonnet@20241022", "google", "claude-3-5-sonnet"},
        {"", "azure/gpt-4o-mini", "azure_openai", "gpt-4o-mini"},
        {"", "bedrock/us.anthropic.claude-3-5-haiku-20241022-v1:0", "bedrock",
         "anthropic.claude-3-5-haiku-20241022-v1:0"},
        {"bedrock", "apac.anthropic.claude-3-5-sonnet-20241022-v2:0", "bedrock",
         "anthropic.claude-3-5-sonnet-20241022-v2:0"},
        {"bedrock",
         "arn:aws:bedrock:us-east-1:1:inference-profile/"
         "us.anthropic.claude-3-haiku-20240307-v1:0",
         "bedrock", "anthropic.claude-3-haiku-20240307-v1:0"},
        {"", "groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"},
        {"", "xai/grok-4", "xai", "grok-4"},
        {"", "fireworks_ai/accounts/fireworks/models/deepseek-v3p2", "fireworks",
         "accounts/fireworks/models/deepseek-v3p2"}};
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = builtin(arena, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nv_price bare = find(prices, cases[i].at, cases[i].bare, NOW);
        ck_assert_msg(bare.row != NULL, "%s", cases[i].bare);
        ck_assert_msg(find(prices, cases[i].provider, cases[i].model, NOW).row == bare.row,
                      "%s", cases[i].model);
    }
    ck_assert_ptr_null(find(prices, "", "ft:gpt-4o:me::1", NOW).row);
    ck_assert_ptr_null(find(prices, "", "nobody/their-own:free", NOW).row);
    nv_arena_free(arena);
}
END_TEST

START_TEST(hours_of_the_day)
{
    static const struct {
        uint64_t minute;
        double usd;
    } cases[] = {{0, 2}, {29, 2}, {30, 5}, {16 * 60 + 29, 5}, {16 * 60 + 30, 7}, {23 * 60, 7}};
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices =
        builtin(arena, HEADER "openai,own*,,2,,,2\n"
                              "openai,own*,00:30-16:30,5,,,5\n"
                              "openai,own*,2026-01-01 16:30-00:00,7,,,7\n"
                              "openai,exact,,2,,,2\n"
                              "openai,exact,00:30-16:30,5,,,5\n"
                              "openai,exact,2026-01-01 16:30-00:00,7,,,7\n");
    const uint64_t day = NOW / UINT64_C(86400000000000) * UINT64_C(86400000000000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t at = day + cases[i].minute * UINT64_C(60000000000);
        struct nv_price price = find(prices, "openai", "own-1", at);
        ck_assert_double_eq(price.usd[NV_PRICE_INPUT], cases[i].usd);
        price = find(prices, "openai", "exact", at);
        ck_assert_double_eq(price.usd[NV_PRICE_INPUT], cases[i].usd);
    }
    nv_arena_free(arena);
}
END_TEST

START_TEST(users_prices_and_days)
{
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = builtin(arena, HEADER "openai,gpt-4o*,,9,,,90\n"
                                                     "openai,own-*,,1,,,2\n"
                                                     "openai,own-*,2026-06-01,3,,,4\n");
    ck_assert_double_eq(find(prices, "openai", "gpt-4o-mini", NOW).usd[NV_PRICE_INPUT], 9);
    ck_assert_double_eq(find(prices, "openai", "own-x", NOW).usd[NV_PRICE_INPUT], 3);
    const uint64_t before = UINT64_C(1700000000000000000);
    ck_assert_double_eq(find(prices, "openai", "own-x", before).usd[NV_PRICE_INPUT], 1);
    nv_arena_free(arena);
}
END_TEST

START_TEST(costs)
{
    struct nv_price price = {
        .usd = {3, 0.3, 3.75, 15, 30, 60, 1.5, 0.15, 7.5, 200000, 6, 0.6, 22.5}};
    static const struct {
        struct nv_price_usage usage;
        double input, output;
    } cases[] = {
        {{.input = 1000, .output = 100}, 0.003, 0.0015},
        {{.input = 1000, .cached = 400, .cache_write = 100, .output = 0},
         0.002 - 0.0005 + 0.00012 + 0.000375 - 0.0,
         0},
        {{.input = 1000, .output = 100, .batch = true}, 0.0015, 0.00075},
        {{.input = 300000, .output = 100}, 1.8, 0.00225},
        {{.input = 100, .input_audio = 100, .output = 10, .output_audio = 10}, 0.003, 0.0006}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double input, output;
        nv_price_cost(&price, &cases[i].usage, &input, &output);
        ck_assert_double_eq_tol(input, cases[i].input, 1e-9);
        ck_assert_double_eq_tol(output, cases[i].output, 1e-9);
    }
}
END_TEST

START_TEST(a_name_of_any_length_that_fits)
{
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = builtin(arena, HEADER "openai,xxxx*,,9,,,90\n");
    char name[NV_PRICE_NAME_BYTES_MAX + 1];
    memset(name, 'x', sizeof name);
    struct nv_price price;
    struct nv_str longest = {name, NV_PRICE_NAME_BYTES_MAX}, more = {name, sizeof name};
    ck_assert(nv_price_find(prices, NV_STR("openai"), longest, NOW, &price));
    ck_assert(!nv_price_find(prices, NV_STR("openai"), more, NOW, &price));
    nv_arena_free(arena);
}
END_TEST

/* More of them is a fault of ours. */
START_TEST(so_many_tables_and_no_more)
{
    struct nv_arena *arena = nv_arena_new((size_t)16 << 20);
    struct nv_prices *prices = nv_prices_make(arena);
    for (unsigned i = 0; i < NV_PRICE_TABLES_MAX; i++)
        nv_prices_add_builtin(prices);
    ck_assert_ptr_nonnull(find(prices, "openai", "gpt-4o-mini", NOW).row);
    nv_prices_add_builtin(prices);
}
END_TEST

START_TEST(costs_keep_eight_decimals_to_the_nearest)
{
    static const struct {
        double usd, kept;
    } rows[] = {{0, 0},
                {0.123456784, 0.12345678},
                {0.123456786, 0.12345679},
                {-0.123456786, -0.12345679},
                {0.000000004, 0},
                {0.000000006, 0.00000001},
                {1e300, 1e300},
                {45035996.27370497, 45035996.27370497},
                {3e-8, 3e-8}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_double_eq_tol(nv_price_round(rows[i].usd), rows[i].kept,
                                rows[i].kept == 1e300 ? 1e290 : 1e-12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/price");
    TCase *tcase = tcase_create("price");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, models_are_found_under_their_spellings);
    tcase_add_test(tcase, names_in_all_their_wrappings);
    tcase_add_test(tcase, hours_of_the_day);
    tcase_add_test(tcase, users_prices_and_days);
    tcase_add_test(tcase, costs);
    tcase_add_test(tcase, a_name_of_any_length_that_fits);
    const char *fork_mode = getenv("CK_FORK");
    if (!fork_mode || strcmp(fork_mode, "no") != 0)
        tcase_add_test_raise_signal(tcase, so_many_tables_and_no_more, SIGABRT);
    tcase_add_test(tcase, costs_keep_eight_decimals_to_the_nearest);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
