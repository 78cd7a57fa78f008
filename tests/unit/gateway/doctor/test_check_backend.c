/*
 * What one probe says: key, endpoint, way, TLS, clock.
 */
#include "doctor_kit.h"
#include "expect.h"

#include "gateway/doctor/checks.h"

#include "base/banned.h"

#define NOW_S INT64_C(1790000000)
#define NOW_NS ((uint64_t)NOW_S * NV_NS_PER_S)

#define CAUSE(which) .transfer = NV_TRANSFER_CONNECT, .cause = NV_CAUSE_##which

static const struct {
    struct nv_probe probe;
    bool good;
    const char *says;
} replies[] = {
    {{.transfer = NV_TRANSFER_REPLY, .status = 200}, true, "knows the key"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 200, .body = NV_REPLY_FOREIGN},
     false,
     "a page, not Noveum's API"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 403, .body = NV_REPLY_FOREIGN},
     false,
     "a page, not Noveum's API"},
    {{.transfer = NV_TRANSFER_OVERSIZE, .status = 200, .body = NV_REPLY_FOREIGN},
     false,
     "a page, not Noveum's API"},
    {{.transfer = NV_TRANSFER_REPLY,
      .status = 200,
      .body = NV_REPLY_DENIAL,
      .said = "no such key"},
     false,
     "\"success\": false: the backend does not take the key or is in trouble; it says: no such "
     "key"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 200, .body = NV_REPLY_OBJECT},
     true,
     "knows the key"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 401}, false, "wrong or expired"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 402, .body = NV_REPLY_OBJECT},
     false,
     "credit is used up"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 403}, false, "traces:write"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 404}, false, "endpoint"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 407, .body = NV_REPLY_FOREIGN},
     false,
     "the proxy asks for"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 429}, false, "slow down"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 502}, false, "trouble"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 418}, false, "unexpected"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 302, .location = "http://a/"},
     false,
     "a redirect, which is not followed: the key would go along; the endpoint moved, or a "
     "network asks you to sign in first; it points to http://a/"},
    {{.transfer = NV_TRANSFER_CONNECT, .cause = NV_CAUSE_CONNECT, .detail = "why"},
     false,
     "no connection: wrong address, no network, or a firewall (why)"},
    {{CAUSE(RESOLVE)}, false, "the endpoint's name has no address"},
    {{CAUSE(PROXY_NAME)}, false, "the proxy's name"},
    {{CAUSE(PROXY)}, false, "the proxy lets nothing through"},
    {{CAUSE(PROXY), .proxy_status = 407}, false, "the proxy asks for a user"},
    {{CAUSE(HANDSHAKE)}, false, "no TLS there"},
    {{.transfer = NV_TRANSFER_TLS, .cause = NV_CAUSE_OWN_FILES}, false, "file of ours"},
    {{.transfer = NV_TRANSFER_TLS, .cause = NV_CAUSE_CERTIFICATE}, false, "ca_bundle"},
    {{.transfer = NV_TRANSFER_TLS,
      .cause = NV_CAUSE_CERTIFICATE,
      .detail = "certificate has expired"},
     false,
     "clock"},
    {{.transfer = NV_TRANSFER_TLS,
      .cause = NV_CAUSE_CERTIFICATE,
      .detail = "no alternative certificate subject name matches"},
     false,
     "another host's"},
    {{.transfer = NV_TRANSFER_TLS}, false, "ca_bundle"},
    {{.transfer = NV_TRANSFER_TIMEOUT}, false, "in time"},
    {{.transfer = NV_TRANSFER_BROKEN}, false, "broke"}};

START_TEST(the_backends_reply)
{
    nv_check_reply(&replies[_i].probe, NOW_NS, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 1);
    nv_test_found_last(replies[_i].good ? NV_FINDING_OK : NV_FINDING_BAD, "backend",
                       replies[_i].says);
}
END_TEST

static const struct {
    int64_t ahead_s;
    enum nv_finding_level level;
    const char *says;
} dates[] = {
    {0, NV_FINDING_OK, "to 0 s"},
    {-9, NV_FINDING_OK, "to 9 s"},
    {10, NV_FINDING_NOTE, "10 s ahead of"},
    {-119, NV_FINDING_NOTE, "1 min 59 s behind"},
    {120, NV_FINDING_BAD, "2 min 0 s ahead of"},
    {-7260, NV_FINDING_BAD, "2 h 1 min behind"},
};

START_TEST(the_backends_clock)
{
    struct nv_probe probe = {.status = 200, .date_s = NOW_S - dates[_i].ahead_s};
    nv_check_reply(&probe, NOW_NS, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 2);
    nv_test_found_last(dates[_i].level, "clock", dates[_i].says);
}
END_TEST

START_TEST(it_is_asked)
{
    struct nv_options options;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_check_backend(&options, 1000, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 0); /* local mode */
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_exporter_noveum_api_key, NV_STR("nv_key"),
                                    NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_exporter_noveum_endpoint,
                                    NV_STR("http://127.0.0.1:1/api"), NV_SOURCE_SET, "--set",
                                    &fail),
                     NV_OK);
    nv_check_backend(&options, 60000, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 2);
    ck_assert_str_eq(nv_test_found.items[0].text, "http://127.0.0.1:1/api, from --set");
    nv_test_found_last(NV_FINDING_BAD, "backend", "no connection");
    nv_options_release(&options);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_backend");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_test_found_nothing, NULL);
    tcase_add_loop_test(tcase, the_backends_reply, 0, COUNT(replies));
    tcase_add_loop_test(tcase, the_backends_clock, 0, COUNT(dates));
    tcase_add_test(tcase, it_is_asked);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
