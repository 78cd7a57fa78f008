/*
 * The options as text: what is printed reads back as the same configuration.
 */
#include "expect.h"

#include "gateway/config/option_expand.h"
#include "gateway/config/option_file.h"
#include "gateway/config/option_load.h"
#include "gateway/config/option_print.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_options options, again;

static void set(struct nv_options *target, size_t id, const char *text)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(target, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static enum nv_err read_back(void *visit_ctx, const struct nv_config_entry *entry,
                             struct nv_fail *fail)
{
    size_t id = nv_option_find(entry->path);
    if (entry->is_section || entry->is_null)
        return NV_OK;
    ck_assert_uint_lt(id, NV_OPTION_TOTAL);
    struct nv_buf value;
    nv_buf_init(&value, 1000);
    enum nv_err err = nv_option_expand(entry->value, getenv, &value, fail);
    if (err == NV_OK) {
        err = nv_options_set(visit_ctx, id, nv_buf_str(&value), NV_SOURCE_SET, entry->where,
                             fail);
    }
    nv_buf_release(&value);
    return err;
}

START_TEST(a_printed_configuration_reads_back)
{
    struct nv_buf text;
    struct nv_fail fail = {0};
    nv_buf_init(&text, 1u << 16);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_init(&again), NV_OK);
    set(&options, NV_OPT_exporter_noveum_project, "a \"quoted\" \\ name\twith: # signs");
    set(&options, NV_OPT_exporter_noveum_environment, "${env:A} $${ $$x $ $");
    set(&options, NV_OPT_sampling_rate, "0.5");
    set(&options, NV_OPT_assembly_on_stop, "send");
    set(&options, NV_OPT_journal_directory, "/tmp/x y");
    ck_assert_int_eq(nv_options_write_config(&options, &text), NV_OK);
    enum nv_err err = nv_config_read(nv_buf_str(&text), "printed", read_back, &again, &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", fail.path, fail.what);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++)
        ck_assert_msg(nv_option_same(&options, &again, id), "%s", nv_option_table[id].path);
    nv_options_release(&options);
    nv_options_release(&again);
    nv_buf_release(&text);
}
END_TEST

START_TEST(secrets_are_masked_and_origins_named)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 16);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(&options, NV_OPT_exporter_noveum_api_key, "nv_secret");
    ck_assert_int_eq(nv_options_write_config(&options, &text), NV_OK);
    struct nv_str all = nv_buf_str(&text);
    ck_assert(nv_str_find(all, NV_STR("nv_secret")) == SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("    api_key: \"***\"  # --set\n")) != SIZE_MAX);
    ck_assert(nv_str_find(all, NV_STR("  quiet_ms: 1000  # default\n")) != SIZE_MAX);
    nv_options_release(&options);
    nv_buf_release(&text);
}
END_TEST

START_TEST(documentation_has_every_key_once)
{
    struct nv_buf text;
    nv_buf_init(&text, 1u << 17);
    ck_assert_int_eq(nv_options_write_docs(&text), NV_OK);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        struct nv_buf row;
        nv_buf_init(&row, 200);
        (void)nv_buf_printf(&row, "\n| `%s` | ", nv_option_table[id].path);
        size_t at = nv_str_find(nv_buf_str(&text), nv_buf_str(&row));
        ck_assert_msg(at != SIZE_MAX, "%s", nv_option_table[id].path);
        nv_buf_release(&row);
    }
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("`NOVEUM_API_KEY`")) != SIZE_MAX);
    ck_assert(nv_str_find(nv_buf_str(&text), NV_STR("secret")) != SIZE_MAX);
    nv_buf_release(&text);
}
END_TEST

START_TEST(no_room_is_an_error)
{
    struct nv_buf text;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_buf_init(&text, 100);
    ck_assert_int_eq(nv_options_write_config(&options, &text), NV_ERR_LIMIT);
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_options_write_docs(&text), NV_ERR_LIMIT);
    nv_buf_clear(&text);
    ck_assert_int_eq(nv_options_write_help(&text), NV_ERR_LIMIT);
    nv_buf_release(&text);
    nv_options_release(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_print");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_printed_configuration_reads_back);
    tcase_add_test(tcase, secrets_are_masked_and_origins_named);
    tcase_add_test(tcase, documentation_has_every_key_once);
    tcase_add_test(tcase, no_room_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
