/*
 * The admin port: five routes on the receiver's HTTP server, and the page with its API.
 *
 *   loop ─┬─ gate: Host, token (gateway/admin/admin_gate.c)
 *         ├─ /healthz, /readyz ─▶ answered at once
 *         ├─ /metrics, /status, /agents ─task─▶ worker: made and answered there
 *         └─ /, /ui/..., /api/... ─▶ gateway/admin/page.c, api.c, where there is a store
 *
 * One loop of its own with small limits: it listens on loopback unless told otherwise and shows
 * counts and names, contents by the API alone (docs/security.md). What takes long to write is
 * written on a second thread, one answer at a time, because who asks after health must not wait
 * for a graph of a thousand agents. The control socket has a third: a retry of many dead
 * letters waits for the disk once for each. Answers wait in memory for slow readers, so their
 * size and the number of connections bound each other.
 */
#include "gateway/admin/admin.h"

#include "base/limits.h"
#include "base/text/mask.h"
#include "base/log/log.h"
#include "base/text/shown.h"
#include "gateway/admin/admin_gate.h"
#include "gateway/admin/api.h"
#include "gateway/admin/control.h"
#include "gateway/admin/page.h"
#include "net/http/http_server.h"
#include "net/loop.h"
#include "redaction/redact.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

/* A scraper, a prober, a page and a few people; each answer may wait in memory for its
 * reader. */
#define CONNECTIONS_MAX 32
#define SERVICES_MAX 1000
#define DRAIN_MS 200
#define ROUTE_COUNT 5 /* of the port's own, without the page and its API */

struct nv_admin {
    struct nv_admin_source source;
    struct nv_http_server *server; /* NULL: no admin port */
    struct nv_control *control;    /* NULL: no journal, no dead letters */
    struct nv_admin_gate *gate;
    struct nv_api *api; /* NULL: no page */
    struct nv_loops loops;
    struct nv_loops control_loops;
    struct nv_loops worker;
    atomic_bool stopping; /* the worker is going: answers are made where they are asked for */
    bool loops_made;
    struct nv_http_route routes[ROUTE_COUNT + NV_PAGE_FILES_MAX + NV_API_ROUTES_MAX];
    size_t route_count;
};

/* An answer to be made by the worker. */
struct job {
    struct nv_loop_task task;
    struct nv_admin *admin;
    struct nv_http_exchange *exchange;
    void (*make)(const struct job *job);
    enum nv_agents_form form;
};

static void answer(struct nv_http_exchange *exchange, int status, const char *content_type,
                   struct nv_buf *body)
{
    assert(status >= 200 && body != NULL);
    /* last of all, over whatever was written: a secret must not get out because a new field
     * forgot it */
    nv_mask_buf(body);
    if (body->failed != NV_OK)
        nv_http_reply_text(exchange, 500, NV_STR("text/plain"), NV_STR("out of memory\n"));
    else
        nv_http_reply_text(exchange, status, nv_str_from(content_type), nv_buf_str(body));
    nv_buf_release(body);
}

/* JSON with names that came from clients: the same text to a reader, and nothing hidden in
 * it. */
static void answer_json(struct nv_http_exchange *exchange, struct nv_buf *body)
{
    struct nv_buf shown;
    nv_buf_init(&shown, NV_CAP_ADMIN_ANSWER + 2 * NV_CAP_ADMIN_AGENTS);
    if (body->failed == NV_OK)
        (void)nv_shown_append(&shown, nv_buf_str(body), NV_SHOWN_JSON);
    else
        shown.failed = body->failed;
    nv_buf_release(body);
    answer(exchange, 200, "application/json", &shown);
}

static void read_status(const struct nv_admin *admin, struct nv_gateway_status *out)
{
    const struct nv_options *options = admin->source.options;
    admin->source.read_status(admin->source.ctx, out);
    out->http_listen = options->receiver_http_listen;
    out->grpc_listen = options->receiver_grpc_listen;
    out->admin_listen = options->admin_listen;
}

/* At once and on the loop: an answer that had to wait for the worker would tell of the
 * worker. */
static void handle_health(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_admin *admin = ctx;
    struct nv_gateway_status status;
    read_status(admin, &status);
    if (nv_admin_healthy(&status)) {
        nv_http_reply_text(exchange, 200, NV_STR("text/plain"), NV_STR("ok\n"));
    } else {
        nv_http_reply_text(exchange, 503, NV_STR("text/plain"),
                           status.kafka.left
                               ? NV_STR("this member has left its Kafka group: see /status\n")
                               : NV_STR("a shard makes no progress: see /status\n"));
    }
}

static void handle_ready(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_admin *admin = ctx;
    struct nv_gateway_status status;
    struct nv_buf body;
    read_status(admin, &status);
    nv_buf_init(&body, NV_CAP_ADMIN_ANSWER);
    bool ready = nv_admin_write_ready(&status, admin->source.options->journal_directory, &body);
    answer(exchange, ready ? 200 : 503, "text/plain", &body);
}

static void make_metrics(const struct job *job)
{
    struct nv_gateway_status status;
    struct nv_buf body;
    read_status(job->admin, &status);
    nv_buf_init(&body, NV_CAP_METRICS);
    enum nv_err err = nv_admin_write_metrics(&status, job->admin->source.agent_series, &body);
    if (err != NV_OK)
        body.failed = err;
    answer(job->exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* Names are a client's. One that can't be redacted is not shown. */
static void hide_names(const struct nv_redaction_config *config,
                       struct nv_service_facts *services, size_t count)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_ADMIN_ANSWER);
    for (size_t i = 0; i < count; i++) {
        struct nv_str name = nv_str_from(services[i].name);
        const char *before = name.ptr;
        if (!arena || nv_redact_text(config, arena, &name) != NV_OK)
            name = NV_STR("***");
        if (name.ptr != before)
            (void)snprintf(services[i].name, sizeof services[i].name, "%.*s", NV_STR_ARG(name));
    }
    nv_arena_free(arena);
}

static void make_status(const struct job *job)
{
    const struct nv_admin_source *source = &job->admin->source;
    struct nv_gateway_status status;
    struct nv_buf body;
    read_status(job->admin, &status);
    nv_buf_init(&body, NV_CAP_ADMIN_ANSWER);
    struct nv_service_facts *services = calloc(SERVICES_MAX, sizeof *services);
    size_t count = 0;
    if (services)
        count = source->read_services(source->ctx, services, SERVICES_MAX);
    hide_names(source->redaction, services, count);
    (void)nv_admin_write_status(&status, services, count, &body);
    free(services);
    /* What else it shows is the gateway's own: its addresses are nobody's. */
    const struct nv_redaction_config secrets = {.secrets = source->redaction->secrets};
    nv_redact_buf(&secrets, &body);
    answer_json(job->exchange, &body);
}

static void make_agents(const struct job *job)
{
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_ADMIN_AGENTS);
    enum nv_err err = nv_agents_write(job->admin->source.agents, job->form, &body);
    if (err != NV_OK) {
        body.failed = err;
    } else {
        nv_redact_buf(job->admin->source.redaction,
                      &body); /* agents are noted before their trace is redacted */
    }
    if (job->form == NV_AGENTS_JSON) {
        answer_json(job->exchange, &body);
    } else {
        answer(job->exchange, 200,
               job->form == NV_AGENTS_DOT ? "text/vnd.graphviz" : "text/plain; charset=utf-8",
               &body);
    }
}

static void run_job(struct nv_loop_task *task)
{
    struct job *job = NV_CONTAINER(task, struct job, task);
    job->make(job);
    free(job);
}

static void hand_over(struct nv_admin *admin, struct nv_http_exchange *exchange,
                      void (*make)(const struct job *job), enum nv_agents_form form)
{
    const struct job job = {.task = {.run = run_job},
                            .admin = admin,
                            .exchange = exchange,
                            .make = make,
                            .form = form};
    /* without memory it is made here: slow is better than a metric that is missing just then */
    struct job *copy = atomic_load(&admin->stopping) ? NULL : malloc(sizeof *copy);
    if (!copy) {
        make(&job);
        return;
    }
    *copy = job;
    nv_loop_post(admin->worker.items[0], &copy->task);
}

static void handle_metrics(void *ctx, struct nv_http_exchange *exchange)
{
    hand_over(ctx, exchange, make_metrics, NV_AGENTS_JSON);
}

static void handle_status(void *ctx, struct nv_http_exchange *exchange)
{
    hand_over(ctx, exchange, make_status, NV_AGENTS_JSON);
}

/* On the control socket, whose loop has time. */
static void handle_control_status(void *ctx, struct nv_http_exchange *exchange)
{
    make_status(&(const struct job){.admin = ctx, .exchange = exchange});
}

/* /agents, /agents?format=dot, /agents?format=mermaid */
static void handle_agents(void *ctx, struct nv_http_exchange *exchange)
{
    static const struct {
        const char *query;
        enum nv_agents_form form;
    } forms[] = {{"", NV_AGENTS_JSON},
                 {"format=json", NV_AGENTS_JSON},
                 {"format=dot", NV_AGENTS_DOT},
                 {"format=mermaid", NV_AGENTS_MERMAID}};
    struct nv_str query = nv_http_request_query(exchange);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (nv_str_eq(query, nv_str_from(forms[i].query))) {
            hand_over(ctx, exchange, make_agents, forms[i].form);
            return;
        }
    }
    nv_http_reply_text(exchange, 400, NV_STR("text/plain"),
                       NV_STR("format is json, dot or mermaid\n"));
}

static void set_routes(struct nv_admin *admin)
{
    static const struct {
        const char *path;
        void (*handle)(void *ctx, struct nv_http_exchange *exchange);
    } rows[ROUTE_COUNT] = {{"/healthz", handle_health},
                           {"/readyz", handle_ready},
                           {"/metrics", handle_metrics},
                           {"/status", handle_status},
                           {"/agents", handle_agents}};
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        admin->routes[i] =
            (struct nv_http_route){.path = nv_str_from(rows[i].path),
                                   .methods = NV_HTTP_GET,
                                   .body_bytes_max = 1024,
                                   .handler = {.ctx = admin, .handle = rows[i].handle}};
    }
    admin->route_count = ROUTE_COUNT;
}

/* Only where there is a store: without one there is nothing to show. */
static enum nv_err set_page_routes(struct nv_admin *admin)
{
    if (!admin->source.traces)
        return NV_OK;
    enum nv_err err = nv_api_new(&admin->source, admin->loops.items[0], &admin->api);
    if (err != NV_OK)
        return err;
    admin->route_count += nv_page_routes(&admin->routes[admin->route_count]);
    admin->route_count += nv_api_routes(admin->api, &admin->routes[admin->route_count]);
    return NV_OK;
}

static enum nv_err open_server(struct nv_admin *admin, const char *address,
                               struct nv_fail *fail)
{
    set_routes(admin);
    enum nv_err err = set_page_routes(admin);
    if (err != NV_OK)
        return err;
    struct nv_http_server_config config = {
        .listener = {.addresses = address},
        .routes = admin->routes,
        .route_count = admin->route_count,
        .hooks = {.ctx = admin->gate, .gate = nv_admin_gate_check}};
    nv_http_limits_init(&config.limits);
    config.limits.connections_max = CONNECTIONS_MAX;
    config.limits.body_bytes_max = 1024;
    config.limits.undecoded_bytes_max = 1 << 20;
    return nv_http_server_new(&config, &admin->loops, fail, &admin->server);
}

/* Commands on a running gateway are a convenience: without them it still runs. */
static void open_control(struct nv_admin *admin)
{
    struct nv_fail fail = {0};
    const struct nv_admin_source *source = &admin->source;
    const struct nv_dead_place place = {
        .store = source->store, .ctx = source->ctx, .retry = source->retry_dead};
    const struct nv_http_handler status = {.ctx = admin, .handle = handle_control_status};
    const char *directory = source->options->journal_directory;
    if (!place.store)
        return;
    if (nv_control_new(directory, &place, &status, &admin->control_loops, &fail,
                       &admin->control) != NV_OK) {
        NV_LOG(NV_LOG_WARN, "gateway", "no control socket, `dead` works when stopped only: %s",
               fail.what);
    }
}

/* Loops are made before servers, which live on them, and started after: no request finds half
 * of it. */
static enum nv_err open_all(struct nv_admin *admin, const char *address, struct nv_fail *fail)
{
    enum nv_err err = nv_loops_init(&admin->loops, 1, nv_clock_system());
    admin->loops_made = true;
    if (err == NV_OK)
        err = nv_loops_init(&admin->control_loops, 1, nv_clock_system());
    if (err == NV_OK)
        err = nv_loops_init(&admin->worker, 1, nv_clock_system());
    if (err == NV_OK)
        err = nv_admin_gate_new(admin->source.options, fail, &admin->gate);
    if (err == NV_OK && address)
        err = open_server(admin, address, fail);
    if (err == NV_OK) {
        open_control(admin);
        nv_loops_set_name(&admin->loops, "admin");
        nv_loops_set_name(&admin->control_loops, "control");
        nv_loops_set_name(&admin->worker, "admin-worker");
        err = nv_loops_start(&admin->loops);
    }
    if (err == NV_OK)
        err = nv_loops_start(&admin->control_loops);
    if (err == NV_OK)
        err = nv_loops_start(&admin->worker);
    if (err == NV_OK && admin->api)
        err = nv_api_start(admin->api);
    return err;
}

enum nv_err nv_admin_start(const char *address, const struct nv_admin_source *source,
                           struct nv_fail *fail, struct nv_admin **out)
{
    assert(source->options != NULL && source->read_status != NULL);
    struct nv_admin *admin = calloc(1, sizeof *admin);
    *out = NULL;
    if (!admin)
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "out of memory");
    admin->source = *source;
    enum nv_err err = open_all(admin, address, fail);
    if (err != NV_OK) {
        (void)nv_fail_set(fail, err, 0, "can't open the admin port: %s",
                          nv_err_info(err)->text);
        nv_admin_stop(admin);
        return err;
    }
    *out = admin;
    return NV_OK;
}

/* The worker first, so that its last answers find their loop; then what came in between. */
static void stop_loops(struct nv_admin *admin)
{
    atomic_store(&admin->stopping, true);
    nv_api_stop(admin->api);
    nv_loops_stop(&admin->worker);
    nv_loops_stop(&admin->loops);
    nv_loops_stop(&admin->control_loops);
    if (admin->worker.count > 0)
        nv_loop_turn(admin->worker.items[0]);
    if (admin->loops.count > 0)
        nv_loop_turn(admin->loops.items[0]);
}

/* Also for one that was half made: what is not there is passed over. */
void nv_admin_stop(struct nv_admin *admin)
{
    if (!admin)
        return;
    nv_api_hush(admin->api);
    if (admin->server) {
        nv_http_server_stop_accepting(admin->server);
        (void)nv_http_server_drain(admin->server, DRAIN_MS);
    }
    nv_control_stop(admin->control);
    if (admin->loops_made) {
        stop_loops(admin);
        nv_control_free(admin->control);
        nv_http_server_free(admin->server);
        nv_api_free(admin->api);
        nv_loops_release(&admin->worker);
        nv_loops_release(&admin->loops);
        nv_loops_release(&admin->control_loops);
    }
    nv_admin_gate_free(admin->gate);
    free(admin);
}

const char *nv_admin_address(const struct nv_admin *admin, size_t i)
{
    if (!admin->server)
        return NULL;
    const struct nv_listener *listener = nv_http_server_listener(admin->server);
    return i < nv_listener_count(listener) ? nv_listener_address(listener, i) : NULL;
}
