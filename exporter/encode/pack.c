/*
 * Packing by count and by bytes.
 *
 * Encoded traces are copied into the request only when it is sent and the copy is dropped after
 * the attempt: what waits is kept once. A body keeps its traces together through retries, so
 * that a retry after an unknown outcome repeats the same request; only a split parts them. A
 * trace larger than the cap goes alone, because nobody knows the backend's real limit
 * (docs/noveum-backend.md#limits).
 */
#include "exporter/encode/pack.h"

#include "base/clock.h"
#include "base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

const struct nv_str nv_body_head = NV_STR_INIT("{\"traces\":[");

static bool fits(const struct nv_body *body, const struct nv_encoded *next,
                 const struct nv_pack_limits *limits)
{
    return body->traces.count < limits->traces_max &&
           body->traces.json_bytes + next->json_len <= limits->bytes_max;
}

struct nv_body *nv_body_take(struct nv_encoded_list *list, const struct nv_pack_limits *limits)
{
    struct nv_body *body = calloc(1, sizeof *body);

    assert(list->count > 0 && limits->traces_max > 0 && limits->bytes_max > 0);
    if (!body)
        return NULL;
    nv_buf_init(&body->wire, NV_CAP_RECORD);
    do
        nv_encoded_list_push(&body->traces, nv_encoded_list_pop(list));
    while (list->first && fits(body, list->first, limits));
    return body;
}

struct nv_body *nv_body_split(struct nv_body *body)
{
    struct nv_body *half = calloc(1, sizeof *half);
    struct nv_encoded_list all = body->traces;
    uint32_t keep = all.count / 2;

    assert(all.count >= 2);
    if (!half)
        return NULL;
    nv_buf_init(&half->wire, NV_CAP_RECORD);
    half->identity = body->identity;
    half->old = body->old;
    half->first_try_ns = body->first_try_ns;
    half->refused = body->refused;
    body->traces = (struct nv_encoded_list){0};
    while (body->traces.count < keep)
        nv_encoded_list_push(&body->traces, nv_encoded_list_pop(&all));
    nv_encoded_list_append(&half->traces, &all);
    return half;
}

bool nv_body_is_full(const struct nv_encoded_list *list, const struct nv_pack_limits *limits)
{
    return list->count >= limits->traces_max || list->json_bytes >= limits->bytes_max;
}

size_t nv_body_length_max(const struct nv_body *body)
{
    return nv_body_head.len + body->traces.json_bytes + body->traces.count + NV_BODY_TAIL;
}

struct nv_str nv_body_tail(uint64_t wall_ns, char text[NV_BODY_TAIL])
{
    int len = snprintf(text, NV_BODY_TAIL, "],\"timestamp\":%llu.%06llu}",
                       (unsigned long long)(wall_ns / NV_NS_PER_S),
                       (unsigned long long)(wall_ns % NV_NS_PER_S / 1000));
    assert(len > 0 && len < NV_BODY_TAIL);
    return (struct nv_str){text, (size_t)len};
}

enum nv_err nv_body_write(const struct nv_body *body, uint64_t wall_ns, struct nv_buf *buf)
{
    char tail[NV_BODY_TAIL];

    if (nv_buf_reserve(buf, nv_body_length_max(body)) != NV_OK)
        return buf->failed;
    (void)nv_buf_append_str(buf, nv_body_head);
    for (const struct nv_encoded *e = body->traces.first; e; e = e->next) {
        if (e != body->traces.first)
            (void)nv_buf_append_char(buf, ',');
        (void)nv_buf_append_str(buf, nv_encoded_json(e));
    }
    return nv_buf_append_str(buf, nv_body_tail(wall_ns, tail));
}

void nv_body_free(struct nv_body *body)
{
    if (!body)
        return;
    assert(body->traces.count == 0);
    nv_buf_release(&body->wire);
    free(body);
}
