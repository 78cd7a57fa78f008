/*
 * Splitting by trace.
 *
 * The items' numbers are sorted by trace id and number, which keeps their order within a trace;
 * a request of one trace, the usual one, costs one comparison an item. Messages are written
 * from the bytes of the request as they are: nothing is decoded. A resource is written once a
 * run of its scopes, found by the view and not by the bytes: the walk gives all groups of one
 * ResourceSpans the same view.
 */
#include "kafka/split.h"

#include "base/text/text.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include <stdlib.h>

#include "base/banned.h"

#define FIRST_MESSAGES 4u
/* A message that has begun: tags and lengths of what is open around the next item, and its
 * own. */
#define ITEM_ENVELOPE 24u
#define GROUP_ENVELOPE 64u

struct splitting {
    const struct nv_batch *batch;
    size_t bytes_max;
    struct nv_kafka_messages *out;
    struct nv_buf buf;
    size_t resource_mark, scope_mark;
    uint32_t group; /* whose scope is open; UINT32_MAX: none */
    uint32_t spans;
};

static bool same_id(const struct nv_item *a, const struct nv_item *b)
{
    return memcmp(a->trace_id, b->trace_id, NV_TRACE_ID_BYTES) == 0;
}

static bool names_trace(const struct nv_item *item)
{
    static const uint8_t zero[NV_TRACE_ID_BYTES];
    return memcmp(item->trace_id, zero, sizeof zero) != 0;
}

/* ---- the order --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b, void *ctx)
{
    const struct nv_batch *batch = ctx;
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    int order =
        memcmp(batch->items[left].trace_id, batch->items[right].trace_id, NV_TRACE_ID_BYTES);
    if (order != 0)
        return order;
    return left < right ? -1 : left > right;
}

/* Numbers of the items that name a trace, by trace; new. NULL without memory. */
static uint32_t *sort_items(const struct nv_batch *batch, uint32_t *count, uint64_t *unused)
{
    uint32_t *order = malloc((batch->item_count + (size_t)1) * sizeof *order);
    bool sorted = true;
    *count = 0;
    if (!order)
        return NULL;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        if (!names_trace(&batch->items[i])) {
            ++*unused;
            continue;
        }
        sorted = sorted &&
                 (*count == 0 || same_id(&batch->items[i], &batch->items[order[*count - 1]]));
        order[(*count)++] = i;
    }
    if (!sorted)
        qsort_r(order, *count, sizeof *order, compare, (void *)(uintptr_t)batch);
    return order;
}

/* ---- one message ------------------------------------------------------------------------- */

static bool same_view(struct nv_str a, struct nv_str b)
{
    return a.ptr == b.ptr && a.len == b.len;
}

static const struct nv_group *group_at(const struct splitting *s, uint32_t group)
{
    return &s->batch->groups[group];
}

static void close_scope(struct splitting *s)
{
    if (s->group == UINT32_MAX)
        return;
    struct nv_str schema = group_at(s, s->group)->scope_schema_url;
    if (schema.len > 0)
        (void)nv_wire_put_bytes(&s->buf, NV_OTLP_SCOPE_GROUP_SCHEMA_URL, schema);
    (void)nv_wire_end(&s->buf, s->scope_mark);
}

static void close_resource(struct splitting *s)
{
    if (s->group == UINT32_MAX)
        return;
    close_scope(s);
    struct nv_str schema = group_at(s, s->group)->resource_schema_url;
    if (schema.len > 0)
        (void)nv_wire_put_bytes(&s->buf, NV_OTLP_RESOURCE_GROUP_SCHEMA_URL, schema);
    (void)nv_wire_end(&s->buf, s->resource_mark);
    s->group = UINT32_MAX;
}

static void open_group(struct splitting *s, uint32_t number)
{
    const struct nv_group *group = group_at(s, number);
    const struct nv_group *before = s->group == UINT32_MAX ? NULL : group_at(s, s->group);
    if (s->group == number)
        return;
    if (before && same_view(before->resource, group->resource) &&
        same_view(before->resource_schema_url, group->resource_schema_url)) {
        close_scope(s);
    } else {
        close_resource(s);
        s->resource_mark = nv_wire_begin(&s->buf, NV_OTLP_REQUEST_GROUPS);
        if (group->resource.len > 0)
            (void)nv_wire_put_bytes(&s->buf, NV_OTLP_RESOURCE_GROUP_RESOURCE, group->resource);
    }
    s->scope_mark = nv_wire_begin(&s->buf, NV_OTLP_RESOURCE_GROUP_SCOPES);
    if (group->scope.len > 0)
        (void)nv_wire_put_bytes(&s->buf, NV_OTLP_SCOPE_GROUP_SCOPE, group->scope);
    s->group = number;
}

/* How much a message whose group `open` is open may grow by one more item, at most. */
static size_t more_bytes(const struct splitting *s, uint32_t open, const struct nv_item *item)
{
    const struct nv_group *group = group_at(s, item->group);
    if (item->group == open)
        return item->length + ITEM_ENVELOPE;
    return item->length + ITEM_ENVELOPE + GROUP_ENVELOPE + group->resource.len +
           group->scope.len + group->resource_schema_url.len + group->scope_schema_url.len;
}

/* What is written when the open group is closed, at most. */
static size_t close_bytes(const struct splitting *s)
{
    const struct nv_group *group = s->group == UINT32_MAX ? NULL : group_at(s, s->group);
    return group ? group->resource_schema_url.len + group->scope_schema_url.len + GROUP_ENVELOPE
                 : 0;
}

static enum nv_err add_message(struct splitting *s, const struct nv_item *item)
{
    struct nv_kafka_messages *out = s->out;
    if (out->count == out->capacity) {
        size_t more = out->capacity == 0 ? FIRST_MESSAGES : out->capacity * 2;
        void *grown = reallocarray(out->items, more, sizeof *out->items);
        if (!grown)
            return NV_ERR_NO_MEMORY;
        out->items = grown;
        out->capacity = more;
    }
    close_resource(s);
    if (s->buf.failed != NV_OK)
        return NV_ERR_NO_MEMORY;
    struct nv_kafka_message *message = &out->items[out->count++];
    *message = (struct nv_kafka_message){.spans = s->spans};
    nv_hex_encode(item->trace_id, NV_TRACE_ID_BYTES, message->key);
    message->len = nv_buf_take(&s->buf, &message->bytes);
    out->bytes += message->len;
    s->spans = 0;
    return NV_OK;
}

static void add_item(struct splitting *s, const struct nv_item *item)
{
    struct nv_str bytes = {s->batch->body + item->offset, item->length};
    open_group(s, item->group);
    (void)nv_wire_put_bytes(&s->buf, NV_OTLP_SCOPE_GROUP_ITEMS, bytes);
    s->spans += s->batch->signal == NV_SIGNAL_TRACES && (item->flags & NV_ITEM_MARK) == 0;
    s->out->beside |= (item->flags & (NV_ITEM_MARK | NV_ITEM_RECORD)) != 0;
}

/* The message that begins with that item is allocated once: doubling would copy it again. */
static void make_room(struct splitting *s, const uint32_t *order, uint32_t at, uint32_t count)
{
    const struct nv_item *first = &s->batch->items[order[at]];
    uint32_t open = UINT32_MAX;
    size_t bytes = 0;
    for (uint32_t i = at; i < count && bytes < s->bytes_max; i++) {
        const struct nv_item *item = &s->batch->items[order[i]];
        if (!same_id(first, item))
            break;
        bytes += more_bytes(s, open, item);
        open = item->group;
    }
    (void)nv_buf_reserve(&s->buf, bytes < s->bytes_max ? bytes : s->bytes_max);
}

static enum nv_err write_all(struct splitting *s, const uint32_t *order, uint32_t count)
{
    const struct nv_item *before = NULL;
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < count && err == NV_OK; i++) {
        const struct nv_item *item = &s->batch->items[order[i]];
        bool full = s->buf.len + more_bytes(s, s->group, item) + close_bytes(s) > s->bytes_max;
        if (before && (full || !same_id(before, item)))
            err = add_message(s, before);
        if (err == NV_OK && s->buf.len == 0)
            make_room(s, order, i, count);
        if (err == NV_OK)
            add_item(s, item);
        before = item;
    }
    return err == NV_OK && before ? add_message(s, before) : err;
}

/* ---- the whole --------------------------------------------------------------------------- */

enum nv_err nv_kafka_split(const struct nv_batch *batch, size_t bytes_max,
                           struct nv_kafka_messages *out, uint64_t *unused)
{
    struct splitting s = {
        .batch = batch, .bytes_max = bytes_max, .out = out, .group = UINT32_MAX};
    uint32_t count = 0;
    *out = (struct nv_kafka_messages){0};
    *unused = 0;
    uint32_t *order = sort_items(batch, &count, unused);
    if (!order)
        return NV_ERR_NO_MEMORY;
    /* The message can't be larger than the request with its resource for each message. */
    nv_buf_init(&s.buf, batch->body_len + bytes_max + GROUP_ENVELOPE);
    enum nv_err err = write_all(&s, order, count);
    nv_buf_release(&s.buf);
    free(order);
    if (err != NV_OK)
        nv_kafka_messages_release(out);
    return err;
}

void nv_kafka_messages_release(struct nv_kafka_messages *messages)
{
    for (size_t i = 0; i < messages->count; i++)
        free(messages->items[i].bytes);
    free(messages->items);
    *messages = (struct nv_kafka_messages){0};
}
