/*
 * Options, environment and defaults: which of them wins, what can't be used, and every
 * allocation failing once.
 */
#include "expect.h"
#include "oom.h"

#include "trace/config.h"
#include "trace/value.h"

#include <stdlib.h>

#include "base/banned.h"

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "NOVEUM_PROJECT",
    "NOVEUM_ENVIRONMENT",
    "NOVEUM_SERVICE_VERSION",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
};

static void clean(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        unsetenv(variables[i]);
}

static char why[200];

static struct nv_trace_config *read_ok(const noveum_options *options)
{
    struct nv_trace_config *config;
    ck_assert_msg(nv_trace_config_read(options, why, &config) == NOVEUM_OK, "%s", why);
    return config;
}

static struct nv_str resource(const struct nv_trace_config *config, const char *key)
{
    return nv_trace_value_text(&config->resource, nv_str_from(key));
}

START_TEST(off_unless_asked_for)
{
    struct nv_trace_config *config;
    noveum_options options = noveum_default_options();
    ck_assert_int_eq(nv_trace_config_read(NULL, why, &config), NOVEUM_OFF);
    ck_assert_ptr_null(config);
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_OFF);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "", 1);
    ck_assert_int_eq(nv_trace_config_read(NULL, why, &config), NOVEUM_OFF);
    options.enabled = NOVEUM_ON;
    config = read_ok(&options);
    ck_assert_str_eq(config->endpoint, "http://localhost:4318/v1/traces");
    nv_trace_config_free(config);
    setenv("OTEL_SDK_DISABLED", "TRUE", 1);
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_OFF);
    setenv("OTEL_SDK_DISABLED", "false", 1);
    options.enabled = NOVEUM_NEVER;
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_OFF);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1", 1);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    ck_assert_int_eq(nv_trace_config_read(NULL, why, &config), NOVEUM_OFF);
    nv_trace_config_free(NULL);
}
END_TEST

START_TEST(endpoints)
{
    noveum_options options = noveum_default_options();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:4318/", 1);
    struct nv_trace_config *config = read_ok(NULL);
    ck_assert_str_eq(config->endpoint, "http://base:4318/v1/traces");
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://whole/x", 1);
    config = read_ok(NULL);
    ck_assert_str_eq(config->endpoint, "https://whole/x");
    nv_trace_config_free(config);
    options.endpoint = "http://option";
    config = read_ok(&options);
    ck_assert_str_eq(config->endpoint, "http://option/v1/traces");
    nv_trace_config_free(config);
    options.endpoint = "http://option/v1/traces";
    config = read_ok(&options);
    ck_assert_str_eq(config->endpoint, "http://option/v1/traces");
    nv_trace_config_free(config);
    options.endpoint = "ftp://option";
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_INVALID);
    ck_assert_str_eq(why, "endpoint is neither http:// nor https://: ftp://option");
}
END_TEST

START_TEST(resource_and_headers)
{
    noveum_options options = noveum_default_options();
    options.enabled = NOVEUM_ON;
    setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-list, a%20b=c%2Cd ,junk,=x,e=", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, x-noveum-project=p", 1);
    setenv("NOVEUM_PROJECT", "shop", 1);
    setenv("NOVEUM_ENVIRONMENT", "staging", 1);
    setenv("NOVEUM_SERVICE_VERSION", "1.2", 1);
    struct nv_trace_config *config = read_ok(&options);
    ck_assert_nv_str(resource(config, "service.name"), "from-list");
    ck_assert_nv_str(resource(config, "a b"), "c,d");
    ck_assert_nv_str(resource(config, "noveum.project"), "shop");
    ck_assert_nv_str(resource(config, "deployment.environment.name"), "staging");
    ck_assert_nv_str(resource(config, "service.version"), "1.2");
    ck_assert_nv_str(resource(config, "telemetry.sdk.language"), "c");
    ck_assert_str_eq(config->headers.bytes, "authorization: Bearer x");
    ck_assert_str_eq(config->headers.bytes + 24, "x-noveum-project: p");
    nv_trace_config_free(config);
    setenv("OTEL_SERVICE_NAME", "from-name", 1);
    config = read_ok(&options);
    ck_assert_nv_str(resource(config, "service.name"), "from-name");
    nv_trace_config_free(config);
    options.service_name = "from-option";
    options.resource = "team=a";
    config = read_ok(&options);
    ck_assert_nv_str(resource(config, "service.name"), "from-option");
    ck_assert_nv_str(resource(config, "team"), "a");
    nv_trace_config_free(config);
    clean();
    options.service_name = NULL;
    config = read_ok(&options);
    ck_assert(nv_str_starts(resource(config, "service.name"), NV_STR("unknown_service:")));
    nv_trace_config_free(config);
    options.headers = "a=b%0d%0aevil: 1";
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_INVALID);
}
END_TEST

START_TEST(numbers)
{
    noveum_options options = noveum_default_options();
    options.enabled = NOVEUM_ON;
    struct nv_trace_config *config = read_ok(&options);
    ck_assert_uint_eq(config->timeout_ms, 10000);
    ck_assert_uint_eq(config->queue_spans, 2048);
    ck_assert_uint_eq(config->attributes_max, 128);
    ck_assert_uint_eq(config->value_bytes_max, SIZE_MAX);
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", " 5000 ", 1);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-3", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", 1);
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "12", 1);
    config = read_ok(&options);
    ck_assert_uint_eq(config->timeout_ms, 5000);
    ck_assert_uint_eq(config->queue_spans, 2048);
    ck_assert_uint_eq(config->attributes_max, 0);
    ck_assert_uint_eq(config->value_bytes_max, 12);
    nv_trace_config_free(config);
    options.timeout_ms = 7;
    options.queue_spans = UINT32_MAX;
    options.value_bytes_max = 9;
    config = read_ok(&options);
    ck_assert_uint_eq(config->timeout_ms, 7);
    ck_assert_uint_eq(config->queue_spans, NV_TRACE_SPANS_MAX);
    ck_assert_uint_eq(config->value_bytes_max, 9);
    nv_trace_config_free(config);
}
END_TEST

START_TEST(samplers)
{
    noveum_options options = noveum_default_options();
    options.enabled = NOVEUM_ON;
    struct nv_trace_config *config = read_ok(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_ALL);
    ck_assert(config->parent_based);
    nv_trace_config_free(config);
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.25", 1);
    config = read_ok(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_RATIO);
    ck_assert(!config->parent_based);
    ck_assert_uint_eq(config->sample_below, UINT64_C(1) << 61);
    nv_trace_config_free(config);
    setenv("OTEL_TRACES_SAMPLER", "nobody_knows", 1);
    config = read_ok(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_ALL);
    nv_trace_config_free(config);
    options.sampler = "parentbased_traceidratio=1";
    config = read_ok(&options);
    ck_assert_uint_eq(config->sample_below, UINT64_C(1) << 63);
    nv_trace_config_free(config);
    options.sampler = "traceidratio=2";
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_INVALID);
    options.sampler = "traceidratio=nan";
    ck_assert_int_eq(nv_trace_config_read(&options, why, &config), NOVEUM_INVALID);
}
END_TEST

START_TEST(structs_of_other_sizes)
{
    struct nv_trace_config *config;
    struct {
        noveum_options options;
        char more[64];
    } newer = {.options = noveum_default_options()};
    newer.options.size = sizeof newer;
    newer.options.enabled = NOVEUM_ON;
    memset(newer.more, 0xff, sizeof newer.more);
    nv_trace_config_free(read_ok(&newer.options));
    newer.options.size = offsetof(noveum_options, endpoint); /* older: knows only `enabled` */
    newer.options.endpoint = "ftp://not-looked-at";
    nv_trace_config_free(read_ok(&newer.options));
    newer.options.size = 0;
    ck_assert_int_eq(nv_trace_config_read(&newer.options, why, &config), NOVEUM_INVALID);
}
END_TEST

START_TEST(without_memory)
{
    noveum_options options = noveum_default_options();
    options.endpoint = "http://h";
    options.headers = "a=b";
    options.resource = "c=d";
    options.ca_file = "ca";
    for (unsigned long n = 1;; n++) {
        struct nv_trace_config *config;
        oom_fail_nth(n);
        noveum_result result = nv_trace_config_read(&options, why, &config);
        bool failed = oom_end();
        ck_assert_int_eq(result, failed ? NOVEUM_NO_MEMORY : NOVEUM_OK);
        nv_trace_config_free(config);
        if (!failed)
            break;
    }
}
END_TEST

START_TEST(content_and_hooks)
{
    noveum_options options = noveum_default_options();
    options.enabled = NOVEUM_ON;
    options.user = &options;
    struct nv_trace_config *config = read_ok(&options);
    ck_assert(config->content);
    ck_assert_ptr_eq(config->user, &options);
    nv_trace_config_free(config);
    setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "False", 1);
    config = read_ok(&options);
    ck_assert(!config->content);
    nv_trace_config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_add_checked_fixture(tcase, clean, clean);
    tcase_add_test(tcase, off_unless_asked_for);
    tcase_add_test(tcase, endpoints);
    tcase_add_test(tcase, resource_and_headers);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, samplers);
    tcase_add_test(tcase, structs_of_other_sizes);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, content_and_hooks);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
