/*
 * The two lists in which a body waits for others: in flight for an answer, in the retry list
 * for its time.
 *
 *   join ─▶ [flying: any order] ─leave─┬─▶ ends
 *                                      └─▶ insert ─▶ [retry: by due_ns] ─▶ take_retry (sender.c)
 *
 * A body in the retry list counts as old, so that it never takes the last slot from fresh
 * traces.
 */
#include "exporter/send/sender.h"

#include <assert.h>

#include "base/banned.h"

void nv_sender_join_flight(struct nv_sender *sender, struct nv_body *body)
{
    assert(nv_owner_is_mine(&sender->owner));
    body->owner = sender;
    body->next = sender->flying;
    sender->flying = body;
    sender->in_flight++;
    sender->old_in_flight += body->old;
}

void nv_sender_leave_flight(struct nv_sender *sender, struct nv_body *body)
{
    struct nv_body **at = &sender->flying;

    assert(nv_owner_is_mine(&sender->owner));
    while (*at != body) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = body->next;
    body->next = NULL;
    assert(sender->in_flight > 0);
    sender->in_flight--;
    sender->old_in_flight -= body->old;
    nv_buf_release(&body->wire);
}

void nv_sender_insert_retry(struct nv_sender *sender, struct nv_body *body)
{
    assert(nv_owner_is_mine(&sender->owner));
    struct nv_body **at = &sender->retry;

    body->old = true;
    while (*at && (*at)->due_ns <= body->due_ns)
        at = &(*at)->next;
    body->next = *at;
    *at = body;
    sender->retry_count++;
}
