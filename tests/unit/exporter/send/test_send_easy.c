/*
 * What libcurl's codes mean, and that all options are ones that this libcurl knows.
 */
#include "expect.h"

#include "exporter/send/send_easy.h"

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const struct {
    CURLcode code;
    enum nv_transfer transfer;
    enum nv_cause cause;
} codes[] = {
    {CURLE_OK, NV_TRANSFER_REPLY, NV_CAUSE_NONE},
    {CURLE_OPERATION_TIMEDOUT, NV_TRANSFER_TIMEOUT, NV_CAUSE_NONE},
    {CURLE_OUT_OF_MEMORY, NV_TRANSFER_NO_MEMORY, NV_CAUSE_NONE},
    {CURLE_COULDNT_RESOLVE_HOST, NV_TRANSFER_CONNECT, NV_CAUSE_RESOLVE},
    {CURLE_COULDNT_RESOLVE_PROXY, NV_TRANSFER_CONNECT, NV_CAUSE_PROXY_NAME},
    {CURLE_COULDNT_CONNECT, NV_TRANSFER_CONNECT, NV_CAUSE_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, NV_TRANSFER_CONNECT, NV_CAUSE_HANDSHAKE},
    {CURLE_PEER_FAILED_VERIFICATION, NV_TRANSFER_TLS, NV_CAUSE_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, NV_TRANSFER_TLS, NV_CAUSE_OWN_FILES},
    {CURLE_PROXY, NV_TRANSFER_BROKEN, NV_CAUSE_PROXY},
    {CURLE_RECV_ERROR, NV_TRANSFER_BROKEN, NV_CAUSE_NONE},
};

START_TEST(a_code_says_what_failed)
{
    struct nv_reply reply = {.transfer = NV_TRANSFER_REPLY};
    CURL *easy = curl_easy_init();
    ck_assert_ptr_nonnull(easy);
    ck_assert_int_eq(nv_easy_transfer(codes[_i].code), codes[_i].transfer);
    nv_easy_read(easy, codes[_i].code, "", &reply);
    ck_assert_int_eq(reply.cause, codes[_i].cause);
    ck_assert_int_eq(reply.proxy_status, 0);
    ck_assert_int_eq(reply.date_s, 0);
    curl_easy_cleanup(easy);
}
END_TEST

START_TEST(the_servers_time)
{
    struct nv_reply reply = {.transfer = NV_TRANSFER_REPLY};
    CURL *easy = curl_easy_init();
    ck_assert_ptr_nonnull(easy);
    nv_easy_read(easy, CURLE_OK, "Sun, 06 Nov 1994 08:49:37 GMT", &reply);
    ck_assert_int_eq(reply.date_s, 784111777);
    nv_easy_read(easy, CURLE_OK, "soon", &reply);
    ck_assert_int_eq(reply.date_s, 0);
    curl_easy_cleanup(easy);
}
END_TEST

START_TEST(every_option_is_known)
{
    struct nv_exporter_config config;
    struct nv_authorities *authorities = NULL;
    CURL *easy = curl_easy_init();
    ck_assert_ptr_nonnull(easy);
    nv_exporter_config_init(&config);
    config.ca_bundle_file = "/etc/ssl/certs/ca-certificates.crt";
    config.proxy = "http://a:b@127.0.0.1:1";
    config.no_proxy = "10.0.0.0/8,.example";
    config.client_cert_file = config.client_key_file = "/etc/hostname";
    static const char *const files[] = {"/etc/ssl/certs/ca-certificates.crt"};
    ck_assert_int_eq(nv_authorities_new(files, 1, NULL, &authorities), NV_OK);
    ck_assert_int_eq(nv_easy_configure(easy, &config, NULL), CURLE_OK);
    ck_assert_int_eq(nv_easy_configure(easy, &config, authorities), CURLE_OK);
    nv_authorities_free(authorities);
    curl_easy_cleanup(easy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exporter/send/send_easy");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, a_code_says_what_failed, 0, COUNT(codes));
    tcase_add_test(tcase, the_servers_time);
    tcase_add_test(tcase, every_option_is_known);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
