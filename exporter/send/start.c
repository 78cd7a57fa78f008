/*
 * From a body that was chosen to its request: what it costs to make, and by whom.
 *
 *   start ──▶ counted in flight ─┬─ packed here ──────────────────────┬─▶ launch ─▶ transport
 *                                └─ put to packing ─ ready ─ the pump ┘      │
 *                                                                            └─ retry list
 *
 * A body that is being packed counts as in flight: it holds a place of the gate's width, and
 * when the gate has closed meanwhile it goes back to the retry list. That is no attempt, so it
 * pays nothing.
 */
#include "exporter/send/sender.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <assert.h>

#include "base/banned.h"

static bool use_gzip(const struct nv_sender *sender, const struct nv_body *body,
                     uint64_t now_ns)
{
    switch (sender->config->compression) {
    case NV_COMPRESSION_NONE:
        return false;
    case NV_COMPRESSION_GZIP:
        return !body->identity;
    case NV_COMPRESSION_AUTO:
        break;
    }
    return !body->identity && now_ns >= sender->identity_until_ns;
}

/* A copy that fails costs nothing but the copy: delivery is what was promised. */
static void write_copies(struct nv_sender *sender, const struct nv_body *body)
{
    for (const struct nv_encoded *e = body->traces.first; e; e = e->next) {
        struct nv_encoded_facts facts = {0};
        enum nv_err err = nv_encoded_read_facts(nv_encoded_json(e), &facts);

        if (err == NV_OK)
            err = nv_files_write(sender->files, facts.trace_id, nv_encoded_json(e));
        if (err != NV_OK) {
            NV_LOG(NV_LOG_WARN, "exporter", "copy of a trace not written to a file: %s",
                   nv_err_info(err)->text);
        }
    }
}

/* The backend has not seen it: the next try pays nothing. */
static void give_back(struct nv_sender *sender, struct nv_body *body, uint64_t due_ns)
{
    nv_sender_leave_flight(sender, body);
    body->again = false;
    body->due_ns = due_ns;
    nv_sender_insert_retry(sender, body);
}

static void count_attempt(struct nv_sender *sender, struct nv_body *body, uint64_t now_ns)
{
    nv_gate_attempt(&sender->gate, now_ns);
    nv_count(NV_COUNT_SEND_ATTEMPTS, 1);
    nv_count(NV_COUNT_SEND_RETRIES, body->again ? 1 : 0);
    nv_count(NV_COUNT_SEND_BYTES, body->wire.len);
    if (body->attempt++ == 0 && body->first_try_ns == 0)
        body->first_try_ns = now_ns;
    body->try_ns = now_ns;
    body->start = ++sender->starts;
}

/* A body in flight whose wire is made, or could not be made. */
static bool launch(struct nv_sender *sender, struct nv_body *body, enum nv_err err,
                   uint64_t now_ns)
{
    if (err == NV_OK) {
        struct nv_send_request request = {
            .route = NV_ROUTE_TRACES, .body = nv_buf_str(&body->wire), .gzip = body->gzip};
        err = sender->transport->send(sender->transport->ctx, &request, nv_sender_body_done,
                                      body);
    }
    if (err == NV_OK) {
        count_attempt(sender, body, now_ns);
        return true;
    }
    nv_sender_note_error(sender, nv_err_info(err)->text);
    sender->own_trouble_ns = now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
    give_back(sender, body, sender->own_trouble_ns);
    return false;
}

bool nv_sender_start(struct nv_sender *sender, struct nv_body *body, uint64_t now_ns)
{
    uint64_t wall_ns = nv_clock_wall_ns(sender->clock);

    assert(nv_owner_is_mine(&sender->owner));
    /* Once a trace: neither a retry nor what comes back from the outbox is written again. */
    if (sender->files && body->attempt == 0 && !body->old)
        write_copies(sender, body);
    body->gzip = use_gzip(sender, body, now_ns);
    nv_sender_join_flight(sender, body);
    if (body->gzip && sender->packing) {
        nv_packing_put(sender->packing, body, wall_ns);
        return true;
    }
    return launch(sender, body, nv_packer_pack(&sender->packer, body, wall_ns), now_ns);
}

void nv_sender_launch_packed(struct nv_sender *sender, uint64_t now_ns)
{
    struct nv_body *body;
    enum nv_err err;

    assert(nv_owner_is_mine(&sender->owner));
    while (sender->packing && (body = nv_packing_take(sender->packing, &err)) != NULL) {
        uint32_t others = sender->in_flight - 1;

        if (nv_gate_is_open(&sender->gate, others, now_ns) ||
            (body->attempt == 0 && nv_gate_takes_pilot(&sender->gate, others)))
            (void)launch(sender, body, err, now_ns);
        else
            give_back(sender, body, now_ns);
    }
}

void nv_sender_end_packing(struct nv_sender *sender)
{
    struct nv_body *body;
    enum nv_err err;

    assert(nv_owner_is_mine(&sender->owner));
    if (!sender->packing)
        return;
    nv_packing_recall(sender->packing);
    nv_packing_wait(sender->packing);
    while ((body = nv_packing_take(sender->packing, &err)) != NULL)
        give_back(sender, body, nv_clock_mono_ns(sender->clock));
}
