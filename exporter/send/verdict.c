/*
 * What an answer does to the body it belongs to.
 *
 * The policy (retry_policy) says what; here it is done, logged and counted. Bodies that fail go
 * back to the retry list whole; only a split parts them, and only a success or a dead letter
 * ends a trace. Whether gzip is to blame for a 400 is proven by the same body passing without
 * it: then, and only then, identity sticks for a while.
 *
 * Whether a refusal that is not the API's is meant for one trace shows in what is delivered
 * after it: requests are numbered as they start, and only those that started later count.
 *
 *   answer ▸ attempt (what is known of this body and of others) ▸ nv_retry_decide ▸ act
 *
 *   DELIVERED   each trace: ledger, claim; gzip is proven, refusals in a row end
 *   RETRY       retry list, due later; the gate slows down when the backend is to blame
 *   SPLIT       two halves in the retry list, due now, as bodies never tried
 *   IDENTITY    the same body without gzip, due now: whether gzip was the fault is then known
 *   DEAD        one trace alone: dead letter
 *   HOLD        retry list, due now: the gate, not the body, says when; of a foreign refusal of
 *               several traces each half goes on its own
 *
 * Halves begin at attempt 0, because what failed was the whole, and a body that waits in the
 * retry list counts as old, so that it never takes the last slot from fresh traces.
 */
#include "exporter/send/sender.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdio.h>

#include "base/banned.h"

/* After a 413 the cap on bodies is lowered, but not below this. */
#define BODY_BYTES_MIN ((size_t)64 << 10)

/*
 * 400 is the fault of a trace (docs/noveum-backend.md#answers), and each refused alone is a dead
 * letter. When every one is, it is rather a proxy or the backend itself. That changes nothing
 * about what is kept where, but somebody must hear of it: at twenty, and each time the number
 * has doubled.
 */
static void note_refusal(struct nv_sender *sender, int http_status)
{
    struct nv_sink_status *status = &sender->status;

    if (status->refused_status != http_status) {
        status->refused_in_row = 0;
        sender->refused_warn_at = NV_SINK_REFUSED_ALL;
    }
    status->refused_status = http_status;
    if (++status->refused_in_row < sender->refused_warn_at)
        return;
    sender->refused_warn_at *= 2;
    NV_LOG(
        NV_LOG_ERROR, "exporter",
        "the backend refuses every trace, the last %llu with status=%d: they are dead letters. "
        "Look at exporter.noveum.endpoint and any proxy before it; when it is mended, "
        "`noveum-gateway dead retry all` sends them again",
        (unsigned long long)status->refused_in_row, http_status);
}

static void note_acceptance(struct nv_sender *sender)
{
    if (sender->status.refused_in_row >= NV_SINK_REFUSED_ALL) {
        NV_LOG(NV_LOG_WARN, "exporter",
               "the backend takes traces again, it refused count=%llu before: "
               "`noveum-gateway dead retry all` sends them again",
               (unsigned long long)sender->status.refused_in_row);
    }
    sender->status.refused_in_row = 0;
    sender->status.refused_status = 0;
    sender->refused_warn_at = NV_SINK_REFUSED_ALL;
}

static void deliver(struct nv_sender *sender, struct nv_body *body, uint64_t now_ns)
{
    struct nv_encoded *encoded;

    sender->last_success_ns = now_ns;
    sender->foreign_row = 0;
    if (body->start > sender->passed)
        sender->passed = body->start;
    note_acceptance(sender);
    if (body->gzip)
        sender->gzip_proven = true;
    if (body->identity_test && sender->config->compression == NV_COMPRESSION_AUTO) {
        sender->identity_until_ns = now_ns + sender->config->identity_ms * NV_NS_PER_MS;
        sender->gzip_proven = false;
        NV_LOG(NV_LOG_WARN, "exporter", "backend takes no gzip, sending without for ms=%u",
               sender->config->identity_ms);
    }
    while ((encoded = nv_encoded_list_pop(&body->traces)) != NULL)
        nv_sender_delivered(sender, encoded);
    nv_body_free(body);
}

static void try_again(struct nv_sender *sender, struct nv_body *body, uint64_t due_ns,
                      bool paid)
{
    body->again = paid;
    body->due_ns = due_ns;
    nv_sender_insert_retry(sender, body);
}

static void split(struct nv_sender *sender, struct nv_body *body,
                  const struct nv_verdict *verdict, uint64_t now_ns)
{
    struct nv_body *half = nv_body_split(body);

    if (verdict->dead == NV_DEAD_TOO_LARGE) {
        size_t cap =
            (body->traces.json_bytes + (half != NULL ? half->traces.json_bytes : 0)) / 2;

        if (cap < sender->limits.bytes_max)
            sender->limits.bytes_max = cap > BODY_BYTES_MIN ? cap : BODY_BYTES_MIN;
    }
    /* The halves start anew: what failed was the whole. */
    body->identity_test = false;
    body->attempt = 0;
    if (!half) {
        /* Without memory the whole body fails once more and is split then. */
        try_again(sender, body, now_ns + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS, false);
        return;
    }
    try_again(sender, body, now_ns, false);
    try_again(sender, half, now_ns, false);
}

static void doom(struct nv_sender *sender, struct nv_body *body,
                 const struct nv_verdict *verdict, int status, const char *said)
{
    assert(body->traces.count == 1);
    note_refusal(sender, status);
    nv_sender_doom(sender, nv_encoded_list_pop(&body->traces), verdict, status, said);
    nv_body_free(body);
}

static void slow_down(struct nv_sender *sender, const struct nv_verdict *verdict,
                      uint64_t now_ns)
{
    enum nv_hold before = sender->gate.hold;

    nv_gate_failure(&sender->gate, &sender->knobs, verdict, now_ns, nv_sender_random(sender));
    /* Whether it is one for all shows when no pilot is left: nv_sender_refresh_status tells. */
    if (verdict->action == NV_ACTION_HOLD && before != verdict->hold &&
        verdict->hold != NV_HOLD_FOREIGN) {
        NV_LOG(NV_LOG_ERROR, "exporter", "sending is held, nothing is lost: %s next_try_s=%llu",
               sender->status.last_error, (unsigned long long)(verdict->wait_ns / NV_NS_PER_S));
    }
}

static void note(struct nv_sender *sender, const struct nv_reply *reply,
                 const struct nv_verdict *verdict, const char *said)
{
    char text[sizeof sender->status.last_error];

    (void)snprintf(text, sizeof text, "%s status=%d%s%s%s%.*s", verdict->why, reply->status,
                   said[0] != '\0' ? " said: " : "", said, reply->detail.len > 0 ? " " : "",
                   NV_STR_ARG(reply->detail));
    nv_sender_note_error(sender, text);
    if (verdict->action != NV_ACTION_HOLD)
        NV_LOG(NV_LOG_WARN, "exporter", "request failed: %s", text);
}

static void warn_of_reply(struct nv_sender *sender, const struct nv_backend_reply *facts)
{
    if (facts->warnings == 0)
        return;
    sender->status.warnings += facts->warnings;
    nv_count(NV_COUNT_SEND_WARNINGS, facts->warnings);
    NV_LOG(NV_LOG_WARN, "exporter", "backend accepted with warnings count=%u first: %s",
           facts->warnings, facts->text);
}

static struct nv_attempt describe(struct nv_sender *sender, const struct nv_body *body,
                                  const struct nv_reply *reply,
                                  const struct nv_backend_reply *facts)
{
    return (struct nv_attempt){
        .transfer = reply->transfer,
        .status = reply->status,
        .retry_after = reply->retry_after,
        .body = facts->body,
        .credit = facts->credit,
        .number = body->attempt,
        .traces = body->traces.count,
        .gzip = body->gzip,
        .gzip_proven = sender->gzip_proven,
        .holds = sender->gate.holds,
        /* Others got through since it was first tried: then the fault is rather in this
         * body. */
        .others_pass = sender->last_success_ns > body->first_try_ns,
        /* Sent after it was refused: what was on its way then may have come by before. */
        .passed_since = body->refused != 0 && sender->passed > body->refused,
        .alone = body->alone,
        .foreign_row = sender->foreign_row,
        .wall_ns = nv_clock_wall_ns(sender->clock),
        .random = nv_sender_random(sender),
    };
}

static void note_foreign(struct nv_sender *sender, struct nv_body *body)
{
    /* What was refused while nothing passed says nothing about the trace. */
    body->alone +=
        body->traces.count == 1 && body->refused != 0 && sender->passed > body->refused;
    if (body->refused == 0)
        body->refused = sender->starts;
    sender->foreign_row += body->attempt == 1;
}

/* The backend looked at the body: whatever was held or slow is over. */
static void passed(struct nv_sender *sender, const struct nv_body *body, uint64_t now_ns)
{
    if (nv_gate_success(&sender->gate, body->again, now_ns))
        NV_LOG(NV_LOG_INFO, "exporter", "backend answers again");
}

static void act(struct nv_sender *sender, struct nv_body *body,
                const struct nv_verdict *verdict, const struct nv_reply *reply,
                const char *said)
{
    uint64_t now_ns = nv_clock_mono_ns(sender->clock);

    if (verdict->foreign)
        note_foreign(sender, body);
    else if (verdict->action != NV_ACTION_RETRY && verdict->action != NV_ACTION_HOLD)
        passed(sender, body, now_ns);
    switch (verdict->action) {
    case NV_ACTION_DELIVERED:
        deliver(sender, body, now_ns);
        return;
    case NV_ACTION_RETRY:
        if (verdict->trouble)
            slow_down(sender, verdict, now_ns);
        try_again(sender, body, now_ns + verdict->wait_ns, verdict->trouble);
        return;
    case NV_ACTION_SPLIT:
        split(sender, body, verdict, now_ns);
        return;
    case NV_ACTION_IDENTITY:
        body->identity = body->identity_test = true;
        try_again(sender, body, now_ns, false);
        return;
    case NV_ACTION_DEAD:
        doom(sender, body, verdict, reply->status, said);
        return;
    case NV_ACTION_HOLD:
        slow_down(sender, verdict, now_ns);
        if (verdict->foreign && body->traces.count > 1) {
            split(sender, body, verdict, now_ns);
            return;
        }
        /* Due at once: the gate decides when, and a person may mend it before the next
         * probe. */
        try_again(sender, body, now_ns, false);
        return;
    }
}

/* While the traces are still in the body: `act` sends them on. */
static void tell_watch(const struct nv_sender *sender, const struct nv_body *body,
                       const struct nv_reply *reply, const struct nv_verdict *verdict)
{
    const struct nv_exporter_watch *watch = &sender->config->watch;
    if (!watch->answered)
        return;
    const struct nv_attempt_told told = {.transfer = reply->transfer,
                                         .status = reply->status,
                                         .delivered = verdict->action == NV_ACTION_DELIVERED,
                                         .number = body->attempt,
                                         .traces = body->traces.count,
                                         .start_ns = body->try_ns,
                                         .end_ns = nv_clock_mono_ns(sender->clock)};
    for (const struct nv_encoded *e = body->traces.first; e; e = e->next) {
        if (e->claim)
            watch->answered(watch->ctx, e->claim, &told);
    }
}

void nv_sender_body_done(void *done_ctx, const struct nv_reply *reply)
{
    struct nv_body *body = done_ctx;
    struct nv_sender *sender = body->owner;
    struct nv_backend_reply facts;
    struct nv_attempt attempt;
    struct nv_verdict verdict;

    nv_sender_leave_flight(sender, body);
    nv_backend_reply_read(reply->body, &facts);
    attempt = describe(sender, body, reply, &facts);
    verdict = nv_retry_decide(&sender->knobs, &attempt);
    if (verdict.action == NV_ACTION_DELIVERED)
        warn_of_reply(sender, &facts);
    else if (reply->transfer != NV_TRANSFER_CANCELLED)
        note(sender, reply, &verdict, facts.text);
    tell_watch(sender, body, reply, &verdict);
    act(sender, body, &verdict, reply, facts.text);
}

void nv_sender_probe_done(void *done_ctx, const struct nv_reply *reply)
{
    struct nv_sender *sender = done_ctx;
    struct nv_backend_reply facts;
    struct nv_attempt attempt = {.transfer = reply->transfer,
                                 .status = reply->status,
                                 .retry_after = reply->retry_after,
                                 .number = 1,
                                 .traces = 1,
                                 .holds = sender->gate.holds,
                                 .wall_ns = nv_clock_wall_ns(sender->clock),
                                 .random = nv_sender_random(sender)};
    struct nv_verdict verdict;

    nv_backend_reply_read(reply->body, &facts);
    attempt.body = facts.body;
    verdict = nv_retry_decide(&sender->knobs, &attempt);
    sender->probing = false;
    if (reply->transfer == NV_TRANSFER_CANCELLED)
        return;
    if (verdict.action == NV_ACTION_HOLD && verdict.hold == NV_HOLD_AUTH) {
        note(sender, reply, &verdict, facts.text);
        slow_down(sender, &verdict, nv_clock_mono_ns(sender->clock));
        return;
    }
    /* A backend without the route, or in trouble, says nothing on the key: a body will tell. */
    nv_gate_let_through(&sender->gate, nv_clock_mono_ns(sender->clock));
}
