/*
 * Dead letters of traces that could not be translated.
 *
 * The payload is OTLP as it came, grouped again by resource and scope: `noveum-gateway explain` and
 * any OTLP tool read it, and a later version can be given it. OTLP fields:
 * ExportTraceServiceRequest resource_spans=1; ResourceSpans resource=1, scope_spans=2,
 * schema_url=3; ScopeSpans scope=1, spans=2, schema_url=3 (opentelemetry-proto 1.x,
 * trace/v1/trace.proto).
 */
#include "gateway/untranslated.h"

#include "base/text.h"
#include "base/wire.h"

#include "base/banned.h"

#define PAYLOAD_BYTES_MAX ((size_t)UINT32_MAX)

static bool group_has_spans(const struct nv_raw_trace *raw, uint32_t group)
{
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].group == group && raw->items[i].signal == NV_SIGNAL_TRACES)
            return true;
    }
    return false;
}

static void write_scope_spans(const struct nv_raw_trace *raw, uint32_t group, struct nv_buf *out)
{
    const struct nv_group *shared = &raw->groups[group];
    size_t scope_spans = nv_wire_begin(out, 2);
    if (shared->scope.len > 0)
        (void)nv_wire_put_bytes(out, 1, shared->scope);
    for (uint32_t i = 0; i < raw->item_count; i++) {
        if (raw->items[i].group == group && raw->items[i].signal == NV_SIGNAL_TRACES)
            (void)nv_wire_put_bytes(out, 2, raw->items[i].bytes);
    }
    if (shared->scope_schema_url.len > 0)
        (void)nv_wire_put_bytes(out, 3, shared->scope_schema_url);
    (void)nv_wire_end(out, scope_spans);
}

enum nv_err nv_untranslated_write(const struct nv_raw_trace *raw, struct nv_buf *out)
{
    for (uint32_t group = 0; group < raw->group_count; group++) {
        const struct nv_group *shared = &raw->groups[group];
        if (!group_has_spans(raw, group))
            continue;
        size_t resource_spans = nv_wire_begin(out, 1);
        if (shared->resource.len > 0)
            (void)nv_wire_put_bytes(out, 1, shared->resource);
        write_scope_spans(raw, group, out);
        if (shared->resource_schema_url.len > 0)
            (void)nv_wire_put_bytes(out, 3, shared->resource_schema_url);
        (void)nv_wire_end(out, resource_spans);
    }
    return out->failed;
}

static enum nv_err write_head(const struct nv_raw_trace *raw, enum nv_err why, struct nv_buf *out)
{
    char id[2 * NV_TRACE_ID_BYTES];
    nv_hex_encode(raw->trace_id, NV_TRACE_ID_BYTES, id);
    return nv_buf_printf(out,
                         "{\"reason\":\"untranslatable\",\"detail\":\"%s\",\"spans\":%u,"
                         "\"trace_id\":\"%.32s\",\"format\":\"otlp\"}",
                         nv_err_info(why)->text, raw->span_count, id);
}

enum nv_err nv_untranslated_put(const struct nv_store *store, const struct nv_raw_trace *raw,
                                enum nv_err why)
{
    struct nv_buf head, payload;
    uint64_t id = 0;
    if (store == NULL)
        return NV_ERR_NOT_FOUND;
    nv_buf_init(&head, 4096);
    nv_buf_init(&payload, PAYLOAD_BYTES_MAX);
    enum nv_err err = write_head(raw, why, &head);
    if (err == NV_OK)
        err = nv_untranslated_write(raw, &payload);
    if (err == NV_OK)
        err = store->put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head), nv_buf_str(&payload),
                         &id);
    nv_buf_release(&head);
    nv_buf_release(&payload);
    return err;
}
