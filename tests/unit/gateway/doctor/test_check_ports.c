/*
 * Ports: free, ours, or taken, and by whom.
 */
#include "doctor_kit.h"
#include "expect.h"
#include "listening.h"

#include "gateway/doctor/checks.h"

#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

static const struct nv_running none;

START_TEST(free_ones)
{
    nv_check_ports("x.listen", "none", NULL, &none, "/proc", &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 0);
    nv_check_ports("x.listen", "127.0.0.1:0", NULL, &none, "/proc", &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "port", "x.listen 127.0.0.1:0 is free");
    /* TEST-NET-1: not this machine's */
    nv_check_ports("x.listen", "192.0.2.1:4318", NULL, &none, "/proc", &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "port", "x.listen: cannot listen on '192.0.2.1:4318'");
}
END_TEST

/* A gateway that runs is no fault of the ports that it was told to take; of others it is none
 * of its business. */
START_TEST(of_the_gateway_that_runs_here)
{
    nv_check_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:4318", &none, "/proc",
                   &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "port",
                       "x.listen 192.0.2.1:4318 is served by the gateway that runs here");
    nv_check_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:5318", &none, "/proc",
                   &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "port", "the gateway that runs here has 192.0.2.1:5318");
}
END_TEST

START_TEST(taken_by_a_process)
{
    char address[NV_TEST_ADDRESS_SIZE], both[80], says[80];
    struct nv_running running = {.any = true, .pid = (int)getpid()};
    int fd = nv_test_listening(address);
    (void)snprintf(both, sizeof both, "127.0.0.1:0, %s", address);
    (void)snprintf(says, sizeof says, "process %d has it", (int)getpid());
    nv_check_ports("x.listen", both, NULL, &none, "/proc", &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "port", says);
    ck_assert_ptr_nonnull(strstr(nv_findings_next(&nv_test_found), "stop process"));
    /* the same, when that process is the gateway that runs here */
    nv_check_ports("x.listen", both, NULL, &running, "/proc", &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "port", "is served by the gateway that runs here");
    /* nobody may be seen */
    nv_check_ports("x.listen", address, NULL, &none, "/nonexistent", &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "port", "in use");
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_ports");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_test_found_nothing, NULL);
    tcase_add_test(tcase, free_ones);
    tcase_add_test(tcase, of_the_gateway_that_runs_here);
    tcase_add_test(tcase, taken_by_a_process);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
