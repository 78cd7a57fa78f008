/*
 * From a span's source attributes to candidates for fields: one look-up an attribute, or none
 * where the span's layout is remembered (layout.h).
 *
 *   attribute ─▶ nv_rules_find ─▶ seen[i] ──┬─▶ signs ─▶ kind
 *                                           └─▶ rows whose kind and conditions hold
 *                                                  └─▶ candidate in its field's list, by precedence
 *
 * Two passes, because conditions may ask for any attribute and the kind is decided from all of
 * them. Candidates are not transformed here: only those that are asked are (resolve.c).
 * Scratch memory is reused from span to span, so that a span costs no allocation but for what
 * it sends. Content from events and log records arrives as further source attributes, one step
 * of precedence behind the span's own.
 */
#include "mapping/engine/engine.h"

#include "base/meter.h"
#include "mapping/engine/content.h"
#include "mapping/engine/layout.h"
#include "model/absent.h"

#include <assert.h>

#include "base/banned.h"

/* Events of a span whose times rows may ask for, and the longest name of one. */
#define EVENT_TIMES_MAX 256
#define EVENT_KEY_MAX 128

/* ---- what is there ----------------------------------------------------------------------- */

/* Notes what a key that is there tells conditions, and where one may find its value. */
static void note_signs(struct nv_translation *t, const struct nv_rule_key *key, uint32_t at)
{
    struct nv_scratch *scratch = &t->scratch;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++) {
        uint64_t bits = key->signs.bits[word];
        scratch->signs.bits[word] |= bits;
        for (bits &= t->rules->valued.bits[word]; bits != 0; bits &= bits - 1)
            scratch->value_at[word * 64 + (unsigned)__builtin_ctzll(bits)] = at;
    }
}

/* Room for `count` entries, of which the first `kept` stay. */
static enum nv_err reserve_seen(struct nv_translation *t, uint32_t kept, uint32_t count)
{
    struct nv_scratch *scratch = &t->scratch;
    if (count <= scratch->seen_capacity)
        return NV_OK;
    uint32_t capacity = count + count / 2 + 32;
    struct nv_seen *larger = nv_arena_raw(t->arena, capacity * sizeof *larger);
    uint32_t *telling = nv_arena_raw(t->arena, capacity * sizeof *telling);
    if (!larger || !telling)
        return NV_ERR_NO_MEMORY;
    if (kept > 0) {
        memcpy(larger, scratch->seen, kept * sizeof *larger);
        memcpy(telling, scratch->telling, scratch->telling_count * sizeof *telling);
    }
    scratch->seen = larger;
    scratch->telling = telling;
    scratch->seen_capacity = capacity;
    return NV_OK;
}

/* Looks the source attributes from `first` on up, each once. `*tells`: may one of them decide
 * the kind, by its own rows or as a condition? */
static enum nv_err look_up(struct nv_translation *t, struct nv_span_work *work, uint32_t first,
                           bool *tells)
{
    struct nv_scratch *scratch = &t->scratch;
    struct nv_key_match found;
    bool any = false;
    enum nv_err err = reserve_seen(t, first, work->source.count);
    if (err != NV_OK)
        return err;
    nv_answers_forget(t);
    (void)nv_meter_spend(work->source.count - first);
    if (first == 0) {
        /* what the scope and resource say holds for each of its spans and is worked out once */
        scratch->signs = scratch->scope_signs;
        scratch->telling_count = 0;
    }
    struct nv_seen *const seen = scratch->seen;
    const struct nv_attribute *attribute = work->source.items;
    const uint32_t count = work->source.count, own = work->own_count;
    for (uint32_t i = first; i < count; i++) {
        nv_rules_find(t->rules, attribute[i].key, &found);
        seen[i] = (struct nv_seen){.key = found.key,
                                   .source_rest = found.source_rest,
                                   .absent = nv_value_absent(&attribute[i].value),
                                   .carried = i >= own};
        if (found.key == 0)
            continue;
        const struct nv_rule_key *key = &t->rules->keys[found.key - 1];
        any |= key->watched || key->kind_count > 0;
        if (seen[i].absent)
            continue;
        if (key->kind_count > 0)
            scratch->telling[scratch->telling_count++] = i;
        if (key->watched)
            note_signs(t, key, i);
    }
    /* only then the kind is decided once more, behind content of events */
    *tells = any;
    return NV_OK;
}

/* ---- trees ------------------------------------------------------------------------------- */

/* The tree of a rule's field and prefix on this span; made at its first key. */
static enum nv_err find_tree(struct nv_translation *t, const struct nv_rule *rule,
                             uint32_t attribute, uint16_t *number)
{
    struct nv_scratch *scratch = &t->scratch;
    struct nv_str prefix = nv_str_slice(t->rules->keys[rule->key].pattern, 0,
                                        t->rules->keys[rule->key].prefix_len);
    for (uint32_t i = 0; i < scratch->tree_count; i++) {
        const struct nv_rule *other = scratch->trees[i].rule;
        struct nv_str theirs = nv_str_slice(t->rules->keys[other->key].pattern, 0,
                                            t->rules->keys[other->key].prefix_len);
        if (other->field == rule->field && nv_str_eq(prefix, theirs)) {
            *number = (uint16_t)(i + 1);
            return NV_OK;
        }
    }
    if (scratch->tree_count == scratch->tree_capacity) {
        uint32_t capacity = scratch->tree_capacity ? scratch->tree_capacity * 2 : 8;
        struct nv_tree *larger = nv_arena_array(t->arena, capacity, sizeof *larger);
        if (!larger)
            return NV_ERR_NO_MEMORY;
        if (scratch->tree_count > 0)
            memcpy(larger, scratch->trees, scratch->tree_count * sizeof *larger);
        scratch->trees = larger;
        scratch->tree_capacity = capacity;
    }
    struct nv_tree *tree = &scratch->trees[scratch->tree_count++];
    *tree = (struct nv_tree){.rule = rule};
    nv_unflatten_init(&tree->builder, t->arena);
    *number = (uint16_t)scratch->tree_count;
    struct nv_candidate *candidate;
    enum nv_err err =
        nv_candidate_add(t, rule, scratch->seen[attribute].carried, NULL, &candidate);
    if (err == NV_OK) {
        candidate->attribute = attribute;
        candidate->tree = *number;
    }
    return err;
}

/* Adds an attribute to its rule's tree. Beyond the caps it stays as it is. */
static enum nv_err add_to_tree(struct nv_translation *t, const struct nv_span_work *work,
                               const struct nv_rule *rule, uint32_t attribute)
{
    struct nv_key_match match;
    uint16_t number;
    enum nv_err err = find_tree(t, rule, attribute, &number);
    if (err != NV_OK)
        return err;
    const struct nv_attribute *source = &work->source.items[attribute];
    nv_rules_find(t->rules, source->key, &match);
    size_t prefix = t->rules->keys[rule->key].prefix_len;
    struct nv_str path = nv_str_slice(match.folded, prefix + 1, match.folded.len);
    /* The builder keeps the path: a folded one is only on this stack. */
    if (match.folded.ptr == match.space) {
        path = nv_arena_dup(t->arena, path);
        if (!path.ptr && path.len > 0)
            return NV_ERR_NO_MEMORY;
    }
    err = nv_unflatten_add(&t->scratch.trees[number - 1].builder, path, match.numbers,
                           match.number_count, &source->value);
    if (err == NV_ERR_LIMIT || err == NV_ERR_MALFORMED)
        t->scratch.seen[attribute].state = NV_SEEN_KEPT;
    return err == NV_ERR_NO_MEMORY ? err : NV_OK;
}

/* ---- rows -------------------------------------------------------------------------------- */

static enum nv_err apply_rule(struct nv_translation *t, const struct nv_span_work *work,
                              const struct nv_rule *rule, uint32_t attribute)
{
    struct nv_seen *seen = &t->scratch.seen[attribute];
    const struct nv_attribute *source = &work->source.items[attribute];
    /* dropped stays dropped, whichever row comes later */
    if (rule->flags & (NV_RULE_DROP | NV_RULE_KEEP)) {
        const bool drops = (rule->flags & NV_RULE_DROP) || seen->state == NV_SEEN_DROPPED;
        seen->state = drops ? NV_SEEN_DROPPED : NV_SEEN_KEPT;
        return NV_OK;
    }
    if (rule->field == NV_FIELD_NONE)
        return NV_OK;
    if (rule->flags & NV_RULE_TREE) {
        t->scratch.in_tree = true;
        return source->value.type == NV_VALUE_NULL ? NV_OK
                                                   : add_to_tree(t, work, rule, attribute);
    }
    struct nv_candidate *candidate;
    enum nv_err err = nv_candidate_add(t, rule, seen->carried, &source->value, &candidate);
    if (err != NV_OK)
        return err;
    candidate->attribute = attribute;
    if (rule->flags & NV_RULE_WILD)
        candidate->rest = nv_str_slice(source->key, seen->source_rest, source->key.len);
    return NV_OK;
}

/* Rows of a fact of the span that is no attribute. */
static enum nv_err apply_fact(struct nv_translation *t, const struct nv_span_work *work,
                              enum nv_fact_key of)
{
    const struct nv_fact_rows *rows = &t->mapping->fact_rows[of][work->kind];
    if (rows->count == 0)
        return NV_OK;
    const struct nv_rule_key *key = &t->rules->keys[t->mapping->fact_keys[of]];
    struct nv_value *value = NULL;
    struct nv_value fact = nv_value_string(nv_fact_text(work, of));
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct nv_rule *rule = &t->rules->rules[key->first_rule + rows->at[i]];
        if (!nv_rule_holds(t, work, rule, &fact))
            continue;
        if (!value) {
            value = nv_arena_alloc(t->arena, sizeof *value);
            if (!value)
                return NV_ERR_NO_MEMORY;
            *value = fact;
        }
        struct nv_candidate *candidate;
        enum nv_err err = nv_candidate_add(t, rule, 0, value, &candidate);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

static enum nv_err apply_rows(struct nv_translation *t, const struct nv_span_work *work,
                              uint64_t *looked_at)
{
    const uint32_t bit = NV_KIND_BIT(work->kind), count = work->source.count;
    const struct nv_seen *const seen = t->scratch.seen;
    uint64_t rows = 0;
    for (uint32_t at = 0; at < count; at++) {
        if (seen[at].key == 0)
            continue;
        const struct nv_rule_key *key = &t->rules->keys[seen[at].key - 1];
        const struct nv_rule *rule = &t->rules->rules[key->first_rule];
        const struct nv_rule *const end = rule + key->rule_count;
        rows += key->rule_count;
        for (rule += key->kind_count; rule < end; rule++) {
            if (!(rule->gives & bit) ||
                !nv_rule_holds(t, work, rule, &work->source.items[at].value))
                continue;
            enum nv_err err = apply_rule(t, work, rule, at);
            if (err != NV_OK)
                return err;
        }
    }
    *looked_at = rows;
    enum nv_err err = nv_meter_spend(rows) ? NV_OK : NV_ERR_LIMIT;
    for (unsigned fact = 0; err == NV_OK && fact < NV_FACT_KEYS; fact++)
        err = apply_fact(t, work, (enum nv_fact_key)fact);
    return err;
}

/* ---- content of events and log records --------------------------------------------------- */

/* Tables may ask when an event of a name first happened: `@event:NAME`, in ms after the
 * start. */
static enum nv_err add_event_times(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_key_match match;
    uint32_t first = work->source.count;
    for (uint32_t i = 0; i < work->span->event_count && i < EVENT_TIMES_MAX; i++) {
        const struct nv_event *event = &work->span->events[i];
        char space[EVENT_KEY_MAX] = "@event:";
        size_t prefix = sizeof "@event:" - 1;
        /* no row has a longer name, and an event before its span has a clock of its own */
        if (event->name.len > sizeof space - prefix || event->time_ns < work->span->start_ns)
            continue;
        memcpy(space + prefix, event->name.ptr, event->name.len);
        struct nv_str key = {space, prefix + event->name.len};
        nv_rules_find(t->rules, key, &match);
        if (match.key == 0)
            continue;
        struct nv_attributes added = {work->source.items + first, work->source.count - first,
                                      0};
        if (nv_attributes_get(&added, key))
            continue;
        key = nv_arena_dup(t->arena, key);
        double ms = (double)(event->time_ns - work->span->start_ns) / 1e6;
        enum nv_err err =
            key.ptr ? nv_attributes_add(&work->source, t->arena, key, nv_value_double(ms))
                    : NV_ERR_NO_MEMORY;
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* Appends what events and log records carry to the source attributes. */
static enum nv_err add_carried(struct nv_translation *t, struct nv_span_work *work, bool tool)
{
    if (work->span->event_count == 0 && work->log_count == 0)
        return NV_OK;
    struct nv_content content;
    struct nv_content_source source = {.events = work->span->events,
                                       .event_count = work->span->event_count,
                                       .logs = work->logs,
                                       .log_count = work->log_count,
                                       .tool_span = tool};
    enum nv_err err = nv_content_collect(t->arena, &source, &content);
    for (uint32_t i = 0; err == NV_OK && i < content.count; i++) {
        err = nv_attributes_add(&work->source, t->arena, content.items[i].key,
                                content.items[i].value);
    }
    return err != NV_OK ? err : add_event_times(t, work);
}

/* ---- a span ------------------------------------------------------------------------------ */

static void begin_span(struct nv_translation *t, struct nv_span_work *work)
{
    struct nv_scratch *scratch = &t->scratch;
    scratch->candidate_count = 0;
    scratch->tree_count = 0;
    scratch->in_tree = false;
    scratch->touched_count = scratch->deriving_count = scratch->later = 0;
    scratch->transform.start_ns = work->span->start_ns;
    scratch->failure = NULL;
    scratch->transform.answer = &work->answer;
    work->source = work->span->attributes;
    work->own_count = work->source.count;
    /* the list is the source's now; fields begin a new one */
    work->span->attributes = (struct nv_attributes){0};
    if (scratch->scope_origin != work->span->origin)
        nv_scope_enter(t, work->span->origin);
}

/* What the span's own keys tell, and its kind; *layout: as what it is remembered, or NULL. */
static enum nv_err look_at_own(struct nv_translation *t, struct nv_span_work *work,
                               const struct nv_layout **layout)
{
    bool due, tells;
    *layout = nv_layout_find(t, work, &due);
    if (*layout) {
        enum nv_err err = reserve_seen(t, 0, work->source.count);
        if (err == NV_OK)
            nv_layout_recall(t, work, *layout);
        return err;
    }
    enum nv_err err = look_up(t, work, 0, &tells);
    if (err != NV_OK)
        return err;
    nv_kind_decide(t, work);
    if (due)
        *layout = nv_layout_learn(t, work);
    return NV_OK;
}

/* What events and log records carry comes on top; *layout becomes NULL when there is any. */
static enum nv_err look_at_carried(struct nv_translation *t, struct nv_span_work *work,
                                   const struct nv_layout **layout)
{
    bool tells = false;
    enum nv_err err =
        add_carried(t, work, work->kind == NV_KIND_TOOL || work->kind == NV_KIND_MCP);
    if (err != NV_OK || work->source.count == work->own_count)
        return err;
    err = look_up(t, work, *layout ? 0 : work->own_count, &tells);
    *layout = NULL;
    if (err == NV_OK && tells)
        nv_kind_decide(t, work);
    return err;
}

/* The candidates of all fields, recalled or made by the rows. */
static enum nv_err find_candidates(struct nv_translation *t, const struct nv_span_work *work,
                                   const struct nv_layout *layout)
{
    bool done = false;
    uint64_t rows;
    enum nv_err err = layout ? nv_layout_apply(t, work, layout, &done) : NV_OK;
    if (err != NV_OK || done)
        return err;
    err = apply_rows(t, work, &rows);
    if (err == NV_OK && layout)
        nv_layout_learn_plan(t, work, rows);
    return err;
}

enum nv_err nv_apply_span(struct nv_translation *t, struct nv_span_work *work)
{
    const struct nv_layout *layout;
    begin_span(t, work);
    enum nv_err err = look_at_own(t, work, &layout);
    if (err == NV_OK && (work->span->event_count > 0 || work->log_count > 0))
        err = look_at_carried(t, work, &layout);
    if (err != NV_OK)
        return err;
    t->kinds |= NV_KIND_BIT(work->kind);
    err = find_candidates(t, work, layout);
    return err != NV_OK ? err : nv_resolve_span(t, work);
}

enum nv_err nv_apply_resource(struct nv_translation *t, const struct nv_origin *origin)
{
    struct nv_transform transform = {.arena = t->arena};
    for (uint32_t i = 0; i < origin->resource.count; i++) {
        const struct nv_attribute *attribute = &origin->resource.items[i];
        const uint16_t found = nv_layout_key_of(t->layouts, t->rules, attribute->key);
        if (found == 0)
            continue;
        const struct nv_rule_key *key = &t->rules->keys[found - 1];
        const struct nv_rule *rule = &t->rules->rules[key->first_rule];
        for (unsigned r = 0; r < key->rule_count; r++) {
            struct nv_transformed result;
            if (!(rule[r].where & NV_WHERE_RESOURCE) || rule[r].test_count > 0)
                continue;
            enum nv_err err = nv_transform_run(&transform, &t->rules->steps[rule[r].first_step],
                                               rule[r].step_count, &attribute->value, &result);
            if (err != NV_OK)
                return err;
            if (!result.absent && result.value.type == NV_VALUE_STRING) {
                nv_identity_tell(&t->identity, rule[r].field, result.value.as.string,
                                 rule[r].precedence);
            }
        }
    }
    return NV_OK;
}
