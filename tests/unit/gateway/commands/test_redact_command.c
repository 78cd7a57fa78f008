/*
 * redact --dry-run: what it says of a body with secrets, and of one without; no value is shown.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/commands/redact_command.h"
#include "tests/support/mapping_kit.h"

#include <stdlib.h>

#include "base/banned.h"

static const struct nv_redaction_config config = {.secrets = true};
static struct nv_mapping *mapping;
static struct nv_explain explain;
static struct nv_buf report;

static void set_up(void)
{
    mapping = nv_test_mapping_new();
    explain = (struct nv_explain){0};
    nv_buf_init(&report, 1u << 20);
}

static void tear_down(void)
{
    nv_buf_release(&report);
    nv_explain_release(&explain);
    nv_mapping_free(mapping);
}

static void add(const char *name, const char *attributes)
{
    struct nv_buf body;
    struct nv_fail fail = {0};
    char *bytes = NULL;
    nv_buf_init(&body, 1u << 16);
    (void)nv_buf_printf(&body,
                        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                        "\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\","
                        "\"name\":\"%s\",\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\","
                        "\"attributes\":[%s]}]}]}]}",
                        name, attributes);
    size_t len = nv_buf_take(&body, &bytes);
    ck_assert_int_eq(nv_explain_add(&explain, bytes, len, &report, &fail), NV_OK);
}

static bool says(const char *part)
{
    return nv_str_find(nv_buf_str(&report), nv_str_from(part)) != SIZE_MAX;
}

START_TEST(rules_places_and_keys)
{
    add("a sk-abcdefghij0123456789",
        "{\"key\":\"db.password\",\"value\":{\"stringValue\":\"hunter2\"}},"
        "{\"key\":\"ghp_abcdefghijklmnopqrstuvwxyz0123456789\",\"value\":{\"intValue\":1}}");
    ck_assert_int_eq(nv_redact_report(&explain, mapping, &config, &report), NV_OK);
    ck_assert(says("secret-key "));
    ck_assert(says("db.password"));
    ck_assert(says("openai "));
    ck_assert(says("span.name"));
    ck_assert(says("github "));
    ck_assert(says("in 1 traces"));
    ck_assert(!says("hunter2") && !says("abcdefghij"));
}
END_TEST

START_TEST(nothing_to_mask)
{
    add("a", "{\"key\":\"b\",\"value\":{\"stringValue\":\"c\"}}");
    ck_assert_int_eq(nv_redact_report(&explain, mapping, &config, &report), NV_OK);
    ck_assert_nv_str(nv_buf_str(&report), "0 changes in 1 traces\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/commands/redact_command");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, rules_places_and_keys);
    tcase_add_test(tcase, nothing_to_mask);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
