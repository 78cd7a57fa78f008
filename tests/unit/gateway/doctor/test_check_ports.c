/*
 * Ports: free, ours, or taken, and by whom.
 */
#include "expect.h"

#include "gateway/doctor/checks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_findings found;

static void set_up(void)
{
    found = (struct nv_findings){.count = 0};
}

/* The last finding: what is bad says what to do next. */
static void expect_last(enum nv_finding_level level, const char *subject, const char *part)
{
    ck_assert_uint_ge(found.count, 1);
    const struct nv_finding *last = &found.items[found.count - 1];
    ck_assert_msg(last->level == level && strcmp(last->subject, subject) == 0 &&
                      strstr(last->text, part),
                  "%d %s: %s", (int)last->level, last->subject, last->text);
    ck_assert(level != NV_FINDING_BAD || last->next[0] != '\0');
}

static const struct nv_running none;

START_TEST(free_ones)
{
    nv_check_ports("x.listen", "none", NULL, &none, "/proc", &found);
    ck_assert_uint_eq(found.count, 0);
    nv_check_ports("x.listen", "127.0.0.1:0", NULL, &none, "/proc", &found);
    expect_last(NV_FINDING_OK, "port", "x.listen 127.0.0.1:0 is free");
    /* TEST-NET-1: not this machine's */
    nv_check_ports("x.listen", "192.0.2.1:4318", NULL, &none, "/proc", &found);
    expect_last(NV_FINDING_BAD, "port", "x.listen: cannot listen on '192.0.2.1:4318'");
}
END_TEST

/* A gateway that runs is no fault of the ports that it was told to take; of others it is none
 * of its business. */
START_TEST(of_the_gateway_that_runs_here)
{
    nv_check_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:4318", &none, "/proc", &found);
    expect_last(NV_FINDING_OK, "port",
                "x.listen 192.0.2.1:4318 is served by the gateway that runs here");
    nv_check_ports("x.listen", "192.0.2.1:4318", "192.0.2.1:5318", &none, "/proc", &found);
    expect_last(NV_FINDING_BAD, "port", "the gateway that runs here has 192.0.2.1:5318");
}
END_TEST

static int taken(char address[32])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    (void)snprintf(address, 32, "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
    return fd;
}

START_TEST(taken_by_a_process)
{
    char address[32], both[80], says[80];
    struct nv_running running = {.any = true, .pid = (int)getpid()};
    int fd = taken(address);
    (void)snprintf(both, sizeof both, "127.0.0.1:0, %s", address);
    (void)snprintf(says, sizeof says, "process %d has it", (int)getpid());
    nv_check_ports("x.listen", both, NULL, &none, "/proc", &found);
    expect_last(NV_FINDING_BAD, "port", says);
    ck_assert_ptr_nonnull(strstr(nv_findings_next(&found), "stop process"));
    /* the same, when that process is the gateway that runs here */
    nv_check_ports("x.listen", both, NULL, &running, "/proc", &found);
    expect_last(NV_FINDING_OK, "port", "is served by the gateway that runs here");
    /* nobody may be seen */
    nv_check_ports("x.listen", address, NULL, &none, "/nonexistent", &found);
    expect_last(NV_FINDING_BAD, "port", "in use");
    (void)close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_ports");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, free_ones);
    tcase_add_test(tcase, of_the_gateway_that_runs_here);
    tcase_add_test(tcase, taken_by_a_process);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
