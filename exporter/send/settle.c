/*
 * The ends of a trace: delivered, or dead.
 *
 * Each end does the same four things in the same order: the ledger moves, the claim is settled,
 * the outbox record loses one of its traces, the memory is freed. A dead letter ends only when
 * the store has it; until then it waits in `doomed` and is counted as queued, so that a full
 * disk at that moment loses nothing. Without a store there is no place for the dead: they are
 * logged with their reason and gone.
 */
#include "exporter/outbox/dead_letters.h"
#include "exporter/send/sender.h"

#include "base/log/counters.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

void nv_sender_drop_memory(struct nv_sender *sender, struct nv_encoded *encoded)
{
    assert(nv_owner_is_mine(&sender->owner));
    nv_send_queue_forget(sender->queue, encoded);
    free(encoded);
}

static void end(struct nv_sender *sender, struct nv_encoded *encoded, enum nv_outcome outcome)
{
    if (encoded->claim)
        sender->settler->settle(sender->settler->ctx, encoded->claim, outcome);
    nv_outbox_end(&sender->outbox, encoded->record);
    nv_sender_drop_memory(sender, encoded);
}

void nv_sender_delivered(struct nv_sender *sender, struct nv_encoded *encoded)
{
    assert(nv_owner_is_mine(&sender->owner));
    nv_ledger_deliver(encoded->spans);
    nv_count(NV_COUNT_TRACES_DELIVERED, 1);
    sender->status.last_delivery_wall_ns = nv_clock_wall_ns(sender->clock);
    end(sender, encoded, NV_OUTCOME_DELIVERED);
}

static void log_dead(const struct nv_encoded *encoded, const char *said)
{
    struct nv_encoded_facts facts;

    if (nv_encoded_read_facts(nv_encoded_json(encoded), &facts) != NV_OK)
        facts = (struct nv_encoded_facts){0};
    NV_LOG(
        NV_LOG_ERROR, "exporter",
        "trace became a dead letter trace_id=%.*s reason=%s status=%d why=\"%s\" said=\"%s\"",
        NV_STR_ARG(facts.trace_id), nv_dead_reason_text(encoded->dead), encoded->status,
        encoded->why, said);
}

/* From the outbox: nothing else has it once that record is released, at the end of its last
 * trace. A fresh one is still in its requests, which the journal keeps until a sync of its
 * own. */
static enum nv_err put_letter(const struct nv_sender *sender, const struct nv_encoded *encoded,
                              const char *said)
{
    struct nv_store synced = nv_store_synced(sender->store);

    return nv_dead_letters_put(encoded->record != NULL ? &synced : sender->store, encoded, said,
                               nv_clock_wall_ns(sender->clock));
}

/* Stores and ends one; false when the store can't at present. */
static bool bury_one(struct nv_sender *sender, struct nv_encoded *encoded, const char *said)
{
    enum nv_err err = NV_OK;

    if (sender->store) {
        err = put_letter(sender, encoded, said);
    } else if (sender->config->letters) {
        err = nv_dead_letters_put(sender->config->letters, encoded, said,
                                  nv_clock_wall_ns(sender->clock));
    }
    if (err != NV_OK) {
        NV_LOG(NV_LOG_ERROR, "exporter", "dead letter not stored, will try again: %s",
               nv_err_info(err)->text);
        return false;
    }
    log_dead(encoded, said);
    sender->status.dead_letters++;
    nv_ledger_dead_queued(encoded->dead, encoded->spans);
    end(sender, encoded, NV_OUTCOME_KEPT);
    return true;
}

static void postpone(struct nv_sender *sender)
{
    sender->store_trouble_ns =
        nv_clock_mono_ns(sender->clock) + NV_SENDER_OWN_TROUBLE_MS * NV_NS_PER_MS;
}

void nv_sender_doom(struct nv_sender *sender, struct nv_encoded *encoded,
                    const struct nv_verdict *verdict, int status, const char *said)
{
    assert(nv_owner_is_mine(&sender->owner));
    assert(verdict->action == NV_ACTION_DEAD);
    encoded->dead = verdict->dead;
    encoded->status = status;
    encoded->why = verdict->why;
    if (!bury_one(sender, encoded, said)) {
        nv_encoded_list_push(&sender->doomed, encoded);
        postpone(sender);
    }
}

void nv_sender_bury(struct nv_sender *sender)
{
    assert(nv_owner_is_mine(&sender->owner));
    struct nv_encoded_list due = sender->doomed;
    struct nv_encoded *encoded;

    sender->doomed = (struct nv_encoded_list){0};
    while ((encoded = nv_encoded_list_pop(&due)) != NULL) {
        if (bury_one(sender, encoded, ""))
            continue;
        nv_encoded_list_push(&sender->doomed, encoded);
        nv_encoded_list_append(&sender->doomed, &due);
        postpone(sender);
    }
}
