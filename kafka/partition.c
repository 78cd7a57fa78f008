/*
 * A partition: what stands between the log and who holds its traces.
 *
 *   message ─▶ take ─▶ left out what was delivered before ─▶ offset noted ─▶ holder
 *                                                                              │ settled
 *   mark: the first offset that is not done ◀── done ◀── fresh note ◀──────────┘
 *                                                           └─▶ chunk of notes, to the log
 *
 * Why a trace waits by the log's clock: a reader that was away for a minute finds the spans
 * of a trace a minute apart from each other by the wall, or all at once. By their timestamps
 * they are as far apart as they were written. At the end of the log no message says that time
 * has passed; the broker's word that there is none does, if it was asked after the wait was
 * over.
 *
 * Two logs, one clock: spans drive it, log records follow. A trace leaves only when the
 * records are as far as the spans (may_leave), since what an agent said may come by the other
 * topic.
 *
 * Why notes beside offsets: an offset says that all before it is done, and one trace that
 * waits for an hour keeps it where it is. What was delivered behind it would be sent again
 * after a hand-over; a note for each says that it was.
 *
 * One thread, the consumer's, for all partitions.
 */
#include "kafka/partition.h"

#include "base/limits.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

static uint64_t log_now(void *ctx)
{
    const struct nv_kafka_partition *partition = ctx;
    return partition->logs[NV_SIGNAL_TRACES].ns;
}

static uint64_t wall_now(void *ctx)
{
    (void)ctx;
    return nv_clock_wall_ns(nv_clock_system());
}

/* ---- calls back -------------------------------------------------------------------------- */

/*
 * They wait for the next chunk. Past NV_KAFKA_FRESH_NOTES_MAX nothing leaves until it is
 * written: a note that found no room would be a trace sent twice.
 */
static uint64_t fresh_notes(const struct nv_kafka_partition *partition)
{
    return partition->fresh.len / NV_DELIVERED_NOTE_BYTES;
}

static bool may_leave(void *ctx)
{
    const struct nv_kafka_partition *partition = ctx;
    const struct nv_kafka_log *spans = &partition->logs[NV_SIGNAL_TRACES];
    const struct nv_kafka_log *records = &partition->logs[NV_SIGNAL_LOGS];
    return !partition->closing && (partition->pressed || records->ns >= spans->ns) &&
           fresh_notes(partition) < NV_KAFKA_FRESH_NOTES_MAX;
}

static void settled(void *ctx, const struct nv_delivered_note *note)
{
    struct nv_kafka_partition *partition = ctx;
    /* without memory for it the trace may be sent again, under the same id */
    if (nv_delivered_write(&partition->fresh, note) != NV_OK) {
        partition->fresh.failed = NV_OK;
        return;
    }
    for (unsigned signal = 0; signal < 2; signal++) {
        if (note->last[signal].offset > partition->fresh_last[signal])
            partition->fresh_last[signal] = note->last[signal].offset;
    }
}

static void forgotten(void *ctx, enum nv_signal signal, int64_t offset)
{
    nv_kafka_partition_done(ctx, signal, offset);
}

/* ---- made and freed ---------------------------------------------------------------------- */

enum nv_err nv_kafka_partition_new(const struct nv_kafka_holder *holder, int32_t number,
                                   const int64_t from[2], struct nv_kafka_partition **out)
{
    struct nv_kafka_partition *partition = calloc(1, sizeof *partition);
    *out = NULL;
    if (!partition)
        return NV_ERR_NO_MEMORY;
    partition->number = number;
    partition->holder = holder;
    partition->clock =
        (struct nv_clock){.ctx = partition, .mono_ns = log_now, .wall_ns = wall_now};
    partition->notes_end = -1;
    nv_delivered_init(&partition->before);
    nv_buf_init(&partition->fresh, NV_CAP_KAFKA_CHUNK);
    for (unsigned signal = 0; signal < 2; signal++) {
        nv_offsets_init(&partition->logs[signal].offsets);
        partition->logs[signal].position = from[signal];
        partition->logs[signal].committed = from[signal];
        partition->fresh_last[signal] = -1;
    }
    const struct nv_kafka_held_calls calls = {partition, settled, forgotten, may_leave};
    enum nv_err err =
        holder->open(holder->ctx, number, &calls, &partition->clock, &partition->held);
    if (err != NV_OK) {
        partition->held = NULL;
        nv_kafka_partition_free(partition);
        return err;
    }
    *out = partition;
    return NV_OK;
}

void nv_kafka_partition_free(struct nv_kafka_partition *partition)
{
    if (!partition)
        return;
    if (partition->held)
        partition->holder->close(partition->held);
    for (unsigned signal = 0; signal < 2; signal++)
        nv_offsets_release(&partition->logs[signal].offsets);
    nv_delivered_release(&partition->before);
    nv_buf_release(&partition->fresh);
    free(partition->chunks);
    free(partition);
}

/* ---- what was delivered before ----------------------------------------------------------- */

struct learning {
    struct nv_kafka_partition *partition;
    struct nv_kafka_chunk *chunk;
};

/*
 * What was only written again under its key was not delivered: the holder, who builds traces
 * by what it has sent, is not told of it.
 */
static enum nv_err learn_note(void *ctx, const struct nv_delivered_note *note)
{
    const struct learning *learning = ctx;
    struct nv_kafka_partition *partition = learning->partition;
    for (unsigned signal = 0; signal < 2; signal++) {
        if (note->last[signal].offset > learning->chunk->last[signal])
            learning->chunk->last[signal] = note->last[signal].offset;
    }
    if (!nv_delivered_is_rekeyed(note))
        partition->holder->learn(partition->held, note);
    return nv_delivered_add(&partition->before, note);
}

enum nv_err nv_kafka_partition_learn(struct nv_kafka_partition *partition, int64_t offset,
                                     struct nv_str chunk, uint64_t wall_ns)
{
    struct nv_kafka_chunk at = {.offset = offset, .last = {-1, -1}, .wall_ns = wall_ns};
    struct learning learning = {partition, &at};
    enum nv_err err = nv_delivered_read(chunk, learn_note, &learning);
    return err == NV_OK ? nv_kafka_partition_wrote(partition, &at) : err;
}

/* Past what was delivered before, the list of it is of no more use. */
static void outgrow(struct nv_kafka_partition *partition)
{
    struct nv_delivered *before = &partition->before;
    if (before->all && partition->logs[NV_SIGNAL_TRACES].position > before->end[0] &&
        partition->logs[NV_SIGNAL_LOGS].position > before->end[1])
        nv_delivered_release(before);
}

/*
 * Marks what is not to be taken; returns how many items are left. By item and not by message:
 * a message may have spans of several traces when its key is none.
 */
static uint32_t leave_out(struct nv_kafka_partition *partition, struct nv_batch *batch,
                          int64_t offset)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        struct nv_item *item = &batch->items[i];
        const struct nv_delivered_place place = {offset, i};
        if (partition->before.all &&
            nv_delivered_has(&partition->before, item, batch->signal, place)) {
            item->flags |= NV_ITEM_LEFT_OUT;
            partition->left_out++;
        }
        left += (item->flags & NV_ITEM_LEFT_OUT) == 0;
    }
    return left;
}

/* ---- messages ---------------------------------------------------------------------------- */

static void move_on(struct nv_kafka_partition *partition, enum nv_signal signal, int64_t offset)
{
    struct nv_kafka_log *log = &partition->logs[signal];
    if (offset + 1 > log->position)
        log->position = offset + 1;
    outgrow(partition);
}

enum nv_err nv_kafka_partition_pass(struct nv_kafka_partition *partition, enum nv_signal signal,
                                    int64_t offset)
{
    enum nv_err err = nv_offsets_add(&partition->logs[signal].offsets, offset);
    if (err == NV_OK)
        move_on(partition, signal, offset);
    return err;
}

void nv_kafka_partition_done(struct nv_kafka_partition *partition, enum nv_signal signal,
                             int64_t offset)
{
    nv_offsets_done(&partition->logs[signal].offsets, offset);
}

void nv_kafka_partition_rekeyed(struct nv_kafka_partition *partition, enum nv_signal signal,
                                int64_t offset)
{
    const struct nv_delivered_note note = nv_delivered_rekeyed(signal, offset);
    settled(partition, &note);
    nv_kafka_partition_done(partition, signal, offset);
}

bool nv_kafka_partition_was_rekeyed(const struct nv_kafka_partition *partition,
                                    enum nv_signal signal, int64_t offset)
{
    const struct nv_delivered_note note = nv_delivered_rekeyed(signal, offset);
    struct nv_item item = {0};
    memcpy(item.trace_id, note.trace_id, sizeof item.trace_id);
    return partition->before.all && nv_delivered_has(&partition->before, &item, signal,
                                                     (struct nv_delivered_place){offset, 0});
}

/*
 *   log records before the first span: AGAIN, for they have no clock yet
 *   offset noted ─▶ holder ─┬─ takes it ─▶ the position moves on
 *                           └─ does not ─▶ the offset is taken back: the message comes again
 *
 * A timestamp of the future counts as now: one client whose clock is a day ahead must not
 * make every trace look as if its wait were over.
 */
enum nv_err nv_kafka_partition_take(struct nv_kafka_partition *partition,
                                    struct nv_batch *batch, int64_t offset, uint64_t stamp_ns,
                                    uint64_t now_ns)
{
    const enum nv_signal signal = batch->signal;
    struct nv_kafka_log *log = &partition->logs[signal];
    const uint64_t seen_ns = stamp_ns < now_ns ? stamp_ns : now_ns;
    if (signal == NV_SIGNAL_LOGS && partition->logs[NV_SIGNAL_TRACES].ns == 0) {
        nv_batch_free(batch);
        return NV_ERR_AGAIN;
    }
    if (seen_ns > log->ns)
        log->ns = seen_ns;
    (void)leave_out(partition, batch, offset);
    enum nv_err err = nv_offsets_add(&log->offsets, offset);
    if (err != NV_OK) {
        nv_batch_free(batch);
        return err;
    }
    err = partition->holder->take(partition->held, batch, offset);
    if (err != NV_OK) {
        nv_offsets_drop_last(&log->offsets, offset);
        return err;
    }
    partition->pressed = false;
    partition->next_ns = 0;
    move_on(partition, signal, offset);
    return NV_OK;
}

/* ---- time -------------------------------------------------------------------------------- */

/*
 * Spans: the next thing to do lies in the future of the log and in the past of the wall, so
 * only the broker can tell whether time has passed. Records: whenever they are behind the
 * spans.
 */
bool nv_kafka_partition_asks(const struct nv_kafka_partition *partition, enum nv_signal signal,
                             uint64_t now_ns)
{
    const struct nv_kafka_log *spans = &partition->logs[NV_SIGNAL_TRACES];
    if (partition->pressed)
        return false;
    if (signal == NV_SIGNAL_TRACES) {
        return spans->ns == 0 ||
               (partition->next_ns > spans->ns && partition->next_ns <= now_ns);
    }
    return spans->ns != 0 && partition->logs[NV_SIGNAL_LOGS].ns < spans->ns;
}

/*
 * The end was asked at `asked_ns`: nothing older than that is still to come, unless it was
 * not read yet. A position that is not known says so only of an empty log.
 */
void nv_kafka_partition_at_end(struct nv_kafka_partition *partition, enum nv_signal signal,
                               int64_t end, uint64_t asked_ns)
{
    struct nv_kafka_log *log = &partition->logs[signal];
    if (log->position >= 0 && log->position < end)
        return;
    if (log->position < 0 && end > 0)
        return;
    if (asked_ns > log->ns)
        log->ns = asked_ns;
}

void nv_kafka_partition_press(struct nv_kafka_partition *partition, uint64_t now_ns)
{
    if (!partition->pressed)
        partition->pressed_ns = now_ns;
    partition->pressed = true;
}

/*
 * Under pressure (no room for more messages) nothing is read, so the log's clock would stand
 * still, and nothing would leave that could make room: then it goes by the wall, never past
 * it.
 */
void nv_kafka_partition_tick(struct nv_kafka_partition *partition, uint64_t now_ns)
{
    struct nv_kafka_log *spans = &partition->logs[NV_SIGNAL_TRACES];
    if (partition->pressed && now_ns > partition->pressed_ns) {
        spans->ns += now_ns - partition->pressed_ns;
        if (spans->ns > now_ns)
            spans->ns = now_ns;
        partition->pressed_ns = now_ns;
    }
    partition->next_ns = partition->holder->tick(partition->held);
}

/* ---- marks ------------------------------------------------------------------------------- */

int64_t nv_kafka_partition_mark(const struct nv_kafka_partition *partition,
                                enum nv_signal signal)
{
    const struct nv_kafka_log *log = &partition->logs[signal];
    return nv_offsets_mark(&log->offsets, log->position);
}

enum nv_err nv_kafka_partition_wrote(struct nv_kafka_partition *partition,
                                     const struct nv_kafka_chunk *chunk)
{
    if (partition->chunk_count == partition->chunk_capacity) {
        size_t more = partition->chunk_capacity == 0 ? 16 : partition->chunk_capacity * 2;
        void *grown = reallocarray(partition->chunks, more, sizeof *partition->chunks);
        if (!grown)
            return NV_ERR_NO_MEMORY;
        partition->chunks = grown;
        partition->chunk_capacity = more;
    }
    partition->chunks[partition->chunk_count++] = *chunk;
    if (chunk->offset + 1 > partition->notes_end)
        partition->notes_end = chunk->offset + 1;
    return NV_OK;
}

/*
 * As long as somebody may read the log from before it: until the marks have passed all that
 * it tells of, and until it is `keep_ns` old, as a group may be set back by hand.
 */
static bool is_needed(const struct nv_kafka_partition *partition,
                      const struct nv_kafka_chunk *chunk, uint64_t now_ns, uint64_t keep_ns)
{
    return chunk->wall_ns + keep_ns > now_ns ||
           chunk->last[0] >= nv_kafka_partition_mark(partition, NV_SIGNAL_TRACES) ||
           chunk->last[1] >= nv_kafka_partition_mark(partition, NV_SIGNAL_LOGS);
}

int64_t nv_kafka_partition_notes_from(struct nv_kafka_partition *partition, uint64_t now_ns,
                                      uint64_t keep_ns)
{
    size_t gone = 0;
    while (gone < partition->chunk_count &&
           !is_needed(partition, &partition->chunks[gone], now_ns, keep_ns))
        gone++;
    partition->chunk_count -= gone;
    if (gone > 0 && partition->chunk_count > 0) {
        memmove(partition->chunks, partition->chunks + gone,
                partition->chunk_count * sizeof *partition->chunks);
    }
    return partition->chunk_count > 0 ? partition->chunks[0].offset : partition->notes_end;
}
