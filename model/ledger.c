/*
 * The ledger: plain integers under one mutex.
 *
 * The promise is that the counts add up at every scrape. With one atomic a counter a scrape
 * could fall between the two halves of a move; so a move takes a lock, once a request or trace,
 * and a scrape copies everything under the same lock. The assertions are the double entry:
 * nothing is delivered that was not queued, nothing queued that was not held.
 */
#include "model/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>

#include "base/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nv_ledger ledger;

/* `from` NULL: they come from outside. What would go below zero is a span counted twice, an
 * error of ours, and is stopped here, where the other half of the move is still known. */
static void move(uint64_t *from, uint64_t *to, uint64_t spans)
{
    (void)pthread_mutex_lock(&lock);
    if (from) {
        assert(*from >= spans);
        *from -= spans;
    }
    *to += spans;
    (void)pthread_mutex_unlock(&lock);
}

void nv_ledger_reject(enum nv_reject reason, uint64_t spans)
{
    assert((unsigned)reason < NV_REJECT_COUNT);
    move(NULL, &ledger.rejected[reason], spans);
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
    move(&ledger.held, &ledger.queued, spans);
}

/* Of the journal's outbox at a start: this process has not received them from anyone, and must
 * still account for them. */
void nv_ledger_requeue(uint64_t spans)
{
    receive_into(&ledger.queued, true, spans);
}

void nv_ledger_deliver(uint64_t spans)
{
    move(&ledger.queued, &ledger.delivered, spans);
}

void nv_ledger_drop_held(enum nv_drop reason, uint64_t spans)
{
    assert((unsigned)reason < NV_DROP_COUNT);
    move(&ledger.held, &ledger.dropped[reason], spans);
}

void nv_ledger_dead_held(enum nv_dead reason, uint64_t spans)
{
    assert((unsigned)reason < NV_DEAD_COUNT);
    move(&ledger.held, &ledger.dead[reason], spans);
}

void nv_ledger_dead_queued(enum nv_dead reason, uint64_t spans)
{
    assert((unsigned)reason < NV_DEAD_COUNT);
    move(&ledger.queued, &ledger.dead[reason], spans);
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
#define NV_LEDGER_NAME(id, name) name,
    static const char *const rejects[] = {NV_REJECT_TABLE(NV_LEDGER_NAME)};
    static const char *const drops[] = {NV_DROP_TABLE(NV_LEDGER_NAME)};
    static const char *const deads[] = {NV_DEAD_TABLE(NV_LEDGER_NAME)};
#undef NV_LEDGER_NAME
    struct nv_ledger now;
    nv_ledger_read(&now);
    write_one(buf, "noveum_spans_received_total", "counter", "Spans accepted", now.received);
    write_one(buf, "noveum_spans_replayed_total", "counter",
              "Spans received again from the journal after a restart", now.replayed);
    write_reasons(buf, "noveum_spans_rejected_total", "Spans refused at the door", rejects,
                  now.rejected, NV_REJECT_COUNT);
    write_one(buf, "noveum_spans_delivered_total", "counter",
              "Spans the backend or the files have taken", now.delivered);
    write_reasons(buf, "noveum_spans_dropped_total", "Spans dropped by a configured policy",
                  drops, now.dropped, NV_DROP_COUNT);
    write_reasons(buf, "noveum_spans_dead_lettered_total", "Spans kept as dead letters", deads,
                  now.dead, NV_DEAD_COUNT);
    write_one(buf, "noveum_spans_held", "gauge", "Spans of traces not complete yet", now.held);
    write_one(buf, "noveum_spans_queued", "gauge", "Spans on their way to the backend",
              now.queued);
    return buf->failed;
}
