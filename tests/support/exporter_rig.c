/*
 * The made-up surroundings of an exporter.
 *
 * The transport keeps what was sent until the test answers, so that any order of answers can be
 * played. The store keeps its records over rig_close and rig_open: closing and opening is a
 * restart. Bodies are inflated and parsed with jansson, which shares no code with the encoder.
 */
#include "exporter_rig.h"

#include <check.h>
#include <jansson.h>
#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log/counters.h"
#include "base/log/log.h"
#include "exporter/encode/encode_whole.h"

#include "base/banned.h"

/* The longest pause is credit's, an hour and a tenth; a budgeted retry each 5 s follows. */
#define DRAIN_MAX_NS (7200 * NV_NS_PER_S)

static void quiet(void *ctx, struct nv_str line)
{
    (void)ctx;
    (void)line;
}

/* ---- transport --------------------------------------------------------------------------- */

/* Tried twice: an out-of-memory test fails one allocation, and it may not be the rig's. */
static void *allocate(size_t size)
{
    void *at = malloc(size);

    return at != NULL ? at : malloc(size);
}

static struct nv_str copy(struct nv_str s)
{
    char *text = allocate(s.len + 1);

    if (!text)
        abort();
    if (s.len > 0)
        memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return (struct nv_str){text, s.len};
}

static void drop(struct nv_str *s)
{
    free((void *)(uintptr_t)s->ptr);
    *s = (struct nv_str){0};
}

static struct nv_str inflated(struct nv_str body)
{
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    size_t room = body.len * 1100 + 4096, len = 0;
    char *out = allocate(room);
    struct nv_str text;

    if (!d || !out ||
        libdeflate_gzip_decompress(d, body.ptr, body.len, out, room, &len) !=
            LIBDEFLATE_SUCCESS)
        abort();
    libdeflate_free_decompressor(d);
    text = copy((struct nv_str){out, len});
    free(out);
    return text;
}

static enum nv_err send_request(void *ctx, const struct nv_send_request *request,
                                nv_reply_done *done, void *done_ctx)
{
    struct nv_rig *rig = ctx;

    if (rig->send_fails != NV_OK)
        return rig->send_fails;
    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++) {
        struct rig_flight *flight = &rig->flights[i];

        if (flight->busy)
            continue;
        *flight = (struct rig_flight){.busy = true,
                                      .route = request->route,
                                      .gzip = request->gzip,
                                      .done = done,
                                      .done_ctx = done_ctx};
        flight->body = request->gzip ? inflated(request->body) : copy(request->body);
        rig->sent += request->route == NV_ROUTE_TRACES;
        rig->probes += request->route == NV_ROUTE_STATUS;
        return NV_OK;
    }
    return NV_ERR_INTERNAL;
}

static void answer(struct rig_flight *flight, const struct nv_reply *reply)
{
    struct rig_flight over = *flight;

    *flight = (struct rig_flight){0};
    over.done(over.done_ctx, reply);
    drop(&over.body);
}

void rig_answer(struct nv_rig *rig, struct rig_flight *flight, int status,
                const char *retry_after, const char *body)
{
    const struct nv_reply reply = {.transfer = NV_TRANSFER_REPLY,
                                   .status = status,
                                   .retry_after = nv_str_from(retry_after),
                                   .body = nv_str_from(body)};

    (void)rig;
    answer(flight, &reply);
}

void rig_fail(struct nv_rig *rig, struct rig_flight *flight, enum nv_transfer transfer)
{
    const struct nv_reply reply = {.transfer = transfer, .detail = NV_STR("made up")};

    (void)rig;
    answer(flight, &reply);
}

static void cancel_all(void *ctx)
{
    struct nv_rig *rig = ctx;

    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++) {
        if (rig->flights[i].busy)
            rig_fail(rig, &rig->flights[i], NV_TRANSFER_CANCELLED);
    }
}

struct rig_flight *rig_flight(struct nv_rig *rig)
{
    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++) {
        if (rig->flights[i].busy)
            return &rig->flights[i];
    }
    return NULL;
}

uint32_t rig_in_flight(const struct nv_rig *rig)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < RIG_FLIGHTS_MAX; i++)
        count += rig->flights[i].busy;
    return count;
}

uint32_t rig_traces_in(const struct rig_flight *flight)
{
    json_error_t error;
    json_t *root =
        json_loadb(flight->body.ptr, flight->body.len, JSON_REJECT_DUPLICATES, &error);
    const json_t *traces = json_object_get(root, "traces");
    size_t count = json_array_size(traces);

    ck_assert_msg(json_is_array(traces), "body is no envelope: %s", error.text);
    ck_assert(json_is_number(json_object_get(root, "timestamp")));
    for (size_t i = 0; i < count; i++) {
        const json_t *trace = json_array_get(traces, i);

        if (!json_is_string(json_object_get(trace, "trace_id")) ||
            !json_is_array(json_object_get(trace, "spans")))
            ck_abort_msg("no trace in the envelope");
    }
    json_decref(root);
    return (uint32_t)count;
}

bool rig_body_has(const struct rig_flight *flight, const char *text)
{
    return nv_str_find(flight->body, nv_str_from(text)) != SIZE_MAX;
}

/* ---- store ------------------------------------------------------------------------------- */

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    struct nv_rig *rig = ctx;

    if (rig->put_fails != NV_OK)
        return rig->put_fails;
    for (uint32_t i = 0; i < RIG_RECORDS_MAX; i++) {
        struct rig_record *record = &rig->records[i];

        if (record->id != 0)
            continue;
        if (i >= rig->record_count)
            rig->record_count = i + 1;
        *record = (struct rig_record){++rig->last_id, kind, copy(head), copy(payload), false};
        *id = record->id;
        return NV_OK;
    }
    return NV_ERR_NO_SPACE;
}

/* One sync is for all that was put before. */
static enum nv_err put_synced(void *ctx, enum nv_record_kind kind, struct nv_str head,
                              struct nv_str payload, uint64_t *id)
{
    struct nv_rig *rig = ctx;
    enum nv_err err = put(ctx, kind, head, payload, id);

    for (uint32_t i = 0; i < rig->record_count && err == NV_OK; i++)
        rig->records[i].synced = true;
    return err;
}

static enum nv_err get(void *ctx, uint64_t id, struct nv_buf *payload)
{
    struct nv_rig *rig = ctx;

    if (rig->get_fails != NV_OK)
        return rig->get_fails;
    for (uint32_t i = 0; i < rig->record_count; i++) {
        if (rig->records[i].id == id && id != 0)
            return nv_buf_append_str(payload, rig->records[i].payload);
    }
    return NV_ERR_NOT_FOUND;
}

static void forget(void *ctx, uint64_t id)
{
    struct nv_rig *rig = ctx;

    for (uint32_t i = 0; i < rig->record_count; i++) {
        if (rig->records[i].id != id || id == 0)
            continue;
        drop(&rig->records[i].head);
        drop(&rig->records[i].payload);
        rig->records[i].id = 0;
    }
}

static enum nv_err each(void *ctx, enum nv_record_kind kind, nv_store_visit *visit,
                        void *visit_ctx)
{
    struct nv_rig *rig = ctx;

    const struct rig_record *next;

    for (uint64_t after = 0;; after = next->id) {
        next = NULL;
        for (uint32_t i = 0; i < rig->record_count; i++) {
            if (rig->records[i].id > after && rig->records[i].kind == kind &&
                (!next || rig->records[i].id < next->id))
                next = &rig->records[i];
        }
        if (!next)
            return NV_OK;
        visit(visit_ctx, next->id, next->head, next->payload);
    }
}

uint32_t rig_records(const struct nv_rig *rig, enum nv_record_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < rig->record_count; i++)
        count += rig->records[i].id != 0 && rig->records[i].kind == kind;
    return count;
}

void rig_cut_power(struct nv_rig *rig)
{
    for (uint32_t i = 0; i < rig->record_count; i++) {
        if (rig->records[i].id != 0 && !rig->records[i].synced)
            forget(rig, rig->records[i].id);
    }
}

/* ---- assembly ---------------------------------------------------------------------------- */

static void settle(void *ctx, struct nv_claim *claim, enum nv_outcome outcome)
{
    (void)ctx;
    claim->settled++;
    claim->outcome = outcome;
}

uint32_t rig_settled(const struct nv_rig *rig, enum nv_outcome outcome)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < rig->trace_count; i++) {
        /* Not ck_assert: each of those is a system call, and this loop is hot. */
        if (rig->claims[i].settled > 1)
            ck_abort_msg("claim %u was settled %u times", i, rig->claims[i].settled);
        count += rig->claims[i].settled == 1 && rig->claims[i].outcome == outcome;
    }
    return count;
}

struct nv_trace *rig_trace(struct nv_rig *rig, const char *name, uint32_t spans)
{
    struct nv_arena *arena = nv_arena_new((size_t)64 << 20);
    struct nv_trace *trace = nv_arena_alloc(arena, sizeof *trace);
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    uint32_t number = rig->trace_count++;

    if (!trace || !origin || number >= RIG_TRACES_MAX)
        abort();
    trace->arena = arena;
    trace->trace_id[0] = trace->source_trace_id[0] = 1;
    trace->trace_id[14] = trace->source_trace_id[14] = (uint8_t)(number >> 8);
    trace->trace_id[15] = trace->source_trace_id[15] = (uint8_t)number;
    trace->name = nv_arena_dup(arena, nv_str_from(name));
    trace->start_ns = rig->clock.wall;
    trace->end_ns = rig->clock.wall + 1500000;
    trace->project = NV_STR("rig");
    trace->environment = NV_STR("test");
    trace->origin = origin;
    trace->span_count = spans;
    trace->spans = nv_arena_array(arena, spans, sizeof *trace->spans);
    for (uint32_t i = 0; i < spans; i++) {
        trace->spans[i] = (struct nv_span){.span_id = {1, 2, 3, 4, 5, 6, 7, (uint8_t)i},
                                           .name = trace->name,
                                           .source_name = trace->name,
                                           .start_ns = trace->start_ns,
                                           .end_ns = trace->end_ns,
                                           .origin = origin};
    }
    rig->claims[number] = (struct nv_claim){0};
    trace->claim = &rig->claims[number];
    return trace;
}

struct nv_encoded *rig_encoded(struct nv_rig *rig, const char *name, uint32_t spans)
{
    struct nv_trace *trace = rig_trace(rig, name, spans);
    struct nv_encoded *one =
        nv_encode_whole(trace, rig->config.trace_id_form, rig->config.max_trace_bytes);

    ck_assert_ptr_nonnull(one);
    nv_arena_free(trace->arena);
    nv_ledger_receive(spans, false);
    nv_ledger_queue(spans);
    return one;
}

void rig_consume(struct nv_rig *rig, const char *name, uint32_t spans)
{
    nv_ledger_receive(spans, false);
    rig->span_count += spans;
    nv_exporter_consume(rig->exporter, rig_trace(rig, name, spans));
}

void rig_consume_many(struct nv_rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        rig_consume(rig, "trace", 2);
}

/* ---- the whole --------------------------------------------------------------------------- */

void rig_init(struct nv_rig *rig)
{
    memset(rig, 0, sizeof *rig);
    nv_fake_clock_init(&rig->clock, NV_NS_PER_S, UINT64_C(1795357252) * NV_NS_PER_S);
    nv_exporter_config_init(&rig->config);
    rig->config.endpoint = "http://127.0.0.1:26000/api";
    rig->config.api_key = "nv_test";
    rig->settler = (struct nv_settler){rig, settle};
    rig->store = (struct nv_store){rig, put, get, forget, each, put_synced};
    rig->transport = (struct nv_transport){rig, send_request, cancel_all};
    nv_log_set_sink(quiet, NULL);
}

void rig_open(struct nv_rig *rig, bool with_store)
{
    struct nv_fail fail = {0};
    bool backend = rig->config.endpoint != NULL;

    nv_ledger_reset();
    nv_count_reset();
    rig->exporter = nv_exporter_new(&rig->config, &rig->settler,
                                    with_store ? &rig->store : NULL, &rig->clock.clock, &fail);
    ck_assert_msg(rig->exporter != NULL, "no exporter: %s", fail.what);
    nv_exporter_set_transport(rig->exporter, backend ? &rig->transport : NULL, rig->seed);
}

void rig_close(struct nv_rig *rig)
{
    nv_exporter_free(rig->exporter);
    rig->exporter = NULL;
}

void rig_release(struct nv_rig *rig)
{
    if (rig->exporter)
        rig_close(rig);
    for (uint32_t i = 0; i < rig->record_count; i++) {
        if (rig->records[i].id != 0)
            forget(rig, rig->records[i].id);
    }
    nv_log_set_sink(NULL, NULL);
}

void rig_run(struct nv_rig *rig, uint64_t ms)
{
    (void)nv_exporter_pump(rig->exporter);
    if (ms == 0)
        return;
    nv_fake_clock_advance(&rig->clock, ms * NV_NS_PER_MS);
    (void)nv_exporter_pump(rig->exporter);
}

void rig_accept_all(struct nv_rig *rig, uint64_t ms)
{
    for (int i = 0; i < 10000; i++) {
        struct rig_flight *flight = rig_flight(rig);

        if (flight)
            rig_answer(rig, flight, 200, "", "{\"success\":true}");
        rig_run(rig, flight != NULL ? 0 : ms);
        if (!flight && !rig_flight(rig))
            return;
    }
}

void rig_drain(struct nv_rig *rig)
{
    uint64_t healed_ns = rig->clock.mono;

    rig->put_fails = rig->get_fails = rig->send_fails = NV_OK;
    for (int i = 0; i < 20000; i++) {
        uint64_t wait_ns = nv_exporter_pump(rig->exporter);
        struct nv_sink_status status = rig_status(rig);
        struct rig_flight *flight = rig_flight(rig);

        if (flight) {
            rig_answer(rig, flight, 200, "", "");
            continue;
        }
        if (status.queued_traces == 0 && status.outbox_records == 0)
            return;
        if (wait_ns == UINT64_MAX)
            ck_abort_msg("traces wait, nothing is in flight and no timer runs");
        nv_fake_clock_advance(&rig->clock, wait_ns);
        if (rig->clock.mono - healed_ns > DRAIN_MAX_NS)
            break;
    }
    ck_abort_msg("does not drain");
}

struct nv_sink_status rig_status(struct nv_rig *rig)
{
    struct nv_sink_status status;

    nv_exporter_read_status(rig->exporter, &status);
    return status;
}

uint64_t rig_delivered(void)
{
    struct nv_ledger ledger;
    uint64_t left;

    nv_ledger_read(&ledger);
    left = ledger.held + ledger.queued + ledger.delivered;
    for (size_t i = 0; i < NV_DEAD_COUNT; i++)
        left += ledger.dead[i];
    ck_assert_uint_eq(ledger.received, left);
    return ledger.delivered;
}

uint64_t rig_dead(enum nv_dead reason)
{
    struct nv_ledger ledger;

    nv_ledger_read(&ledger);
    return ledger.dead[reason];
}
