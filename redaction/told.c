/*
 * What is told.
 *
 * Lines are few: a search through them at each mask costs no more than the text that was
 * masked. The list in the trace names rules and keys, so that a reader who misses a value finds
 * out why; it can't hold a secret, because keys are redacted like texts.
 */
#include "redaction/told.h"

#include "redaction/secrets/scan.h"

#include <stdatomic.h>

#include "base/banned.h"

#define LIST_KEY NV_STR("noveum.gateway.redacted")
#define KEY_SHOWN_MAX 128u

static _Atomic uint64_t counters[NV_REDACTION_RULE_COUNT];

static const char *const names[] = {
#define RULE_NAME(id, name, what) name,
    NV_SECRET_RULES(RULE_NAME) NV_OTHER_RULES(RULE_NAME)
#undef RULE_NAME
#define RULE_NAME(id, label, name, what) name,
        NV_PERSONAL_LABELS(RULE_NAME)
#undef RULE_NAME
};

const char *nv_redaction_rule_name(unsigned rule)
{
    return names[rule];
}

uint64_t nv_redaction_count(unsigned rule)
{
    return atomic_load_explicit(&counters[rule], memory_order_relaxed);
}

void nv_redacted_init(struct nv_redacted *redacted)
{
    redacted->uncounted = false;
    redacted->total = 0;
    redacted->line_count = 0;
    memset(redacted->by_rule, 0, sizeof redacted->by_rule);
}

/*
 * By rule, place and key, so that a thousand masks in one list are one line. Past
 * NV_REDACTED_LINES_MAX the sum still grows: numbers are never cut, only what is told of
 * them.
 */
void nv_redacted_note(struct nv_redacted *redacted, unsigned rule,
                      const struct nv_text_place *place, uint64_t count)
{
    redacted->total += count;
    redacted->by_rule[rule] += count;
    for (uint32_t i = 0; i < redacted->line_count; i++) {
        struct nv_redacted_line *line = &redacted->lines[i];
        if (line->rule == rule && line->place == place->name &&
            nv_str_eq(line->key, place->key)) {
            line->count += count;
            return;
        }
    }
    if (redacted->line_count < NV_REDACTED_LINES_MAX) {
        redacted->lines[redacted->line_count++] =
            (struct nv_redacted_line){rule, place->name, place->key, count};
    }
}

/* Two lines that differ only in their place say the same there. */
static bool is_told(const struct nv_redacted *redacted, uint32_t number)
{
    const struct nv_redacted_line *line = &redacted->lines[number];
    for (uint32_t i = 0; i < number; i++) {
        const struct nv_redacted_line *other = &redacted->lines[i];
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
    struct nv_secret_counts counts;
    nv_secrets_ready();
    enum nv_err err = nv_secrets_mask_text(arena, &key, &counts);
    if (err != NV_OK)
        return err;
    key = nv_str_slice(key, 0, KEY_SHOWN_MAX);
    struct nv_str text = nv_arena_printf(arena, "%s %.*s", names[line->rule], NV_STR_ARG(key));
    *out = nv_value_string(text);
    return text.ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

/*
 * Counted here and not where it is found: a trace that is given up on the way was not sent,
 * and its masks are no masks of ours.
 */
enum nv_err nv_redacted_tell(const struct nv_redacted *redacted, struct nv_trace *trace)
{
    struct nv_value list = {.type = NV_VALUE_ARRAY};
    enum nv_err err = NV_OK;
    if (redacted->total == 0)
        return NV_OK;
    for (unsigned rule = 0; rule < NV_REDACTION_RULE_COUNT && !redacted->uncounted; rule++) {
        atomic_fetch_add_explicit(&counters[rule], redacted->by_rule[rule],
                                  memory_order_relaxed);
    }
    list.as.array.items =
        nv_arena_array(trace->arena, redacted->line_count, sizeof *list.as.array.items);
    if (!list.as.array.items)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < redacted->line_count && err == NV_OK; i++) {
        if (!is_told(redacted, i)) {
            err = tell_line(trace->arena, &redacted->lines[i],
                            &list.as.array.items[list.as.array.count++]);
        }
    }
    if (err != NV_OK)
        return err;
    return nv_attributes_set(&trace->attributes, trace->arena, LIST_KEY, list);
}
