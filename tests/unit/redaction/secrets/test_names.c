/*
 * Names of secrets by their ends, and values that look made by chance.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/secrets/names.h"

#include "base/banned.h"

static const struct {
    const char *key;
    bool secret;
} keys[] = {{"api_key", true},
            {"openai.api_key", true},
            {"OPENAI_API_KEY", true},
            {"x-api-key", true},
            {"apiKey", true},
            {"http.request.header.authorization", true},
            {"db.password", true},
            {"client_secret", true},
            {"aws.secret_access_key", true},
            {"private-key", true},
            {"credentials", true},
            {"refresh_token", true},
            {"llm.input_tokens", false},
            {"llm.total_tokens", false},
            {"token", true},
            {"key", false},
            {"secretary", false},
            {"accessToken", true},
            {"X-Vault-Token", true},
            {"azure.AccountKey", true},
            {"pg_passwd", true},
            {"gen_ai.response.finish_reason", false},
            {"ry", false},
            {"password_hint", false},
            {"api_key_id", false},
            {"", false}};

START_TEST(keys_by_their_end)
{
    ck_assert_msg((nv_name_kind(nv_str_from(keys[_i].key)) != NV_NAME_NONE) == keys[_i].secret,
                  "%s", keys[_i].key);
}
END_TEST

START_TEST(what_a_name_says)
{
    ck_assert_int_eq(nv_name_kind(NV_STR("db_password")), NV_NAME_SURE);
    ck_assert_int_eq(nv_name_kind(NV_STR("page_token")), NV_NAME_RANDOM);
    ck_assert_int_eq(nv_name_kind(NV_STR("Set-Cookie")), NV_NAME_LINE);
    ck_assert_int_eq(nv_name_kind(NV_STR("PWD")), NV_NAME_LOCAL);
    ck_assert(!nv_name_may_end(NV_STR("en"), 2));
}
END_TEST

static const struct {
    const char *value;
    bool random;
} values[] = {{"abcd1234efgh5678", true},
              {"k3tbo4xumgr74q", true},
              {"Hello", false},
              {"abcdefghijklmnop", false},
              {"1234567890123456", false},
              {"aaaa1111aaaa1111", false},
              {"two words 1234567", false},
              {"", false}};

START_TEST(values_made_by_chance)
{
    ck_assert_msg(nv_secret_is_random(nv_str_from(values[_i].value)) == values[_i].random, "%s",
                  values[_i].value);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("redaction/secrets/names");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_names_ready, NULL);
    tcase_add_loop_test(tcase, keys_by_their_end, 0, COUNT(keys));
    tcase_add_test(tcase, what_a_name_says);
    tcase_add_loop_test(tcase, values_made_by_chance, 0, COUNT(values));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
