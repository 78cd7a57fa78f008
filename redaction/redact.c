/*
 * The stage: what takes something, in its order.
 *
 *   stack traces ─▶ media ─▶ secrets, personal data (one walk) ─▶ content cut ─▶ told
 *
 * Stack traces and media go first, as what is not sent need not be searched; content is cut
 * last, as half a secret is not found, and a hash of one must not leave.
 *
 * It fails closed: whatever error comes up, the trace is not given on. A trace that could be
 * sent with one finder left out would be the one that somebody made for that.
 */
#include "redaction/redact.h"

#include "base/limits.h"
#include "redaction/secrets/names.h"
#include "redaction/secrets/plain.h"
#include "redaction/secrets/scan.h"
#include "redaction/walk.h"

#include "base/banned.h"

#define MASK NV_STR("***")

/* What a key says of secrets never changes. */
static _Thread_local struct nv_known known;

struct redaction {
    struct nv_arena *arena;
    struct nv_redacted *result;
    struct nv_secret_counts counts; /* of the text at hand */
};

/* ---- secrets ----------------------------------------------------------------------------- */

/* That nothing was found shows by the pointer: a text that is as it was is not copied. */
static enum nv_err secrets_of_text(void *ctx, const struct nv_text_place *place,
                                   struct nv_str *text)
{
    struct redaction *redaction = ctx;
    struct nv_str before = *text;
    if (nv_secrets_is_short(before))
        return NV_OK;
    bool kept = before.len >= NV_PLAIN_LEN_MIN;
    if (kept && nv_plain_has(before, NV_PLAIN_SECRETS))
        return NV_OK;
    enum nv_err err = nv_secrets_mask_text(redaction->arena, text, &redaction->counts);
    if (err != NV_OK)
        return err;
    if (text->ptr == before.ptr) {
        if (kept)
            nv_plain_put(before, NV_PLAIN_SECRETS);
        return NV_OK;
    }
    for (unsigned rule = 0; rule < NV_SECRET_RULE_COUNT; rule++) {
        if (redaction->counts.of[rule] > 0)
            nv_redacted_note(redaction->result, rule, place, redaction->counts.of[rule]);
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

static bool may_be_secret(void *ctx, struct nv_str key)
{
    (void)ctx;
    return nv_name_kind(key) != NV_NAME_NONE;
}

static bool secret_by_key(void *ctx, const struct nv_text_place *place, struct nv_str key,
                          struct nv_value *value)
{
    const struct redaction *redaction = ctx;
    if (!is_secret(nv_name_kind(key), value))
        return false;
    *value = nv_value_string(MASK);
    nv_redacted_note(redaction->result, NV_SECRET_KEY, place, 1);
    return true;
}

/* ---- the stage --------------------------------------------------------------------------- */

/* Keys are told by their names in the clear: what is personal in them is not. */
static enum nv_err hide_keys(struct nv_pii_reader *reader, struct nv_arena *arena,
                             struct nv_redacted *result)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < result->line_count && err == NV_OK; i++)
        err = nv_pii_text(reader, arena, &result->lines[i].key);
    return err;
}

/* The finders of a text, in their order: a mail address in a URL with a password is masked with
 * it. `reader` NULL: personal data stays. */
static enum nv_err walk(const struct nv_redaction_config *config, struct nv_pii_reader *reader,
                        struct nv_trace *trace, struct nv_redacted *result)
{
    struct redaction redaction = {.arena = trace->arena, .result = result};
    struct nv_redaction_handler handlers[2];
    size_t count = 0;
    if (config->secrets) {
        nv_secrets_ready();
        handlers[count++] = (struct nv_redaction_handler){&redaction, secrets_of_text,
                                                          secret_by_key, may_be_secret, true};
    }
    if (reader)
        handlers[count++] = nv_pii_handler(reader, trace->arena, result);
    enum nv_err err = count == 0 ? NV_OK
                                 : nv_walk_trace(trace, handlers, count,
                                                 reader ? nv_pii_known(reader) : &known);
    return err == NV_OK && reader ? nv_pii_failed(reader) : err;
}

static enum nv_err walk_personal(const struct nv_redaction_config *config,
                                 struct nv_trace *trace, struct nv_redacted *result)
{
    struct nv_pii_reader *reader = nv_pii_take(config->pii);
    enum nv_err err = reader ? walk(config, reader, trace, result) : NV_ERR_NO_MEMORY;
    if (err == NV_OK)
        err = hide_keys(reader, trace->arena, result);
    nv_pii_give(config->pii, reader);
    return err;
}

static void note_mark(void *ctx, const char *place, struct nv_str key)
{
    const struct nv_text_place at = {.name = place, .key = key};
    nv_redacted_note(ctx, NV_RULE_MEDIA, &at, 1);
}

static enum nv_err take_media(const struct nv_media_policy *policy, struct nv_trace *trace,
                              struct nv_redacted *result)
{
    const struct nv_media_teller teller = {result, note_mark};
    return nv_media_apply(policy, trace, &teller);
}

enum nv_err nv_redact(const struct nv_redaction_config *config, struct nv_trace *trace,
                      struct nv_redacted *out)
{
    struct nv_redacted own;
    nv_redacted_init(&own);
    if (out)
        nv_redacted_init(out);
    struct nv_redacted *result = out ? out : &own;
    result->uncounted = config->uncounted;
    nv_plain_clear();
    enum nv_err err = nv_stacks_apply(config->stack_traces, trace, result);
    if (err == NV_OK)
        err = take_media(&config->media, trace, result);
    if (err == NV_OK) {
        err = config->pii ? walk_personal(config, trace, result)
                          : walk(config, NULL, trace, result);
    }
    if (err == NV_OK)
        err = nv_content_apply(&config->content, trace, result);
    if (err == NV_OK && trace->explained.len > 0)
        err = nv_redact_text(config, trace->arena, &trace->explained);
    return err == NV_OK ? nv_redacted_tell(result, trace) : err;
}

enum nv_err nv_redact_text(const struct nv_redaction_config *config, struct nv_arena *arena,
                           struct nv_str *text)
{
    struct nv_secret_counts counts;
    enum nv_err err = NV_OK;
    if (config->secrets) {
        nv_secrets_ready();
        err = nv_secrets_mask_text(arena, text, &counts);
    }
    if (err != NV_OK || !config->pii)
        return err;
    struct nv_pii_reader *reader = nv_pii_take(config->pii);
    err = reader ? nv_pii_text(reader, arena, text) : NV_ERR_NO_MEMORY;
    nv_pii_give(config->pii, reader);
    return err;
}

/* Without memory the buffer is emptied: what could not be looked at is not shown. */
void nv_redact_buf(const struct nv_redaction_config *config, struct nv_buf *buf)
{
    struct nv_arena *arena = nv_arena_new(NV_CAP_RECORD);
    struct nv_str text = nv_buf_str(buf);
    enum nv_err err = arena ? nv_redact_text(config, arena, &text) : NV_ERR_NO_MEMORY;
    if (err != NV_OK) {
        buf->len = 0;
        buf->failed = err;
    } else if (text.ptr != buf->bytes) {
        buf->len = 0;
        (void)nv_buf_append_str(buf, text);
    }
    nv_arena_free(arena);
}
