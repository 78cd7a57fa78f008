/*
 * The options as text: what is printed reads back as the same configuration.
 */
#include "chance.h"
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

/* ---- any value --------------------------------------------------------------------------- */

/* A text that YAML, shells and expansion each read in a way of their own. */
static void any_text(uint64_t *state, struct nv_buf *out)
{
    static const char pieces[][6] = {"a",  " ", "\"", "'",  "\\", "\n", "\t", "#",  ":",  "- ",
                                     "${", "}", "$",  "%s", "{",  "[",  "&x", "*x", "!!", "~"};
    for (uint32_t i = 1 + chance_below(state, 8); i > 0; i--) {
        const size_t at = chance_below(state, sizeof pieces / sizeof pieces[0]);
        (void)nv_buf_append_str(out, nv_str_from(pieces[at]));
    }
}

static void any_number(uint64_t *state, const struct nv_option *option, struct nv_buf *out)
{
    const uint64_t span = option->max - option->min;
    const uint64_t number =
        option->min + (span == UINT64_MAX ? chance(state) : chance(state) % (span + 1));
    (void)nv_buf_printf(out, "%llu", (unsigned long long)number);
}

static void any_choice(uint64_t *state, const struct nv_option *option, struct nv_buf *out)
{
    struct nv_str rest = nv_str_from(option->choices);
    for (uint32_t skip = chance_below(state, 4); skip > 0; skip--) {
        const size_t bar = nv_str_find_char(rest, '|');
        if (bar == SIZE_MAX)
            break;
        rest = nv_str_slice(rest, bar + 1, rest.len);
    }
    (void)nv_buf_append_str(out, nv_str_slice(rest, 0, nv_str_find_char(rest, '|')));
}

/* A value that the option takes. Secrets are printed as stars and read back as these. */
static void any_value(uint64_t *state, const struct nv_option *option, struct nv_buf *out)
{
    switch (option->type) {
    case NV_OPTION_TEXT:
    case NV_OPTION_PATH:
        any_text(state, out);
        return;
    case NV_OPTION_ADDRESS:
        (void)nv_buf_printf(out, "127.0.0.%u:%u", chance_below(state, 256),
                            chance_below(state, 65536));
        return;
    case NV_OPTION_URL:
        (void)nv_buf_printf(out, "https://h%u.example/api", chance_below(state, 100));
        return;
    case NV_OPTION_PROXY: /* one without a login, which would be printed as stars */
        (void)nv_buf_printf(out, "http://h%u.example:%u", chance_below(state, 100),
                            1 + chance_below(state, 65535));
        return;
    case NV_OPTION_BOOL:
        (void)nv_buf_append_str(out, chance(state) & 1 ? NV_STR("yes") : NV_STR("off"));
        return;
    case NV_OPTION_COUNT:
    case NV_OPTION_MS:
    case NV_OPTION_BYTES:
        any_number(state, option, out);
        return;
    case NV_OPTION_RATE:
        (void)nv_buf_printf(out, "0.%u", chance_below(state, 1000));
        return;
    case NV_OPTION_CHOICE:
        any_choice(state, option, out);
        return;
    case NV_OPTION_LIST:
        (void)nv_buf_printf(out, "one, t\"wo: {%u}, '#3'", chance_below(state, 100));
        return;
    case NV_OPTION_MAP:
        (void)nv_buf_printf(out, "linger.ms=%u\na.b=t\"wo: {3}, '#'", chance_below(state, 100));
        return;
    }
}

/* Whatever is in force is printed so that it can be put into a file and means the same. */
START_TEST(any_configuration_reads_back)
{
    uint64_t state = (uint64_t)_i;
    struct nv_buf text, value;
    struct nv_fail fail = {0};
    nv_buf_init(&text, 1u << 18);
    nv_buf_init(&value, 1000);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_init(&again), NV_OK);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        if (nv_option_table[id].flags & NV_OPTION_SECRET)
            continue;
        nv_buf_clear(&value);
        any_value(&state, &nv_option_table[id], &value);
        enum nv_err err =
            nv_options_set(&options, id, nv_buf_str(&value), NV_SOURCE_SET, "--set", &fail);
        ck_assert_msg(err == NV_OK, "%s = %.*s: %s", nv_option_table[id].path,
                      NV_STR_ARG(nv_buf_str(&value)), fail.what);
    }
    ck_assert_int_eq(nv_options_write_config(&options, &text), NV_OK);
    enum nv_err err = nv_config_read(nv_buf_str(&text), "printed", read_back, &again, &fail);
    ck_assert_msg(err == NV_OK, "%s: %s", fail.path, fail.what);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++)
        ck_assert_msg(nv_option_same(&options, &again, id), "%s", nv_option_table[id].path);
    nv_options_release(&options);
    nv_options_release(&again);
    nv_buf_release(&text);
    nv_buf_release(&value);
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
    tcase_add_loop_test(tcase, any_configuration_reads_back, 0, 60);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
