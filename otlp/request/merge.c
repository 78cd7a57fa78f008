/*
 * The rare request that repeats a singular message.
 *
 *   ResourceSpans { resource A, scope_spans S, resource B }  ──▶  { resource AB, scope_spans S }
 *
 * Protobuf says that repeated occurrences of a singular message are merged (protobuf.dev, "Last
 * One Wins"), and that concatenating encodings does it. No known exporter sends this, the
 * format allows it (docs/otlp.md#rules-of-the-walk, 2). nv_group keeps one view for each, so
 * such a request is rewritten once at the door rather than understood by everybody behind it.
 */
#include "otlp/request/merge.h"

#include "model/otlp_fields.h"
#include "otlp/request/schema.h"

#include <assert.h>

#include "base/banned.h"

/* The field that is merged, in ResourceSpans and in ScopeSpans alike. */
#define SHARED NV_OTLP_RESOURCE_GROUP_RESOURCE

static_assert((int)NV_OTLP_SCOPE_GROUP_SCOPE == (int)SHARED, "both levels are copied alike");

static void copy_pieces(struct nv_buf *out, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    size_t mark = 0;
    assert(bytes.ptr != NULL || bytes.len == 0);
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number != SHARED)
            continue;
        if (mark == 0)
            mark = nv_wire_begin(out, SHARED);
        (void)nv_buf_append(out, field.bytes.ptr, field.bytes.len);
    }
    if (mark != 0)
        (void)nv_wire_end(out, mark);
}

static void copy_scope(struct nv_buf *out, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    copy_pieces(out, bytes);
    for (const char *at = wire.pos; nv_wire_next(&wire, &field) == NV_OK; at = wire.pos) {
        if (field.number != SHARED)
            (void)nv_buf_append(out, at, (size_t)(wire.pos - at));
    }
}

static void copy_resource(struct nv_buf *out, enum nv_message_id id, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    copy_pieces(out, bytes);
    for (const char *at = wire.pos; nv_wire_next(&wire, &field) == NV_OK; at = wire.pos) {
        const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field.number);
        if (known && known->repeated) {
            size_t mark = nv_wire_begin(out, field.number);
            copy_scope(out, field.bytes);
            (void)nv_wire_end(out, mark);
        } else if (field.number != SHARED) {
            (void)nv_buf_append(out, at, (size_t)(wire.pos - at));
        }
    }
}

/* Appends fail for good once one has failed (base/buf.h), so one look at the end is enough. */
enum nv_err nv_merge_split(enum nv_signal signal, struct nv_str body, struct nv_buf *out)
{
    struct nv_wire wire = nv_wire_read(body);
    struct nv_wire_field field;
    const struct nv_schema *request = nv_schema(nv_schema_request(signal));
    assert(request->slots == NV_OTLP_REQUEST_GROUPS + 1);
    for (const char *at = wire.pos; nv_wire_next(&wire, &field) == NV_OK; at = wire.pos) {
        if (field.number == NV_OTLP_REQUEST_GROUPS) {
            size_t mark = nv_wire_begin(out, NV_OTLP_REQUEST_GROUPS);
            copy_resource(out, (enum nv_message_id)request->fields[NV_OTLP_REQUEST_GROUPS].of,
                          field.bytes);
            (void)nv_wire_end(out, mark);
        } else {
            (void)nv_buf_append(out, at, (size_t)(wire.pos - at));
        }
    }
    return out->failed;
}
