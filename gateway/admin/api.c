/*
 * The API: one row a route, each a function from a query to JSON.
 *
 *   loop: same origin? ──▶ job (a copy of the query) ──▶ worker: parse ▸ look ▸ answer
 *
 * The connection to the store belongs to the worker; when that has ended, at the stop, to the
 * loop. A page of another origin can't read an answer (there is no CORS header), and is refused
 * where the browser says who asks, so that it can't make the gateway work either. What changes
 * something is POST and names the token that GET /api/dead tells: no form and no link can.
 *
 * An answer's bytes are taken from the account of requests and traces before they are made and
 * given back when they have gone out, however slowly that is: 503 when there is no room.
 *
 * Why a thread of its own: a search through the store may take seconds, and the admin port's
 * loop also answers /healthz, on which a supervisor hangs. One worker and not several: SQLite
 * reads are bound by the disk, and the page of one person asks one thing after another.
 *
 *   running   hand_over posts a job
 *   stopping  refused: the worker may be within an answer, the reader is its own
 *   stopped   answered here, on the loop: the worker has ended
 */
#include "gateway/admin/api.h"

#include "base/json/json_member.h"
#include "base/limits.h"
#include "base/log/log.h"
#include "base/text/text.h"
#include "gateway/admin/api_dead.h"
#include "gateway/admin/api_media.h"
#include "gateway/admin/api_query.h"
#include "gateway/admin/api_refused.h"
#include "gateway/admin/events.h"
#include "gateway/admin/held_view.h"
#include "gateway/admin/page.h"
#include "gateway/dead/dead.h"
#include "gateway/traces/trace_look.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/banned.h"

/* A look that takes longer is given up: the store is larger than this can search. */
#define LOOK_MS 5000
#define QUERY_ARENA NV_CAP_KIB(256)
#define SLICES_DEFAULT 48u
/* A trace is in memory so often at once: in SQLite, in the answer, in the reply. */
#define COPIES 3u
#define TOKEN_BYTES 16

struct nv_api {
    const struct nv_admin_source *source;
    struct nv_traces *traces;
    struct nv_loop *loop;
    char token[2 * TOKEN_BYTES + 1]; /* that POST must name: of this process */
    struct nv_loops worker;
    struct nv_events *events;
    struct nv_loop_tick tick;
    /* Between the two the worker may be in an answer: the store's reader is for one thread. */
    atomic_bool stopping;
    atomic_bool stopped;
};

struct job;

typedef enum nv_err make_answer(const struct job *job, const struct nv_api_query *query,
                                struct nv_buf *out, struct nv_fail *fail);

/* The exchange lives until it is answered, also when its client goes away; the query is copied,
 * since the head it stands in is the connection's. */
struct job {
    struct nv_loop_task task;
    struct nv_api *api;
    struct nv_http_exchange *exchange;
    make_answer *make;
    struct nv_str query; /* behind the struct */
};

/* ---- answers ----------------------------------------------------------------------------- */

/* NV_ERR_CONFIG is a parameter that can't be used, here: the client's mistake and not ours. */
static void answer_error(struct nv_http_exchange *exchange, enum nv_err err,
                         const struct nv_fail *fail)
{
    struct nv_buf body;
    struct nv_json_writer json;
    const struct nv_err_info *info = nv_err_info(err);
    int status = err == NV_ERR_CONFIG ? 400 : info->http_status;
    nv_buf_init(&body, NV_CAP_ADMIN_WHY);
    nv_json_write_init(&json, &body);
    nv_json_write_begin_object(&json);
    nv_json_put_text(&json, "error", nv_str_from(fail->what[0] ? fail->what : info->text));
    nv_json_write_end_object(&json);
    const struct nv_http_reply reply = {
        .status = status,
        .content_type = NV_STR("application/json"),
        .headers = err == NV_ERR_FULL ? NV_STR("Retry-After: 1\r\n") : NV_STR(""),
        .body = nv_buf_str(&body)};
    nv_http_reply_send(exchange, &reply);
    nv_buf_release(&body);
}

static enum nv_err make_list(const struct job *job, const struct nv_api_query *query,
                             struct nv_buf *out, struct nv_fail *fail)
{
    struct nv_trace_filter filter;
    enum nv_err err = nv_api_query_filter(query, &filter, fail);
    return err != NV_OK ? err
                        : nv_trace_list_write(nv_traces_reader(job->api->traces), &filter, out);
}

static enum nv_err make_trace(const struct job *job, const struct nv_api_query *query,
                              struct nv_buf *out, struct nv_fail *fail)
{
    struct nv_str id = nv_api_query_get(query, "id");
    if (id.len == 0)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "which trace? ask with id=");
    enum nv_err err = nv_look_trace(nv_traces_reader(job->api->traces), id, out);
    if (err == NV_ERR_NOT_FOUND)
        (void)nv_fail_set(fail, err, 0, "no trace has that id, or it is no longer kept");
    return err;
}

static enum nv_err make_explained(const struct job *job, const struct nv_api_query *query,
                                  struct nv_buf *out, struct nv_fail *fail)
{
    struct nv_str id = nv_api_query_get(query, "id");
    enum nv_err err = nv_look_explained(nv_traces_reader(job->api->traces), id, out);
    if (err == NV_ERR_NOT_FOUND)
        (void)nv_fail_set(fail, err, 0, "no trace has that id, or it is no longer kept");
    return err;
}

static enum nv_err make_names(const struct job *job, const struct nv_api_query *query,
                              struct nv_buf *out, struct nv_fail *fail)
{
    (void)query;
    (void)fail;
    return nv_look_names(nv_traces_reader(job->api->traces), out);
}

static enum nv_err make_sessions(const struct job *job, const struct nv_api_query *query,
                                 struct nv_buf *out, struct nv_fail *fail)
{
    (void)query;
    (void)fail;
    return nv_look_sessions(nv_traces_reader(job->api->traces), out);
}

static enum nv_err make_overview(const struct job *job, const struct nv_api_query *query,
                                 struct nv_buf *out, struct nv_fail *fail)
{
    uint64_t slices = SLICES_DEFAULT;
    double now_ms = (double)nv_clock_wall_ns(nv_clock_system()) / 1e6;
    struct nv_look_span span = {.since_ms = now_ms - 86400000.0, .until_ms = now_ms};
    struct nv_str since = nv_api_query_get(query, "since");
    struct nv_str until = nv_api_query_get(query, "until");
    struct nv_str count = nv_api_query_get(query, "slices");
    bool ok = (!since.ptr || nv_str_to_double(since, &span.since_ms) == NV_OK) &&
              (!until.ptr || nv_str_to_double(until, &span.until_ms) == NV_OK) &&
              (!count.ptr || nv_str_to_uint64(count, &slices) == NV_OK);
    /* 9e12 ms is the year 2255; as microseconds it is still exact in a double */
    ok = ok && slices >= 1 && slices <= NV_LOOK_SLICES_MAX && span.since_ms >= 0 &&
         span.until_ms > span.since_ms && span.until_ms < 9e12;
    if (!ok) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "since and until are ms since 1970, slices 1 to %u",
                           NV_LOOK_SLICES_MAX);
    }
    span.slices = (uint32_t)slices;
    return nv_look_overview(nv_traces_reader(job->api->traces), &span, out);
}

/* Dead letters are in the journal and not in the store; they are read here all the same, since
 * a page wants both and the journal's reads may wait for a disk as well. */
static enum nv_err make_dead(const struct job *job, const struct nv_api_query *query,
                             struct nv_buf *out, struct nv_fail *fail)
{
    (void)query;
    (void)fail;
    return nv_dead_write(job->api->source->store, job->api->token, out);
}

static enum nv_err make_retry(const struct job *job, const struct nv_api_query *query,
                              struct nv_buf *out, struct nv_fail *fail)
{
    return nv_api_dead(job->api->source, NV_VERB_RETRY, query, out, fail);
}

static enum nv_err make_drop(const struct job *job, const struct nv_api_query *query,
                             struct nv_buf *out, struct nv_fail *fail)
{
    return nv_api_dead(job->api->source, NV_VERB_DROP, query, out, fail);
}

static enum nv_err make_held(const struct job *job, const struct nv_api_query *query,
                             struct nv_buf *out, struct nv_fail *fail)
{
    (void)fail;
    struct nv_str id = nv_api_query_get(query, "id");
    if (id.len == 0)
        return nv_held_list_write(job->api->source, out);
    return nv_held_trace_write(job->api->source, id, out);
}

static enum nv_err make_refused(const struct job *job, const struct nv_api_query *query,
                                struct nv_buf *out, struct nv_fail *fail)
{
    (void)job;
    (void)query;
    (void)fail;
    return nv_api_refused_write(out);
}

static enum nv_err make_media(const struct job *job, const struct nv_api_query *query,
                              struct nv_buf *out, struct nv_fail *fail)
{
    return nv_api_media_read(job->api->source->media_files, nv_api_query_get(query, "file"),
                             out, fail);
}

/* ---- room -------------------------------------------------------------------------------- */

/* What the answer may hold while it is made. */
static enum nv_err room_of(const struct job *job, const struct nv_api_query *query,
                           uint64_t *need)
{
    uint64_t bytes = 0;
    enum nv_err err = NV_OK;
    struct nv_str id = nv_api_query_get(query, "id");
    if (job->make == make_trace && id.len > 0)
        err = nv_look_trace_bytes(nv_traces_reader(job->api->traces), id, &bytes);
    if (job->make == make_media) {
        bytes =
            nv_api_media_bytes(job->api->source->media_files, nv_api_query_get(query, "file"));
    }
    *need = bytes > 0 ? COPIES * bytes : NV_CAP_API_LIST;
    return err;
}

static bool take_room(const struct nv_api *api, uint64_t need)
{
    struct nv_account *account = api->source->account;
    return !account || nv_account_try_take(account, need);
}

static void give_room(const struct nv_api *api, uint64_t bytes)
{
    if (api->source->account && bytes > 0)
        nv_account_give(api->source->account, bytes);
}

/* Sends `out`, whose bytes stay taken of `room` until they have gone; the rest is given
 * back. */
static void send_answer(const struct job *job, struct nv_buf *out, uint64_t room)
{
    uint64_t kept = out->len < room ? out->len : room;
    struct nv_http_reply reply = {.status = 200,
                                  .content_type = NV_STR("application/json"),
                                  .body = nv_buf_str(out),
                                  .account = job->api->source->account,
                                  .charged = kept};
    if (job->make == make_media)
        nv_api_media_head(&reply);
    nv_http_reply_send(job->exchange, &reply);
    nv_buf_release(out);
    give_room(job->api, room - kept);
}

/* ---- jobs -------------------------------------------------------------------------------- */

/* The answer into `out`, which is empty; `*room` was taken for it, with an error nothing. */
static enum nv_err make_with_room(const struct job *job, struct nv_buf *out, uint64_t *room,
                                  struct nv_fail *fail)
{
    struct nv_arena *arena = nv_arena_new(QUERY_ARENA);
    struct nv_api_query query;
    enum nv_err err = arena ? nv_api_query_read(arena, job->query, &query) : NV_ERR_NO_MEMORY;
    if (err == NV_OK) {
        nv_sql_limit(nv_traces_reader(job->api->traces), LOOK_MS);
        err = room_of(job, &query, room);
    }
    if (err == NV_OK && !take_room(job->api, *room)) {
        err = nv_fail_set(fail, NV_ERR_FULL, 0,
                          "no memory for this answer just now (memory.max_bytes): ask again");
    }
    if (err == NV_OK) {
        err = job->make(job, &query, out, fail);
        if (err != NV_OK)
            give_room(job->api, *room);
    }
    nv_arena_free(arena);
    return err;
}

/* On the worker, or on the loop when that has ended. */
static void make(const struct job *job)
{
    struct nv_fail fail = {0};
    struct nv_buf out;
    uint64_t room = 0;
    nv_buf_init(&out, NV_CAP_API_ANSWER);
    enum nv_err err = make_with_room(job, &out, &room, &fail);
    if (err == NV_OK) {
        send_answer(job, &out, room);
        return;
    }
    if (err == NV_ERR_TIMEOUT)
        (void)nv_fail_set(&fail, err, 0, "it took too long: ask for less");
    answer_error(job->exchange, err, &fail);
    nv_buf_release(&out);
}

static void run_job(struct nv_loop_task *task)
{
    struct job *job = NV_CONTAINER(task, struct job, task);
    make(job);
    free(job);
}

static void hand_over(struct nv_api *api, struct nv_http_exchange *exchange, make_answer *how)
{
    struct nv_str query = nv_http_request_query(exchange);
    const struct job here = {.task = {.run = run_job},
                             .api = api,
                             .exchange = exchange,
                             .make = how,
                             .query = query};
    /* in this order: `stopping` is set before the worker is waited for and stays set */
    if (atomic_load(&api->stopped)) {
        make(&here);
        return;
    }
    if (atomic_load(&api->stopping)) {
        answer_error(exchange, NV_ERR_STOPPING, &(struct nv_fail){0});
        return;
    }
    struct job *job = malloc(sizeof *job + query.len + 1);
    if (!job) {
        answer_error(exchange, NV_ERR_NO_MEMORY, &(struct nv_fail){0});
        return;
    }
    *job = here;
    char *copy = (char *)(job + 1);
    if (query.len > 0)
        memcpy(copy, query.ptr, query.len);
    job->query = (struct nv_str){copy, query.len};
    nv_loop_post(api->worker.items[0], &job->task);
}

/* ---- routes ------------------------------------------------------------------------------ */

/* Browsers say where a request comes from (Fetch Metadata); other clients say nothing. */
static bool is_foreign(const struct nv_http_exchange *exchange)
{
    struct nv_str site = nv_http_request_header(exchange, NV_STR("sec-fetch-site"));
    return site.len > 0 && !nv_str_eq(site, NV_STR("same-origin")) &&
           !nv_str_eq(site, NV_STR("none"));
}

static void forbid(struct nv_http_exchange *exchange, const char *why)
{
    struct nv_buf body;
    nv_buf_init(&body, NV_CAP_ADMIN_WHY);
    (void)nv_buf_printf(&body, "{\"error\":\"%s\"}", why);
    nv_http_reply_text(exchange, 403, NV_STR("application/json"), nv_buf_str(&body));
    nv_buf_release(&body);
}

static bool admits(struct nv_http_exchange *exchange)
{
    nv_page_guard(exchange);
    if (!is_foreign(exchange))
        return true;
    forbid(exchange, "pages of other origins are not answered");
    return false;
}

/* What changes something: by who could read the token. */
static bool admits_change(const struct nv_api *api, struct nv_http_exchange *exchange)
{
    struct nv_str token = nv_http_request_header(exchange, NV_STR("x-noveum-token"));
    if (!admits(exchange))
        return false;
    if (token.len > 0 && nv_str_eq(token, nv_str_from(api->token)))
        return true;
    forbid(exchange, "name the token that GET /api/dead tells in X-Noveum-Token");
    return false;
}

/* "after=7&held=41", either or none. */
static bool read_seen(struct nv_str query, struct nv_events_seen *seen)
{
    bool ok = true;
    while (ok && query.len > 0) {
        size_t end = nv_str_find_char(query, '&');
        struct nv_str pair = nv_str_slice(query, 0, end);
        query = nv_str_slice(query, end == SIZE_MAX ? query.len : end + 1, query.len);
        if (nv_str_starts(pair, NV_STR("after="))) {
            ok = nv_str_to_int64(nv_str_slice(pair, 6, pair.len), &seen->after) == NV_OK;
        } else if (nv_str_starts(pair, NV_STR("held="))) {
            seen->wants_held = true;
            ok = nv_str_to_uint64(nv_str_slice(pair, 5, pair.len), &seen->held) == NV_OK;
        }
    }
    return ok;
}

static void handle_events(void *ctx, struct nv_http_exchange *exchange)
{
    struct nv_api *api = ctx;
    struct nv_events_seen seen = {0};
    if (!admits(exchange))
        return;
    bool ok = read_seen(nv_http_request_query(exchange), &seen);
    /* EventSource says it in a header when it asks again */
    struct nv_str last = nv_http_request_header(exchange, NV_STR("last-event-id"));
    if (last.len > 0)
        ok = ok && nv_str_to_int64(last, &seen.after) == NV_OK;
    if (ok) {
        nv_events_wait(api->events, exchange, &seen);
        return;
    }
    const struct nv_fail fail = {
        .what = "after is the id of a trace in the store, held the mark of an event"};
    answer_error(exchange, NV_ERR_CONFIG, &fail);
}

/* /api/events is no row: it answers when something has happened, from the loop. */
#define ROUTE_TABLE(X)                                                                         \
    X("/api/traces", make_list)                                                                \
    X("/api/trace", make_trace)                                                                \
    X("/api/explain", make_explained)                                                          \
    X("/api/held", make_held)                                                                  \
    X("/api/names", make_names)                                                                \
    X("/api/sessions", make_sessions)                                                          \
    X("/api/overview", make_overview)                                                          \
    X("/api/dead", make_dead)                                                                  \
    X("/api/refused", make_refused)                                                            \
    X("/api/media", make_media)

#define POST_TABLE(X)                                                                          \
    X("/api/dead/retry", make_retry)                                                           \
    X("/api/dead/drop", make_drop)

#define ROUTE_HANDLER(path, how)                                                               \
    static void handle_##how(void *ctx, struct nv_http_exchange *exchange)                     \
    {                                                                                          \
        if (admits(exchange))                                                                  \
            hand_over(ctx, exchange, how);                                                     \
    }
ROUTE_TABLE(ROUTE_HANDLER)

#define POST_HANDLER(path, how)                                                                \
    static void handle_##how(void *ctx, struct nv_http_exchange *exchange)                     \
    {                                                                                          \
        if (admits_change(ctx, exchange))                                                      \
            hand_over(ctx, exchange, how);                                                     \
    }
POST_TABLE(POST_HANDLER)

size_t nv_api_routes(struct nv_api *api, struct nv_http_route *routes)
{
#define ROUTE_ROW(path, how) {path, NV_HTTP_GET, handle_##how},
#define POST_ROW(path, how) {path, NV_HTTP_POST, handle_##how},
    static const struct {
        const char *path;
        unsigned methods;
        void (*handle)(void *ctx, struct nv_http_exchange *exchange);
    } rows[] = {ROUTE_TABLE(ROUTE_ROW)
                    POST_TABLE(POST_ROW){"/api/events", NV_HTTP_GET, handle_events}};
    enum { COUNT = sizeof rows / sizeof rows[0] };
    static_assert(COUNT <= NV_API_ROUTES_MAX, "room for all routes");
    for (size_t i = 0; i < COUNT; i++) {
        routes[i] = (struct nv_http_route){.path = nv_str_from(rows[i].path),
                                           .methods = rows[i].methods,
                                           .body_bytes_max = 1024,
                                           .handler = {.ctx = api, .handle = rows[i].handle}};
    }
    return COUNT;
}

/* ---- life -------------------------------------------------------------------------------- */

static void told(void *ctx, int64_t last)
{
    nv_events_tell(ctx, last);
}

static void tick(struct nv_loop_tick *tick, uint64_t now_ns)
{
    const struct nv_api *api = NV_CONTAINER(tick, struct nv_api, tick);
    (void)now_ns;
    if (nv_events_wants_held(api->events))
        nv_events_held(api->events, nv_held_mark(api->source));
    nv_events_expire(api->events);
}

/* Without randomness no POST is taken. */
static void make_token(char token[2 * TOKEN_BYTES + 1])
{
    uint8_t bytes[TOKEN_BYTES];
    token[0] = '\0';
    if (getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes)
        nv_hex_encode(bytes, sizeof bytes, token);
}

enum nv_err nv_api_new(const struct nv_admin_source *source, struct nv_loop *loop,
                       struct nv_api **out)
{
    struct nv_traces *traces = source->traces;
    *out = NULL;
    struct nv_api *api = calloc(1, sizeof *api);
    if (!api)
        return NV_ERR_NO_MEMORY;
    api->source = source;
    api->traces = traces;
    make_token(api->token);
    api->loop = loop;
    api->events = nv_events_new(nv_clock_system());
    enum nv_err err =
        api->events ? nv_loops_init(&api->worker, 1, nv_clock_system()) : NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        nv_loops_release(&api->worker);
        nv_events_free(api->events);
        free(api);
        return err;
    }
    api->tick.run = tick;
    nv_loop_add_tick(loop, &api->tick);
    nv_events_tell(api->events, nv_traces_last(traces));
    nv_traces_listen(traces, told, api->events);
    *out = api;
    return NV_OK;
}

enum nv_err nv_api_start(struct nv_api *api)
{
    nv_loops_set_name(&api->worker, "api");
    return nv_loops_start(&api->worker);
}

/* First of the stop: connections that wait for events would else keep the drain waiting. */
void nv_api_hush(struct nv_api *api)
{
    if (!api)
        return;
    nv_traces_listen(api->traces, NULL, NULL);
    nv_events_end(api->events);
}

void nv_api_stop(struct nv_api *api)
{
    if (!api)
        return;
    atomic_store(&api->stopping, true);
    nv_loops_stop(&api->worker);
    atomic_store(&api->stopped, true);
}

void nv_api_free(struct nv_api *api)
{
    if (!api)
        return;
    nv_loop_remove_tick(api->loop, &api->tick);
    nv_loops_release(&api->worker);
    nv_events_free(api->events);
    free(api);
}
