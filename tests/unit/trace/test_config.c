/*
 * Options, environment, the SDK's file and defaults: which of them wins, what can't be used,
 * and every allocation failing once.
 */
#include "config_kit.h"
#include "expect.h"

#include "trace/config.h"
#include "trace/value.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_str resource(const struct nv_trace_config *config, const char *key)
{
    return nv_trace_value_text(&config->resource, nv_str_from(key));
}

START_TEST(off_unless_asked_for)
{
    struct nv_trace_config *config;
    noveum_options options = noveum_default_options();
    kit_config_is(NULL, NOVEUM_OFF);
    kit_config_is(&options, NOVEUM_OFF);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "", 1);
    kit_config_is(NULL, NOVEUM_OFF);
    options.enabled = NOVEUM_ON;
    config = kit_config(&options);
    ck_assert_str_eq(config->endpoint, "http://localhost:4318/v1/traces");
    nv_trace_config_free(config);
    setenv("OTEL_SDK_DISABLED", "TRUE", 1);
    kit_config_is(&options, NOVEUM_OFF);
    setenv("OTEL_SDK_DISABLED", "false", 1);
    options.enabled = NOVEUM_NEVER;
    kit_config_is(&options, NOVEUM_OFF);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1", 1);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    kit_config_is(NULL, NOVEUM_OFF);
    nv_trace_config_free(NULL);
}
END_TEST

START_TEST(resource_and_headers)
{
    noveum_options options = kit_enabled();
    setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-list, a%20b=c%2Cd ,junk,=x,e=", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x, x-noveum-project=p", 1);
    setenv("NOVEUM_PROJECT", "shop", 1);
    setenv("NOVEUM_ENVIRONMENT", "staging", 1);
    setenv("NOVEUM_SERVICE_VERSION", "1.2", 1);
    struct nv_trace_config *config = kit_config(&options);
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
    config = kit_config(&options);
    ck_assert_nv_str(resource(config, "service.name"), "from-name");
    nv_trace_config_free(config);
    options.service_name = "from-option";
    options.resource = "team=a";
    config = kit_config(&options);
    ck_assert_nv_str(resource(config, "service.name"), "from-option");
    ck_assert_nv_str(resource(config, "team"), "a");
    nv_trace_config_free(config);
    kit_clean();
    options.service_name = NULL;
    config = kit_config(&options);
    ck_assert(nv_str_starts(resource(config, "service.name"), NV_STR("unknown_service:")));
    nv_trace_config_free(config);
    options.headers = "a=b%0d%0aevil: 1";
    kit_config_is(&options, NOVEUM_INVALID);
}
END_TEST

START_TEST(numbers)
{
    noveum_options options = kit_enabled();
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_uint_eq(config->timeout_ms, 10000);
    ck_assert_uint_eq(config->queue_spans, 2048);
    ck_assert_uint_eq(config->attributes_max, 128);
    ck_assert_uint_eq(config->value_bytes_max, SIZE_MAX);
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", " 5000 ", 1);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-3", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "12", 1);
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "13", 1);
    config = kit_config(&options);
    ck_assert_uint_eq(config->timeout_ms, 5000);
    ck_assert_uint_eq(config->queue_spans, 2048);
    ck_assert_uint_eq(config->attributes_max, 0);
    ck_assert_uint_eq(config->value_bytes_max, 12);
    nv_trace_config_free(config);
    unsetenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT");
    config = kit_config(&options);
    ck_assert_uint_eq(config->value_bytes_max, 13);
    ck_assert_ptr_nonnull(strstr(config->warning, "OTEL_BSP_MAX_QUEUE_SIZE"));
    nv_trace_config_free(config);
    options.timeout_ms = 7;
    options.queue_spans = UINT32_MAX;
    options.value_bytes_max = 9;
    config = kit_config(&options);
    ck_assert_uint_eq(config->timeout_ms, 7);
    ck_assert_uint_eq(config->queue_spans, NV_TRACE_SPANS_MAX);
    ck_assert_uint_eq(config->value_bytes_max, 9);
    nv_trace_config_free(config);
}
END_TEST

START_TEST(samplers)
{
    noveum_options options = kit_enabled();
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_ALL);
    ck_assert(config->parent_based);
    nv_trace_config_free(config);
    setenv("OTEL_TRACES_SAMPLER", "traceidratio", 1);
    setenv("OTEL_TRACES_SAMPLER_ARG", "0.25", 1);
    config = kit_config(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_RATIO);
    ck_assert(!config->parent_based);
    ck_assert_uint_eq(config->sample_below, UINT64_C(1) << 61);
    nv_trace_config_free(config);
    setenv("OTEL_TRACES_SAMPLER", "nobody_knows", 1);
    config = kit_config(&options);
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_ALL);
    nv_trace_config_free(config);
    options.sampler = "parentbased_traceidratio=1";
    config = kit_config(&options);
    ck_assert_uint_eq(config->sample_below, UINT64_C(1) << 63);
    nv_trace_config_free(config);
    options.sampler = "traceidratio=2";
    kit_config_is(&options, NOVEUM_INVALID);
    options.sampler = "traceidratio=nan";
    kit_config_is(&options, NOVEUM_INVALID);
}
END_TEST

START_TEST(structs_of_other_sizes)
{
    struct {
        noveum_options options;
        char more[64];
    } newer = {.options = noveum_default_options()};
    newer.options.size = sizeof newer;
    newer.options.enabled = NOVEUM_ON;
    memset(newer.more, 0xff, sizeof newer.more);
    nv_trace_config_free(kit_config(&newer.options));
    newer.options.size = offsetof(noveum_options, endpoint); /* older: knows only `enabled` */
    newer.options.endpoint = "ftp://not-looked-at";
    nv_trace_config_free(kit_config(&newer.options));
    newer.options.size = 0;
    kit_config_is(&newer.options, NOVEUM_INVALID);
}
END_TEST

START_TEST(without_memory)
{
    noveum_options options = noveum_default_options();
    options.endpoint = "http://h";
    options.headers = "a=b";
    options.resource = "c=d";
    options.ca_file = "ca";
    kit_write("noveum-trace.yaml", "project: p\n");
    nv_test_oom_config(&options);
}
END_TEST

START_TEST(content_and_hooks)
{
    noveum_options options = kit_enabled();
    options.user = &options;
    struct nv_trace_config *config = kit_config(&options);
    ck_assert(config->content);
    ck_assert_ptr_eq(config->user, &options);
    nv_trace_config_free(config);
    setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "False", 1);
    config = kit_config(&options);
    ck_assert(!config->content);
    nv_trace_config_free(config);
}
END_TEST

/* Each number that a variable sets, the one for traces before the general one. */
/* Each member that holds a value, changed alone, makes another configuration. */
START_TEST(equal_in_everything)
{
    noveum_options options = kit_enabled();
    options.headers = "a=b";
    struct nv_trace_config *one = kit_config(&options), *other = kit_config(&options);
    ck_assert(nv_trace_config_equals(one, other));
#define DIFFERS(member)                                                                        \
    do {                                                                                       \
        unsigned char *bytes = (unsigned char *)&other->member;                                \
        bytes[0] ^= 1;                                                                         \
        ck_assert_msg(!nv_trace_config_equals(one, other), #member);                           \
        bytes[0] ^= 1;                                                                         \
    } while (0)
    DIFFERS(sampler);
    DIFFERS(parent_based);
    DIFFERS(sample_below);
    DIFFERS(timeout_ms);
    DIFFERS(delay_ms);
    DIFFERS(exit_ms);
    DIFFERS(queue_spans);
    DIFFERS(open_spans);
    DIFFERS(batch_spans);
    DIFFERS(attributes_max);
    DIFFERS(events_max);
    DIFFERS(links_max);
    DIFFERS(event_attributes_max);
    DIFFERS(link_attributes_max);
    DIFFERS(value_bytes_max);
    DIFFERS(span_bytes_max);
    DIFFERS(memory_max);
    DIFFERS(stages);
    DIFFERS(gzip);
    DIFFERS(content);
    DIFFERS(performance);
    DIFFERS(redact);
    DIFFERS(before_send);
    DIFFERS(log);
    DIFFERS(user);
    DIFFERS(warning);
    DIFFERS(endpoint[0]);
    DIFFERS(shown_endpoint[0]);
    DIFFERS(headers.bytes[0]);
    DIFFERS(resource.bytes[0]);
#undef DIFFERS
    ck_assert(nv_trace_config_equals(one, other));
    nv_trace_config_free(one);
    options.ca_file = "/ca.pem";
    one = kit_config(&options);
    ck_assert(!nv_trace_config_equals(one, other));
    ck_assert(!nv_trace_config_equals(other, one));
    nv_trace_config_free(one);
    nv_trace_config_free(other);
}
END_TEST

START_TEST(every_number_of_the_environment)
{
    static const struct {
        const char *one, *two;
        size_t at;
    } rows[] = {
#define ROW(name, one, two) {one, two, offsetof(struct nv_trace_config, name)}
        ROW(timeout_ms, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"),
        ROW(delay_ms, "OTEL_BSP_SCHEDULE_DELAY", NULL),
        ROW(queue_spans, "OTEL_BSP_MAX_QUEUE_SIZE", NULL),
        ROW(batch_spans, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", NULL),
        ROW(attributes_max, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        ROW(events_max, "OTEL_SPAN_EVENT_COUNT_LIMIT", NULL),
        ROW(links_max, "OTEL_SPAN_LINK_COUNT_LIMIT", NULL),
        ROW(event_attributes_max, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        ROW(link_attributes_max, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_COUNT_LIMIT"),
#undef ROW
    };
    static const struct {
        const char *two, *one, *text;
        unsigned wanted;
    } cases[] = {{"77", NULL, "77", 77}, {"77", "78", "78", 78}, {"77", "many", NULL, 0}};
    noveum_options options = kit_enabled();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            uint32_t number;
            kit_clean();
            if (rows[i].two)
                setenv(rows[i].two, cases[c].two, 1);
            if (cases[c].one || !rows[i].two)
                setenv(rows[i].one, cases[c].one ? cases[c].one : cases[c].two, 1);
            struct nv_trace_config *config = kit_config(&options);
            memcpy(&number, (char *)config + rows[i].at, sizeof number);
            if (cases[c].text)
                ck_assert_uint_eq(number, cases[c].wanted);
            ck_assert_int_eq(config->warning[0] == '\0', cases[c].text != NULL);
            if (!cases[c].text)
                ck_assert_ptr_nonnull(strstr(config->warning, rows[i].one));
            nv_trace_config_free(config);
        }
    }
}
END_TEST

START_TEST(other_protocols_and_samplers_are_told_of)
{
    noveum_options options = kit_enabled();
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 1);
    struct nv_trace_config *config = kit_config(&options);
    ck_assert_str_eq(config->warning, "");
    nv_trace_config_free(config);
    setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", 1);
    config = kit_config(&options);
    ck_assert_ptr_nonnull(strstr(config->warning, "PROTOCOL"));
    nv_trace_config_free(config);
    kit_clean();
    setenv("OTEL_TRACES_SAMPLER", "sometimes", 1);
    config = kit_config(&options);
    ck_assert_ptr_nonnull(strstr(config->warning, "OTEL_TRACES_SAMPLER"));
    nv_trace_config_free(config);
}
END_TEST

START_TEST(the_file_is_behind_the_environment)
{
    noveum_options options = noveum_default_options();
    kit_write("noveum-trace.yaml",
              "project: filed\nenvironment: staging\nservice_version: '7'\n"
              "tracing:\n  sample_rate: 0.25\n"
              "transport:\n  timeout: 2.5\n  batch_timeout: 5\n  compression: yes\n"
              "  ca_bundle: /ca.pem\n");
    struct nv_trace_config *config;
    kit_config_is(&options, NOVEUM_OFF);
    options.enabled = NOVEUM_ON;
    config = kit_config(&options);
    ck_assert_nv_str(resource(config, "noveum.project"), "filed");
    ck_assert_nv_str(resource(config, "deployment.environment.name"), "staging");
    ck_assert_nv_str(resource(config, "service.version"), "7");
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_RATIO);
    ck_assert(config->parent_based);
    ck_assert_uint_eq(config->sample_below, UINT64_C(1) << 61);
    ck_assert_uint_eq(config->timeout_ms, 2500);
    ck_assert_uint_eq(config->delay_ms, 5000);
    ck_assert(config->gzip);
    ck_assert_str_eq(config->ca_file, "/ca.pem");
    ck_assert_str_eq(config->warning, "");
    nv_trace_config_free(config);
    setenv("NOVEUM_PROJECT", "told", 1);
    setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "3", 1);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none", 1);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "env.pem", 1);
    config = kit_config(&options);
    ck_assert_nv_str(resource(config, "noveum.project"), "told");
    ck_assert_int_eq(config->sampler, NV_TRACE_SAMPLE_NONE);
    ck_assert_uint_eq(config->timeout_ms, 3);
    ck_assert(!config->gzip);
    ck_assert_str_eq(config->ca_file, "env.pem");
    nv_trace_config_free(config);
}
END_TEST

START_TEST(a_file_that_is_wrong)
{
    noveum_options options = noveum_default_options();
    struct nv_trace_config *config;
    options.endpoint = "http://h";
    kit_write("noveum-trace.yaml", "project: half\ntransport: {timeout: 1}\n");
    config = kit_config(&options);
    ck_assert_str_eq(config->warning,
                     "not used: noveum-trace.yaml: line 2: only plain and quoted "
                     "texts are read here");
    ck_assert_uint_eq(resource(config, "noveum.project").len, 0);
    nv_trace_config_free(config);
    options.config_file = "noveum-trace.yaml";
    kit_config_is(&options, NOVEUM_INVALID);
    ck_assert_ptr_nonnull(strstr(kit_why, "line 2"));
    kit_write("noveum-trace.yaml", "transport:\n  timeout: soon\n");
    config = kit_config(&options);
    ck_assert_ptr_nonnull(strstr(config->warning, "transport.timeout"));
    ck_assert_uint_eq(config->timeout_ms, 10000);
    nv_trace_config_free(config);
    kit_write("noveum-trace.yaml", "tracing:\n  enabled: off\n  sample_rate: 2\n");
    kit_config_is(&options, NOVEUM_OFF);
    options.enabled = NOVEUM_ON;
    config = kit_config(&options);
    ck_assert_ptr_nonnull(strstr(config->warning, "tracing.sample_rate"));
    nv_trace_config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tcase = tcase_create("config");
    tcase_add_checked_fixture(tcase, kit_config_setup, kit_config_teardown);
    tcase_add_test(tcase, off_unless_asked_for);
    tcase_add_test(tcase, resource_and_headers);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, samplers);
    tcase_add_test(tcase, structs_of_other_sizes);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, content_and_hooks);
    tcase_add_test(tcase, equal_in_everything);
    tcase_add_test(tcase, every_number_of_the_environment);
    tcase_add_test(tcase, other_protocols_and_samplers_are_told_of);
    tcase_add_test(tcase, the_file_is_behind_the_environment);
    tcase_add_test(tcase, a_file_that_is_wrong);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
