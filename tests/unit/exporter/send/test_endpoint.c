/*
 * Endpoints in all the forms people write them, and every refusal of the configuration check
 * with the words that name the key to mend.
 */
#include "expect.h"

#include "exporter/send/endpoint.h"
#include "exporter/send/packing.h"

#include <stdio.h>

#include "base/banned.h"

static const struct {
    const char *text;
    const char *traces_url; /* NULL: refused */
    bool tls, loopback;
} urls[] = {
    {"https://api.noveum.ai/api", "https://api.noveum.ai/api/v1/traces", true, false},
    {"https://api.noveum.ai/api/", "https://api.noveum.ai/api/v1/traces", true, false},
    {"https://api.noveum.ai/api/v1/traces", "https://api.noveum.ai/api/v1/traces", true, false},
    {"https://api.noveum.ai/api/v1/traces///", "https://api.noveum.ai/api/v1/traces", true,
     false},
    {"HTTPS://h", "HTTPS://h/v1/traces", true, false},
    {"http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/traces", false, true},
    {"http://127.1.2.3/x", "http://127.1.2.3/x/v1/traces", false, true},
    {"http://localhost:1/api", "http://localhost:1/api/v1/traces", false, true},
    {"http://LOCALHOST", "http://LOCALHOST/v1/traces", false, true},
    {"http://[::1]:65535/a", "http://[::1]:65535/a/v1/traces", false, true},
    {"http://[fe80::1]", "http://[fe80::1]/v1/traces", false, false},
    {"http://127.evil.com", "http://127.evil.com/v1/traces", false, false},
    {"http://localhost.evil.com", "http://localhost.evil.com/v1/traces", false, false},
    {"", NULL, false, false},
    {"api.noveum.ai", NULL, false, false},
    {"ftp://h", NULL, false, false},
    {"https:/h", NULL, false, false},
    {"https://", NULL, false, false},
    {"https:///path", NULL, false, false},
    {"https://:80", NULL, false, false},
    {"https://user:pw@h", NULL, false, false},
    {"https://h/a?b=c", NULL, false, false},
    {"https://h/a#b", NULL, false, false},
    {"https://h/a b", NULL, false, false},
    {"https://h\n", NULL, false, false},
    {"https://h:0", NULL, false, false},
    {"https://h:65536", NULL, false, false},
    {"https://h:", NULL, false, false},
    {"https://h:8a", NULL, false, false},
    {"https://[::1", NULL, false, false},
    {"https://[::1]x", NULL, false, false},
};

START_TEST(forms)
{
    struct nv_endpoint endpoint;
    struct nv_fail fail = {0};
    enum nv_err err = nv_endpoint_parse(nv_str_from(urls[_i].text), &endpoint, &fail);

    if (!urls[_i].traces_url) {
        ck_assert_msg(err == NV_ERR_CONFIG, "%s was taken", urls[_i].text);
        ck_assert_ptr_nonnull(strstr(fail.what, "exporter.noveum.endpoint"));
        return;
    }
    ck_assert_msg(err == NV_OK, "%s: %s", urls[_i].text, fail.what);
    ck_assert_str_eq(endpoint.traces_url, urls[_i].traces_url);
    ck_assert(nv_str_ends(nv_str_from(endpoint.image_url), NV_STR("/v1/image")));
    ck_assert(nv_str_ends(nv_str_from(endpoint.audio_url), NV_STR("/v1/audio")));
    ck_assert_uint_eq(strlen(endpoint.image_url) + 1, strlen(endpoint.traces_url));
    ck_assert_int_eq(endpoint.tls, urls[_i].tls);
    ck_assert_int_eq(endpoint.loopback, urls[_i].loopback);
}
END_TEST

START_TEST(length_is_bounded)
{
    static char text[4096];
    struct nv_endpoint endpoint;

    (void)snprintf(text, sizeof text, "https://%04000d", 1);
    ck_assert_int_eq(nv_endpoint_parse(nv_str_from(text), &endpoint, NULL), NV_ERR_CONFIG);
    const size_t most = NV_ENDPOINT_URL_MAX - 32; /* the rest is for the path of a request */
    struct nv_str url = {text, most + 1};
    ck_assert_int_eq(nv_endpoint_parse(url, &endpoint, NULL), NV_ERR_CONFIG);
    url.len = most;
    ck_assert_int_eq(nv_endpoint_parse(url, &endpoint, NULL), NV_OK);
    ck_assert_uint_eq(strlen(endpoint.traces_url), most + strlen("/v1/traces"));
}
END_TEST

static void expect_refusal(const struct nv_exporter_config *config, const char *word)
{
    struct nv_fail fail = {0};

    ck_assert_int_eq(nv_exporter_check(config, &fail), NV_ERR_CONFIG);
    ck_assert_msg(strstr(fail.what, word) != NULL, "\"%s\" does not name %s", fail.what, word);
    ck_assert_ptr_null(strstr(fail.what, "nv_secret"));
}

static struct nv_exporter_config good(void)
{
    struct nv_exporter_config config;

    nv_exporter_config_init(&config);
    config.endpoint = NV_EXPORTER_ENDPOINT_DEFAULT;
    config.api_key = "nv_secret";
    return config;
}

START_TEST(good_configurations)
{
    struct nv_exporter_config config = good();

    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
    config.endpoint = "http://127.0.0.1:9";
    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
    config.endpoint = "http://noveum.internal";
    config.allow_insecure_transport = true;
    config.tls_verify = false;
    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
    config.endpoint = "";
    config.api_key = NULL;
    config.file_directory = "x";
    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
}
END_TEST

START_TEST(refusals)
{
    struct nv_exporter_config config = good();

    config.endpoint = NULL;
    expect_refusal(&config, "exporter.file.directory");
    config = good();
    config.endpoint = "http://example.com";
    expect_refusal(&config, "allow_insecure_transport");
    config = good();
    config.tls_verify = false;
    expect_refusal(&config, "ssl_verify");
    config = good();
    config.api_key = "";
    expect_refusal(&config, "api_key");
    config.api_key = "nv_secret\r\nX: y";
    expect_refusal(&config, "api_key");
    config.api_key = "nv_secret key";
    expect_refusal(&config, "api_key");
}
END_TEST

START_TEST(ranges)
{
    struct nv_exporter_config config = good();

    config.batch_traces = NV_EXPORTER_BATCH_TRACES_MAX + 1;
    expect_refusal(&config, "batch_traces must lie in 1..1000");
    config.batch_traces = NV_EXPORTER_BATCH_TRACES_MAX;
    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
    config.batch_traces = 0;
    expect_refusal(&config, "batch_traces");
    config = good();
    config.max_in_flight = 65;
    expect_refusal(&config, "max_in_flight");
    config = good();
    config.compression_level = 13;
    expect_refusal(&config, "compression_level");
    config.compression_level = 1;
    config.compression_threads = NV_PACKING_THREADS_MAX + 1;
    expect_refusal(&config, "compression_threads");
    config = good();
    config.timeout_ms = 0;
    expect_refusal(&config, "timeout_ms");
    config = good();
    config.spill_bytes = config.queue_bytes_max + 1;
    expect_refusal(&config, "spill_bytes");
    config = good();
    config.batch_ms = 0;
    ck_assert_int_eq(nv_exporter_check(&config, NULL), NV_OK);
}
END_TEST

START_TEST(a_route_has_its_url)
{
    struct nv_endpoint endpoint;
    ck_assert_int_eq(nv_endpoint_parse(NV_STR("https://a.example/api"), &endpoint, NULL),
                     NV_OK);
    ck_assert_str_eq(nv_endpoint_url(&endpoint, NV_ROUTE_TRACES),
                     "https://a.example/api/v1/traces");
    ck_assert_str_eq(nv_endpoint_url(&endpoint, NV_ROUTE_STATUS),
                     "https://a.example/api/v1/status");
    ck_assert_str_eq(nv_endpoint_url(&endpoint, NV_ROUTE_IMAGE),
                     "https://a.example/api/v1/image");
    ck_assert_str_eq(nv_endpoint_url(&endpoint, NV_ROUTE_AUDIO),
                     "https://a.example/api/v1/audio");
    ck_assert_str_eq(nv_endpoint_url(&endpoint, NV_ROUTE_METRICS),
                     "https://a.example/api/v1/metrics");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/endpoint");
    TCase *tcase = tcase_create("endpoint");

    tcase_add_loop_test(tcase, forms, 0, sizeof urls / sizeof *urls);
    tcase_add_test(tcase, length_is_bounded);
    tcase_add_test(tcase, a_route_has_its_url);
    tcase_add_test(tcase, good_configurations);
    tcase_add_test(tcase, refusals);
    tcase_add_test(tcase, ranges);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
