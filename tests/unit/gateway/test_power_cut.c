/*
 * Power cuts, from the door to the backend: assembly and exporter run as one over file
 * operations that are recorded (power.h), and at every operation states that the disk may be in
 * are started for real. What was acknowledged and not delivered before is then delivered, or a
 * dead letter, and the start never fails.
 *
 *   requests ─▶ assembly ─▶ exporter ─▶ a backend that answers, fails, holds, refuses some traces
 *                  │           │
 *                  └─ journal ─┘ outbox, dead letters, notes of what was settled
 *
 * Lives have stops, kills, retries of dead letters and starts whose decoder refuses requests;
 * the later ones syncs that fail, some of them killing the process. 2,000 states here;
 * NOVEUM_SOAK:
 * 100,000.
 */
#include "expect.h"
#include "assembly/assembly.h"
#include "base/log/log.h"
#include "exporter/outbox/dead_letters.h"
#include "exporter/exporter.h"
#include "power.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPANS_MAX 2000
#define FLIGHTS_MAX 16
#define STEPS 150
#define LIVES 8

struct flight {
    nv_reply_done *done; /* NULL: free */
    void *done_ctx;
    enum nv_route route;
    struct nv_buf body;
};

/* A gateway, and the backend that it knows. */
struct world {
    struct nv_fake_clock clock;
    struct nv_assembly *assembly;
    struct nv_exporter *exporter;
    struct nv_settler settler;
    struct nv_transport transport;
    struct flight flights[FLIGHTS_MAX];
    bool *delivered; /* by span */
    bool refuses;    /* its decoder, some requests */
};

enum mood { MOOD_WELL, MOOD_DOWN, MOOD_HELD };

static struct power power;
static struct world live, later;
static bool acked[SPANS_MAX], delivered[SPANS_MAX], found[SPANS_MAX];
static unsigned next_span, next_trace;
static enum mood mood;
static bool healed; /* what was refused is taken now */
static unsigned long states, states_max;
static unsigned every;
static const char *doing = "";

/* ---- requests: a line a span, "trace span-number padding" -------------------------------- */

#define SPAN_AT 5 /* "span-" */
#define NUMBER_AT 10

static unsigned number_at(const char *text)
{
    unsigned number = 0;
    for (int i = 0; i < 4; i++)
        number = number * 10 + (unsigned)(text[i] - '0');
    ck_assert_uint_lt(number, SPANS_MAX);
    return number;
}

/* Marks every span that the text names. */
static void scan(struct nv_str text, bool *flags)
{
    static const struct nv_str name = NV_STR_INIT("span-");
    for (;;) {
        size_t at = nv_str_find(text, name);
        if (at == SIZE_MAX)
            return;
        flags[number_at(text.ptr + at + name.len)] = true;
        text = nv_str_slice(text, at + name.len + 4, SIZE_MAX);
    }
}

static void read_item(const char *body, size_t from, size_t end, struct nv_item *item)
{
    unsigned trace = number_at(body + from);
    unsigned span = number_at(body + from + NUMBER_AT);
    item->offset = (uint32_t)from;
    item->length = (uint32_t)(end - from);
    item->trace_id[0] = item->span_id[0] = 1;
    item->trace_id[14] = (uint8_t)(trace >> 8);
    item->trace_id[15] = (uint8_t)trace;
    item->span_id[6] = (uint8_t)(span >> 8);
    item->span_id[7] = (uint8_t)span;
    item->end_ns = 1;
}

static struct nv_batch *batch_of(char *body, size_t len)
{
    struct nv_batch *batch = calloc(1, sizeof *batch);
    batch->groups = calloc(1, sizeof *batch->groups);
    batch->items = calloc(len, sizeof *batch->items);
    batch->group_count = 1;
    batch->body = body;
    batch->body_len = len;
    batch->groups->service_name = NV_STR("shop");
    for (size_t i = 0; i < len;) {
        size_t end = (size_t)((char *)memchr(body + i, '\n', len - i) - body);
        read_item(body, i, end, &batch->items[batch->item_count++]);
        i = end + 1;
    }
    return batch;
}

static bool is_refused(const char *body)
{
    return number_at(body + NUMBER_AT) % 7 == 3;
}

static enum nv_err decode(void *ctx, enum nv_signal signal, char *body, size_t len,
                          struct nv_batch **out)
{
    const struct world *world = ctx;
    (void)signal;
    if (world->refuses && is_refused(body)) {
        free(body);
        return NV_ERR_MALFORMED;
    }
    *out = batch_of(body, len);
    return NV_OK;
}

static enum nv_err bury(void *ctx, const struct nv_undecoded *request, struct nv_buf *head,
                        struct nv_buf *payload)
{
    (void)ctx;
    (void)nv_buf_printf(head, "{\"v\":1,\"trace_id\":\"\",\"name\":\"request\"}");
    return nv_buf_append_str(payload, request->body);
}

/* ---- translation: the span's name is all that matters ------------------------------------ */

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    struct world *world = ctx;
    struct nv_arena *arena = raw->arena;
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    ck_assert(trace && origin);
    *origin = (struct nv_origin){0};
    *trace = (struct nv_trace){.arena = arena,
                               .name = NV_STR("trace"),
                               .start_ns = 1,
                               .end_ns = 2,
                               .project = NV_STR("power"),
                               .environment = NV_STR("test"),
                               .origin = origin,
                               .span_count = raw->span_count,
                               .claim = raw->claim};
    memcpy(trace->trace_id, raw->trace_id, sizeof trace->trace_id);
    memcpy(trace->source_trace_id, raw->trace_id, sizeof trace->trace_id);
    trace->trace_id[1] = (uint8_t)raw->part;
    trace->spans = nv_arena_array(arena, raw->item_count, sizeof *trace->spans);
    ck_assert_uint_eq(raw->item_count, raw->span_count);
    for (uint32_t i = 0; i < raw->item_count; i++) {
        struct nv_str text = nv_str_slice(raw->items[i].bytes, SPAN_AT, SIZE_MAX);
        trace->spans[i] = (struct nv_span){.span_id = {1, [7] = (uint8_t)i},
                                           .name = text,
                                           .source_name = text,
                                           .origin = origin};
    }
    nv_exporter_consume(world->exporter, trace);
}

/* ---- the backend ------------------------------------------------------------------------- */

static enum nv_err send_request(void *ctx, const struct nv_send_request *request,
                                nv_reply_done *done, void *done_ctx)
{
    struct world *world = ctx;
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        struct flight *flight = &world->flights[i];
        if (flight->done)
            continue;
        *flight = (struct flight){done, done_ctx, request->route, {0}};
        nv_buf_init(&flight->body, SIZE_MAX);
        return nv_buf_append_str(&flight->body, request->body);
    }
    return NV_ERR_INTERNAL;
}

static void reply(struct flight *flight, enum nv_transfer transfer, int status,
                  const char *body)
{
    struct flight over = *flight;
    *flight = (struct flight){0};
    over.done(
        over.done_ctx,
        &(struct nv_reply){.transfer = transfer, .status = status, .body = nv_str_from(body)});
    nv_buf_release(&over.body);
}

static void cancel_all(void *ctx)
{
    struct world *world = ctx;
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        if (world->flights[i].done)
            reply(&world->flights[i], NV_TRANSFER_CANCELLED, 0, "");
    }
}

/* Refuses what has one of these spans in it. */
static bool is_bad(const struct flight *flight)
{
    static bool named[SPANS_MAX];
    memset(named, 0, sizeof named);
    scan(nv_buf_str(&flight->body), named);
    for (unsigned i = 5; i < next_span; i += 11) {
        if (named[i])
            return true;
    }
    return false;
}

static void answer(struct world *world, struct flight *flight, enum mood how)
{
    if (how == MOOD_DOWN) {
        reply(flight, NV_TRANSFER_REPLY, 503, "");
    } else if (how == MOOD_HELD) {
        reply(flight, NV_TRANSFER_REPLY, 401, "{\"success\":false}");
    } else if (flight->route == NV_ROUTE_TRACES && world == &live && !healed &&
               is_bad(flight)) {
        reply(flight, NV_TRANSFER_REPLY, 400, "{\"success\":false}");
    } else {
        scan(nv_buf_str(&flight->body), world->delivered);
        bool heard = world == &later || power_draw(&power, 8) > 0;
        if (heard)
            reply(flight, NV_TRANSFER_REPLY, 200, "{\"success\":true}");
        else
            reply(flight, NV_TRANSFER_BROKEN, 0, "");
    }
}

static bool answer_one(struct world *world, enum mood how)
{
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        if (world->flights[i].done) {
            answer(world, &world->flights[i], how);
            return true;
        }
    }
    return false;
}

/* ---- a gateway --------------------------------------------------------------------------- */

static void configure(struct nv_exporter_config *config)
{
    nv_exporter_config_init(config);
    config->endpoint = "http://127.0.0.1:26000/api";
    config->api_key = "nv_test";
    config->compression = NV_COMPRESSION_NONE;
    config->batch_traces = 3;
    config->batch_ms = 10;
    config->spill_bytes = 2500;
    config->spill_age_ms = 100;
    config->retry_initial_ms = 10;
    config->retry_max_ms = 50;
    config->probe_ms = 50;
    config->drain_requests_per_s = 1000;
}

/* As in the program: assembly starts, and replays, before there is an exporter. */
static bool may_complete(void *ctx)
{
    return ((const struct world *)ctx)->exporter != NULL;
}

/* NV_OK, or why it does not start. */
static enum nv_err open_world(struct world *world, const char *directory,
                              const struct nv_file_ops *ops, struct nv_fail *fail)
{
    struct nv_assembly_config config;
    struct nv_exporter_config sending;
    nv_fake_clock_init(&world->clock, 100 * NV_NS_PER_S, UINT64_C(1760000000) * NV_NS_PER_S);
    nv_assembly_config_init(&config);
    config.shards = 0;
    config.quiet_ms = config.quiet_distributed_ms = config.quiet_logs_ms = 50;
    config.journal_directory = directory;
    config.journal_max_bytes = 4u << 20;
    config.journal_segment_bytes = 32u << 10;
    config.sent_max = 20;
    config.decode = decode;
    config.bury = bury;
    config.decode_ctx = world;
    config.may_complete = may_complete;
    config.may_complete_ctx = world;
    config.file_ops = ops;
    struct nv_completer completer = {.ctx = world, .complete = complete};
    world->assembly = nv_assembly_new(&config, &world->clock.clock, &completer, fail);
    ck_assert_ptr_nonnull(world->assembly);
    enum nv_err err = nv_assembly_start(world->assembly, fail);
    if (err != NV_OK)
        return err;
    configure(&sending);
    world->settler = nv_assembly_settler(world->assembly);
    world->transport = (struct nv_transport){world, send_request, cancel_all};
    world->exporter =
        nv_exporter_new(&sending, &world->settler, nv_assembly_store(world->assembly),
                        &world->clock.clock, fail);
    ck_assert_msg(world->exporter != NULL, "%s", fail->what);
    nv_exporter_set_transport(world->exporter, &world->transport, 1);
    return NV_OK;
}

static void close_world(struct world *world)
{
    enum nv_err late =
        nv_assembly_stop(world->assembly, 0); /* what is held stays: no failure here */
    (void)late;
    nv_exporter_free(world->exporter);
    nv_assembly_free(world->assembly);
    world->exporter = NULL;
    world->assembly = NULL;
}

/* Until nothing waits any more. */
static void drain(struct world *world)
{
    for (int i = 0; i < 5000; i++) {
        struct nv_assembly_status assembly;
        struct nv_sink_status exporter;
        uint64_t due_ns = nv_assembly_tick(world->assembly);
        uint64_t wait_ns = nv_exporter_pump(world->exporter);
        if (answer_one(world, MOOD_WELL))
            continue;
        nv_assembly_read_status(world->assembly, &assembly);
        nv_exporter_read_status(world->exporter, &exporter);
        if (assembly.open_traces + assembly.claims + exporter.queued_traces +
                exporter.outbox_records ==
            0)
            return;
        if (due_ns > world->clock.mono && due_ns - world->clock.mono < wait_ns)
            wait_ns = due_ns - world->clock.mono;
        nv_fake_clock_advance(&world->clock, wait_ns < NV_NS_PER_S ? wait_ns : NV_NS_PER_S);
    }
    ck_abort_msg("state %lu, while %s: does not drain", states, doing);
}

static void scan_letter(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    (void)id;
    (void)head;
    scan(payload, ctx);
}

static void look_at_a_state(void)
{
    struct nv_fail fail = {0};
    power_make_state(&power);
    states++;
    memset(found, 0, sizeof found);
    later.delivered = found;
    later.refuses = power_draw(&power, 6) == 0;
    enum nv_err err = open_world(&later, power.state, NULL, &fail);
    ck_assert_msg(err == NV_OK, "state %lu, while %s: %s", states, doing, fail.what);
    drain(&later);
    const struct nv_store *store = nv_assembly_store(later.assembly);
    ck_assert_int_eq(store->each(store->ctx, NV_RECORD_DEAD_LETTER, scan_letter, found), NV_OK);
    for (unsigned i = 0; i < next_span; i++) {
        if (acked[i] && !delivered[i] && !found[i]) {
            ck_abort_msg("state %lu, while %s: span %u of %u is lost", states, doing, i,
                         next_span);
        }
    }
    close_world(&later);
    power_empty(power.state);
}

static void boundary(void *ctx)
{
    (void)ctx;
    if (states < states_max && power_draw(&power, every) == 0)
        look_at_a_state();
}

/* ---- a life ------------------------------------------------------------------------------ */

static void note_done(void *ctx, enum nv_err err)
{
    *(enum nv_err *)ctx = err;
}

static void accept_some(void)
{
    unsigned count = 1 + power_draw(&power, 4);
    size_t len = 0;
    char *body = malloc(count * 2100);
    doing = "accepting";
    if (next_span + count > SPANS_MAX) {
        free(body);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned back = power_draw(&power, 3) ? 0 : power_draw(&power, 6);
        unsigned trace = next_trace > back ? next_trace - back : 0;
        len += (size_t)sprintf(body + len, "%04u span-%04u ", trace, next_span + i);
        size_t more =
            power_draw(&power, 4) ? power_draw(&power, 100) : power_draw(&power, 2000);
        memset(body + len, 'x', more);
        len += more;
        body[len++] = '\n';
        next_trace += power_draw(&power, 2);
    }
    unsigned first = next_span;
    next_span += count;
    enum nv_err err = NV_ERR_INTERNAL;
    struct nv_acceptor acceptor = nv_assembly_acceptor(live.assembly);
    acceptor.accept(acceptor.ctx, batch_of(body, len), note_done, &err);
    for (unsigned i = first; i < next_span && err == NV_OK; i++)
        acked[i] = true;
}

static void go_on(void)
{
    doing = "going on";
    nv_fake_clock_advance(&live.clock, power_draw(&power, 60) * NV_NS_PER_MS);
    (void)nv_assembly_tick(live.assembly);
    (void)nv_exporter_pump(live.exporter);
}

static void keep_id(void *ctx, const struct nv_dead_letter *letter)
{
    uint64_t *id = ctx;
    if (*id == 0 || power_draw(&power, 2))
        *id = letter->id;
}

static void retry_a_letter(void)
{
    uint64_t id = 0;
    doing = "retrying a dead letter";
    enum nv_err err = nv_dead_letters_list(nv_assembly_store(live.assembly), keep_id, &id);
    if (err == NV_OK && id != 0)
        err = nv_exporter_retry_dead(live.exporter, id, NV_STR(""));
    ck_assert(err != NV_ERR_NOT_FOUND);
}

static void start_again(void)
{
    struct nv_fail fail = {0};
    close_world(&live);
    if (power.dead)
        power_revive(&power);
    doing = "starting";
    live.refuses = power_draw(&power, 4) == 0;
    enum nv_err err = open_world(&live, power.directory, &power.ops, &fail);
    ck_assert_msg(err == NV_OK || power.dead, "start: %s", fail.what);
}

static void change_the_weather(bool failing)
{
    uint32_t what = power_draw(&power, 8);
    if (what < 4) {
        mood = what == 0 ? MOOD_DOWN : what == 1 ? MOOD_HELD : MOOD_WELL;
    } else if (what == 4) {
        healed = !healed;
    } else if (what > 5 && failing) {
        power.fail_sync = (int)power_draw(&power, 4);
        power.fatal = power_draw(&power, 2);
    }
}

static void step(bool failing)
{
    uint32_t what = power_draw(&power, 32);
    if (what < 9)
        accept_some();
    else if (what < 18)
        go_on();
    else if (what < 25)
        doing = "answering", answer_one(&live, mood);
    else if (what < 27)
        retry_a_letter();
    else if (what < 30)
        change_the_weather(failing);
    else if (what == 30)
        doing = "stopping", start_again();
    else
        doing = "being killed", power_kill(&power);
    while (power.dead)
        start_again();
}

static void live_once(uint64_t seed, bool failing)
{
    struct nv_fail fail = {0};
    power_init(&power, seed);
    memset(acked, 0, sizeof acked);
    memset(delivered, 0, sizeof delivered);
    next_span = next_trace = 0;
    mood = MOOD_WELL;
    healed = false;
    live.delivered = delivered;
    live.refuses = false;
    power.boundary = boundary;
    ck_assert_int_eq(open_world(&live, power.directory, &power.ops, &fail), NV_OK);
    for (int i = 0; i < STEPS; i++)
        step(failing);
    doing = "ending";
    close_world(&live);
    power_release(&power);
}

START_TEST(what_was_acknowledged_survives_a_power_cut)
{
    bool soak = getenv("NOVEUM_SOAK") != NULL;
    states = 0;
    states_max = soak ? 100000 / LIVES : 2000 / LIVES;
    every = soak ? 1 : 8;
    for (unsigned life = 0; states < states_max && life < 2000; life++)
        live_once((uint64_t)_i * 100003 + life, _i >= LIVES / 2);
    ck_assert_uint_ge(states, states_max);
}
END_TEST

static void drop_line(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

int main(void)
{
    Suite *suite = suite_create("power_cut");
    TCase *tcase = tcase_create("power_cut");
    tcase_set_timeout(tcase, 3600);
    nv_log_set_sink(drop_line, NULL);
    tcase_add_loop_test(tcase, what_was_acknowledged_survives_a_power_cut, 0, LIVES);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
