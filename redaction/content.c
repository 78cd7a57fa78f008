/*
 * Which attributes are content, and what the policies say of them.
 *
 * Conventions name content in their own ways and all but agree on the last part of the key, so
 * a list of those covers Noveum's fields and what came unmapped beside them.
 */
#include "redaction/content.h"

#include "redaction/content_cut.h"

#include "base/banned.h"

#define METADATA NV_STR("metadata")

/* ---- what is content --------------------------------------------------------------------- */

static const struct nv_str last_parts[] = {
    NV_STR_INIT("answer"),         NV_STR_INIT("arguments"),  NV_STR_INIT("body"),
    NV_STR_INIT("choices"),        NV_STR_INIT("completion"), NV_STR_INIT("completions"),
    NV_STR_INIT("content"),        NV_STR_INIT("context"),    NV_STR_INIT("documents"),
    NV_STR_INIT("function_calls"), NV_STR_INIT("input"),      NV_STR_INIT("inputs"),
    NV_STR_INIT("instructions"),   NV_STR_INIT("message"),    NV_STR_INIT("messages"),
    NV_STR_INIT("output"),         NV_STR_INIT("outputs"),    NV_STR_INIT("prompt"),
    NV_STR_INIT("prompts"),        NV_STR_INIT("query"),      NV_STR_INIT("question"),
    NV_STR_INIT("reminders"),      NV_STR_INIT("request"),    NV_STR_INIT("response"),
    NV_STR_INIT("result"),         NV_STR_INIT("results"),    NV_STR_INIT("template"),
    NV_STR_INIT("text"),           NV_STR_INIT("tool_calls"), NV_STR_INIT("toolcalls"),
    NV_STR_INIT("transcript"),     NV_STR_INIT("value"),      NV_STR_INIT("variables")};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is `part` the last part of the key: behind no letter, or with a capital, as in spanInputs? */
static bool is_last_part(struct nv_str key, struct nv_str part)
{
    if (key.len < part.len)
        return false;
    size_t from = key.len - part.len;
    char first = key.ptr[from];
    bool begins = from == 0 || !is_letter(key.ptr[from - 1]) || (first >= 'A' && first <= 'Z');
    return begins && nv_str_ieq(nv_str_slice(key, from, part.len), part);
}

/* Exceptions' texts are none: they always stay. */
static bool is_content(struct nv_str key)
{
    if (nv_str_ends(key, NV_STR("exception.message")) ||
        nv_str_ends(key, NV_STR("error.message")))
        return false;
    for (size_t i = 0; i < sizeof last_parts / sizeof *last_parts; i++) {
        if (is_last_part(key, last_parts[i]))
            return true;
    }
    return false;
}

/* ---- policies ---------------------------------------------------------------------------- */

static bool names(const struct nv_content_rule *rule, struct nv_str key)
{
    struct nv_str glob = {rule->key, rule->key_len};
    if (nv_str_starts(glob, NV_STR("*")))
        return nv_str_ends(key, nv_str_slice(glob, 1, SIZE_MAX));
    if (nv_str_ends(glob, NV_STR("*")))
        return nv_str_starts(key, nv_str_slice(glob, 0, glob.len - 1));
    return nv_str_eq(key, glob);
}

/*
 * What counts for an attribute; NULL: nothing is said of it. The last one that names it wins,
 * so that a policy for all comes first and exceptions behind it.
 */
static const struct nv_content_rule *rule_of(const struct nv_content_policy *policy,
                                             struct nv_str key, bool metadata)
{
    const struct nv_content_rule *found = NULL;
    for (uint32_t i = 0; i < policy->count; i++) {
        const struct nv_content_rule *rule = &policy->rules[i];
        bool all = rule->key_len == 0;
        if (all ? metadata || is_content(key) : names(rule, metadata ? METADATA : key))
            found = rule;
    }
    return found;
}

static const char *read_policy(struct nv_str text, struct nv_content_rule *rule)
{
    uint64_t limit = NV_CONTENT_LIMIT_DEFAULT;
    if (nv_str_eq(text, NV_STR("full"))) {
        rule->mode = NV_CONTENT_FULL;
        return NULL;
    }
    if (nv_str_eq(text, NV_STR("off"))) {
        rule->mode = NV_CONTENT_OFF;
        return NULL;
    }
    rule->mode = NV_CONTENT_TRUNCATE;
    if (nv_str_starts(text, NV_STR("truncate:"))) {
        text = nv_str_slice(text, sizeof "truncate:" - 1, SIZE_MAX);
        if (nv_str_to_uint64(text, &limit) != NV_OK || limit == 0 || limit > UINT32_MAX)
            return "is cut to a number of characters from 1 on, as truncate:500";
    } else if (!nv_str_eq(text, NV_STR("truncate"))) {
        return "is none of full, truncate, truncate:N and off";
    }
    rule->limit = (uint32_t)limit;
    return NULL;
}

const char *nv_content_add(struct nv_content_policy *policy, struct nv_str item)
{
    struct nv_content_rule rule = {.key_len = 0};
    size_t equals = nv_str_find_char(item, '=');
    if (policy->count == NV_CONTENT_RULES_MAX)
        return "has more than 16 policies";
    if (equals != SIZE_MAX) {
        struct nv_str key = nv_str_trim(nv_str_slice(item, 0, equals));
        size_t star = nv_str_find_char(key, '*');
        if (key.len == 0 || key.len > sizeof rule.key)
            return "has a key of 1 to 64 characters before the =";
        if (star != SIZE_MAX && star != 0 && star != key.len - 1)
            return "has a * only at the begin or the end of a key";
        memcpy(rule.key, key.ptr, key.len);
        rule.key_len = (uint8_t)key.len;
        item = nv_str_slice(item, equals + 1, SIZE_MAX);
    }
    const char *wrong = read_policy(nv_str_trim(item), &rule);
    if (!wrong)
        policy->rules[policy->count++] = rule;
    return wrong;
}

/* ---- the trace --------------------------------------------------------------------------- */

struct pass {
    const struct nv_content_policy *policy;
    struct nv_arena *arena;
    struct nv_redacted *redacted;
};

/*
 * Numbers, booleans and null are never content: a length or a count says nothing of what was
 * said.
 */
static enum nv_err apply_to_list(const struct pass *pass, const char *place, bool metadata,
                                 struct nv_attributes *list)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < list->count && err == NV_OK; i++) {
        struct nv_attribute *item = &list->items[i];
        const struct nv_text_place at = {.name = place, .key = item->key};
        bool changed = false;
        if (item->value.type <= NV_VALUE_DOUBLE)
            continue;
        const struct nv_content_rule *rule = rule_of(pass->policy, item->key, metadata);
        if (rule && rule->mode == NV_CONTENT_TRUNCATE)
            err = nv_content_cut(pass->arena, &item->value, rule->limit, &changed);
        else if (rule && rule->mode == NV_CONTENT_OFF)
            err = nv_content_mark(pass->arena, &item->value, &changed);
        if (changed)
            nv_redacted_note(pass->redacted, NV_RULE_CONTENT, &at, 1);
    }
    return err;
}

static bool is_full(const struct nv_content_policy *policy)
{
    for (uint32_t i = 0; i < policy->count; i++) {
        if (policy->rules[i].mode != NV_CONTENT_FULL)
            return false;
    }
    return true;
}

static enum nv_err apply_to_span(const struct pass *pass, struct nv_span *span)
{
    enum nv_err err = apply_to_list(pass, "span.attributes", false, &span->attributes);
    for (uint32_t i = 0; i < span->event_count && err == NV_OK; i++)
        err = apply_to_list(pass, "event.attributes", false, &span->events[i].attributes);
    return err;
}

enum nv_err nv_content_apply(const struct nv_content_policy *policy, struct nv_trace *trace,
                             struct nv_redacted *redacted)
{
    const struct pass pass = {policy, trace->arena, redacted};
    if (is_full(policy))
        return NV_OK;
    enum nv_err err = apply_to_list(&pass, "trace.attributes", false, &trace->attributes);
    if (err == NV_OK)
        err = apply_to_list(&pass, "trace.custom_attributes", true, &trace->custom_attributes);
    for (uint32_t i = 0; i < trace->span_count && err == NV_OK; i++)
        err = apply_to_span(&pass, &trace->spans[i]);
    return err;
}
