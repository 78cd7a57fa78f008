/*
 * JSON inside of text, and Python's repr of the same.
 *
 *   {"a": 1}            one level   ─▶ {"a": 1}
 *   "{\"a\": 1}"        two levels  ─▶ {"a": 1}
 *   [{"a": 1}, {"b      broken off  ─▶ [{"a": 1}], truncated
 *   {'a': None}         repr        ─▶ {"a": null}
 *   [see above]         prose       ─▶ itself
 *
 * Attribute values are JSON text more often than not, and sometimes JSON text of JSON text
 * (MLflow quotes everything, Langfuse some). Two levels are undone, no more: text that a user
 * wrote about JSON must stay text. Broken-off text (Gemini CLI cuts at 10,000 characters) is
 * read as far as it goes only when it clearly began as an object or as a list of objects, so
 * that prose in brackets is never eaten. Python's repr (LangSmith, LiteLLM, CrewAI write
 * str(dict)) is rewritten as JSON in one pass (python_repr.c); what is no repr stays text.
 */
#include "mapping/content/json_text.h"

#include "base/limits.h"
#include "mapping/content/python_repr.h"

#include "base/banned.h"

static struct nv_str trimmed_text(const struct nv_value *value)
{
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return NV_STR("");
    return nv_str_trim(value->as.string);
}

/* May `text` be JSON text that was cut? Only what starts as an object or a list of them. */
static bool may_be_cut(struct nv_str text)
{
    struct nv_str behind = nv_str_trim(nv_str_slice(text, 1, text.len));
    if (behind.len == 0)
        return false;
    return (text.ptr[0] == '{' && behind.ptr[0] == '"') ||
           (text.ptr[0] == '[' && behind.ptr[0] == '{');
}

static enum nv_err parse_repr(struct nv_arena *arena, struct nv_str text, struct nv_value *out)
{
    struct nv_str json;
    enum nv_err err = nv_python_repr_read(arena, text, NV_REPR_OBJECTS, &json);
    if (err != NV_OK)
        return err;
    return nv_value_from_json(arena, json, NULL, out);
}

static enum nv_err parse_once(struct nv_arena *arena, struct nv_str text, bool *truncated,
                              struct nv_value *out)
{
    bool cut = false;
    bool *may_cut = truncated != NULL && may_be_cut(text) ? &cut : NULL;
    enum nv_err err = nv_value_from_json(arena, text, may_cut, out);
    if (err == NV_OK && cut)
        *truncated = true;
    if (err == NV_OK || err == NV_ERR_NO_MEMORY || text.ptr[0] == '"')
        return err;
    return parse_repr(arena, text, out);
}

enum nv_err nv_json_text_parse(struct nv_arena *arena, const struct nv_value *in,
                               unsigned levels, bool *truncated, struct nv_value *out)
{
    *out = *in;
    for (unsigned level = 0; level < levels; level++) {
        struct nv_str text = trimmed_text(out);
        const bool opens = text.len > 1 && strchr("{[\"", text.ptr[0]) != NULL;
        if (!opens && !(text.len > 0 && out->type == NV_VALUE_JSON))
            return NV_OK;
        struct nv_value parsed;
        enum nv_err err = parse_once(arena, text, truncated, &parsed);
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err != NV_OK)
            return NV_OK;
        *out = parsed;
    }
    return NV_OK;
}

enum nv_err nv_json_text_fields(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_value *out)
{
    struct nv_str json;
    *out = *in;
    if (in->type != NV_VALUE_STRING)
        return NV_OK;
    enum nv_err err = nv_python_fields_read(arena, in->as.string, &json);
    if (err == NV_OK)
        err = nv_value_from_json(arena, json, NULL, out);
    return err == NV_ERR_NO_MEMORY ? err : NV_OK;
}

/* Through a buffer and then into the arena, because the length is known only at the end and an
 * arena can't give back what a doubling buffer leaves behind. */
enum nv_err nv_json_text_of(struct nv_arena *arena, const struct nv_value *in,
                            struct nv_str *out)
{
    if (in->type == NV_VALUE_STRING || in->type == NV_VALUE_JSON) {
        *out = in->as.string;
        return NV_OK;
    }
    struct nv_buf buf;
    nv_buf_init(&buf, NV_CAP_RECORD);
    struct nv_json_writer writer;
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, in);
    enum nv_err err = buf.failed;
    if (err == NV_OK) {
        *out = nv_arena_dup(arena, nv_buf_str(&buf));
        err = !out->ptr ? NV_ERR_NO_MEMORY : NV_OK;
    }
    nv_buf_release(&buf);
    return err == NV_OK ? NV_OK : NV_ERR_NO_MEMORY;
}
