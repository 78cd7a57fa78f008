/*
 * Too large items, told by name.
 *
 * Done after the walk and not in it: resource and scope may stand behind their spans, and most
 * gateways have no such limit. A medium in base64 is what makes a span so large; its sender
 * finds the place by the span's name, which is why it stands in the answer. The log and
 * /api/refused have the answer too, so the name is told as a path is.
 */
#include "otlp/request/large.h"

#include "base/text/text.h"
#include "base/text/wire.h"
#include "model/otlp_fields.h"
#include "otlp/request/refusal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/banned.h"

/* Four messages around one another, each with a tag and a length of at most five bytes, and as
 * much for each of five fields. */
#define ENVELOPE_BYTES 64u
#define NAME_SHOWN_MAX 80u

size_t nv_large_bytes(const struct nv_group *group, size_t length)
{
    return group->resource.len + group->scope.len + group->resource_schema_url.len +
           group->scope_schema_url.len + length + ENVELOPE_BYTES;
}

static struct nv_str name_of(struct nv_str span)
{
    struct nv_wire wire = nv_wire_read(span);
    struct nv_wire_field field;
    struct nv_str name = NV_STR("");
    while (nv_wire_next(&wire, &field) == NV_OK) {
        if (field.number == NV_OTLP_SPAN_NAME && field.type == NV_WIRE_BYTES)
            name = field.bytes;
    }
    return name;
}

static void tell(const struct nv_batch *batch, const struct nv_item *item, size_t max,
                 struct nv_request_result *result)
{
    char id[2 * NV_TRACE_ID_BYTES], shown[NAME_SHOWN_MAX];
    const size_t len = strlen(result->message);
    const bool logs = batch->signal == NV_SIGNAL_LOGS;
    struct nv_str bytes = {batch->body + item->offset, item->length};
    struct nv_str name = logs ? NV_STR("") : name_of(bytes);
    nv_hex_encode(item->trace_id, sizeof item->trace_id, id);
    (void)snprintf(result->message + len, sizeof result->message - len,
                   "%s%s \"%.*s\" of trace %.32s has %" PRIu32
                   " bytes; with its resource and scope at most %zu are taken",
                   len > 0 ? "; " : "", logs ? "log record" : "span",
                   NV_STR_ARG(nv_refusal_shown(name, shown, sizeof shown)), id, item->length,
                   max);
}

void nv_large_set_aside(struct nv_batch *batch, size_t item_bytes_max,
                        struct nv_request_result *result)
{
    const bool logs = batch->signal == NV_SIGNAL_LOGS;
    uint32_t kept = 0;
    uint64_t aside = 0;
    for (uint32_t i = 0; i < batch->item_count; i++) {
        const struct nv_item *item = &batch->items[i];
        if (nv_large_bytes(&batch->groups[item->group], item->length) <= item_bytes_max) {
            batch->items[kept++] = *item;
            continue;
        }
        if (aside == 0)
            tell(batch, item, item_bytes_max, result);
        /* a mark stands beside an item of the same bytes: to its sender they are one */
        aside += (item->flags & NV_ITEM_MARK) == 0;
    }
    batch->item_count = kept;
    result->rejected += aside;
    result->accepted -= aside < result->accepted ? aside : result->accepted;
    if (logs)
        result->log_records -= aside < result->log_records ? aside : result->log_records;
    else
        result->rejected_by[NV_REJECT_TOO_LARGE] += aside;
}
