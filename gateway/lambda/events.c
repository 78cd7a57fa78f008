/*
 * Events and records, read by their names.
 *
 *   {"eventType":"INVOKE","deadlineMs":...,"requestId":"..."}       one, of event/next
 *   [{"type":"platform.runtimeDone","record":{"requestId":"..."}}]  many, posted to us
 *
 * What the runtime did is told on its end, whatever its status: a function that failed has
 * sent its spans all the same.
 */
#include "gateway/lambda/events.h"

#include "base/limits.h"
#include "model/value.h"

#include "base/banned.h"

static struct nv_str text_of(const struct nv_value *map, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(map, key);
    return value && value->type == NV_VALUE_STRING ? value->as.string
                                                   : (struct nv_str){NULL, 0};
}

static void copy(struct nv_str text, char *out, size_t size)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void read_event(const struct nv_value *map, struct nv_lambda_event *out)
{
    struct nv_str kind = text_of(map, NV_STR("eventType"));
    const struct nv_value *deadline = nv_map_get(map, NV_STR("deadlineMs"));
    out->kind = nv_str_eq(kind, NV_STR("INVOKE"))     ? NV_LAMBDA_INVOKE
                : nv_str_eq(kind, NV_STR("SHUTDOWN")) ? NV_LAMBDA_SHUTDOWN
                                                      : NV_LAMBDA_OTHER;
    if (deadline && deadline->type == NV_VALUE_INT && deadline->as.integer > 0)
        out->deadline_ms = (uint64_t)deadline->as.integer;
    copy(text_of(map, NV_STR("requestId")), out->request_id, sizeof out->request_id);
    copy(text_of(map, NV_STR("shutdownReason")), out->reason, sizeof out->reason);
}

enum nv_err nv_lambda_event_read(struct nv_str json, struct nv_lambda_event *out)
{
    struct nv_value value;
    *out = (struct nv_lambda_event){.kind = NV_LAMBDA_OTHER};
    struct nv_arena *arena = nv_arena_new(NV_CAP_LAMBDA_ARENA);
    enum nv_err err = arena ? nv_value_from_json(arena, json, NULL, &value) : NV_ERR_NO_MEMORY;
    if (err == NV_OK &&
        (value.type != NV_VALUE_MAP || text_of(&value, NV_STR("eventType")).len == 0))
        err = NV_ERR_MALFORMED;
    if (err == NV_OK)
        read_event(&value, out);
    nv_arena_free(arena);
    return err == NV_OK || err == NV_ERR_NO_MEMORY ? err : NV_ERR_MALFORMED;
}

enum nv_err nv_lambda_records_read(struct nv_str json,
                                   void (*done)(void *ctx, struct nv_str request_id), void *ctx)
{
    struct nv_value value;
    struct nv_arena *arena = nv_arena_new(NV_CAP_LAMBDA_ARENA);
    enum nv_err err = arena ? nv_value_from_json(arena, json, NULL, &value) : NV_ERR_NO_MEMORY;
    if (err == NV_OK && value.type != NV_VALUE_ARRAY)
        err = NV_ERR_MALFORMED;
    for (size_t i = 0; err == NV_OK && i < value.as.array.count; i++) {
        const struct nv_value *item = &value.as.array.items[i];
        if (item->type != NV_VALUE_MAP) {
            err = NV_ERR_MALFORMED;
            break;
        }
        const struct nv_value *record = nv_map_get(item, NV_STR("record"));
        if (!nv_str_eq(text_of(item, NV_STR("type")), NV_STR("platform.runtimeDone")) ||
            !record || record->type != NV_VALUE_MAP)
            continue;
        struct nv_str id = text_of(record, NV_STR("requestId"));
        if (id.len > 0)
            done(ctx, id);
    }
    nv_arena_free(arena);
    return err == NV_OK || err == NV_ERR_NO_MEMORY ? err : NV_ERR_MALFORMED;
}
