/*
 * Options of a handle: libcurl takes all of them. What they do is tested with the transport
 * (test_send_curl.c) and against servers (tests/e2e/).
 */
#include "expect.h"

#include "exporter/send/curl_options.h"
#include "exporter/send/libcurl.h"

#include "base/banned.h"

START_TEST(libcurl_takes_all_options)
{
    const struct nv_exporter_config config = {.tls_verify = true,
                                              .timeout_ms = 1000,
                                              .connect_timeout_ms = 500,
                                              .ca_bundle_file = "/none.pem",
                                              .client_cert_file = "/none.pem",
                                              .client_key_file = "/none.pem",
                                              .proxy = "http://127.0.0.1:1",
                                              .no_proxy = "localhost"};
    ck_assert_int_eq(nv_libcurl_load(NULL), NV_OK);
    void *easy = curl_easy_init();
    ck_assert_ptr_nonnull(easy);
    ck_assert_int_eq(nv_curl_configure(easy, &config), CURLE_OK);
    curl_easy_cleanup(easy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/curl_options");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, libcurl_takes_all_options);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
