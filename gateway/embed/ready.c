/*
 * Lists of finished traces.
 *
 * Found by walking: an embedder that sends in order settles the first, and what is out at a
 * time is what it sends at a time.
 */
#include "gateway/embed/ready.h"

#include "exporter/encode/encode_whole.h"

#include <stdlib.h>

#include "base/banned.h"

struct nv_ready *nv_ready_new(const struct nv_trace *trace, enum nv_trace_id_form form,
                              size_t max_bytes, uint64_t id)
{
    struct nv_ready *ready = calloc(1, sizeof *ready);
    if (!ready)
        return NULL;
    ready->encoded = nv_encode_whole(trace, form, max_bytes);
    if (!ready->encoded) {
        free(ready);
        return NULL;
    }
    ready->id = id;
    return ready;
}

void nv_ready_push(struct nv_ready_list *list, struct nv_ready *ready)
{
    ready->next = NULL;
    if (list->last)
        list->last->next = ready;
    else
        list->first = ready;
    list->last = ready;
    list->spans += ready->encoded->spans;
    list->bytes += nv_encoded_bytes(ready->encoded);
}

struct nv_ready *nv_ready_take(struct nv_ready_list *list, uint64_t id)
{
    struct nv_ready *before = NULL;
    struct nv_ready *ready = list->first;
    while (ready && id != 0 && ready->id != id) {
        before = ready;
        ready = ready->next;
    }
    if (!ready)
        return NULL;
    if (before)
        before->next = ready->next;
    else
        list->first = ready->next;
    if (list->last == ready)
        list->last = before;
    list->spans -= ready->encoded->spans;
    list->bytes -= nv_encoded_bytes(ready->encoded);
    return ready;
}

struct nv_claim *nv_ready_give_claim(struct nv_ready *ready)
{
    struct nv_claim *claim = ready->encoded->claim;
    free(ready->encoded);
    free(ready);
    return claim;
}
