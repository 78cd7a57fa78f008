/*
 * Where spans go: OTLP's variables and options, and Noveum's, neither of which meets the
 * other's secrets.
 */
#include "config_kit.h"
#include "expect.h"
#include "fake_stages.h"

#include "trace/config_transport.h"

#include <stdlib.h>

#include "base/banned.h"

START_TEST(endpoints)
{
    noveum_options options = noveum_default_options();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:4318/", 1);
    struct nv_trace_config *config = kit_config(NULL);
    ck_assert_str_eq(config->endpoint, "http://base:4318/v1/traces");
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://whole/x", 1);
    config = kit_config(NULL);
    ck_assert_str_eq(config->endpoint, "https://whole/x");
    nv_trace_config_free(config);
    options.endpoint = "http://option";
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "http://option/v1/traces");
    nv_trace_config_free(config);
    options.endpoint = "http://option/v1/traces";
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "http://option/v1/traces");
    nv_trace_config_free(config);
    options.endpoint = "ftp://option";
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "endpoint is neither http:// nor https://: ftp://option");
}
END_TEST

/* Certificates and headers: the one for traces before the general one, the option before
 * both. */
START_TEST(every_text_of_the_environment)
{
    noveum_options options = kit_enabled();
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca", 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "cert", 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", "key", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=general", 1);
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_str_eq(config->ca_file, "ca");
    ck_assert_str_eq(config->client_certificate, "cert");
    ck_assert_str_eq(config->client_key, "key");
    ck_assert_str_eq(config->headers.bytes, "a: general");
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "tca", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "tcert", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "tkey", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=traces", 1);
    config = kit_config(&options);
    ck_assert_str_eq(config->ca_file, "tca");
    ck_assert_str_eq(config->client_certificate, "tcert");
    ck_assert_str_eq(config->client_key, "tkey");
    ck_assert_str_eq(config->headers.bytes, "a: traces");
    nv_trace_config_free(config);
    options.ca_file = "oca";
    options.headers = "a=option";
    config = kit_config(&options);
    ck_assert_str_eq(config->ca_file, "oca");
    ck_assert_str_eq(config->headers.bytes, "a: option");
    nv_trace_config_free(config);
}
END_TEST

START_TEST(compression)
{
    noveum_options options = kit_enabled();
    struct nv_trace_config *config = kit_config(&options);
    ck_assert(!config->gzip);
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
    config = kit_config(&options);
    ck_assert(config->gzip);
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none", 1);
    config = kit_config(&options);
    ck_assert(!config->gzip);
    ck_assert_str_eq(config->warning, "");
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd", 1);
    config = kit_config(&options);
    ck_assert(!config->gzip);
    ck_assert_ptr_nonnull(strstr(config->warning, "COMPRESSION"));
    nv_trace_config_free(config);
    options.compression = "gzip";
    config = kit_config(&options);
    ck_assert(config->gzip);
    nv_trace_config_free(config);
    options.compression = "brotli";
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "compression is neither gzip nor none: brotli");
}
END_TEST

static noveum_options direct(void)
{
    noveum_options options = noveum_default_options();
    options.stages = &fake_table;
    return options;
}

START_TEST(to_noveum_with_a_key_only)
{
    noveum_options options = direct();
    struct nv_trace_config *config;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-secret=otlp", 1);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "otlp.pem", 1);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
    kit_config_is(&options, NOVEUM_OFF);
    options.enabled = NOVEUM_ON;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "api_key: there is none");
    options.enabled = NOVEUM_AUTO;
    setenv("NOVEUM_API_KEY", "nv-env", 1);
    setenv("NOVEUM_PROJECT", "shop", 1);
    setenv("NOVEUM_ENVIRONMENT", "staging", 1);
    setenv("NOVEUM_SERVICE_VERSION", "1.2", 1);
    setenv("NOVEUM_CA_BUNDLE", "noveum.pem", 1);
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "https://api.noveum.ai/api/v1/traces");
    ck_assert_uint_eq(config->headers.len, sizeof "Authorization: Bearer nv-env");
    ck_assert_str_eq(config->headers.bytes, "Authorization: Bearer nv-env");
    ck_assert_str_eq(config->ca_file, "noveum.pem");
    ck_assert(!config->gzip);
    const char settings[] =
        "exporter.noveum.project=shop\0exporter.noveum.environment=staging\0"
        "exporter.noveum.service_version=1.2";
    ck_assert_uint_eq(config->settings.len, sizeof settings);
    ck_assert_mem_eq(config->settings.bytes, settings, sizeof settings);
    nv_trace_config_free(config);
    options.enabled = NOVEUM_NEVER;
    kit_config_is(&options, NOVEUM_OFF);
}
END_TEST

START_TEST(a_key_meets_no_receiver)
{
    noveum_options options = noveum_default_options();
    setenv("NOVEUM_API_KEY", "nv-env", 1);
    setenv("NOVEUM_ENDPOINT", "https://noveum", 1);
    options.endpoint = "http://collector";
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "http://collector/v1/traces");
    ck_assert_uint_eq(config->headers.len, 0);
    ck_assert_ptr_null(config->stages);
    nv_trace_config_free(config);
}
END_TEST

START_TEST(to_noveum_by_the_file)
{
    static const char *const settings[] = {"assembly.quiet_ms=5", NULL};
    noveum_options options = direct();
    kit_write("noveum-trace.yaml",
              "api_key: nv-file\nproject: filed\nendpoint: https://first/api\n"
              "transport:\n  endpoint: https://second\n  ca_bundle: file.pem\n");
    options.settings = settings;
    options.headers = "x-a=b";
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "https://first/api/v1/traces");
    ck_assert_str_eq(config->headers.bytes, "Authorization: Bearer nv-file");
    ck_assert_str_eq(config->headers.bytes + 30, "x-a: b");
    ck_assert_str_eq(config->ca_file, "file.pem");
    ck_assert_mem_eq(config->settings.bytes,
                     "exporter.noveum.project=filed\0assembly.quiet_ms=5", 50);
    nv_trace_config_free(config);
    setenv("NOVEUM_ENDPOINT", "https://env", 1);
    options.api_key = "nv-option";
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "https://env/v1/traces");
    ck_assert_str_eq(config->headers.bytes, "Authorization: Bearer nv-option");
    nv_trace_config_free(config);
}
END_TEST

START_TEST(a_key_is_not_sent_in_the_clear)
{
    static const char *const good[] = {"http://localhost:1", "http://127.0.0.1/x",
                                       "HTTP://LocalHost/", "http://[::1]:1", "https://far"};
    static const char *const bad[] = {"http://far", "http://localhost.far",
                                      "http://127.0.0.1.far", "http://localhost:1@far",
                                      "https://user:pw@far"};
    noveum_options options = direct();
    options.api_key = "nv-key";
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        options.endpoint = good[i];
        nv_trace_config_free(kit_config(&options));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.endpoint = bad[i];
        kit_config_is(&options, NOVEUM_INVALID);
        ck_assert_ptr_null(strstr(kit_why, "pw"));
    }
    setenv("NOVEUM_ALLOW_INSECURE_TRANSPORT", "yes", 1);
    options.endpoint = bad[0];
    nv_trace_config_free(kit_config(&options));
}
END_TEST

START_TEST(what_stages_can_not_be_told)
{
    static const char *const journal[] = {"journal.directory=/tmp", NULL};
    noveum_options options = direct();
    noveum_stages small = fake_table;
    options.api_key = "a\nb";
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "api_key: it has more than one line");
    options.api_key = "nv-key";
    options.settings = journal;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "settings: journal.* is the gateway's");
    options.settings = NULL;
    small.size--;
    options.stages = &small;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "stages: size is not set");
}
END_TEST

/* For people: without logins and queries, which may be secrets. */
START_TEST(endpoints_are_shown_without_secrets)
{
    noveum_options options = noveum_default_options();
    struct nv_trace_config *config;
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:p@ss@host:1/a/b?token=x", 1);
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "https://user:p@ss@host:1/a/b?token=x");
    ck_assert_str_eq(config->shown_endpoint, "https://host:1/a/b");
    nv_trace_config_free(config);
    options.endpoint = "htps://user:pass@host";
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_ptr_null(strstr(kit_why, "pass"));
}
END_TEST

/* Each list in whole, and the address: to the cap, and one byte past it, which is no want of
 * memory. A header is "a: v" and a NUL, where the list has "a=v". */
START_TEST(texts_to_their_size)
{
    static char list[NV_TRACE_LIST_BYTES_MAX + 2];
    noveum_options options = noveum_default_options();
    memset(list, 'v', sizeof list - 1);
    memcpy(list, "a=", 2);
    options.endpoint = "http://h";
    options.headers = list;
    list[NV_TRACE_LIST_BYTES_MAX - 2] = '\0';
    nv_trace_config_free(kit_config(&options));
    list[NV_TRACE_LIST_BYTES_MAX - 2] = 'v';
    list[NV_TRACE_LIST_BYTES_MAX - 1] = '\0';
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "headers: more than 64 KiB");
    list[NV_TRACE_LIST_BYTES_MAX - 1] = 'v';
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "headers: more than 64 KiB");
    options.headers = NULL;
    options.resource = list;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "resource: more than 64 KiB");
    options.resource = NULL;
    memcpy(list, "http://", 7);
    options.endpoint = list;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "endpoint: more than 64 KiB");
    options = direct();
    options.api_key = list;
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "api_key: more than 64 KiB");
    options.api_key = "nv-key";
    options.settings = (const char *const[]){list, NULL};
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_str_eq(kit_why, "settings: more than 64 KiB");
}
END_TEST

START_TEST(without_memory)
{
    static const char *const settings[] = {"assembly.quiet_ms=5", NULL};
    noveum_options options = direct();
    options.api_key = "nv-key";
    options.settings = settings;
    options.headers = "a=b";
    options.ca_file = "ca";
    nv_test_oom_config(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_transport");
    TCase *tcase = tcase_create("config_transport");
    tcase_add_checked_fixture(tcase, kit_config_setup, kit_config_teardown);
    tcase_add_test(tcase, endpoints);
    tcase_add_test(tcase, every_text_of_the_environment);
    tcase_add_test(tcase, compression);
    tcase_add_test(tcase, to_noveum_with_a_key_only);
    tcase_add_test(tcase, a_key_meets_no_receiver);
    tcase_add_test(tcase, to_noveum_by_the_file);
    tcase_add_test(tcase, a_key_is_not_sent_in_the_clear);
    tcase_add_test(tcase, what_stages_can_not_be_told);
    tcase_add_test(tcase, endpoints_are_shown_without_secrets);
    tcase_add_test(tcase, texts_to_their_size);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
