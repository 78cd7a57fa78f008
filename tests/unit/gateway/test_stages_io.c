/*
 * Options into the configurations of receivers and exporter: every value arrives where it
 * belongs, and defaults agree with the stages' own.
 */
#include "expect.h"
#include "oom.h"
#include "options_kit.h"

#include "base/limits.h"
#include "gateway/config/memory_budget.h"
#include "gateway/stages.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_options options;

static void set_up(void)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

START_TEST(the_exporters_defaults_agree)
{
    struct nv_exporter_config own, ours;
    nv_test_set(&options, NV_OPT_exporter_noveum_api_key, "nv_x");
    nv_exporter_config_init(&own);
    nv_stage_exporter(&options, &ours);
    ck_assert_uint_eq(ours.timeout_ms, own.timeout_ms);
    ck_assert_uint_eq(ours.max_in_flight, own.max_in_flight);
    ck_assert_uint_eq(ours.batch_traces, own.batch_traces);
    ck_assert_uint_eq(ours.batch_ms, own.batch_ms);
    ck_assert_uint_eq(ours.max_body_bytes, own.max_body_bytes);
    ck_assert_uint_eq(ours.queue_bytes_max, own.queue_bytes_max);
    ck_assert_uint_eq(ours.spill_bytes, own.spill_bytes);
    ck_assert_uint_eq(ours.connect_timeout_ms, own.connect_timeout_ms);
    ck_assert_uint_eq(ours.queue_traces_max, own.queue_traces_max);
    ck_assert_uint_eq(ours.spill_age_ms, own.spill_age_ms);
    ck_assert_uint_eq(ours.retry_initial_ms, own.retry_initial_ms);
    ck_assert_uint_eq(ours.retry_max_ms, own.retry_max_ms);
    ck_assert_uint_eq(ours.retry_after_max_ms, own.retry_after_max_ms);
    ck_assert_uint_eq(ours.credit_pause_ms, own.credit_pause_ms);
    ck_assert_uint_eq(ours.credit_pause_max_ms, own.credit_pause_max_ms);
    ck_assert_uint_eq(ours.probe_ms, own.probe_ms);
    ck_assert_uint_eq(ours.identity_ms, own.identity_ms);
    ck_assert_uint_eq(ours.drain_requests_per_s, own.drain_requests_per_s);
    ck_assert_int_eq(ours.compression, own.compression);
    ck_assert_uint_eq(ours.compression_level, own.compression_level);
    ck_assert_int_eq(ours.trace_id_form, own.trace_id_form);
    ck_assert(ours.tls_verify && !ours.allow_insecure_transport);
    ck_assert_str_eq(ours.endpoint, NV_EXPORTER_ENDPOINT_DEFAULT);
}
END_TEST

/* Each of its own value, so that none arrives in another's place. */
START_TEST(the_way_and_the_limits_arrive)
{
    struct nv_exporter_config config;
    static const struct {
        size_t id;
        const char *text;
    } given[] = {{NV_OPT_exporter_noveum_api_key, "nv_x"},
                 {NV_OPT_exporter_noveum_ca_files, "a.pem,b.pem"},
                 {NV_OPT_exporter_noveum_client_cert_file, "c.pem"},
                 {NV_OPT_exporter_noveum_client_key_file, "k.pem"},
                 {NV_OPT_exporter_noveum_client_key_password, "w"},
                 {NV_OPT_exporter_noveum_proxy, "p:1"},
                 {NV_OPT_exporter_noveum_no_proxy, "n"},
                 {NV_OPT_exporter_noveum_connect_timeout_ms, "101"},
                 {NV_OPT_exporter_noveum_queue_traces, "102"},
                 {NV_OPT_exporter_noveum_spill_bytes, "103"},
                 {NV_OPT_exporter_noveum_spill_age_ms, "104"},
                 {NV_OPT_exporter_noveum_retry_initial_ms, "105"},
                 {NV_OPT_exporter_noveum_retry_max_ms, "106"},
                 {NV_OPT_exporter_noveum_retry_after_max_ms, "107"},
                 {NV_OPT_exporter_noveum_credit_pause_ms, "108"},
                 {NV_OPT_exporter_noveum_credit_pause_max_ms, "109"},
                 {NV_OPT_exporter_noveum_probe_ms, "110"},
                 {NV_OPT_exporter_noveum_identity_ms, "111"},
                 {NV_OPT_exporter_noveum_drain_requests_per_s, "112"}};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        nv_test_set(&options, given[i].id, given[i].text);
    nv_stage_exporter(&options, &config);
    ck_assert_uint_eq(config.ca_file_count, 2);
    ck_assert_str_eq(config.ca_files[1], "b.pem");
    ck_assert_str_eq(config.client_cert_file, "c.pem");
    ck_assert_str_eq(config.client_key_file, "k.pem");
    ck_assert_str_eq(config.client_key_password, "w");
    ck_assert_str_eq(config.proxy, "p:1");
    ck_assert_str_eq(config.no_proxy, "n");
    ck_assert_uint_eq(config.connect_timeout_ms, 101);
    ck_assert_uint_eq(config.queue_traces_max, 102);
    ck_assert_uint_eq(config.spill_bytes, 103);
    ck_assert_uint_eq(config.spill_age_ms, 104);
    ck_assert_uint_eq(config.retry_initial_ms, 105);
    ck_assert_uint_eq(config.retry_max_ms, 106);
    ck_assert_uint_eq(config.retry_after_max_ms, 107);
    ck_assert_uint_eq(config.credit_pause_ms, 108);
    ck_assert_uint_eq(config.credit_pause_max_ms, 109);
    ck_assert_uint_eq(config.probe_ms, 110);
    ck_assert_uint_eq(config.identity_ms, 111);
    ck_assert_uint_eq(config.drain_requests_per_s, 112);
    nv_test_set(&options, NV_OPT_exporter_noveum_proxy, "none");
    nv_stage_exporter(&options, &config);
    ck_assert_ptr_null(config.proxy);
}
END_TEST

START_TEST(limits_of_bodies_and_of_the_queue_arrive)
{
    struct nv_exporter_config config;
    static const struct {
        size_t id;
        const char *text;
    } given[] = {{NV_OPT_exporter_noveum_max_in_flight, "13"},
                 {NV_OPT_exporter_noveum_batch_traces, "114"},
                 {NV_OPT_exporter_noveum_batch_ms, "115"},
                 {NV_OPT_exporter_noveum_max_body_bytes, "65536"},
                 {NV_OPT_exporter_noveum_queue_bytes, "65537"},
                 {NV_OPT_exporter_noveum_max_trace_bytes, "65538"},
                 {NV_OPT_exporter_noveum_compression_level, "9"},
                 {NV_OPT_exporter_noveum_timeout_ms, "116"},
                 {NV_OPT_media_wait_ms, "117"}};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        nv_test_set(&options, given[i].id, given[i].text);
    nv_stage_exporter(&options, &config);
    ck_assert_uint_eq(config.max_in_flight, 13);
    ck_assert_uint_eq(config.batch_traces, 114);
    ck_assert_uint_eq(config.batch_ms, 115);
    ck_assert_uint_eq(config.max_body_bytes, 65536);
    ck_assert_uint_eq(config.queue_bytes_max, 65537);
    ck_assert_uint_eq(config.max_trace_bytes, 65538);
    ck_assert_uint_eq(config.compression_level, 9);
    ck_assert_uint_eq(config.timeout_ms, 116);
    ck_assert_uint_eq(config.media_wait_ms, 117);
}
END_TEST

START_TEST(no_key_no_endpoint)
{
    struct nv_exporter_config config;
    nv_test_set(&options, NV_OPT_exporter_file_directory, "here");
    nv_stage_exporter(&options, &config);
    ck_assert_ptr_null(config.endpoint);
    ck_assert_ptr_null(config.api_key);
    ck_assert_str_eq(config.file_directory, "here");
}
END_TEST

START_TEST(the_receivers_defaults_agree)
{
    struct nv_receiver_config own, ours;
    struct nv_buf origins;
    nv_buf_init(&origins, 1000);
    nv_receiver_config_init(&own);
    ck_assert_int_eq(nv_stage_receiver(&options, &origins, &ours), NV_OK);
    ck_assert_str_eq(ours.http.listen, own.http.listen);
    ck_assert_str_eq(ours.grpc.listen, own.grpc.listen);
    ck_assert_uint_eq(ours.max_body_bytes, own.max_body_bytes);
    ck_assert_ptr_null(ours.cors_allowed_origins);
    nv_buf_release(&origins);
}
END_TEST

START_TEST(what_the_receiver_is_given)
{
    struct nv_receiver_config config;
    struct nv_buf origins;
    nv_buf_init(&origins, 1000);
    nv_test_set(&options, NV_OPT_receiver_grpc_listen, "none");
    nv_test_set(&options, NV_OPT_receiver_cors_allowed_origins, "https://a,https://b");
    nv_test_set(&options, NV_OPT_receiver_auth_token, "t");
    nv_test_set(&options, NV_OPT_receiver_http_tls_cert_file, "c");
    ck_assert_int_eq(nv_stage_receiver(&options, &origins, &config), NV_OK);
    ck_assert_ptr_null(config.grpc.listen);
    ck_assert_str_eq(config.cors_allowed_origins, "https://a,https://b");
    ck_assert_str_eq(config.auth_token, "t");
    ck_assert_str_eq(config.http.tls.cert_file, "c");
    nv_buf_release(&origins);
    oom_fail_nth(1);
    enum nv_err err = nv_stage_receiver(&options, &origins, &config);
    ck_assert(oom_end());
    ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
    nv_buf_release(&origins);
}
END_TEST

START_TEST(what_files_of_media_are_given)
{
    struct nv_media_files_config config;
    nv_test_set(&options, NV_OPT_media_directory, "media");
    nv_test_set(&options, NV_OPT_media_directory_max_files, "7");
    nv_test_set(&options, NV_OPT_media_directory_max_bytes, "8");
    nv_test_set(&options, NV_OPT_media_directory_max_age_ms, "9s");
    nv_stage_media_files(&options, &config);
    ck_assert_str_eq(config.directory, "media");
    ck_assert_uint_eq(config.files_max, 7);
    ck_assert_uint_eq(config.bytes_max, 8);
    ck_assert_uint_eq(config.age_ms, 9000);
    ck_assert(config.sync);
    nv_test_set(&options, NV_OPT_journal_durability, "os");
    nv_stage_media_files(&options, &config);
    ck_assert(!config.sync);
}
END_TEST

/* As many as are remembered at most, and one more, which is refused. */
START_TEST(so_many_files_of_media_and_one_more)
{
    struct nv_media_files_config config;
    struct nv_fail fail = {0};
    char text[16];
    (void)snprintf(text, sizeof text, "%u", NV_MEDIA_FILES_MAX + 1);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_media_directory_max_files,
                                    nv_str_from(text), NV_SOURCE_SET, "--set", &fail),
                     NV_ERR_CONFIG);
    (void)snprintf(text, sizeof text, "%u", NV_MEDIA_FILES_MAX);
    nv_test_set(&options, NV_OPT_media_directory_max_files, text);
    nv_stage_media_files(&options, &config);
    ck_assert_uint_eq(config.files_max, NV_MEDIA_FILES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/stages_io");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_exporters_defaults_agree);
    tcase_add_test(tcase, the_way_and_the_limits_arrive);
    tcase_add_test(tcase, limits_of_bodies_and_of_the_queue_arrive);
    tcase_add_test(tcase, no_key_no_endpoint);
    tcase_add_test(tcase, the_receivers_defaults_agree);
    tcase_add_test(tcase, what_the_receiver_is_given);
    tcase_add_test(tcase, what_files_of_media_are_given);
    tcase_add_test(tcase, so_many_files_of_media_and_one_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
