/*
 * The doctor's single checks: what is well, what is not, and that the key is never shown.
 */
#include "expect.h"

#include "gateway/commands/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_buf out;

static bool has(const char *part)
{
    return nv_str_find(nv_buf_str(&out), nv_str_from(part)) != SIZE_MAX;
}

static void set_up(void)
{
    nv_buf_init(&out, 10000);
}

static void tear_down(void)
{
    nv_buf_release(&out);
}

static const struct {
    const char *key; /* NULL: none */
    bool good;
    const char *says;
} keys[] = {{NULL, true, "local mode"},
            {"nv_1234567890", true, "13 characters"},
            {"noveum_1", true, "8 characters\n"},
            {"sk-1234", true, "usually begin with nv_"},
            {"nv_with space", false, "holds a space"},
            {"nv_line\n", false, "holds a space"},
            {"nv_\xc3\xa9", false, "holds a space"}};

START_TEST(the_key)
{
    struct nv_options options;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    if (keys[_i].key) {
        ck_assert_int_eq(nv_options_set(&options, NV_OPT_exporter_noveum_api_key,
                                        nv_str_from(keys[_i].key), NV_SOURCE_SET, "--set",
                                        &fail),
                         NV_OK);
    }
    ck_assert(nv_doctor_key(&options, &out) == keys[_i].good);
    ck_assert_msg(has(keys[_i].says), "%.*s", NV_STR_ARG(nv_buf_str(&out)));
    ck_assert(keys[_i].key == NULL || !has(keys[_i].key));
    nv_options_release(&options);
}
END_TEST

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
     "\"success\": false: the backend does not take the key or is in trouble; it says: no "
     "such key"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 200, .body = NV_REPLY_OBJECT},
     true,
     "knows the key"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 401}, false, "wrong or expired"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 403}, false, "traces:write"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 404}, false, "endpoint"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 429}, false, "slow down"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 502}, false, "trouble"},
    {{.transfer = NV_TRANSFER_REPLY, .status = 302}, false, "unexpected"},
    {{.transfer = NV_TRANSFER_CONNECT, .detail = "why"}, false, "(why)"},
    {{.transfer = NV_TRANSFER_TLS}, false, "ca_bundle"},
    {{.transfer = NV_TRANSFER_TIMEOUT}, false, "in time"},
    {{.transfer = NV_TRANSFER_BROKEN}, false, "broke"}};

START_TEST(the_backends_reply)
{
    ck_assert(nv_doctor_reply(&replies[_i].probe, &out) == replies[_i].good);
    ck_assert_msg(has(replies[_i].says), "%.*s", NV_STR_ARG(nv_buf_str(&out)));
}
END_TEST

#define REST                                                                                   \
    "\"exporter\":{\"state\":\"sending\",\"reason\":\"\",\"last_error\":\"\","                 \
    "\"refused_in_row\":0},\"spans\":{\"dead_lettered\":0}}"
#define STATUS(state, reason, refused, dead)                                                   \
    "{\"exporter\":{\"state\":\"" state "\",\"reason\":\"" reason                              \
    "\",\"last_error\":\"said: no\",\"refused_in_row\":" refused                               \
    "},\"spans\":{\"dead_lettered\":" dead "}}"

static const struct {
    const char *status;
    bool good;
    const char *says;
} states[] = {
    {STATUS("sending", "", "0", "0"), true, "ok    gateway   one runs here: sending\n"},
    {STATUS("sending", "", "19", "40"), true, "40 spans became dead letters"},
    {STATUS("sending", "refuses every trace", "20", "40"), false,
     "refuses every trace (said: no): look at exporter.noveum.endpoint"},
    {STATUS("backing off", "no connection", "0", "0"), false, "backing off: no connection"},
    {"{\"mode\":\"noveum\"," REST, true, "it has a key, doctor has none"},
    {"{\"mode\":\"local\"," REST, true, "one runs here: sending\n"},
    {"{}", false, "not understood"},
    {"null", false, "not understood"},
    {"", false, "not understood"},
};

START_TEST(the_gateway_that_runs_here)
{
    struct nv_running running;
    nv_running_read(&running, nv_str_from(states[_i].status));
    ck_assert(nv_doctor_status(&running, true, &out) == states[_i].good);
    nv_running_release(&running);
    ck_assert_msg(has(states[_i].says), "%.*s", NV_STR_ARG(nv_buf_str(&out)));
}
END_TEST

START_TEST(the_clock)
{
    ck_assert(nv_doctor_clock(UINT64_C(1790000000) * NV_NS_PER_S, true, &out));
    ck_assert(!has("in step"));
    ck_assert(nv_doctor_clock(UINT64_C(1790000000) * NV_NS_PER_S, false, &out));
    ck_assert(has("not known to be in step"));
    ck_assert(!nv_doctor_clock(5 * NV_NS_PER_S, true, &out));
    ck_assert(!nv_doctor_clock(UINT64_C(5000000000) * NV_NS_PER_S, true, &out));
    ck_assert(has("set the clock"));
}
END_TEST

START_TEST(ports)
{
    ck_assert(nv_doctor_ports("x.listen", "none", NULL, &out));
    ck_assert_uint_eq(out.len, 0);
    ck_assert(nv_doctor_ports("x.listen", "127.0.0.1:0", NULL, &out));
    /* TEST-NET-1: not ours */
    ck_assert(!nv_doctor_ports("x.listen", "192.0.2.1:4318", NULL, &out));
    ck_assert(has("BAD   port      x.listen: "));
}
END_TEST

/* A gateway that runs is no fault of the ports that it was told to take; of others it is none
 * of its business. */
START_TEST(ports_of_the_gateway_that_runs_here)
{
    ck_assert(nv_doctor_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:4318", &out));
    ck_assert(has("ok    port      x.listen 192.0.2.1:4318 is served by the gateway that runs "
                  "here\n"));
    ck_assert(!nv_doctor_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:5318", &out));
    ck_assert(has("BAD   port      x.listen: "));
    ck_assert(has("(the gateway that runs here has 192.0.2.1:5318)"));
}
END_TEST

START_TEST(disks)
{
    char directory[] = "/tmp/noveum-doctor-XXXXXX";
    char inside[64];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    (void)snprintf(inside, sizeof inside, "%s/new", directory);
    ck_assert(nv_doctor_disk("j", directory, 0, &out));
    ck_assert(!has("less room"));
    ck_assert(nv_doctor_disk("j", inside, UINT64_MAX, &out));
    ck_assert(has("less room"));
    ck_assert_int_ne(access(inside, F_OK), 0);
    ck_assert(!nv_doctor_disk("j", "/proc/nothing", 0, &out));
    ck_assert(has("can't make /proc/nothing: No such file or directory"));
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/doctor");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_key, 0, COUNT(keys));
    tcase_add_loop_test(tcase, the_backends_reply, 0, COUNT(replies));
    tcase_add_loop_test(tcase, the_gateway_that_runs_here, 0,
                        (int)(sizeof states / sizeof states[0]));
    tcase_add_test(tcase, the_clock);
    tcase_add_test(tcase, ports);
    tcase_add_test(tcase, ports_of_the_gateway_that_runs_here);
    tcase_add_test(tcase, disks);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
