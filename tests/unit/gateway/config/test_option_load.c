/*
 * All sources together: precedence, places in messages, the SDK's settings, and every refusal
 * with what it says.
 */
#include "expect.h"
#include "oom.h"

#include "base/log/log.h"
#include "gateway/config/option_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static char directory[] = "/tmp/noveum-options-XXXXXX";
static char config_path[64];
static struct nv_options options;
static struct nv_fail fail;

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void remove_file(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)unlink(path);
}

/* Loads from a config file (NULL: none), variables and one --set (NULL: none). */
static enum nv_err load(const char *file, const char *const *environment, const char *set)
{
    static const char *const nothing[] = {NULL};
    struct nv_option_sources sources = {.config_file = file != NULL ? config_path : NULL,
                                        .sets = &set,
                                        .set_count = set != NULL ? 1 : 0,
                                        .environment =
                                            environment != NULL ? environment : nothing,
                                        .directory = directory};
    if (file)
        write_file("gateway.yaml", file);
    nv_options_release(&options);
    fail = (struct nv_fail){0};
    return nv_options_load(&options, &sources, &fail);
}

static void set_up(void)
{
    (void)unsetenv("STATE_DIRECTORY");
    (void)setenv("XDG_STATE_HOME", "/state", 1);
    (void)setenv("KEY_IN_ENVIRONMENT", "nv_from_env", 1);
}

START_TEST(defaults_are_those_of_the_interface)
{
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.receiver_http_listen, "127.0.0.1:4318");
    ck_assert_str_eq(options.receiver_grpc_listen, "127.0.0.1:4317");
    ck_assert_str_eq(options.admin_listen, "127.0.0.1:13133");
    ck_assert_uint_eq(options.receiver_max_body_bytes, 67108864);
    ck_assert_uint_eq(options.assembly_quiet_ms, 1000);
    ck_assert_uint_eq(options.assembly_quiet_distributed_ms, 7000);
    ck_assert_uint_eq(options.assembly_quiet_logs_ms, 6000);
    ck_assert_uint_eq(options.assembly_open_ms, 600000);
    ck_assert_uint_eq(options.assembly_remote_parent_ms, 60000);
    ck_assert_uint_eq(options.assembly_max_wait_ms, 3600000);
    ck_assert_uint_eq(options.assembly_max_spans, 10000);
    ck_assert_uint_eq(options.assembly_max_trace_bytes, 16u << 20);
    ck_assert_uint_eq(options.assembly_memory_bytes, 128u << 20);
    ck_assert_uint_eq(options.journal_max_bytes, UINT64_C(8) << 30);
    ck_assert_str_eq(options.journal_directory, "/state/noveum-gateway");
    ck_assert_str_eq(options.exporter_noveum_endpoint, "https://api.noveum.ai/api");
    ck_assert_str_eq(options.exporter_file_directory, ".noveum_trace_dev");
    ck_assert_uint_eq(options.exporter_noveum_timeout_ms, 30000);
    ck_assert_uint_eq(options.exporter_noveum_max_in_flight, 4);
    ck_assert_uint_eq(options.exporter_noveum_max_body_bytes, 4u << 20);
    ck_assert_uint_eq(options.exporter_noveum_batch_traces, 100);
    ck_assert_uint_eq(options.exporter_noveum_batch_ms, 1000);
    ck_assert(options.exporter_noveum_ssl_verify && options.redaction_secrets);
    ck_assert(options.sampling_rate >= 1.0 && options.sampling_keep_errors);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_FULL);
    ck_assert_uint_eq(options.media_mode, NV_MEDIA_STAYS);
    ck_assert(nv_options_local(&options));
}
END_TEST

START_TEST(set_before_environment_before_sdk_before_file_before_sdk_file)
{
    static const char *const all[] = {"NOVEUM_PROJECT=sdk-environment",
                                      "NOVEUM_GATEWAY_EXPORTER_NOVEUM_PROJECT=environment",
                                      NULL};
    static const char *const sdk[] = {"NOVEUM_PROJECT=sdk-environment", NULL};
    static const char file[] = "exporter: {noveum: {project: file}}\n";
    write_file("noveum-trace.yaml", "project: sdk-file\nenvironment: staging\n");
    ck_assert_int_eq(load(file, all, "exporter.noveum.project=set"), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "set");
    ck_assert_str_eq(options.where[NV_OPT_exporter_noveum_project], "--set");
    ck_assert_int_eq(load(file, all, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "environment");
    ck_assert_int_eq(load(file, sdk, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "sdk-environment");
    ck_assert_str_eq(options.where[NV_OPT_exporter_noveum_project], "NOVEUM_PROJECT");
    ck_assert_int_eq(load(file, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "file");
    ck_assert_ptr_nonnull(strstr(options.where[NV_OPT_exporter_noveum_project], "yaml:1:21"));
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "sdk-file");
    ck_assert_str_eq(options.exporter_noveum_environment, "staging");
    remove_file("noveum-trace.yaml");
}
END_TEST

START_TEST(defaults_of_a_command_come_after_every_source)
{
    static const char *const defaults[] = {"exporter.noveum.project=command",
                                           "journal.max_bytes=2097152"};
    static const char *const variables[] = {"NOVEUM_PROJECT=sdk", NULL};
    static const char *const nothing[] = {NULL};
    struct nv_option_sources sources = {
        .defaults = defaults, .default_count = 2, .environment = nothing};
    nv_options_release(&options);
    ck_assert_int_eq(nv_options_load(&options, &sources, &fail), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "command");
    ck_assert_uint_eq(options.journal_max_bytes, 2097152);
    ck_assert_uint_eq(options.source[NV_OPT_journal_max_bytes], NV_SOURCE_DEFAULT);
    sources.environment = variables;
    nv_options_release(&options);
    ck_assert_int_eq(nv_options_load(&options, &sources, &fail), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "sdk");
}
END_TEST

START_TEST(values_of_every_type_from_a_file)
{
    ck_assert_int_eq(load("receiver:\n"
                          "  max_body_bytes: 1MiB\n"
                          "  cors:\n"
                          "    allowed_origins: [\"https://a.example\", 'https://b.example']\n"
                          "assembly: {quiet_ms: 2s, on_stop: send}\n"
                          "sampling:\n"
                          "  rate: 0.25\n"
                          "  keep_errors: no\n"
                          "journal:\n"
                          "exporter:\n"
                          "  noveum:\n"
                          "    api_key: ${env:KEY_IN_ENVIRONMENT}\n"
                          "    project:   # nothing: the default stays\n",
                          NULL, NULL),
                     NV_OK);
    ck_assert_uint_eq(options.receiver_max_body_bytes, 1u << 20);
    ck_assert_uint_eq(options.receiver_cors_allowed_origins.count, 2);
    ck_assert_str_eq(options.receiver_cors_allowed_origins.items[1], "https://b.example");
    ck_assert_uint_eq(options.assembly_quiet_ms, 2000);
    ck_assert_uint_eq(options.assembly_on_stop, 1);
    ck_assert_double_eq(options.sampling_rate, 0.25);
    ck_assert(!options.sampling_keep_errors);
    ck_assert_str_eq(options.exporter_noveum_api_key, "nv_from_env");
    ck_assert_ptr_null(options.exporter_noveum_project);
    ck_assert_ptr_null(options.exporter_file_directory);
    ck_assert(!nv_options_local(&options));
}
END_TEST

/* What is refused: a file, a variable or a --set, and what the message must hold. */
static const struct {
    const char *file, *variable, *set;
    const char *what, *path;
} refusals[] = {
    {"assembly:\n  quite_ms: 5\n", NULL, NULL, "did you mean \"assembly.quiet_ms\"",
     "yaml:2:3"},
    {"quiet_ms: 5\n", NULL, NULL, "did you mean \"assembly.quiet_ms\"", "yaml:1:1"},
    {"nonsense_that_is_like_nothing: 5\n", NULL, NULL, "--help lists", "yaml:1:1"},
    {"assembly:\n  quiet_ms: soon\n", NULL, NULL, "\"soon\" is not milliseconds", "yaml:2:3"},
    {"assembly: 5\n", NULL, NULL, "is a section", "yaml:1:1"},
    {"assembly:\n  quiet_ms: {a: 1}\n", NULL, NULL, "takes a value", "yaml:2:3"},
    {"assembly:\n  quiet_ms: 1\n  quiet_ms: 2\n", NULL, NULL, "given twice", "yaml:3:3"},
    {"assembly: {quiet_ms: 1}\nassembly.quiet_ms: 2\n", NULL, NULL, "given twice", "yaml:2:1"},
    {"assembly: [\n", NULL, NULL, "", "yaml:2:1"},
    {"a: &x 1\nb: *x\n", NULL, NULL, "unknown key", "yaml:1:1"},
    {"assembly: &x {quiet_ms: 1}\nreceiver: *x\n", NULL, NULL, "aliases", "yaml:2:11"},
    {"- 1\n", NULL, NULL, "keys with values", "yaml:1:1"},
    {"log: {level: info}\n---\nlog: {level: info}\n", NULL, NULL, "second document",
     "yaml:2:1"},
    {"? [a]\n: 1\n", NULL, NULL, "a key must be plain text", "yaml:1:3"},
    {"redaction: {patterns: [[a]]}\n", NULL, NULL, "plain values only", "yaml:1:24"},
    {NULL, NULL, "assembly.quite_ms=5", "did you mean \"assembly.quiet_ms\"", "--set"},
    {NULL, NULL, "assembly.quiet_ms", "KEY=VALUE", "--set"},
    {NULL, NULL, "assembly.max_spans=0", "not within 1..1000000", "--set"},
    {NULL, NULL, "assembly.max_spans=many", "not a whole number", "--set"},
    {NULL, NULL, "sampling.rate=1.5", "0..1", "--set"},
    {NULL, NULL, "sampling.rate=NaN", "0..1", "--set"},
    {NULL, NULL, "log.level=loud", "none of debug|info|warn|error", "--set"},
    {NULL, NULL, "sampling.keep_errors=maybe", "neither true nor false", "--set"},
    {NULL, NULL, "admin.listen=13133", "is no address", "--set"},
    {NULL, NULL, "log.level=${env:NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE is not set", "--set"},
    {NULL, NULL, "log.level=${file:/nowhere/at/all}", "can't open", "--set"},
    {NULL, NULL, "log.level=${HOME}", "neither ${env:NAME}", "--set"},
    {NULL, NULL, "log.level=${env:HOME", "not closed", "--set"},
    {NULL, NULL, "redaction.pii=pseudonymise", "need a salt", "--set"},
    {NULL, NULL, "redaction.patterns=A=a", "while redaction.pii is off", "--set"},
    {NULL, NULL, "redaction.pii_allow=a", "while redaction.pii is off", "--set"},
    {NULL, NULL, "receiver.http.tls.cert_file=/etc/hostname", "tls.key_file", "--set"},
    {NULL, NULL, "receiver.http.tls.key_file=/etc/hostname", "cert_file", NULL},
    {NULL, NULL, "exporter.noveum.ca_bundle=/dev/null", "not a regular file", "--set"},
    {NULL, NULL, "receiver.auth.tokens_file=/nowhere", "can't read \"/nowhere\"", "--set"},
    {NULL, NULL, "journal.directory=/nowhere/at/all", "no directory \"/nowhere/at\"", "--set"},
    {NULL, NULL, "journal.directory=/etc/hostname", "not a directory", "--set"},
    {NULL, "NOVEUM_GATEWAY_ASSEMBLY_QUITE_MS=5", NULL, "NOVEUM_GATEWAY_ASSEMBLY_QUIET_MS",
     "NOVEUM_GATEWAY_ASSEMBLY_QUITE_MS"},
    {NULL, "NOVEUM_GATEWAY_ASSEMBLY_QUIET_MS=x", NULL, "assembly.quiet_ms",
     "NOVEUM_GATEWAY_ASSEMBLY_QUIET_MS"},
    {NULL, "NOVEUM_SSL_VERIFY=perhaps", NULL, "not understood", "NOVEUM_SSL_VERIFY"},
    {NULL, "NOVEUM_LOG_LEVEL=LOUD", NULL, "not understood", "NOVEUM_LOG_LEVEL"},
    {NULL, "NOVEUM_PII_ENABLED=true", NULL, "need a salt", "NOVEUM_PII_ENABLED"},
    {"mapping:\n  content: [off, truncate:0]\n", NULL, NULL,
     "\"truncate:0\" is cut to a number", "gateway.yaml:2:"},
};

START_TEST(refused_with_place_and_remedy)
{
    const char *environment[] = {NULL, NULL};
    if (refusals[_i].variable)
        environment[0] = refusals[_i].variable;
    ck_assert_int_eq(load(refusals[_i].file, environment, refusals[_i].set), NV_ERR_CONFIG);
    ck_assert_msg(strstr(fail.what, refusals[_i].what) != NULL, "\"%s\" lacks \"%s\"",
                  fail.what, refusals[_i].what);
    if (refusals[_i].path) {
        ck_assert_msg(strstr(fail.path, refusals[_i].path) != NULL, "\"%s\" lacks \"%s\"",
                      fail.path, refusals[_i].path);
    }
}
END_TEST

START_TEST(plain_http_only_to_loopback_or_when_allowed)
{
    static const char *const far[] = {"NOVEUM_API_KEY=nv_x",
                                      "NOVEUM_ENDPOINT=http://example.com", NULL};
    static const char *const near[] = {"NOVEUM_API_KEY=nv_x",
                                       "NOVEUM_ENDPOINT=http://127.0.0.1:9/api", NULL};
    static const char *const allowed[] = {"NOVEUM_API_KEY=nv_x",
                                          "NOVEUM_ENDPOINT=http://example.com",
                                          "NOVEUM_ALLOW_INSECURE_TRANSPORT=yes", NULL};
    static const char *const unchecked[] = {"NOVEUM_API_KEY=nv_x", "NOVEUM_SSL_VERIFY=0", NULL};
    ck_assert_int_eq(load(NULL, far, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "use https"));
    ck_assert_str_eq(fail.path, "NOVEUM_ENDPOINT");
    ck_assert_int_eq(load(NULL, near, NULL), NV_OK);
    ck_assert_int_eq(load(NULL, allowed, NULL), NV_OK);
    ck_assert_int_eq(load(NULL, unchecked, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "ca_bundle"));
}
END_TEST

START_TEST(secrets_are_in_no_message)
{
    static const char *const credentials[] = {"NOVEUM_ENDPOINT=https://u:hunter2@example.com",
                                              NULL};
    ck_assert_int_eq(load(NULL, credentials, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_null(strstr(fail.what, "hunter2"));
    ck_assert_int_eq(load(NULL, NULL, "exporter.noveum.api_key=${file:/nowhere}"),
                     NV_ERR_CONFIG);
    ck_assert_int_eq(load(NULL, NULL, "exporter.noveum.api_key=nv_secret"), NV_OK);
    struct nv_buf text;
    nv_buf_init(&text, 1000);
    (void)nv_option_write(&options, NV_OPT_exporter_noveum_api_key, &text);
    ck_assert_nv_str(nv_buf_str(&text), "***");
    nv_buf_release(&text);
}
END_TEST

START_TEST(the_sdks_variables_mean_what_they_mean_there)
{
    static const char *const environment[] = {"NOVEUM_API_KEY=nv_key",
                                              "NOVEUM_ENVIRONMENT=staging",
                                              "NOVEUM_SERVICE_VERSION=1.2",
                                              "NOVEUM_ENDPOINT=https://x.example/api/v1/traces",
                                              "NOVEUM_CA_BUNDLE=/etc/hostname",
                                              "NOVEUM_DEV_MODE=true",
                                              "NOVEUM_DEV_TRACES_DIR=here",
                                              "NOVEUM_LOG_LEVEL=WARNING",
                                              "NOVEUM_PII_ENABLED=false",
                                              "NOVEUM_PROJECT=",
                                              "NOVEUM_UNHEARD_OF=1",
                                              NULL};
    ck_assert_int_eq(load(NULL, environment, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_api_key, "nv_key");
    ck_assert_str_eq(options.exporter_noveum_environment, "staging");
    ck_assert_str_eq(options.exporter_noveum_service_version, "1.2");
    ck_assert_str_eq(options.exporter_noveum_endpoint, "https://x.example/api");
    ck_assert_str_eq(options.exporter_noveum_ca_bundle, "/etc/hostname");
    ck_assert_str_eq(options.exporter_file_directory, "here");
    ck_assert_uint_eq(options.log_level, 2);
    ck_assert_ptr_null(options.exporter_noveum_project);
}
END_TEST

START_TEST(debug_and_dev_mode_alone)
{
    static const char *const debug[] = {"NOVEUM_DEBUG=1", "NOVEUM_LOG_LEVEL=ERROR", NULL};
    static const char *const dev[] = {"NOVEUM_API_KEY=k", "NOVEUM_DEV_MODE=1", NULL};
    static const char *const not_dev[] = {"NOVEUM_API_KEY=k", "NOVEUM_DEV_TRACES_DIR=here",
                                          NULL};
    static const char *const in_production[] = {"NOVEUM_API_KEY=k", "NOVEUM_DEV_MODE=1",
                                                "NOVEUM_ENVIRONMENT=Production", NULL};
    ck_assert_int_eq(load(NULL, debug, NULL), NV_OK);
    ck_assert_uint_eq(options.log_level, 0);
    ck_assert_int_eq(load(NULL, dev, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, ".noveum_trace_dev");
    ck_assert_int_eq(load(NULL, not_dev, NULL), NV_OK);
    ck_assert_ptr_null(options.exporter_file_directory);
    ck_assert_int_eq(load(NULL, in_production, NULL), NV_ERR_CONFIG);
}
END_TEST

/* Files are what local mode has: then the SDK's name for their place counts by itself, in
 * production, too, and a variable before a file. */
START_TEST(the_sdks_directory_without_a_key)
{
    static const char *const variable[] = {"NOVEUM_DEV_TRACES_DIR=here",
                                           "NOVEUM_ENVIRONMENT=production", NULL};
    static const char *const empty[] = {"NOVEUM_DEV_TRACES_DIR=", NULL};
    ck_assert_int_eq(load(NULL, variable, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, "here");
    ck_assert_str_eq(options.where[NV_OPT_exporter_file_directory], "NOVEUM_DEV_TRACES_DIR");
    ck_assert_int_eq(load(NULL, empty, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, ".noveum_trace_dev");
    ck_assert_int_eq(load(NULL, variable, "exporter.file.directory=set"), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, "set");
    write_file("noveum-trace.yaml", "dev_traces_dir: there\n");
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, "there");
    ck_assert_int_eq(load(NULL, variable, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_file_directory, "here");
    remove_file("noveum-trace.yaml");
}
END_TEST

/* Files of the local mode hold stack traces, what is delivered does not; by both, what is said
 * counts. */
START_TEST(stack_traces_by_mode)
{
    static const char *const key[] = {"NOVEUM_API_KEY=k", NULL};
    static const char *const cut[] = {"NOVEUM_GATEWAY_REDACTION_STACK_TRACES=last", NULL};
    ck_assert_int_eq(load(NULL, key, NULL), NV_OK);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_OFF);
    ck_assert_int_eq(load(NULL, cut, NULL), NV_OK);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_LAST);
    write_file("noveum-trace.yml", "tracing:\n  capture_stack_traces: true\n");
    ck_assert_int_eq(load(NULL, key, NULL), NV_OK);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_FULL);
    write_file("noveum-trace.yml", "tracing:\n  capture_stack_traces: false\n");
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_uint_eq(options.redaction_stack_traces, NV_STACKS_OFF);
    remove_file("noveum-trace.yml");
}
END_TEST

START_TEST(the_sdks_file_in_yaml_and_json)
{
    write_file(".noveum-trace.json",
               "{\"api_key\": \"nv_file\", \"transport\": {\"timeout\": 2.5,"
               "\"batch_size\": 7, \"endpoint\": \"https:\\/\\/t.example\"},"
               "\"endpoint\": \"https://e.example\","
               "\"tracing\": {\"sample_rate\": 0.5, \"capture_errors\": true},"
               "\"integrations\": {\"openai\": {\"enabled\": false}},"
               "\"dev_mode\": false, \"log_level\": null}\n");
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_api_key, "nv_file");
    ck_assert_uint_eq(options.exporter_noveum_timeout_ms, 2500);
    ck_assert_uint_eq(options.exporter_noveum_batch_traces, 7);
    ck_assert_str_eq(options.exporter_noveum_endpoint, "https://e.example");
    ck_assert_double_eq(options.sampling_rate, 0.5);
    write_file("noveum-trace.yml", "transport:\n  timeout: fast\n");
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.path, "noveum-trace.yml:2:3"));
    remove_file(".noveum-trace.json");
    remove_file("noveum-trace.yml");
}
END_TEST

/* The kubelet's variables for services called noveum-gateway and noveum-gateway-<something>. */
static const char *const of_kubernetes[] = {
    "NOVEUM_GATEWAY_SERVICE_HOST=10.0.0.1",
    "NOVEUM_GATEWAY_SERVICE_PORT=4318",
    "NOVEUM_GATEWAY_SERVICE_PORT_TRACES=4318",
    "NOVEUM_GATEWAY_SERVICE_PORT_OTLP_HTTP=4318",
    "NOVEUM_GATEWAY_SERVICE_PORT_ADMIN_LISTEN=13133",
    "NOVEUM_GATEWAY_SERVICE_PORT_LOG_LEVEL=1",
    "NOVEUM_GATEWAY_PORT=tcp://10.0.0.1:4318",
    "NOVEUM_GATEWAY_PORT_4318_TCP=tcp://10.0.0.1:4318",
    "NOVEUM_GATEWAY_PORT_4318_TCP_PROTO=tcp",
    "NOVEUM_GATEWAY_PORT_4318_TCP_PORT=4318",
    "NOVEUM_GATEWAY_PORT_4318_TCP_ADDR=fd00::1",
    "NOVEUM_GATEWAY_PORT_53_UDP_ADDR=10.0.0.1",
    "NOVEUM_GATEWAY_PORT_53_SCTP=sctp://10.0.0.1:53",
    "NOVEUM_GATEWAY_TERMINAL_SERVICE_HOST=10.0.0.1",
    "NOVEUM_GATEWAY_ADMIN_SERVICE_PORT=13133",
    "NOVEUM_GATEWAY_ADMIN_PORT=tcp://10.0.0.1:13133",
    "NOVEUM_GATEWAY_ADMIN_PORT_13133_TCP_ADDR=10.0.0.1",
    "NOVEUM_GATEWAY_LOG_LEVEL=",
};

static void count_lines(void *ctx, struct nv_str line)
{
    (void)line;
    ++*(unsigned *)ctx;
}

START_TEST(variables_that_kubernetes_sets_are_ignored)
{
    const char *const environment[] = {of_kubernetes[_i], NULL};
    unsigned lines = 0;
    nv_log_set_sink(count_lines, &lines);
    enum nv_err err = load(NULL, environment, NULL);
    nv_log_set_sink(NULL, NULL);
    ck_assert_msg(err == NV_OK, "%s: %s", of_kubernetes[_i], fail.what);
    ck_assert_uint_eq(options.log_level, 1);
    ck_assert_uint_eq(lines, 0);
}
END_TEST

static void keep_line(void *ctx, struct nv_str line)
{
    (void)nv_buf_append_str(ctx, line);
}

START_TEST(an_ignored_variable_names_the_right_one)
{
    static const char *const environment[] = {"NOVEUM_GATEWAY_API_KEY=nv_x",
                                              "NOVEUM_GATEWAY_LOGLEVEL=debug",
                                              "NOVEUM_GATEWAY_SOMETHING_ELSE=1", NULL};
    static const char *const parts[] = {
        ("\"NOVEUM_GATEWAY_API_KEY\" is ignored; did you mean "
         "NOVEUM_GATEWAY_EXPORTER_NOVEUM_API_KEY\n"),
        "\"NOVEUM_GATEWAY_LOGLEVEL\" is ignored; did you mean NOVEUM_GATEWAY_LOG_LEVEL\n",
        "\"NOVEUM_GATEWAY_SOMETHING_ELSE\" is ignored; --help lists all keys\n"};
    struct nv_buf lines;
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep_line, &lines);
    enum nv_err err = load(NULL, environment, NULL);
    nv_log_set_sink(NULL, NULL);
    ck_assert_int_eq(err, NV_OK);
    for (int i = 0; i < COUNT(parts); i++) {
        ck_assert_msg(nv_str_find(nv_buf_str(&lines), nv_str_from(parts[i])) != SIZE_MAX,
                      "%.*s", (int)lines.len, lines.bytes);
    }
    ck_assert_uint_eq(nv_str_find(nv_buf_str(&lines), NV_STR("nv_x")), SIZE_MAX);
    nv_buf_release(&lines);
}
END_TEST

static const struct {
    const char *line, *meant; /* NULL: nothing is said */
} near_sdk[] = {
    {"NOVEUM_APIKEY=nv_secret", "NOVEUM_API_KEY"},
    {"NOVEUM_API_KEYS=nv_secret", "NOVEUM_API_KEY"},
    {"NOVEUMAPI_KEY=nv_secret", "NOVEUM_API_KEY"},
    {"NOVEUM_ENDPONT=x", "NOVEUM_ENDPOINT"},
    {"NOVEUM_PROJECT_ID=x", "NOVEUM_PROJECT"},
    {"NOVEUM_LOG_FORMAT=json", "NOVEUM_GATEWAY_LOG_FORMAT"},
    {"NOVEUM_ASSEMBLY_QUIET_MS=5", "NOVEUM_GATEWAY_ASSEMBLY_QUIET_MS"},
    {"NOVEUM_PROJECT=x", NULL},
    {"NOVEUM_APIKEY=", NULL},
    {"NOVEUM_APIKEY", NULL},
    {"NOVEUM_DEBUG_LOGS=1", NULL},
    {"NOVEUM_MAX_AGENTS=1", NULL},
    {"NOVEUM_SOMETHING_ELSE=1", NULL},
    {"MY_NOVEUM_APIKEY=1", NULL},
};

START_TEST(a_misspelled_variable_of_the_sdk_is_told)
{
    const char *const environment[] = {near_sdk[_i].line, NULL};
    struct nv_buf lines;
    nv_buf_init(&lines, 1u << 16);
    nv_log_set_sink(keep_line, &lines);
    enum nv_err err = load(NULL, environment, NULL);
    nv_log_set_sink(NULL, NULL);
    ck_assert_int_eq(err, NV_OK);
    if (near_sdk[_i].meant) {
        struct nv_str text = nv_buf_str(&lines);
        size_t at = nv_str_find(text, NV_STR("did you mean "));
        ck_assert_uint_ne(at, SIZE_MAX);
        text = nv_str_slice(text, at + sizeof "did you mean " - 1, text.len);
        ck_assert_nv_str(nv_str_slice(text, 0, text.len - 1), near_sdk[_i].meant);
    } else {
        ck_assert_uint_eq(lines.len, 0);
    }
    ck_assert_uint_eq(nv_str_find(nv_buf_str(&lines), NV_STR("nv_secret")), SIZE_MAX);
    nv_buf_release(&lines);
}
END_TEST

START_TEST(dollars_stay_in_every_source)
{
    static const char *const ours[] = {"NOVEUM_GATEWAY_EXPORTER_NOVEUM_PROJECT=a$$b$${c}$",
                                       NULL};
    static const char *const sdk[] = {"NOVEUM_PROJECT=a$$b", NULL};
    ck_assert_int_eq(load(NULL, ours, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "a$$b${c}$");
    ck_assert_int_eq(load(NULL, sdk, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "a$$b");
    ck_assert_int_eq(load(NULL, NULL, "exporter.noveum.project=$$"), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "$$");
    ck_assert_int_eq(load("exporter: {noveum: {project: 'p$$w'}}\n", NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "p$$w");
}
END_TEST

START_TEST(files_that_everybody_writes_are_refused)
{
    char path[128];
    write_file("tokens", "t\n");
    write_file("noveum-trace.yaml", "endpoint: https://evil.example\n");
    (void)snprintf(path, sizeof path, "%s/noveum-trace.yaml", directory);
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_endpoint, "https://evil.example");
    ck_assert_int_eq(chmod(path, 0666), 0);
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_ERR_CONFIG);
    ck_assert_str_eq(fail.path, path);
    ck_assert_ptr_nonnull(strstr(fail.what, "chmod o-w"));
    ck_assert_str_eq(options.exporter_noveum_endpoint, "https://api.noveum.ai/api");
    remove_file("noveum-trace.yaml");
    for (int i = 0; i < 4; i++) {
        static const char *const options_of_files[] = {
            "receiver.auth.tokens_file=", "mapping.rules_file=", "mapping.prices_file=",
            "receiver.auth.token=${file:"};
        char set[200];
        (void)snprintf(path, sizeof path, "%s/tokens", directory);
        ck_assert_int_eq(chmod(path, 0622), 0);
        (void)snprintf(set, sizeof set, "%s%s%s", options_of_files[i], path, i == 3 ? "}" : "");
        ck_assert_int_eq(load(NULL, NULL, set), NV_ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(fail.what, "chmod o-w"));
        ck_assert_int_eq(chmod(path, 0600), 0);
        ck_assert_int_eq(load(NULL, NULL, set), NV_OK);
    }
    remove_file("tokens");
}
END_TEST

START_TEST(place_of_the_journal)
{
    (void)setenv("STATE_DIRECTORY", "/var/lib/x", 1);
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_str_eq(options.journal_directory, "/var/lib/x/journal");
    (void)unsetenv("STATE_DIRECTORY");
    (void)unsetenv("XDG_STATE_HOME");
    ck_assert_int_eq(load(NULL, NULL, NULL), NV_OK);
    ck_assert_ptr_nonnull(strstr(options.journal_directory, "/noveum-gateway"));
}
END_TEST

START_TEST(out_of_memory_is_an_error)
{
    static const char *const environment[] = {"NOVEUM_API_KEY=nv_key", NULL};
    for (unsigned long n = 1;; n++) {
        write_file("gateway.yaml", "log: {level: debug}\nreceiver: {auth: {token: x}}\n");
        struct nv_option_sources sources = {
            .config_file = config_path, .environment = environment, .directory = directory};
        nv_options_release(&options);
        fail = (struct nv_fail){0};
        oom_fail_nth(n);
        enum nv_err err = nv_options_load(&options, &sources, &fail);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_load");
    TCase *tcase = tcase_create("all");
    if (!mkdtemp(directory))
        return 1;
    (void)snprintf(config_path, sizeof config_path, "%s/gateway.yaml", directory);
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, defaults_are_those_of_the_interface);
    tcase_add_test(tcase, set_before_environment_before_sdk_before_file_before_sdk_file);
    tcase_add_test(tcase, defaults_of_a_command_come_after_every_source);
    tcase_add_test(tcase, values_of_every_type_from_a_file);
    tcase_add_loop_test(tcase, refused_with_place_and_remedy, 0, COUNT(refusals));
    tcase_add_test(tcase, plain_http_only_to_loopback_or_when_allowed);
    tcase_add_test(tcase, secrets_are_in_no_message);
    tcase_add_test(tcase, the_sdks_variables_mean_what_they_mean_there);
    tcase_add_test(tcase, debug_and_dev_mode_alone);
    tcase_add_test(tcase, the_sdks_directory_without_a_key);
    tcase_add_test(tcase, stack_traces_by_mode);
    tcase_add_test(tcase, the_sdks_file_in_yaml_and_json);
    tcase_add_loop_test(tcase, variables_that_kubernetes_sets_are_ignored, 0,
                        COUNT(of_kubernetes));
    tcase_add_test(tcase, an_ignored_variable_names_the_right_one);
    tcase_add_loop_test(tcase, a_misspelled_variable_of_the_sdk_is_told, 0, COUNT(near_sdk));
    tcase_add_test(tcase, dollars_stay_in_every_source);
    tcase_add_test(tcase, files_that_everybody_writes_are_refused);
    tcase_add_test(tcase, place_of_the_journal);
    tcase_add_test(tcase, out_of_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    int code = nv_test_run(suite);
    nv_options_release(&options);
    remove_file("gateway.yaml");
    (void)rmdir(directory);
    return code;
}
