/*
 * JSON ─▶ struct nv_trace, as much of it as is shown.
 *
 * What is missing or of another type is as if it were empty: the store is a copy, and what is
 * odd in it is better shown in part than not at all. An id of any form becomes eight bytes by
 * its hash: it is only compared.
 */
#include "gateway/view/stored_trace.h"

#include "base/text/iso_time.h"

#include <assert.h>

#include "base/banned.h"

#define DURATION_MS_MAX 9e12

static struct nv_str text_of(const struct nv_value *map, const char *key)
{
    bool is_map = map && map->type == NV_VALUE_MAP;
    return is_map ? nv_string_of(nv_map_get(map, nv_str_from(key))) : NV_STR("");
}

static double number_of(const struct nv_value *map, const char *key)
{
    return nv_number_of(nv_map_get(map, nv_str_from(key)), 0.0);
}

static struct nv_attributes attributes_of(const struct nv_value *map, const char *key)
{
    const struct nv_value *value = nv_map_get(map, nv_str_from(key));
    if (!value || value->type != NV_VALUE_MAP)
        return (struct nv_attributes){0};
    return (struct nv_attributes){.items = value->as.map.items, .count = value->as.map.count};
}

static enum nv_status status_of(const struct nv_value *map)
{
    struct nv_str status = text_of(map, "status");
    if (nv_str_eq(status, NV_STR("error")))
        return NV_STATUS_ERROR;
    return nv_str_eq(status, NV_STR("timeout")) ? NV_STATUS_TIMEOUT : NV_STATUS_OK;
}

static void read_times(const struct nv_value *map, uint64_t *start_ns, uint64_t *end_ns)
{
    double ms = number_of(map, "duration_ms");
    *start_ns = 0;
    (void)nv_iso_time_parse(text_of(map, "start_time"), start_ns);
    *end_ns = *start_ns + (ms > 0.0 && ms < DURATION_MS_MAX ? (uint64_t)(ms * 1e6 + 0.5) : 0);
}

static bool read_id(const struct nv_value *map, const char *key, uint8_t id[NV_SPAN_ID_BYTES])
{
    struct nv_str text = text_of(map, key);
    uint64_t hash = nv_str_hash(text);
    static_assert(sizeof hash == NV_SPAN_ID_BYTES, "an id is a hash");
    memcpy(id, &hash, sizeof hash);
    return text.len > 0;
}

static void read_span(const struct nv_value *from, struct nv_span *span)
{
    *span = (struct nv_span){.name = text_of(from, "name"),
                             .status = status_of(from),
                             .status_message = text_of(from, "status_message"),
                             .attributes = attributes_of(from, "attributes")};
    (void)read_id(from, "span_id", span->span_id);
    span->has_parent = read_id(from, "parent_span_id", span->parent_id);
    read_times(from, &span->start_ns, &span->end_ns);
}

static enum nv_err read_spans(struct nv_arena *arena, const struct nv_value *trace,
                              struct nv_trace *out)
{
    const struct nv_value *spans = nv_map_get(trace, NV_STR("spans"));
    uint32_t count = spans && spans->type == NV_VALUE_ARRAY ? spans->as.array.count : 0;
    out->spans = nv_arena_array(arena, count + 1u, sizeof *out->spans);
    if (!out->spans)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        if (spans->as.array.items[i].type == NV_VALUE_MAP)
            read_span(&spans->as.array.items[i], &out->spans[out->span_count++]);
    }
    return NV_OK;
}

static enum nv_err read_head(struct nv_arena *arena, const struct nv_value *trace,
                             struct nv_trace *out)
{
    const struct nv_value *metadata = nv_map_get(trace, NV_STR("metadata"));
    const struct nv_value *otel = nv_map_get(trace, NV_STR("otel"));
    struct nv_origin *origin = nv_arena_alloc(arena, sizeof *origin);
    double errors = number_of(trace, "error_count");
    if (!origin)
        return NV_ERR_NO_MEMORY;
    *origin = (struct nv_origin){0};
    if (otel && otel->type == NV_VALUE_MAP)
        origin->service_name = text_of(nv_map_get(otel, NV_STR("resource")), "service.name");
    *out = (struct nv_trace){.name = text_of(trace, "name"),
                             .status = status_of(trace),
                             .status_message = text_of(trace, "status_message"),
                             .error_count = errors > 0 && errors < 1e9 ? (uint32_t)errors : 0,
                             .session_id = text_of(metadata, "session_id"),
                             .user_id = text_of(metadata, "user_id"),
                             .origin = origin};
    read_times(trace, &out->start_ns, &out->end_ns);
    return NV_OK;
}

enum nv_err nv_stored_trace_read(struct nv_arena *arena, struct nv_str json,
                                 struct nv_trace *out)
{
    struct nv_value trace;
    enum nv_err err = nv_value_from_json(arena, json, NULL, &trace);
    if (err == NV_OK && trace.type != NV_VALUE_MAP)
        err = NV_ERR_MALFORMED;
    if (err == NV_OK)
        err = read_head(arena, &trace, out);
    return err == NV_OK ? read_spans(arena, &trace, out) : err;
}
