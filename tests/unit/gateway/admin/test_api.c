/*
 * Routes of the API over a socket: answers, errors, pages of other origins.
 *
 * The worker is told to stop before the first request, so that answers are made where they are
 * asked for and the test needs to wait for nobody.
 */
#include "expect.h"
#include "http_rig.h"
#include "oom.h"
#include "traces_kit.h"

#include "gateway/admin/api.h"

#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

static struct http_rig rig;
static struct traces_kit kit;
static struct nv_traces *traces;
static struct nv_loop *loop;
static struct nv_api *api;
static struct nv_http_route routes[NV_API_ROUTES_MAX];
static struct nv_account account;
static struct nv_admin_source source;
static uint64_t tried; /* the dead letter that was given another try */

static enum nv_err each_letter(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                               void *visit_ctx)
{
    (void)ctx;
    (void)kind;
    visit(visit_ctx, 7,
          NV_STR("{\"v\":1,\"trace_id\":\"t\",\"name\":\"n\",\"reason\":\"rejected\","
                 "\"status\":400,\"why\":\"w\",\"time\":\"now\",\"spans\":2}"),
          NV_STR("{}"));
    return NV_OK;
}

static const struct nv_store letters = {.each = each_letter};

static enum nv_err retry(void *ctx, uint64_t id)
{
    (void)ctx;
    tried = id;
    return NV_OK;
}

static const struct kit_trace one = {.id = "abcd",
                                     .name = "support",
                                     .model = "gpt-4o",
                                     .tool = "find",
                                     .session = "s",
                                     .question = "where",
                                     .answer = "there",
                                     .start_ms = 1700000000000,
                                     .ms = 5,
                                     .cost = 0.5};

static void set_up(void)
{
    struct nv_fail fail = {0};
    traces_kit_init(&kit, NULL);
    traces_kit_put(&kit, &one, 0);
    const struct nv_traces_config config = {
        .path = kit.path, .trace_bytes_max = 1u << 20, .queue_bytes_max = 1u << 20};
    ck_assert_int_eq(nv_traces_open(&config, &fail, &traces), NV_OK);
    nv_account_init(&account, 64u << 20);
    source = (struct nv_admin_source){
        .traces = traces, .account = &account, .store = &letters, .retry_dead = retry};
    tried = 0;
    loop = nv_loop_new(nv_clock_system());
    ck_assert_int_eq(nv_api_new(&source, loop, &api), NV_OK);
    ck_assert_int_eq(nv_api_start(api), NV_OK);
    nv_api_stop(api);
    http_rig_open(&rig, routes, nv_api_routes(api, routes), NULL, NULL);
}

static void tear_down(void)
{
    nv_api_hush(api);
    http_rig_turn(&rig);
    http_rig_close(&rig);
    nv_api_free(api);
    nv_loop_free(loop);
    nv_traces_free(traces);
    traces_kit_release(&kit);
    ck_assert_uint_eq(nv_account_used(&account), 0);
    nv_account_release(&account);
}

static int ask(const char *method, const char *target, const char *headers)
{
    char request[1200];
    int length = snprintf(request, sizeof request,
                          "%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", method,
                          target, headers);
    http_rig_ask(&rig, (struct nv_str){request, (size_t)length});
    return http_rig_status(&rig, 0);
}

static int get(const char *target, const char *headers)
{
    return ask("GET", target, headers);
}

static const struct {
    const char *target;
    int status;
    const char *part;
} rows[] = {
    {"/api/traces", 200, "\"question\":\"where\",\"answer\":\"there\""},
    {"/api/traces?search=here", 200, "\"trace_id\":\"abcd\""},
    {"/api/traces?model=none", 200, "\"traces\":[],\"next\":null"},
    {"/api/traces?nonsense=1", 400,
     "{\"error\":\"no parameter \\\"nonsense\\\": docs/api.md\"}"},
    {"/api/traces?search=%zz", 400, "{\"error\":\"malformed data\"}"},
    {"/api/trace?id=abcd", 200, "\"content\":\"where\""},
    {"/api/trace?id=no", 404, "no longer kept"},
    {"/api/trace", 400, "ask with id="},
    {"/api/names", 200, "\"model\":[{\"name\":\"gpt-4o\""},
    {"/api/sessions", 200, "\"session\":\"s\""},
    {"/api/overview?since=1600000000000&slices=3", 200, "\"model\":[{\"name\":\"gpt-4o\""},
    {"/api/overview?slices=0", 400, "slices 1 to 200"},
    {"/api/overview?slices=201", 400, "slices 1 to 200"},
    {"/api/overview?since=2&until=1", 400, "since and until"},
    {"/api/overview?since=nan", 400, "since and until"},
    {"/api/dead", 200, "\"total\":1,\"token\":\""},
    {"/api/dead/retry?id=7", 405, "Allow: POST"},
    {"/api/explain?id=abcd", 200, "[]"},
    {"/api/explain?id=no", 404, "no longer kept"},
    {"/api/held", 200, "{\"held\":[]}"},
    {"/api/held?id=abcd", 200, "{\"wait\":null,\"trace\":null}"},
    {"/api/refused", 200, "{\"refused\":["},
    {"/api/media", 400, "ask with file="},
    {"/api/media?file=x.png", 404, "it is not set"},
    {"/api/events", 200, "event: traces"},
    {"/api/events?after=x", 400, "after is the id"},
    {"/api/events?after=1&held=-1", 400, "held the mark"},
    {"/api/nothing", 404, ""},
};

START_TEST(every_route_answers)
{
    ck_assert_msg(get(rows[_i].target, "") == rows[_i].status, "%s: %s", rows[_i].target,
                  rig.text);
    ck_assert_msg(strstr(rig.text, rows[_i].part) != NULL, "%s: %s", rows[_i].target, rig.text);
    ck_assert_ptr_null(strstr(rig.text, "Access-Control"));
}
END_TEST

START_TEST(pages_of_other_origins_get_nothing)
{
    ck_assert_int_eq(get("/api/traces", "Sec-Fetch-Site: cross-site\r\n"), 403);
    ck_assert_int_eq(get("/api/events", "Sec-Fetch-Site: same-site\r\n"), 403);
    ck_assert_int_eq(get("/api/traces", "Sec-Fetch-Site: same-origin\r\n"), 200);
    ck_assert_int_eq(get("/api/traces", "Sec-Fetch-Site: none\r\n"), 200);
}
END_TEST

START_TEST(an_event_source_says_what_it_has_in_a_header)
{
    ck_assert_int_eq(get("/api/events", "Last-Event-ID: 0\r\n"), 200);
    ck_assert_ptr_nonnull(strstr(rig.text, "data: {\"last\":1}"));
    ck_assert_int_eq(get("/api/events?after=1", ""), 0); /* it waits */
}
END_TEST

/* The header with the token that GET /api/dead tells. */
static const char *token_header(void)
{
    static char header[80];
    char token[33] = "";
    ck_assert_int_eq(get("/api/dead", ""), 200);
    const char *at = strstr(rig.text, "\"token\":\"");
    ck_assert_ptr_nonnull(at);
    memcpy(token, at + 9, 32);
    (void)snprintf(header, sizeof header, "X-Noveum-Token: %s\r\n", token);
    return header;
}

START_TEST(what_changes_something_names_the_token)
{
    char foreign[160];
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=7", ""), 403);
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=7", "X-Noveum-Token: \r\n"), 403);
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=7", "X-Noveum-Token: x\r\n"), 403);
    (void)snprintf(foreign, sizeof foreign, "%sSec-Fetch-Site: cross-site\r\n", token_header());
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=7", foreign), 403);
    ck_assert_uint_eq(tried, 0);
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=7", token_header()), 200);
    ck_assert_ptr_nonnull(strstr(rig.text, "{\"said\":\"7  sent again\"}"));
    ck_assert_uint_eq(tried, 7);
    ck_assert_int_eq(ask("POST", "/api/dead/retry?id=8", token_header()), 404);
    ck_assert_int_eq(ask("POST", "/api/dead/drop?id=x", token_header()), 400);
    ck_assert_int_eq(ask("POST", "/api/dead/drop", token_header()), 400);
}
END_TEST

START_TEST(without_room_it_is_asked_again_later)
{
    ck_assert(nv_account_try_take(&account, 60u << 20));
    ck_assert_int_eq(get("/api/traces", ""), 200);
    ck_assert(nv_account_try_take(&account, (4u << 20) - 100));
    ck_assert_int_eq(get("/api/traces", ""), 503);
    ck_assert_ptr_nonnull(strstr(rig.text, "Retry-After: 1\r\n"));
    ck_assert_ptr_nonnull(strstr(rig.text, "memory.max_bytes"));
    ck_assert_int_eq(get("/api/trace?id=abcd", ""), 503);
    nv_account_give(&account, (64u << 20) - 100);
    ck_assert_int_eq(get("/api/trace?id=abcd", ""), 200);
}
END_TEST

START_TEST(without_memory_it_is_not_made)
{
    struct nv_api *none = NULL;
    for (unsigned long n = 1; n <= 2; n++) {
        oom_fail_nth(n);
        enum nv_err err = nv_api_new(&source, loop, &none);
        ck_assert(oom_end());
        ck_assert_int_eq(err, NV_ERR_NO_MEMORY);
        ck_assert_ptr_null(none);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/admin/api");
    TCase *tcase = tcase_create("api");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, every_route_answers, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_test(tcase, pages_of_other_origins_get_nothing);
    tcase_add_test(tcase, what_changes_something_names_the_token);
    tcase_add_test(tcase, without_room_it_is_asked_again_later);
    tcase_add_test(tcase, without_memory_it_is_not_made);
    tcase_add_test(tcase, an_event_source_says_what_it_has_in_a_header);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
