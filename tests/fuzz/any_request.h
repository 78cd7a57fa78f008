/*
 * A fuzzer's input taken as a request of traces.
 *
 *   byte 0      its lowest bit: 1 JSON, 0 protobuf
 *   the rest    the body, as a client would have sent it
 *
 * Two targets read it so, and share what the other found: what costs much may also be wrong.
 */
#ifndef NV_TESTS_FUZZ_ANY_REQUEST_H
#define NV_TESTS_FUZZ_ANY_REQUEST_H

#include "model/trace.h"
#include "otlp/request/request.h"

#include <stdlib.h>
#include <string.h>

/* Larger than any translation of an input needs, so that one that is refused is a finding. */
#define ANY_REQUEST_ARENA_MAX ((size_t)256 << 20)

/* NULL when the door refuses it. The caller frees it. */
static inline struct nv_batch *any_request_decode(const uint8_t *data, size_t size)
{
    struct nv_request_limits limits = {0};
    struct nv_request_result result;
    struct nv_batch *batch = NULL;
    char *body = malloc(size);
    if (!body)
        return NULL;
    memcpy(body, data + 1, size - 1);
    const struct nv_request_body request = {
        NV_SIGNAL_TRACES, data[0] & 1 ? NV_MEDIA_JSON : NV_MEDIA_PROTOBUF, body, size - 1};
    return nv_request_decode(&request, &limits, &result, &batch, NULL) == NV_OK ? batch : NULL;
}

/* All its spans, of whatever trace, as one: the first span's id is the trace's. Borrows the
 * batch; the caller frees its arena. */
static inline struct nv_raw_trace *any_request_raw(const struct nv_batch *batch)
{
    struct nv_arena *arena = nv_arena_new(ANY_REQUEST_ARENA_MAX);
    struct nv_raw_trace *raw = nv_arena_alloc(arena, sizeof *raw);
    raw->arena = arena;
    memcpy(raw->trace_id, batch->items[0].trace_id, NV_TRACE_ID_BYTES);
    raw->items = nv_arena_array(arena, batch->item_count, sizeof *raw->items);
    raw->groups = batch->groups;
    raw->group_count = batch->group_count;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct nv_item *item = &batch->items[i];
        raw->items[raw->item_count++] = (struct nv_raw_item){
            {batch->body + item->offset, item->length}, item->group, NV_SIGNAL_TRACES};
    }
    raw->span_count = raw->item_count;
    return raw;
}

#endif
