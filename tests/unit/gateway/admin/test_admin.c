/*
 * The admin port over a status that the test makes up: every route over a socket, what is
 * refused, and how it ends.
 */
#include "expect.h"
#include "oom.h"
#include "gateway/admin/admin.h"
#include "gateway/process/progress.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct nv_options options;
static struct nv_agents *agents;
static const struct nv_redaction_config redaction = {.secrets = true};
static struct nv_gateway_status made_up;
static struct nv_admin *admin;
static struct nv_fail fail;
static char answer[1u << 20];

static void read_status(void *ctx, struct nv_gateway_status *status)
{
    (void)ctx;
    *status = made_up;
}

static size_t services_known;

static size_t read_services(void *ctx, struct nv_service_facts *facts, size_t max)
{
    (void)ctx;
    ck_assert_uint_gt(max, 0);
    size_t count = services_known < max ? services_known : max;
    for (size_t i = 0; i < count; i++)
        (void)snprintf(facts[i].name, sizeof facts[i].name, "service-%zu", i);
    return count;
}

static enum nv_err retry_dead(void *ctx, uint64_t id)
{
    (void)ctx;
    (void)id;
    return NV_ERR_NOT_FOUND;
}

static struct nv_admin_source source(void)
{
    return (struct nv_admin_source){.options = &options,
                                    .agents = agents,
                                    .redaction = &redaction,
                                    .read_status = read_status,
                                    .read_services = read_services,
                                    .retry_dead = retry_dead};
}

static void set_up(void)
{
    struct nv_agents_config config = {.agents_max = 10};
    struct nv_admin_source from;
    fail = (struct nv_fail){0};
    services_known = 0;
    made_up = (struct nv_gateway_status){.uptime_ns = 5 * NV_NS_PER_S, .local = true};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    agents = nv_agents_new(&config);
    from = source();
    ck_assert_int_eq(nv_admin_start("127.0.0.1:0", &from, &fail, &admin), NV_OK);
}

static void tear_down(void)
{
    nv_admin_stop(admin);
    nv_agents_free(agents);
    nv_options_release(&options);
}

/* Status of the reply to `request`, which closes its connection. */
static int ask(const char *request)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    const char *address = nv_admin_address(admin, 0);
    uint64_t port = 0, status = 0;
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(strrchr(address, ':') + 1), &port), NV_OK);
    peer.sin_port = htons((uint16_t)port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&peer, sizeof peer), 0);
    ck_assert_int_eq(send(fd, request, strlen(request), MSG_NOSIGNAL),
                     (ssize_t)strlen(request));
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len < sizeof answer - 1; len += (size_t)got) {
        got = recv(fd, answer + len, sizeof answer - 1 - len, 0);
        ck_assert_int_ge(got, 0);
    }
    answer[len] = '\0';
    (void)close(fd);
    ck_assert_int_eq(nv_str_to_uint64(nv_str_slice(nv_str_from(answer), 9, 3), &status), NV_OK);
    return (int)status;
}

static int get(const char *path)
{
    char request[200];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    return ask(request);
}

static const struct {
    const char *path;
    int status;
    const char *part; /* of the answer */
} routes[] = {
    {"/healthz", 200, "\r\n\r\n"},
    {"/metrics", 200, "# TYPE noveum_"},
    {"/metrics?x=1", 200, "# TYPE noveum_"},
    {"/status", 200, "Content-Type: application/json"},
    {"/status", 200, "\"mode\":\"local\""},
    {"/agents", 200, "Content-Type: application/json"},
    {"/agents?format=json", 200, "Content-Type: application/json"},
    {"/agents?format=dot", 200, "digraph"},
    {"/agents?format=mermaid", 200, "Content-Type: text/plain"},
    {"/agents?format=xml", 400, "format is json, dot or mermaid"},
    {"/agents?format=", 400, "format is"},
    {"/", 404, ""},
    {"/dead", 404, ""}, /* contents never leave by the port */
};

START_TEST(every_route_answers)
{
    ck_assert_msg(get(routes[_i].path) == routes[_i].status, "%s: %s", routes[_i].path, answer);
    ck_assert_msg(strstr(answer, routes[_i].part) != NULL, "%s: %s", routes[_i].path, answer);
}
END_TEST

START_TEST(it_only_reads)
{
    ck_assert_int_eq(ask("POST /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                         "Content-Length: 0\r\n\r\n"),
                     405);
    ck_assert_int_eq(
        ask("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200);
    ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n"); /* no body */
}
END_TEST

/* A page of the web that points a name at this machine must learn nothing. */
START_TEST(by_a_foreign_name_it_says_nothing)
{
    int status = ask("GET /status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    ck_assert_msg(status == 403 || status == 421, "%d", status);
    ck_assert_ptr_null(strstr(answer, "uptime"));
}
END_TEST

START_TEST(health_and_readiness_follow_the_status)
{
    ck_assert_int_eq(get("/readyz"), 200);
    made_up.stopping = true;
    ck_assert_int_eq(get("/readyz"), 503);
    ck_assert_int_eq(get("/healthz"), 200); /* a restart would not help */
    made_up.stuck_ns = NV_STUCK_FATAL_NS;
    ck_assert_int_eq(get("/healthz"), 503);
}
END_TEST

START_TEST(an_address_in_use_is_told)
{
    struct nv_admin_source from = source();
    struct nv_admin *second = NULL;
    ck_assert_int_eq(nv_admin_start(nv_admin_address(admin, 0), &from, &fail, &second),
                     NV_ERR_CONFIG);
    ck_assert_ptr_null(second);
    ck_assert_ptr_nonnull(strstr(fail.what, "in use"));
}
END_TEST

START_TEST(without_a_port_it_still_runs)
{
    struct nv_admin_source from = source();
    struct nv_admin *second = NULL;
    ck_assert_int_eq(nv_admin_start(NULL, &from, &fail, &second), NV_OK);
    ck_assert_ptr_null(nv_admin_address(second, 0));
    nv_admin_stop(second);
    nv_admin_stop(NULL);
    ck_assert_ptr_null(nv_admin_address(admin, 1));
}
END_TEST

/* It starts whole, or not at all with a reason; without the control socket it goes on. */
START_TEST(every_allocation_failing_once)
{
    struct nv_admin_source from = source();
    nv_admin_stop(admin);
    for (unsigned long n = 1;; n++) {
        fail = (struct nv_fail){0};
        oom_fail_nth(n);
        enum nv_err err = nv_admin_start("127.0.0.1:0", &from, &fail, &admin);
        bool failed = oom_end();
        ck_assert_int_eq(err, failed ? NV_ERR_NO_MEMORY : NV_OK);
        ck_assert_int_eq(fail.code, err);
        if (!failed) {
            ck_assert_uint_gt(n, 5);
            break;
        }
        ck_assert_ptr_null(admin);
    }
    ck_assert_int_eq(
        ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200);
}
END_TEST

/* A connection that stays. */
static int connect_kept(void)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};
    uint64_t port = 0;
    const char *address = nv_admin_address(admin, 0);
    ck_assert_int_eq(nv_str_to_uint64(nv_str_from(strrchr(address, ':') + 1), &port), NV_OK);
    peer.sin_port = htons((uint16_t)port);
    peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&peer, sizeof peer), 0);
    return fd;
}

/* Asks on it; false: it was closed. */
static bool answers(int fd)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char text[4096] = "";
    size_t len = 0;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
        return false;
    while (!strstr(text, "\r\n\r\n")) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        text[len] = '\0';
    }
    return strncmp(text, "HTTP/1.1 2", 10) == 0;
}

/* As admin.c has it. */
#define CONNECTIONS_MAX 32

/* One more takes the place of the one that was idle for the longest. */
START_TEST(as_many_connections_as_there_may_be_and_one_more)
{
    int fds[CONNECTIONS_MAX + 1];
    unsigned open = 0;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = connect_kept();
        ck_assert(answers(fds[i]));
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        ck_assert(answers(fds[i]));
    fds[CONNECTIONS_MAX] = connect_kept();
    ck_assert(answers(fds[CONNECTIONS_MAX]));
    for (size_t i = 0; i <= CONNECTIONS_MAX; i++) {
        open += answers(fds[i]);
        (void)close(fds[i]);
    }
    ck_assert_uint_eq(open, CONNECTIONS_MAX);
}
END_TEST

/* As admin.c has it. */
#define SERVICES_MAX 1000

START_TEST(as_many_services_as_are_listed)
{
    unsigned listed = 0;
    services_known = SERVICES_MAX + 1;
    ck_assert_int_eq(get("/status"), 200);
    for (const char *at = answer; (at = strstr(at, "\"service-")) != NULL; at++)
        listed++;
    ck_assert_uint_eq(listed, SERVICES_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin");
    TCase *tcase = tcase_create("admin");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_route_answers, 0, COUNT(routes));
    tcase_add_test(tcase, it_only_reads);
    tcase_add_test(tcase, by_a_foreign_name_it_says_nothing);
    tcase_add_test(tcase, health_and_readiness_follow_the_status);
    tcase_add_test(tcase, an_address_in_use_is_told);
    tcase_add_test(tcase, without_a_port_it_still_runs);
    tcase_add_test(tcase, every_allocation_failing_once);
    tcase_add_test(tcase, as_many_connections_as_there_may_be_and_one_more);
    tcase_add_test(tcase, as_many_services_as_are_listed);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
