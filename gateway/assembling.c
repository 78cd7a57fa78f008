/*
 * Role assemble, wired.
 *
 * A partition that is taken away may have traces on their way to the backend: its assembly
 * stays in the list, closed, until they have settled, because claims lead back to it. What it
 * tells then goes nowhere: the partition has another owner.
 *
 *   open ──close──▶ closed, claims outstanding ──settled──▶ freed at the next tick of any
 */
#include "gateway/assembling.h"

#include "base/log/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

struct nv_assembling_part {
    struct nv_assembling_part *next;
    struct nv_assembling *assembling;
    struct nv_assembly *assembly;
    struct nv_kafka_held_calls calls;
    bool closed;
    uint64_t bytes; /* as counted in the sum */
};

/* ---- numbers of requests ----------------------------------------------------------------- */

/* Offsets of both logs in one row of numbers, each growing, none 0. */
static uint64_t record_of(enum nv_signal signal, int64_t offset)
{
    return ((uint64_t)offset + 1) << 1 | (uint64_t)signal;
}

static int64_t offset_of(uint64_t record_id)
{
    return (int64_t)(record_id >> 1) - 1;
}

static struct nv_delivered_place place_of(struct nv_place place)
{
    if (place.record_id == 0)
        return (struct nv_delivered_place){.offset = -1};
    return (struct nv_delivered_place){offset_of(place.record_id), place.ordinal};
}

/* ---- what an assembly tells -------------------------------------------------------------- */

static void on_settled(void *ctx, const struct nv_upstream_part *part)
{
    const struct nv_assembling_part *of = ctx;
    struct nv_delivered_note note = {.part = part->part};
    if (of->closed)
        return;
    memcpy(note.trace_id, part->trace_id, sizeof note.trace_id);
    for (unsigned signal = 0; signal < 2; signal++) {
        note.first[signal] = place_of(part->first[signal]);
        note.last[signal] = place_of(part->last[signal]);
    }
    of->calls.settled(of->calls.ctx, &note);
}

static void on_forgotten(void *ctx, uint64_t record_id)
{
    const struct nv_assembling_part *of = ctx;
    if (!of->closed) {
        of->calls.forgotten(of->calls.ctx, (enum nv_signal)(record_id & 1),
                            offset_of(record_id));
    }
}

static bool may_complete(void *ctx)
{
    const struct nv_assembling_part *of = ctx;
    return !of->closed && of->calls.may_leave(of->calls.ctx) &&
           of->assembling->may_complete(of->assembling->ctx);
}

/* ---- the holder -------------------------------------------------------------------------- */

static enum nv_err decode(void *ctx, enum nv_signal signal, char *bytes, size_t len,
                          struct nv_batch **out)
{
    struct nv_assembling *assembling = ctx;
    struct nv_fail fail = {0};
    return nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, bytes, len},
                             NULL, &assembling->decoded, out, &fail);
}

/* Once for each message, when it is taken: one that waits for memory is decoded again. What
 * others write may hold spans that no door of ours has seen. */
static void count_decoded(const struct nv_request_result *decoded)
{
    nv_request_count(decoded);
    if (decoded->rejected > 0) {
        NV_LOG(NV_LOG_WARN, "kafka", "items of a message rejected, the others are kept: %s",
               decoded->message);
    }
}

static void passed_on(void *ctx)
{
    const struct nv_assembling *assembling = ctx;
    struct nv_request_result left_out = assembling->decoded;
    left_out.log_records = left_out.log_records_unused = 0;
    count_decoded(&left_out);
}

static void sweep(struct nv_assembling *assembling)
{
    struct nv_assembling_part **at = &assembling->parts;
    (void)pthread_mutex_lock(&assembling->lock);
    while (*at) {
        struct nv_assembling_part *part = *at;
        struct nv_assembly_status status = {0};
        if (part->closed)
            nv_assembly_read_status(part->assembly, &status);
        if (!part->closed || status.claims > 0) {
            at = &part->next;
            continue;
        }
        *at = part->next;
        nv_assembly_free(part->assembly);
        free(part);
        assembling->closed--;
    }
    (void)pthread_mutex_unlock(&assembling->lock);
}

static enum nv_err open_part(void *ctx, int32_t number, const struct nv_kafka_held_calls *calls,
                             const struct nv_clock *clock, void **held)
{
    struct nv_assembling *assembling = ctx;
    struct nv_fail fail = {0};
    struct nv_assembling_part *part = calloc(1, sizeof *part);
    (void)number;
    if (!part)
        return NV_ERR_NO_MEMORY;
    part->assembling = assembling;
    part->calls = *calls;
    struct nv_assembly_config config = assembling->config;
    config.shards = 0;
    config.durability = NV_DURABILITY_MEMORY;
    config.journal_directory = NULL;
    config.upstream = (struct nv_upstream){part, on_settled, on_forgotten};
    config.may_complete = may_complete;
    config.may_complete_ctx = part;
    part->assembly = nv_assembly_new(&config, clock, &assembling->completer, &fail);
    enum nv_err err =
        part->assembly ? nv_assembly_start(part->assembly, &fail) : NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        nv_assembly_free(part->assembly);
        free(part);
        return err;
    }
    (void)pthread_mutex_lock(&assembling->lock);
    part->next = assembling->parts;
    assembling->parts = part;
    (void)pthread_mutex_unlock(&assembling->lock);
    *held = part;
    return NV_OK;
}

static void learn(void *held, const struct nv_delivered_note *note)
{
    struct nv_assembling_part *part = held;
    nv_assembly_learn(part->assembly, note->trace_id, note->part);
}

/* What all partitions hold together is against the budget of one gateway. */
static void measure(struct nv_assembling_part *part)
{
    struct nv_assembly_status status;
    nv_assembly_read_status(part->assembly, &status);
    part->assembling->bytes += status.memory_bytes - part->bytes;
    part->bytes = status.memory_bytes;
}

static enum nv_err take(void *held, struct nv_batch *batch, int64_t offset)
{
    struct nv_assembling_part *part = held;
    uint64_t record_id = record_of(batch->signal, offset);
    if (part->assembling->bytes > part->assembling->config.memory_bytes) {
        nv_batch_free(batch);
        return NV_ERR_FULL;
    }
    part->assembling->current = part;
    enum nv_err err = nv_assembly_take(part->assembly, batch, record_id);
    if (err == NV_OK)
        count_decoded(&part->assembling->decoded);
    measure(part);
    return err;
}

static uint64_t tick(void *held)
{
    struct nv_assembling_part *part = held;
    part->assembling->current = part;
    uint64_t next_ns = nv_assembly_tick(part->assembly);
    measure(part);
    if (part->assembling->closed > 0)
        sweep(part->assembling);
    return next_ns;
}

static void tell(void *held)
{
    const struct nv_assembling_part *part = held;
    nv_assembly_tell(part->assembly);
}

static uint64_t unsettled(void *held)
{
    struct nv_assembling_part *part = held;
    struct nv_assembly_status status;
    nv_assembly_read_status(part->assembly, &status);
    return status.claims;
}

static void close_part(void *held)
{
    struct nv_assembling_part *part = held;
    part->closed = true;
    part->assembling->closed++;
    part->assembling->bytes -= part->bytes;
    part->bytes = 0;
    /* forgets what is open, hands on nothing: a deadline has no meaning */
    enum nv_err err = nv_assembly_stop(part->assembly, 0);
    assert(err == NV_OK || err == NV_ERR_TIMEOUT);
    (void)err;
    sweep(part->assembling);
}

/* ---- dead letters ------------------------------------------------------------------------ */

static enum nv_err put(void *ctx, enum nv_record_kind kind, struct nv_str head,
                       struct nv_str payload, uint64_t *id)
{
    struct nv_assembling *assembling = ctx;
    *id = 0;
    if (kind != NV_RECORD_DEAD_LETTER || !assembling->consumer)
        return NV_ERR_NO_SPACE;
    return nv_kafka_consumer_bury(assembling->consumer, head, payload);
}

const struct nv_store *nv_assembling_store(struct nv_assembling *assembling)
{
    assembling->store = (struct nv_store){.ctx = assembling, .put = put};
    return &assembling->store;
}

/* ---- start and stop ---------------------------------------------------------------------- */

void nv_assembling_init(struct nv_assembling *assembling)
{
    (void)pthread_mutex_init(&assembling->lock, NULL);
    assembling->lock_made = true;
    assembling->holder = (struct nv_kafka_holder){.ctx = assembling,
                                                  .decode = decode,
                                                  .passed_on = passed_on,
                                                  .open = open_part,
                                                  .learn = learn,
                                                  .take = take,
                                                  .tick = tick,
                                                  .tell = tell,
                                                  .unsettled = unsettled,
                                                  .close = close_part};
}

enum nv_err nv_assembling_start(struct nv_assembling *assembling,
                                const struct nv_options *options, struct nv_fail *fail)
{
    assert(assembling->lock_made);
    enum nv_err err = nv_stage_kafka_init(&assembling->stage, options);
    if (err != NV_OK)
        return nv_fail_set(fail, err, 0, "out of memory");
    err = nv_kafka_consumer_start(&assembling->stage.config, &assembling->holder, fail,
                                  &assembling->consumer);
    if (err != NV_OK && fail->path[0] == '\0')
        (void)snprintf(fail->path, sizeof fail->path, "kafka.brokers");
    return err;
}

void nv_assembling_stop(struct nv_assembling *assembling, uint64_t deadline_ms)
{
    if (assembling->consumer)
        nv_kafka_consumer_stop(assembling->consumer, deadline_ms);
}

void nv_assembling_release(struct nv_assembling *assembling)
{
    nv_kafka_consumer_free(assembling->consumer);
    assembling->consumer = NULL;
    while (assembling->parts) {
        struct nv_assembling_part *part = assembling->parts;
        assembling->parts = part->next;
        part->closed = true;
        nv_assembly_free(part->assembly);
        free(part);
    }
    nv_stage_kafka_release(&assembling->stage);
    if (assembling->lock_made)
        (void)pthread_mutex_destroy(&assembling->lock);
    assembling->lock_made = false;
}

void nv_assembling_remember(struct nv_assembling *assembling, const struct nv_raw_trace *raw,
                            struct nv_str name, struct nv_str session, struct nv_str user)
{
    assert(assembling->current != NULL);
    nv_assembly_remember(assembling->current->assembly, raw, name, session, user);
}

static void add(struct nv_assembly_status *sum, const struct nv_assembly_status *one)
{
    sum->open_traces += one->open_traces;
    sum->held_spans += one->held_spans;
    sum->held_bytes += one->held_bytes;
    sum->memory_bytes += one->memory_bytes;
    sum->left_out += one->left_out;
    sum->claims += one->claims;
    if (one->oldest_age_ns > sum->oldest_age_ns)
        sum->oldest_age_ns = one->oldest_age_ns;
}

void nv_assembling_status(struct nv_assembling *assembling, struct nv_assembly_status *assembly,
                          struct nv_kafka_status *kafka)
{
    *assembly = (struct nv_assembly_status){0};
    (void)pthread_mutex_lock(&assembling->lock);
    for (struct nv_assembling_part *part = assembling->parts; part; part = part->next) {
        struct nv_assembly_status one;
        nv_assembly_read_status(part->assembly, &one);
        add(assembly, &one);
    }
    (void)pthread_mutex_unlock(&assembling->lock);
    nv_kafka_consumer_status(assembling->consumer, kafka);
}
