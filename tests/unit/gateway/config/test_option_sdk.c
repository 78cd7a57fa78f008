/*
 * The SDK's variables and files, one source at a time: what each row sets and how its text is
 * turned, what is refused and where, which misspelling is told.
 */
#include "base/limits.h"
#include "expect.h"
#include "gateway/config/option_sdk.h"
#include "oom.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct nv_options options;
static struct nv_fail fail;
static char directory[] = "/tmp/noveum-sdk-XXXXXX";

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static struct nv_str written(size_t id)
{
    static char text[4096];
    struct nv_buf buf;
    nv_buf_init(&buf, sizeof text);
    ck_assert_int_eq(nv_option_write(&options, id, &buf), NV_OK);
    if (buf.len > 0)
        memcpy(text, buf.bytes, buf.len);
    struct nv_str result = {text, buf.len};
    nv_buf_release(&buf);
    return result;
}

/* ---- variables --------------------------------------------------------------------------- */

static const struct {
    const char *line;
    size_t id;
    const char *value; /* NULL: refused */
} variables[] = {
    {"NOVEUM_PROJECT=shop", NV_OPT_exporter_noveum_project, "shop"},
    {"NOVEUM_PROJECT=a=b", NV_OPT_exporter_noveum_project, "a=b"},
    {"NOVEUM_SERVICE_VERSION=1.2", NV_OPT_exporter_noveum_service_version, "1.2"},
    {"NOVEUM_ENDPOINT=https://h/api/v1/traces", NV_OPT_exporter_noveum_endpoint,
     "https://h/api"},
    {"NOVEUM_ENDPOINT=ftp://h", NV_OPT_exporter_noveum_endpoint, NULL},
    {"NOVEUM_SSL_VERIFY=no", NV_OPT_exporter_noveum_ssl_verify, "false"},
    {"NOVEUM_SSL_VERIFY=perhaps", NV_OPT_exporter_noveum_ssl_verify, NULL},
    {"NOVEUM_ALLOW_INSECURE_TRANSPORT=1", NV_OPT_exporter_noveum_allow_insecure_transport,
     "true"},
    {"NOVEUM_LOG_LEVEL=warning", NV_OPT_log_level, "warn"},
    {"NOVEUM_LOG_LEVEL=CRITICAL", NV_OPT_log_level, "error"},
    {"NOVEUM_LOG_LEVEL=LOUD", NV_OPT_log_level, NULL},
    {"NOVEUM_DEBUG=yes", NV_OPT_log_level, "debug"},
    {"NOVEUM_DEBUG=no", NV_OPT_log_level, "info"}, /* off sets nothing */
    {"NOVEUM_DEBUG=2", NV_OPT_log_level, NULL},
    {"NOVEUM_PII_ENABLED=false", NV_OPT_redaction_pii, "off"},
    {"NOVEUM_DEV_MODE=on", NV_OPT_exporter_file_directory, ".noveum_trace_dev"},
    {"NOVEUM_DEV_MODE=off", NV_OPT_exporter_file_directory, ""},
    {"NOVEUM_DEV_TRACES_DIR=here", NV_OPT_exporter_file_directory, ""}, /* dev mode is off */
    {"NOVEUM_UNHEARD_OF=1", NV_OPT_exporter_noveum_project, ""},
    {"NOVEUM_PROJECT=", NV_OPT_exporter_noveum_project, ""},
    {"NOVEUM_PROJECT", NV_OPT_exporter_noveum_project, ""},
};

START_TEST(a_variable_sets_what_it_means)
{
    const char *const environment[] = {variables[_i].line, NULL};
    enum nv_err err = nv_sdk_environment(&options, environment, &fail);
    if (!variables[_i].value) {
        struct nv_str line = nv_str_from(variables[_i].line);
        ck_assert_int_eq(err, NV_ERR_CONFIG);
        ck_assert_nv_str_eq(nv_str_from(fail.path),
                            nv_str_slice(line, 0, nv_str_find_char(line, '=')));
        ck_assert_str_ne(fail.what, "");
        return;
    }
    ck_assert_int_eq(err, NV_OK);
    ck_assert_nv_str(written(variables[_i].id), variables[_i].value);
}
END_TEST

START_TEST(of_a_variable_given_twice_the_last_counts)
{
    static const char *const environment[] = {"NOVEUM_PROJECT=first", "NOVEUM_PROJECT=second",
                                              NULL};
    ck_assert_int_eq(nv_sdk_environment(&options, environment, &fail), NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "second");
    ck_assert_int_eq(options.source[NV_OPT_exporter_noveum_project], NV_SOURCE_SDK_ENVIRONMENT);
    ck_assert_str_eq(options.where[NV_OPT_exporter_noveum_project], "NOVEUM_PROJECT");
}
END_TEST

/* ---- the file ---------------------------------------------------------------------------- */

static void put_file(const char *name, const char *text)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void drop_file(const char *name)
{
    char path[100];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    (void)unlink(path);
}

static enum nv_err read_as(const char *name, const char *text)
{
    put_file(name, text);
    enum nv_err err = nv_sdk_file(&options, directory, &fail);
    drop_file(name);
    return err;
}

static const struct {
    const char *text;
    size_t id;
    const char *value; /* NULL: refused, with the place 1:1 or so */
} files[] = {
    {"project: shop\n", NV_OPT_exporter_noveum_project, "shop"},
    {"transport: {timeout: 2.5}\n", NV_OPT_exporter_noveum_timeout_ms, "2500"},
    {"transport: {timeout: 0.0004}\n", NV_OPT_exporter_noveum_timeout_ms, NULL},
    {"transport: {timeout: 999999999}\n", NV_OPT_exporter_noveum_timeout_ms, NULL},
    {"transport: {timeout: -1}\n", NV_OPT_exporter_noveum_timeout_ms, NULL},
    {"transport: {batch_timeout: 1}\n", NV_OPT_exporter_noveum_batch_ms, "1000"},
    {"transport: {batch_size: 7}\n", NV_OPT_exporter_noveum_batch_traces, "7"},
    {"transport: {endpoint: 'https://t'}\nendpoint: https://e\n",
     NV_OPT_exporter_noveum_endpoint, "https://e"},
    {"tracing: {sample_rate: 0.5, capture_errors: true}\n", NV_OPT_sampling_rate, "0.5"},
    {"tracing: {sample_rate: 2}\n", NV_OPT_sampling_rate, NULL},
    {"debug: true\nlog_level: ERROR\n", NV_OPT_log_level, "debug"},
    {"dev_mode: true\ndev_traces_dir: there\n", NV_OPT_exporter_file_directory, "there"},
    {"log_level: null\n", NV_OPT_log_level, "info"},
    {"integrations: {openai: {enabled: false}}\n", NV_OPT_exporter_noveum_project, ""},
    {"security: {custom_redaction_patterns: ['EMP-\\d{2,5}', b]}\n", NV_OPT_redaction_patterns,
     "=EMP-\\d{2,5}, =b"},
    {"security: {custom_redaction_patterns: ['EMP-\\d{2,5}']}\n", NV_OPT_redaction_patterns,
     "=EMP-\\d{2,5}"},
    {"security:\n  custom_redaction_patterns:\n    employee id: 'EMP-\\d{2,5}'\n    b.c: d=e\n",
     NV_OPT_redaction_patterns, "employee id=EMP-\\d{2,5}, b.c=d=e"},
    {"security: {custom_redaction_patterns: []}\n", NV_OPT_redaction_patterns, ""},
    {"security: {pii_phone_regions: []}\n", NV_OPT_redaction_phone_regions, "none"},
    {"security: {pii_phone_regions: [DE, at]}\n", NV_OPT_redaction_phone_regions, "DE, at"},
    {"project: [\n", NV_OPT_exporter_noveum_project, NULL},
};

START_TEST(a_key_of_the_file_sets_what_it_means)
{
    enum nv_err err = read_as("noveum-trace.yaml", files[_i].text);
    if (!files[_i].value) {
        ck_assert_int_eq(err, NV_ERR_CONFIG);
        ck_assert_ptr_nonnull(strstr(fail.path, "noveum-trace.yaml:"));
        return;
    }
    ck_assert_msg(err == NV_OK, "%s at %s", fail.what, fail.path);
    ck_assert_nv_str(written(files[_i].id), files[_i].value);
}
END_TEST

/* In the order in which the SDK looks for them. */
static const char *const names[] = {"noveum-trace.yaml", "noveum-trace.yml",
                                    "noveum-trace.json", ".noveum-trace.yaml",
                                    ".noveum-trace.yml", ".noveum-trace.json"};

START_TEST(the_first_file_that_exists_is_read_alone)
{
    put_file(names[_i], "{\"project\": \"mine\"}\n");
    for (int later = _i + 1; later < COUNT(names); later++)
        put_file(names[later], "{\"environment\": \"other\"}\n");
    enum nv_err err = nv_sdk_file(&options, directory, &fail);
    for (int i = _i; i < COUNT(names); i++)
        drop_file(names[i]);
    ck_assert_int_eq(err, NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "mine");
    ck_assert_str_ne(options.exporter_noveum_environment ? options.exporter_noveum_environment
                                                         : "",
                     "other");
}
END_TEST

START_TEST(no_file_is_no_error)
{
    ck_assert_int_eq(nv_sdk_file(&options, directory, &fail), NV_OK);
    ck_assert_int_eq(nv_sdk_file(&options, "/no/such/directory", &fail), NV_OK);
    ck_assert_int_eq(options.source[NV_OPT_exporter_noveum_project], NV_SOURCE_DEFAULT);
}
END_TEST

START_TEST(a_file_at_its_cap_and_past_it)
{
    static const char line[] = "project: shop\n#";
    char *text = malloc(NV_CAP_CONFIG_FILE + 2);
    ck_assert_ptr_nonnull(text);
    memset(text, '-', NV_CAP_CONFIG_FILE + 1);
    memcpy(text, line, sizeof line - 1);
    text[NV_CAP_CONFIG_FILE] = '\0';
    enum nv_err at = read_as("noveum-trace.yaml", text);
    text[NV_CAP_CONFIG_FILE] = '-';
    text[NV_CAP_CONFIG_FILE + 1] = '\0';
    enum nv_err past = read_as("noveum-trace.yaml", text);
    free(text);
    ck_assert_int_eq(at, NV_OK);
    ck_assert_str_eq(options.exporter_noveum_project, "shop");
    ck_assert_int_eq(past, NV_ERR_CONFIG);
}
END_TEST

/* ---- names ------------------------------------------------------------------------------- */

static const struct {
    const char *name, *near;
} misspelt[] = {
    {"NOVEUM_APIKEY", "NOVEUM_API_KEY"},
    {"NOVEUM_ENDPONT", "NOVEUM_ENDPOINT"},
    {"NOVEUM_PROJECT_ID", "NOVEUM_PROJECT"},
    {"NOVEUM_PROJECT", NULL},
    {"NOVEUM_DEBUG_LOGS", NULL},
    {"NOVEUM_QUITE_ELSE", NULL},
    {"", NULL},
};

START_TEST(misspelt_variables)
{
    const char *near = nv_sdk_near_variable(nv_str_from(misspelt[_i].name));
    ck_assert_str_eq(near ? near : "", misspelt[_i].near ? misspelt[_i].near : "");
}
END_TEST

START_TEST(names_for_the_documentation)
{
    ck_assert_str_eq(nv_sdk_variable(NV_OPT_exporter_noveum_api_key), "NOVEUM_API_KEY");
    ck_assert_ptr_null(nv_sdk_variable(NV_OPT_exporter_noveum_timeout_ms));
    ck_assert_str_eq(nv_sdk_key(NV_OPT_exporter_noveum_timeout_ms), "transport.timeout");
    ck_assert_str_eq(nv_sdk_key(NV_OPT_exporter_noveum_endpoint), "endpoint"); /* what wins */
    ck_assert_ptr_null(nv_sdk_key(NV_OPT_receiver_http_listen));
}
END_TEST

START_TEST(every_allocation_failing_once)
{
    static const char *const environment[] = {"NOVEUM_PROJECT=a", "NOVEUM_DEV_MODE=1",
                                              "NOVEUM_DEV_TRACES_DIR=b", NULL};
    for (unsigned long n = 1;; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_sdk_environment(&options, environment, &fail);
        if (!oom_end()) {
            ck_assert_int_eq(err, NV_OK);
            ck_assert_uint_gt(n, 3);
            break;
        }
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/option_sdk");
    TCase *tcase = tcase_create("sdk");
    if (!mkdtemp(directory))
        return 1;
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, a_variable_sets_what_it_means, 0, COUNT(variables));
    tcase_add_test(tcase, of_a_variable_given_twice_the_last_counts);
    tcase_add_loop_test(tcase, a_key_of_the_file_sets_what_it_means, 0, COUNT(files));
    tcase_add_loop_test(tcase, the_first_file_that_exists_is_read_alone, 0, COUNT(names));
    tcase_add_test(tcase, no_file_is_no_error);
    tcase_add_test(tcase, a_file_at_its_cap_and_past_it);
    tcase_add_loop_test(tcase, misspelt_variables, 0, COUNT(misspelt));
    tcase_add_test(tcase, names_for_the_documentation);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    int result = nv_test_run(suite);
    (void)rmdir(directory);
    return result;
}
