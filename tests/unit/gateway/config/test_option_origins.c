/*
 * What the start tells of the settings: each with its place, no secret, and the loud line when
 * a file that was found moves a key.
 */
#include "expect.h"

#include "base/log/log.h"
#include "gateway/config/option_origins.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_buf lines;

static void keep(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

static void set(size_t id, const char *text, enum nv_option_source source, const char *where)
{
    ck_assert_int_eq(nv_options_set(&options, id, nv_str_from(text), source, where, NULL),
                     NV_OK);
}

static void tell(void)
{
    nv_log_set_sink(keep, &lines);
    nv_options_log_origins(&options);
    nv_log_set_sink(NULL, NULL);
}

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_buf_init(&lines, 1u << 16);
}

static void tear_down(void)
{
    nv_options_release(&options);
    nv_buf_release(&lines);
}

static bool told(const char *text)
{
    return nv_str_find(nv_buf_str(&lines), nv_str_from(text)) != SIZE_MAX;
}

START_TEST(defaults_alone_are_not_told)
{
    tell();
    ck_assert_uint_eq(lines.len, 0);
}
END_TEST

START_TEST(the_endpoint_and_each_setting_have_a_source)
{
    set(NV_OPT_exporter_noveum_api_key, "nv_very_secret", NV_SOURCE_SDK_ENVIRONMENT,
        "NOVEUM_API_KEY");
    set(NV_OPT_exporter_noveum_project, "p", NV_SOURCE_SET, "--set");
    set(NV_OPT_exporter_noveum_environment, "e", NV_SOURCE_FILE, "g.yaml:1:2");
    set(NV_OPT_exporter_noveum_service_version, "v", NV_SOURCE_ENVIRONMENT, "NOVEUM_GATEWAY_X");
    set(NV_OPT_exporter_noveum_batch_traces, "7", NV_SOURCE_FILE, "g.yaml:2:2");
    set(NV_OPT_exporter_noveum_batch_ms, "8", NV_SOURCE_FILE, "g.yaml:3:2");
    set(NV_OPT_sampling_rate, "0.5", NV_SOURCE_SDK_FILE, "./noveum-trace.yaml:1:1");
    set(NV_OPT_assembly_quiet_ms, "5", NV_SOURCE_SET, "--set");
    tell();
    ck_assert(
        told("setting exporter.noveum.endpoint=\"https://api.noveum.ai/api\" from=default"));
    ck_assert(told("setting exporter.noveum.api_key=\"***\" from=NOVEUM_API_KEY"));
    ck_assert(told("setting exporter.noveum.project=\"p\" from=--set"));
    ck_assert(told("setting exporter.noveum.batch_ms=\"8\" from=g.yaml:3:2"));
    ck_assert(told("setting sampling.rate=\"0.5\" from=./noveum-trace.yaml:1:1"));
    ck_assert(!told("quiet_ms"));
    ck_assert(!told("nv_very_secret"));
    ck_assert(!told(" warn "));
}
END_TEST

START_TEST(a_found_file_that_moves_a_key_is_warned_of)
{
    set(NV_OPT_exporter_noveum_endpoint, "https://evil.example", NV_SOURCE_SDK_FILE,
        "./noveum-trace.yaml:2:1");
    set(NV_OPT_exporter_noveum_api_key, "nv_k", NV_SOURCE_SDK_ENVIRONMENT, "NOVEUM_API_KEY");
    tell();
    ck_assert(told(" warn "));
    ck_assert(told("the key of NOVEUM_API_KEY goes to https://evil.example"));
}
END_TEST

START_TEST(a_found_file_with_its_own_key_is_not)
{
    set(NV_OPT_exporter_noveum_endpoint, "https://x.example", NV_SOURCE_SDK_FILE, "f:2:1");
    set(NV_OPT_exporter_noveum_api_key, "nv_k", NV_SOURCE_SDK_FILE, "f:1:1");
    tell();
    ck_assert(told("endpoint=\"https://x.example\" from=f:2:1"));
    ck_assert(!told(" warn "));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_origins");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, defaults_alone_are_not_told);
    tcase_add_test(tcase, the_endpoint_and_each_setting_have_a_source);
    tcase_add_test(tcase, a_found_file_that_moves_a_key_is_warned_of);
    tcase_add_test(tcase, a_found_file_with_its_own_key_is_not);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
