/*
 * What is read of the status of a gateway that runs here, and that none is no fault.
 */
#include "expect.h"

#include "gateway/doctor/running.h"

#include "base/banned.h"

START_TEST(a_whole_status)
{
    struct nv_running running;
    nv_running_read(
        &running,
        NV_STR("{\"mode\":\"noveum\",\"version\":\"9\",\"listen\":{\"http\":\"127.0.0.1:1\","
               "\"admin\":\"127.0.0.1:3\"},\"exporter\":{\"state\":\"paused\",\"more\":[1],"
               "\"reason\":\"no\",\"last_error\":\"said\",\"refused_in_row\":7},"
               "\"spans\":{\"dead_lettered\":9007199254740993,\"received\":8},"
               "\"journal\":{\"refusing\":null},\"uptime_ms\":5,"
               "\"requests\":{\"ok\":3,\"partial\":1,\"refused\":{\"a\":1,\"b\":2}}}"));
    ck_assert(running.any && running.understood);
    ck_assert_str_eq(running.mode, "noveum");
    ck_assert_str_eq(running.state, "paused");
    ck_assert_str_eq(running.reason, "no");
    ck_assert_str_eq(running.last_error, "said");
    ck_assert_str_eq(running.listen.http, "127.0.0.1:1");
    ck_assert_ptr_null(running.listen.grpc);
    ck_assert_str_eq(running.listen.admin, "127.0.0.1:3");
    ck_assert_int_eq(running.refused_in_row, 7);
    ck_assert_int_eq(running.dead_lettered, INT64_C(9007199254740993));
    ck_assert_int_eq(running.received, 8);
    ck_assert_int_eq(running.uptime_ms, 5);
    ck_assert_int_eq(running.requests, 4);
    ck_assert_int_eq(running.refused, 3);
    ck_assert_str_eq(running.refused_for, "a 1, b 2");
    ck_assert_str_eq(running.version, "9");
    ck_assert_ptr_null(running.refusing);
    nv_running_release(&running);
    ck_assert(!running.any && !running.document);
    nv_running_release(&running);
}
END_TEST

static const char *const foreign[] = {
    "",
    "not json",
    "null",
    "[1]",
    "{}",
    "{\"exporter\":{\"state\":1}}",
    "{\"exporter\":\"sending\",\"listen\":[\"a\"],\"mode\":{}}",
    ("{\"exporter\":{\"state\":\"sending\",\"reason\":\"\",\"last_error\":\"\","
     "\"refused_in_row\":0.5},\"spans\":{\"dead_lettered\":0}}"),
};

START_TEST(what_is_no_status)
{
    struct nv_running running;
    nv_running_read(&running, nv_str_from(foreign[_i]));
    ck_assert(running.any && !running.understood);
    ck_assert_ptr_null(running.listen.http);
    ck_assert_ptr_null(running.mode);
    nv_running_release(&running);
}
END_TEST

/* Ports are compared with what it listens on, even by who does not understand the rest. */
START_TEST(the_listeners_of_another_version)
{
    struct nv_running running;
    nv_running_read(&running, NV_STR("{\"listen\":{\"grpc\":\"[::1]:2\"}}"));
    ck_assert(running.any && !running.understood);
    ck_assert_str_eq(running.listen.grpc, "[::1]:2");
    nv_running_release(&running);
}
END_TEST

START_TEST(none_runs)
{
    struct nv_options options;
    struct nv_running running;
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_journal_directory,
                                    NV_STR("/nonexistent/journal"), NV_SOURCE_SET, "--set",
                                    &fail),
                     NV_OK);
    nv_running_ask(&running, &options);
    ck_assert(!running.any && !running.document);
    nv_running_release(&running);
    ck_assert_int_eq(nv_options_set(&options, NV_OPT_journal_durability, NV_STR("memory"),
                                    NV_SOURCE_SET, "--set", &fail),
                     NV_OK);
    nv_running_ask(&running, &options);
    ck_assert(!running.any);
    nv_running_release(&running);
    nv_options_release(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/running");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_whole_status);
    tcase_add_loop_test(tcase, what_is_no_status, 0, (int)(sizeof foreign / sizeof foreign[0]));
    tcase_add_test(tcase, the_listeners_of_another_version);
    tcase_add_test(tcase, none_runs);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
