/*
 * The stage, and what it tells.
 *
 * Lines are few: a search through them at each mask costs no more than the text that was
 * masked. The list in the trace names rules and keys, so that a reader who misses a value finds
 * out why; it can't hold a secret, because keys are redacted like texts.
 */
#include "redaction/redact.h"

#include "base/limits.h"
#include "redaction/secrets/names.h"
#include "redaction/secrets/scan.h"
#include "redaction/walk.h"

#include <stdatomic.h>

#include "base/banned.h"

#define MASK NV_STR("***")
#define LIST_KEY NV_STR("noveum.gateway.redacted")
#define KEY_SHOWN_MAX 128u

/* What a key says of secrets never changes. */
static _Thread_local struct nv_known_keys known;

static _Atomic uint64_t counters[NV_SECRET_RULE_COUNT];

static const char *const names[] = {
#define RULE_NAME(id, name, what) name,
    NV_SECRET_RULES(RULE_NAME)
#undef RULE_NAME
};

const char *nv_redaction_rule_name(enum nv_secret_rule rule)
{
    return names[rule];
}

uint64_t nv_redaction_count(enum nv_secret_rule rule)
{
    return atomic_load_explicit(&counters[rule], memory_order_relaxed);
}

struct redaction {
    struct nv_arena *arena;
    struct nv_redacted *result;
    struct nv_secret_counts counts; /* of the text at hand */
};

/* ---- what was taken ---------------------------------------------------------------------- */

static void note(struct redaction *redaction, const struct nv_text_place *place,
                 enum nv_secret_rule rule, uint64_t count)
{
    struct nv_redacted *result = redaction->result;
    result->total += count;
    result->by_rule[rule] += count;
    for (uint32_t i = 0; i < result->line_count; i++) {
        struct nv_redacted_line *line = &result->lines[i];
        if (line->rule == rule && line->place == place->name &&
            nv_str_eq(line->key, place->key)) {
            line->count += count;
            return;
        }
    }
    if (result->line_count < NV_REDACTED_LINES_MAX) {
        result->lines[result->line_count++] =
            (struct nv_redacted_line){rule, place->name, place->key, count};
    }
}

/* ---- secrets ----------------------------------------------------------------------------- */

static enum nv_err secrets_of_text(void *ctx, const struct nv_text_place *place,
                                   struct nv_str *text)
{
    struct redaction *redaction = ctx;
    const char *before = text->ptr;
    enum nv_err err = nv_secrets_mask_text(redaction->arena, text, &redaction->counts);
    if (text->ptr == before || err != NV_OK)
        return err;
    for (unsigned rule = 0; rule < NV_SECRET_RULE_COUNT; rule++) {
        if (redaction->counts.of[rule] > 0)
            note(redaction, place, (enum nv_secret_rule)rule, redaction->counts.of[rule]);
    }
    return NV_OK;
}

static bool holds_something(const struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_NULL:
    case NV_VALUE_BOOL:
        return false;
    case NV_VALUE_STRING:
        return value->as.string.len > 0 && !nv_str_eq(value->as.string, MASK);
    case NV_VALUE_ARRAY:
        return value->as.array.count > 0;
    case NV_VALUE_MAP:
        return value->as.map.count > 0;
    default:
        return true;
    }
}

/* Is it the schema of a parameter of that name, not its value? */
static bool is_schema(const struct nv_value *value)
{
    return value->type == NV_VALUE_MAP &&
           (nv_map_get(value, NV_STR("type")) || nv_map_get(value, NV_STR("$ref")) ||
            nv_map_get(value, NV_STR("anyOf")) || nv_map_get(value, NV_STR("description")));
}

static bool is_secret(enum nv_name_kind kind, const struct nv_value *value)
{
    bool text = value->type == NV_VALUE_STRING;
    switch (kind) {
    case NV_NAME_SURE:
        return holds_something(value) && !is_schema(value);
    case NV_NAME_RANDOM:
        return text && nv_secret_is_random(value->as.string);
    case NV_NAME_LINE:
        return holds_something(value) &&
               (!text || nv_str_find_char(value->as.string, '=') != SIZE_MAX);
    case NV_NAME_LOCAL:
        return holds_something(value) && !(text && value->as.string.ptr[0] == '/');
    default:
        return false;
    }
}

static bool may_be_secret(struct nv_str key)
{
    return nv_name_kind(key) != NV_NAME_NONE;
}

static bool secret_by_key(void *ctx, const struct nv_text_place *place, struct nv_str key,
                          struct nv_value *value)
{
    if (!is_secret(nv_name_kind(key), value))
        return false;
    *value = nv_value_string(MASK);
    note(ctx, place, NV_SECRET_KEY, 1);
    return true;
}

/* ---- the list in the trace --------------------------------------------------------------- */

/* Two lines that differ only in their place say the same there. */
static bool is_told(const struct nv_redacted *result, uint32_t number)
{
    const struct nv_redacted_line *line = &result->lines[number];
    for (uint32_t i = 0; i < number; i++) {
        const struct nv_redacted_line *other = &result->lines[i];
        if (other->rule == line->rule && nv_str_eq(other->key, line->key) &&
            (line->key.len > 0 || other->place == line->place))
            return true;
    }
    return false;
}

static enum nv_err tell_line(struct nv_arena *arena, const struct nv_redacted_line *line,
                             struct nv_value *out)
{
    struct nv_str key = line->key.len > 0 ? line->key : nv_str_from(line->place);
    enum nv_err err = nv_redact_text(arena, &key);
    if (err != NV_OK)
        return err;
    key = nv_str_slice(key, 0, KEY_SHOWN_MAX);
    struct nv_str text = nv_arena_printf(arena, "%s %.*s", names[line->rule], NV_STR_ARG(key));
    *out = nv_value_string(text);
    return text.ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

static enum nv_err tell(struct nv_trace *trace, const struct nv_redacted *result)
{
    struct nv_value list = {.type = NV_VALUE_ARRAY};
    enum nv_err err = NV_OK;
    list.as.array.items =
        nv_arena_array(trace->arena, result->line_count, sizeof *list.as.array.items);
    if (!list.as.array.items)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < result->line_count && err == NV_OK; i++) {
        if (!is_told(result, i)) {
            err = tell_line(trace->arena, &result->lines[i],
                            &list.as.array.items[list.as.array.count++]);
        }
    }
    if (err != NV_OK)
        return err;
    return nv_attributes_set(&trace->attributes, trace->arena, LIST_KEY, list);
}

/* ---- the stage --------------------------------------------------------------------------- */

static enum nv_err redact(struct nv_trace *trace, struct nv_redacted *result)
{
    struct redaction redaction = {.arena = trace->arena, .result = result};
    const struct nv_redaction_handler secrets = {&redaction, secrets_of_text, secret_by_key,
                                                 may_be_secret};
    nv_secrets_ready();
    enum nv_err err = nv_walk_trace(trace, &secrets, 1, &known);
    if (err != NV_OK || result->total == 0)
        return err;
    for (unsigned rule = 0; rule < NV_SECRET_RULE_COUNT; rule++)
        atomic_fetch_add_explicit(&counters[rule], result->by_rule[rule], memory_order_relaxed);
    return tell(trace, result);
}

enum nv_err nv_redact(struct nv_trace *trace, struct nv_redacted *out)
{
    struct nv_redacted own;
    struct nv_redacted *result = out ? out : &own;
    result->total = 0;
    result->line_count = 0;
    memset(result->by_rule, 0, sizeof result->by_rule);
    return redact(trace, result);
}

enum nv_err nv_redact_text(struct nv_arena *arena, struct nv_str *text)
{
    struct nv_secret_counts counts;
    nv_secrets_ready();
    return nv_secrets_mask_text(arena, text, &counts);
}

void nv_redact_buf(struct nv_buf *buf)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_RECORD);
    struct nv_str text = nv_buf_str(buf);
    enum nv_err err = arena ? nv_redact_text(arena, &text) : NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        buf->len = 0;
        buf->failed = err;
    } else if (text.ptr != buf->bytes) {
        buf->len = 0;
        (void)nv_buf_append_str(buf, text);
    }
    nv_arena_free(arena);
}
