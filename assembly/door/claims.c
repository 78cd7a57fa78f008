/*
 * Claims: what ties a trace that was handed on to the requests it came in.
 *
 *   add ──▶ out ── settle ──▶ settled ── take ──▶ in a round ── free ──▶ gone
 *            │                    ▲                  │
 *            │                    └───── return ─────┘  not noted
 *            ├── leave ────▶ gone, its requests stay in the journal
 *            └── abandon ──▶ the same, at the end
 *
 * A shard, the exporter and the journal's thread meet here. What may happen in which order:
 *
 *   1. the shard adds the claim before the trace is handed on: it may come back before the call
 *      returns, from another thread
 *   2. the exporter settles it, on any thread and in any order; it is appended under the lock, and
 *      the first of a list wakes the journal's thread, which may be waiting for requests
 *   3. the journal's thread takes the whole list; what is settled from here on is for its next
 *      round
 *   4. it notes that these traces were sent, and has the note on disk
 *   5. only then it drops their requests. A crash between 4 and 5 finds note and request, and the
 *      replay leaves the part out; the other way round neither would tell that it was sent
 *   6. if 4 failed the list goes back to the front: the next round notes it before what came
 *      meanwhile, so that notes stay in the order in which traces were settled
 *
 * Without a journal there is nothing to note: the bytes were copied when the trace was
 * gathered, so a claim holds no request, is freed at step 2 and only counts.
 *
 * A claim that comes back without its trace having arrived (NV_OUTCOME_LEFT, at a stop) leaves
 * its requests in the journal; the note that its part was planned makes the next start send it
 * again.
 */
#include "assembly/door/state.h"

#include <assert.h>
#include <stdlib.h>
#include "base/banned.h"

void nv_claims_add(struct nv_assembly *assembly, struct nv_claim *claim)
{
    atomic_fetch_add(&assembly->claims, 1);
    pthread_mutex_lock(&assembly->lock);
    claim->before = NULL;
    claim->after = assembly->all_claims;
    if (claim->after)
        claim->after->before = claim;
    assembly->all_claims = claim;
    pthread_mutex_unlock(&assembly->lock);
}

static void unlink_claim(struct nv_assembly *assembly, struct nv_claim *claim)
{
    if (claim->before)
        claim->before->after = claim->after;
    else
        assembly->all_claims = claim->after;
    if (claim->after)
        claim->after->before = claim->before;
}

static void free_unsettled(struct nv_assembly *assembly, struct nv_claim *claim)
{
    for (uint32_t i = 0; i < claim->request_count; i++) {
        atomic_store(&claim->requests[i]->keep, true);
        nv_request_let_go(assembly, claim->requests[i]);
    }
    free(claim);
}

static void count_down(struct nv_assembly *assembly)
{
    uint64_t before = atomic_fetch_sub(&assembly->claims, 1);
    assert(before > 0);
    (void)before;
}

void nv_claims_leave(struct nv_assembly *assembly, struct nv_claim *claim)
{
    pthread_mutex_lock(&assembly->lock);
    unlink_claim(assembly, claim);
    pthread_mutex_unlock(&assembly->lock);
    free_unsettled(assembly, claim);
    count_down(assembly);
}

void nv_claims_settle(struct nv_assembly *assembly, struct nv_claim *claim)
{
    pthread_mutex_lock(&assembly->lock);
    unlink_claim(assembly, claim);
    bool first = assembly->settled == NULL;
    if (nv_claims_hold_requests(assembly)) {
        claim->next = NULL;
        *assembly->settled_end = claim;
        assembly->settled_end = &claim->next;
        pthread_cond_broadcast(&assembly->changed);
    }
    pthread_mutex_unlock(&assembly->lock);
    if (!nv_claims_hold_requests(assembly)) {
        assert(claim->request_count == 0);
        free(claim);
    } else if (first && assembly->queue) {
        nv_queue_wake(assembly->queue);
    }
    count_down(assembly);
}

bool nv_claims_wait(struct nv_assembly *assembly)
{
    pthread_mutex_lock(&assembly->lock);
    bool wait = assembly->settled != NULL;
    pthread_mutex_unlock(&assembly->lock);
    return wait;
}

struct nv_claim *nv_claims_take(struct nv_assembly *assembly)
{
    assert(nv_owner_is_mine(&assembly->committing));
    pthread_mutex_lock(&assembly->lock);
    struct nv_claim *claims = assembly->settled;
    assembly->settled = NULL;
    assembly->settled_end = &assembly->settled;
    pthread_mutex_unlock(&assembly->lock);
    return claims;
}

void nv_claims_return(struct nv_assembly *assembly, struct nv_claim *claims)
{
    assert(nv_owner_is_mine(&assembly->committing));
    struct nv_claim **end = &claims;
    if (!claims)
        return;
    while (*end)
        end = &(*end)->next;
    pthread_mutex_lock(&assembly->lock);
    *end = assembly->settled;
    if (!*end)
        assembly->settled_end = end;
    assembly->settled = claims;
    pthread_mutex_unlock(&assembly->lock);
}

void nv_claims_free(struct nv_assembly *assembly, struct nv_claim *claims)
{
    while (claims) {
        struct nv_claim *claim = claims;
        claims = claim->next;
        for (uint32_t i = 0; i < claim->request_count; i++)
            nv_request_let_go(assembly, claim->requests[i]);
        free(claim);
    }
}

void nv_claims_abandon(struct nv_assembly *assembly)
{
    /* Settled, but the disk took no note of it: after the restart they are sent again. */
    for (struct nv_claim *claim = nv_claims_take(assembly); claim;) {
        struct nv_claim *next = claim->next;
        free_unsettled(assembly, claim);
        claim = next;
    }
    while (assembly->all_claims) {
        struct nv_claim *claim = assembly->all_claims;
        unlink_claim(assembly, claim);
        for (uint32_t i = 0; i < claim->request_count; i++) {
            if (nv_request_unref(claim->requests[i]))
                nv_request_free(&assembly->groups, claim->requests[i]);
        }
        free(claim);
    }
}
