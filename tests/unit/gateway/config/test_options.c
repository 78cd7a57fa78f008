/*
 * The table itself and the struct behind it: consistency of rows, lookup, nearest names, text
 * of values, comparison.
 */
#include "expect.h"
#include "oom.h"

#include "gateway/config/option_load.h"

#include <ctype.h>

#include "base/banned.h"

static struct nv_options options;

static void set(size_t id, const char *text)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "here", &fail), NV_OK);
}

static struct nv_str written(size_t id)
{
    static char text[4096];
    struct nv_buf buf;
    nv_buf_init(&buf, sizeof text);
    ck_assert_int_eq(nv_option_write(&options, id, &buf), NV_OK);
    struct nv_str result = {text, buf.len};
    if (buf.len > 0)
        memcpy(text, buf.bytes, buf.len);
    nv_buf_release(&buf);
    return result;
}

START_TEST(rows_are_well_formed)
{
    const struct nv_option *option = &nv_option_table[_i];
    ck_assert_uint_eq(nv_option_find(nv_str_from(option->path)), (size_t)_i);
    for (const char *c = option->path; *c != '\0'; c++)
        ck_assert(islower((unsigned char)*c) || *c == '.' || *c == '_');
    ck_assert(!nv_option_is_section(nv_str_from(option->path)));
    size_t help = strlen(option->help);
    ck_assert(help > 10 && option->help[help - 1] != '.' && strchr(option->help, '|') == NULL);
    ck_assert((option->type == NV_OPTION_CHOICE) == (option->choices != NULL));
    bool numeric = option->type == NV_OPTION_COUNT || option->type == NV_OPTION_MS ||
                   option->type == NV_OPTION_BYTES;
    ck_assert(numeric == (option->max > 0));
}
END_TEST

/* Two paths that make one variable could not both be set. */
START_TEST(variables_are_unique)
{
    struct nv_buf a, b;
    nv_buf_init(&a, 200);
    nv_buf_init(&b, 200);
    for (size_t i = 0; i < NV_OPTION_TOTAL; i++) {
        for (size_t j = i + 1; j < NV_OPTION_TOTAL; j++) {
            nv_buf_clear(&a);
            nv_buf_clear(&b);
            ck_assert_int_eq(nv_option_variable(i, &a), NV_OK);
            ck_assert_int_eq(nv_option_variable(j, &b), NV_OK);
            ck_assert(!nv_str_eq(nv_buf_str(&a), nv_buf_str(&b)));
        }
    }
    nv_buf_clear(&a);
    (void)nv_option_variable(NV_OPT_receiver_http_listen, &a);
    ck_assert_nv_str(nv_buf_str(&a), "NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN");
    nv_buf_release(&a);
    nv_buf_release(&b);
}
END_TEST

START_TEST(sections_and_nearest_names)
{
    ck_assert(nv_option_is_section(NV_STR("")));
    ck_assert(nv_option_is_section(NV_STR("receiver")));
    ck_assert(nv_option_is_section(NV_STR("receiver.http.tls")));
    ck_assert(!nv_option_is_section(NV_STR("receiver.htt")));
    ck_assert(!nv_option_is_section(NV_STR("nothing")));
    ck_assert_str_eq(nv_option_nearest(NV_STR("assembly.quite_ms")), "assembly.quiet_ms");
    ck_assert_str_eq(nv_option_nearest(NV_STR("receiver.max_body_bytes.")),
                     "receiver.max_body_bytes");
    ck_assert_str_eq(nv_option_nearest(NV_STR("exporter.api_key")), "exporter.noveum.api_key");
    ck_assert_ptr_null(nv_option_nearest(NV_STR("completely_else")));
    char longer[300];
    memset(longer, 'x', sizeof longer);
    ck_assert_ptr_null(nv_option_nearest((struct nv_str){longer, sizeof longer}));
}
END_TEST

START_TEST(values_as_text)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_assembly_quiet_ms, "2s");
    ck_assert_nv_str(written(NV_OPT_assembly_quiet_ms), "2000");
    set(NV_OPT_sampling_rate, "0.125");
    ck_assert_nv_str(written(NV_OPT_sampling_rate), "0.125");
    set(NV_OPT_journal_durability, "memory");
    ck_assert_nv_str(written(NV_OPT_journal_durability), "memory");
    set(NV_OPT_sampling_keep_errors, "off");
    ck_assert_nv_str(written(NV_OPT_sampling_keep_errors), "false");
    set(NV_OPT_receiver_cors_allowed_origins, "a,b");
    ck_assert_nv_str(written(NV_OPT_receiver_cors_allowed_origins), "a, b");
    ck_assert_nv_str(written(NV_OPT_exporter_noveum_api_key), "");
    set(NV_OPT_exporter_noveum_api_key, "nv_x");
    ck_assert_nv_str(written(NV_OPT_exporter_noveum_api_key), "***");
    set(NV_OPT_exporter_noveum_proxy, "http://me:short@proxy:3128");
    ck_assert_nv_str(written(NV_OPT_exporter_noveum_proxy), "http://***@proxy:3128");
    set(NV_OPT_exporter_noveum_proxy, "me:p@w@proxy");
    ck_assert_nv_str(written(NV_OPT_exporter_noveum_proxy), "***@proxy");
    set(NV_OPT_exporter_noveum_proxy, " none ");
    ck_assert_nv_str(written(NV_OPT_exporter_noveum_proxy), "none");
    nv_options_release(&options);
}
END_TEST

START_TEST(a_lower_source_never_replaces_a_higher_one_but_is_checked)
{
    struct nv_fail fail = {0};
    size_t id = NV_OPT_assembly_quiet_ms;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(id, "5");
    ck_assert_int_eq(nv_options_set(&options, id, NV_STR("7"), NV_SOURCE_FILE, "f:1:1", &fail),
                     NV_OK);
    ck_assert_uint_eq(options.assembly_quiet_ms, 5);
    ck_assert_str_eq(options.where[id], "here");
    ck_assert_int_eq(nv_options_set(&options, id, NV_STR("x"), NV_SOURCE_FILE, "f:1:1", &fail),
                     NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, "f:1:1");
    ck_assert_ptr_nonnull(strstr(fail.what, "assembly.quiet_ms"));
    nv_options_release(&options);
}
END_TEST

START_TEST(same_compares_every_type)
{
    static const struct {
        size_t id;
        const char *other;
    } rows[] = {{NV_OPT_exporter_noveum_api_key, "secret"},
                {NV_OPT_sampling_rate, "0.5"},
                {NV_OPT_sampling_keep_errors, "no"},
                {NV_OPT_log_level, "error"},
                {NV_OPT_assembly_quiet_ms, "3"},
                {NV_OPT_redaction_patterns, "a,b"}};
    struct nv_options other;
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_init(&other), NV_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert(nv_option_same(&options, &other, rows[i].id));
        set(rows[i].id, rows[i].other);
        ck_assert(!nv_option_same(&options, &other, rows[i].id));
    }
    nv_options_release(&options);
    nv_options_release(&other);
}
END_TEST

START_TEST(defaults_without_memory)
{
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_options_init(&options);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        nv_options_release(&options);
        if (!failed)
            break;
    }
}
END_TEST

/* As options.c has it. */
#define NAME_MAX_LEN 64

START_TEST(names_are_compared_up_to_a_length)
{
    char name[NAME_MAX_LEN + 1], other[NAME_MAX_LEN];
    memset(name, 'a', sizeof name);
    memset(other, 'b', sizeof other);
    const struct nv_str most = {name, NAME_MAX_LEN}, more = {name, NAME_MAX_LEN + 1};
    ck_assert_uint_eq(nv_option_distance(most, (struct nv_str){other, NAME_MAX_LEN}),
                      NAME_MAX_LEN);
    ck_assert_uint_eq(nv_option_distance(most, most), 0);
    ck_assert_uint_eq(nv_option_distance(more, most), SIZE_MAX);
    ck_assert_uint_eq(nv_option_distance(most, more), SIZE_MAX);
    ck_assert_uint_eq(nv_option_distance(NV_STR("kitten"), NV_STR("sitting")), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/options");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, rows_are_well_formed, 0, NV_OPTION_TOTAL);
    tcase_add_test(tcase, variables_are_unique);
    tcase_add_test(tcase, sections_and_nearest_names);
    tcase_add_test(tcase, values_as_text);
    tcase_add_test(tcase, a_lower_source_never_replaces_a_higher_one_but_is_checked);
    tcase_add_test(tcase, same_compares_every_type);
    tcase_add_test(tcase, defaults_without_memory);
    tcase_add_test(tcase, names_are_compared_up_to_a_length);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
