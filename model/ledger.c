/*
 * The ledger: plain integers under one mutex.
 *
 * The promise is that the counts add up at every scrape. With one atomic a counter a scrape
 * could fall between the two halves of a move; so a move takes a lock, once a request or trace,
 * and a scrape copies everything under the same lock. The assertions are the double entry:
 * nothing is delivered that was not queued, nothing queued that was not held.
 *
 * Each reason to drop is logged from here, so that no caller can forget to. A user who samples
 * drops for ever: a line at each doubling of the count, 1, 2, 4, ..., is never a flood, and
 * tells the first one at once.
 */
#include "model/ledger.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>

#include "base/banned.h"

#define NV_LEDGER_NAME(id, name) name,
static const char *const reject_names[] = {NV_REJECT_TABLE(NV_LEDGER_NAME)};
static const char *const drop_names[] = {NV_DROP_TABLE(NV_LEDGER_NAME)};
static const char *const dead_names[] = {NV_DEAD_TABLE(NV_LEDGER_NAME)};
#undef NV_LEDGER_NAME

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* both halves of a move */
static struct nv_ledger ledger;

/* `from` NULL: they come from outside. What would go below zero is a span counted twice, an
 * error of ours, and is stopped here, where the other half of the move is still known. Gives
 * what `to` has become. */
static uint64_t move(uint64_t *from, uint64_t *to, uint64_t spans)
{
    (void)pthread_mutex_lock(&lock);
    if (from) {
        assert(*from >= spans);
        *from -= spans;
    }
    uint64_t total = *to += spans;
    (void)pthread_mutex_unlock(&lock);
    return total;
}

void nv_ledger_reject(enum nv_reject reason, uint64_t spans)
{
    assert((unsigned)reason < NV_REJECT_COUNT);
    (void)move(NULL, &ledger.rejected[reason], spans);
}

/* Received and where they are now change together: a scrape between the two would show spans
 * that are nowhere. */
static void receive_into(uint64_t *place, bool replayed, uint64_t spans)
{
    (void)pthread_mutex_lock(&lock);
    ledger.received += spans;
    ledger.replayed += replayed ? spans : 0;
    *place += spans;
    (void)pthread_mutex_unlock(&lock);
}

void nv_ledger_receive(uint64_t spans, bool replayed)
{
    receive_into(&ledger.held, replayed, spans);
}

/* Delivered by being received: what is passed on at once was never held or queued. */
void nv_ledger_pass(uint64_t spans)
{
    receive_into(&ledger.delivered, false, spans);
}

void nv_ledger_queue(uint64_t spans)
{
    (void)move(&ledger.held, &ledger.queued, spans);
}

/* Of the journal's outbox at a start: this process has not received them from anyone, and must
 * still account for them. */
void nv_ledger_requeue(uint64_t spans)
{
    receive_into(&ledger.queued, true, spans);
}

void nv_ledger_deliver(uint64_t spans)
{
    (void)move(&ledger.queued, &ledger.delivered, spans);
}

/* What a reason's line says: at info what the user has asked for and may ask for otherwise, at
 * debug what repeats a span that is delivered, where nothing is to be done. */
static const struct {
    enum nv_log_level level;
    const char *what;
} drop_lines[NV_DROP_COUNT] = {
    [NV_DROP_SAMPLED] = {NV_LOG_INFO, "sampling.rate 1 keeps every trace"},
    [NV_DROP_PLACEHOLDER] = {NV_LOG_DEBUG, "the span itself is delivered"},
    [NV_DROP_DUPLICATE] = {NV_LOG_DEBUG, "the first one is delivered"},
    [NV_DROP_RULE] = {NV_LOG_INFO, "rows of mapping.rules_file leave them out"},
    [NV_DROP_NOT_AI] = {NV_LOG_INFO, "mapping.spans all keeps them"},
    [NV_DROP_HANDED_OVER] = {NV_LOG_DEBUG, "the partition's new owner has them"},
    [NV_DROP_REKEYED] = {NV_LOG_DEBUG, "received again under their trace id"},
};

/* Has the count reached or passed a power of two by these? */
static bool has_doubled(uint64_t total, uint64_t spans)
{
    uint64_t before = total - spans;
    return (total ^ before) > before;
}

void nv_ledger_drop_held(enum nv_drop reason, uint64_t spans)
{
    static struct nv_log_site sites[NV_DROP_COUNT];
    assert((unsigned)reason < NV_DROP_COUNT);
    uint64_t total = move(&ledger.held, &ledger.dropped[reason], spans);
    if (has_doubled(total, spans)) {
        nv_log_write(&sites[reason], drop_lines[reason].level, "ledger",
                     "spans are dropped reason=%s spans=%" PRIu64 " total=%" PRIu64 ": %s",
                     drop_names[reason], spans, total, drop_lines[reason].what);
    }
}

/* They are no spans, so no sum has them: here because what is left out is told as drops are. */
void nv_ledger_leave_records(uint64_t records)
{
    uint64_t total = nv_count(NV_COUNT_LOG_RECORDS_UNUSED, records);
    if (has_doubled(total, records)) {
        NV_LOG(NV_LOG_INFO, "ledger",
               "log records become part of no trace records=%" PRIu64 " total=%" PRIu64
               ": they name none, or one of which no span came or is made",
               records, total);
    }
}

void nv_ledger_dead_held(enum nv_dead reason, uint64_t spans)
{
    assert((unsigned)reason < NV_DEAD_COUNT);
    (void)move(&ledger.held, &ledger.dead[reason], spans);
}

void nv_ledger_dead_queued(enum nv_dead reason, uint64_t spans)
{
    assert((unsigned)reason < NV_DEAD_COUNT);
    (void)move(&ledger.queued, &ledger.dead[reason], spans);
}

void nv_ledger_read(struct nv_ledger *out)
{
    (void)pthread_mutex_lock(&lock);
    *out = ledger;
    (void)pthread_mutex_unlock(&lock);
}

void nv_ledger_reset(void)
{
    (void)pthread_mutex_lock(&lock);
    ledger = (struct nv_ledger){0};
    (void)pthread_mutex_unlock(&lock);
}

static void write_one(struct nv_buf *buf, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name,
                        type, name, value);
}

/* One line for each reason, 0 included, so that an alert can be written before the first
 * case. */
static void write_reasons(struct nv_buf *buf, const char *name, const char *help,
                          const char *const *reasons, const uint64_t *values, size_t count)
{
    (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s counter\n", name, help, name);
    for (size_t i = 0; i < count; i++) {
        (void)nv_buf_printf(buf, "%s{reason=\"%s\"} %" PRIu64 "\n", name, reasons[i],
                            values[i]);
    }
}

enum nv_err nv_ledger_write(struct nv_buf *buf)
{
    struct nv_ledger now;
    nv_ledger_read(&now);
    write_one(buf, "noveum_spans_received_total", "counter", "Spans accepted", now.received);
    write_one(buf, "noveum_spans_replayed_total", "counter",
              "Spans received again from the journal after a restart", now.replayed);
    write_reasons(buf, "noveum_spans_rejected_total", "Spans refused at the door", reject_names,
                  now.rejected, NV_REJECT_COUNT);
    write_one(buf, "noveum_spans_delivered_total", "counter",
              "Spans the backend or the files have taken", now.delivered);
    write_reasons(buf, "noveum_spans_dropped_total", "Spans dropped by a configured policy",
                  drop_names, now.dropped, NV_DROP_COUNT);
    write_reasons(buf, "noveum_spans_dead_lettered_total", "Spans kept as dead letters",
                  dead_names, now.dead, NV_DEAD_COUNT);
    write_one(buf, "noveum_spans_held", "gauge", "Spans of traces not complete yet", now.held);
    write_one(buf, "noveum_spans_queued", "gauge", "Spans on their way to the backend",
              now.queued);
    return buf->failed;
}
