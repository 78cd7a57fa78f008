/*
 * Options of own telemetry that need each other, and each header that is refused, without its
 * value in the words.
 */
#include "expect.h"

#include "gateway/config/option_telemetry.h"

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static void refused(const char *key, const char *words)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_check_telemetry(&options, &fail), NV_ERR_CONFIG);
    ck_assert_msg(strncmp(fail.what, key, strlen(key)) == 0, "%s", fail.what);
    ck_assert_msg(strstr(fail.what, words) != NULL, "%s", fail.what);
    ck_assert_ptr_null(strstr(fail.what, "sesame"));
    ck_assert_str_eq(fail.path, "--set");
    ck_assert_int_eq(nv_options_check_telemetry(&options, NULL), NV_ERR_CONFIG);
}

static void accepted(void)
{
    fail = (struct nv_fail){0};
    ck_assert_msg(nv_options_check_telemetry(&options, &fail) == NV_OK, "%s", fail.what);
}

START_TEST(off_is_not_looked_at)
{
    accepted();
    set(NV_OPT_telemetry_otlp_headers, "a b=sesame");
    accepted();
}
END_TEST

static const struct {
    const char *text, *words;
} headers[] = {
    {"a b=sesame", "the name of a header"},
    {"a:b=sesame", "the name of a header"},
    {"Content-Type=sesame", "set by the gateway"},
    {"host=sesame", "set by the gateway"},
    {"a=", "without a value"},
    {"a=ses\x01"
     "ame",
     "control character"},
    {"a=sesame,b=sesame", "one header a line"},
    {"a=1, x-b = sesame", "one header a line"},
};

START_TEST(headers_that_are_none)
{
    set(NV_OPT_telemetry_otlp_endpoint, "https://a.example");
    set(NV_OPT_telemetry_otlp_headers, headers[_i].text);
    refused("telemetry.otlp.headers:", headers[_i].words);
}
END_TEST

START_TEST(headers_that_are_good)
{
    set(NV_OPT_telemetry_otlp_endpoint, "https://a.example");
    set(NV_OPT_telemetry_otlp_headers,
        "authorization=Basic c2VzYW1lOg==\nx-a=one, two\nx-b=a;q=1");
    accepted();
}
END_TEST

START_TEST(headers_over_plain_http)
{
    set(NV_OPT_telemetry_otlp_endpoint, "http://collector:4318");
    accepted();
    set(NV_OPT_telemetry_otlp_headers, "a=sesame");
    refused("telemetry.otlp.headers:", "telemetry.otlp.allow_insecure_transport");
    set(NV_OPT_telemetry_otlp_allow_insecure_transport, "true");
    accepted();
    set(NV_OPT_telemetry_otlp_allow_insecure_transport, "false");
    set(NV_OPT_telemetry_otlp_endpoint, "http://127.0.0.1:4318");
    accepted();
}
END_TEST

START_TEST(a_certificate_and_its_key)
{
    set(NV_OPT_telemetry_otlp_endpoint, "https://a.example");
    set(NV_OPT_telemetry_otlp_client_cert_file, "/c");
    refused("telemetry.otlp.client_cert_file:", "client_key_file");
    set(NV_OPT_telemetry_otlp_client_key_file, "/k");
    accepted();
    nv_options_release(&options);
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    set(NV_OPT_telemetry_otlp_endpoint, "https://a.example");
    set(NV_OPT_telemetry_otlp_client_key_file, "/k");
    refused("telemetry.otlp.client_key_file:", "client_cert_file");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/config/option_telemetry");
    TCase *tcase = tcase_create("checks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, off_is_not_looked_at);
    tcase_add_loop_test(tcase, headers_that_are_none, 0, sizeof headers / sizeof *headers);
    tcase_add_test(tcase, headers_that_are_good);
    tcase_add_test(tcase, headers_over_plain_http);
    tcase_add_test(tcase, a_certificate_and_its_key);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
