/*
 * What a layout remembers: taken from the scratch when it is learnt, put there when it comes
 * again.
 *
 *   look-ups ─▶ seen, signs, telling ──learn──▶ layout ──recall──▶ signs, kind
 *   rows ─▶ candidates, lists, seen ──learn──▶ plan ──recall──▶ the same for other values
 *
 * A sign is a question about keys and scope, so whether a row's signs hold is the layout's to
 * say, once. What is left are rows with conditions on values, names, events and the span's
 * kind: they are kept in a list and asked again for each span, for a kind one after the other
 * in the order of their ranks, up to the first that holds. Their answers are the last part of
 * what a plan is found by, and with it everything that apply.c looks at has been compared.
 */
#include "mapping/engine/layout_table.h"

#include "base/meter.h"
#include "mapping/engine/engine.h"

#include "base/banned.h"

/* ---- rows that are left ------------------------------------------------------------------ */

/* Do the signs of the span at hand allow a row? */
static bool signs_allow(const struct nv_signs *signs, const struct nv_rule *rule)
{
    uint64_t wrong = 0;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++) {
        wrong |= (rule->filter.need.bits[word] & ~signs->bits[word]) |
                 (rule->filter.lack.bits[word] & signs->bits[word]);
    }
    return rule->test_count == 0 || wrong == 0;
}

/* Rows as they are gathered, up to what a layout may have. */
struct gathering {
    struct nv_layout_row rows[NV_LAYOUT_ROWS];
    uint32_t count;
    bool full; /* there are more */
};

static void gather(struct gathering *gathering, const struct nv_rule *rule, unsigned at)
{
    if (gathering->count == NV_LAYOUT_ROWS)
        gathering->full = true;
    else
        gathering->rows[gathering->count++] = (struct nv_layout_row){rule, (uint16_t)at};
}

static bool asks(const struct nv_rule *rule)
{
    return rule->test_count > rule->sign_tests;
}

/* Where the text is that a condition asks for; NV_LAYOUT_NONE: it asks for no text of the
 * span's name or attributes. */
#define NV_LAYOUT_NONE UINT16_MAX
#define NV_LAYOUT_NAME ((uint16_t)(NV_LAYOUT_FACT + NV_FACT_NAME))

static uint16_t text_of(const struct nv_translation *t, const struct nv_layout_row *row,
                        const struct nv_test *test)
{
    const struct nv_signs *signs = &t->scratch.signs;
    switch (test->what) {
    case NV_TEST_VALUE:
        return row->at <= NV_LAYOUT_NAME ? row->at : NV_LAYOUT_NONE;
    case NV_TEST_NAME:
        return NV_LAYOUT_NAME;
    case NV_TEST_ATTRIBUTE:
        return signs->bits[test->sign / 64] >> test->sign % 64 & 1
                   ? (uint16_t)t->scratch.value_at[test->sign]
                   : NV_LAYOUT_NONE;
    default:
        return NV_LAYOUT_NONE;
    }
}

/* The one text that all conditions of a row ask for, or NV_LAYOUT_NONE. */
static uint16_t source_of(const struct nv_translation *t, const struct nv_layout_row *row)
{
    const struct nv_test *test = &t->rules->tests[row->rule->first_test];
    const unsigned first = row->rule->sign_tests;
    const uint16_t at = text_of(t, row, &test[first]);
    for (unsigned i = first + 1; i < row->rule->test_count; i++) {
        if (text_of(t, row, &test[i]) != at)
            return NV_LAYOUT_NONE;
    }
    return at;
}

/* Texts that rows of a list ask for; rows that ask for more are asked one by one. */
#define SOURCES 16u

/* Sorts the rows by what they ask for. */
static void sort_out(const struct nv_translation *t, struct nv_layout_asking *asking)
{
    for (uint32_t i = 0; i < asking->row_count; i++) {
        const uint64_t bit = UINT64_C(1) << i;
        if (!asks(asking->rows[i].rule)) {
            asking->settled |= bit;
            continue;
        }
        const uint16_t at = source_of(t, &asking->rows[i]);
        uint32_t source = 0;
        while (source < asking->source_count && asking->sources[source].at != at)
            source++;
        if (at == NV_LAYOUT_NONE || source == SOURCES) {
            asking->others |= bit;
            continue;
        }
        asking->source_count += source == asking->source_count;
        asking->sources[source].at = at;
        asking->sources[source].rows |= bit;
    }
}

/* Keeps the rows that were gathered; false: without memory, the table is empty now. */
static bool keep(struct nv_translation *t, const struct gathering *gathering,
                 struct nv_layout_asking *out)
{
    const uint32_t count = gathering->count;
    struct nv_layout_row *rows = nv_layout_table_alloc(t->layouts, count, sizeof *rows);
    struct nv_layout_source few[SOURCES] = {0};
    if (!rows)
        return false;
    if (count > 0)
        memcpy(rows, gathering->rows, count * sizeof *rows);
    *out = (struct nv_layout_asking){.rows = rows, .sources = few, .row_count = count};
    sort_out(t, out);
    struct nv_layout_source *sources =
        nv_layout_table_alloc(t->layouts, out->source_count, sizeof *sources);
    if (!sources)
        return false;
    if (out->source_count > 0)
        memcpy(sources, few, out->source_count * sizeof *sources);
    out->sources = sources;
    return true;
}

/* ---- rows are asked ---------------------------------------------------------------------- */

static bool row_holds(const struct nv_translation *t, const struct nv_span_work *work,
                      const struct nv_layout_row *row)
{
    if (row->at < NV_LAYOUT_FACT)
        return nv_rule_tests_hold(t, work, row->rule, &work->source.items[row->at].value);
    const struct nv_value fact =
        nv_value_string(nv_fact_text(work, (enum nv_fact_key)(row->at - NV_LAYOUT_FACT)));
    return nv_rule_tests_hold(t, work, row->rule, &fact);
}

/* The answers of the rows of a text that is not known. */
static __attribute__((noinline)) uint64_t ask_source(const struct nv_translation *t,
                                                     const struct nv_span_work *work,
                                                     const struct nv_layout_asking *asking,
                                                     struct nv_layout_source *source,
                                                     const struct nv_known_text *form)
{
    uint64_t holds = 0;
    for (uint64_t rows = source->rows; rows != 0; rows &= rows - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rows);
        holds |= (uint64_t)row_holds(t, work, &asking->rows[i]) << i;
    }
    if (form->len != 0) {
        source->known[source->next++ % NV_LAYOUT_ANSWERS] =
            (struct nv_layout_answer){*form, holds};
    }
    return holds;
}

/* What the rows answer that ask for texts, with those that hold anyway. */
static inline uint64_t ask_sources(const struct nv_translation *t,
                                   const struct nv_span_work *work,
                                   const struct nv_layout_asking *asking)
{
    uint64_t holds = asking->settled;
    for (uint32_t i = 0; i < asking->source_count; i++) {
        struct nv_layout_source *source = &asking->sources[i];
        struct nv_known_text form = {0};
        unsigned known = 0;
        if (source->at == NV_LAYOUT_NAME)
            form = nv_known_form(work->span->source_name);
        else if (work->source.items[source->at].value.type == NV_VALUE_STRING)
            form = nv_known_form(work->source.items[source->at].value.as.string);
        while (known < NV_LAYOUT_ANSWERS && !nv_known_same(&source->known[known].text, &form))
            known++;
        /* a free place has the form of a text that has none */
        holds |= known < NV_LAYOUT_ANSWERS && form.len != 0
                     ? source->known[known].holds
                     : ask_source(t, work, asking, source, &form);
    }
    return holds;
}

/* All answers. */
static uint64_t ask_all(const struct nv_translation *t, const struct nv_span_work *work,
                        const struct nv_layout_asking *asking)
{
    uint64_t holds = ask_sources(t, work, asking);
    for (uint64_t rows = asking->others; rows != 0; rows &= rows - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rows);
        holds |= (uint64_t)row_holds(t, work, &asking->rows[i]) << i;
    }
    return holds;
}

/* The first row that holds, or NULL. */
static const struct nv_rule *ask_first(const struct nv_translation *t,
                                       const struct nv_span_work *work,
                                       const struct nv_layout_asking *asking)
{
    const uint64_t holds = ask_sources(t, work, asking);
    const uint64_t before = holds & (0 - holds); /* the lowest bit; 0: none */
    for (uint64_t rows = asking->others & (before - 1); rows != 0; rows &= rows - 1) {
        const struct nv_layout_row *row = &asking->rows[__builtin_ctzll(rows)];
        if (row_holds(t, work, row))
            return row->rule;
    }
    return holds != 0 ? asking->rows[__builtin_ctzll(holds)].rule : NULL;
}

/* ---- a layout is learnt ------------------------------------------------------------------ */

/* May the row decide the kind of the span at hand? */
static bool may_decide(const struct nv_translation *t, const struct nv_rule *rule)
{
    return (rule->where & NV_WHERE_SPAN) &&
           t->rules->steps[rule->first_step].kind != NV_KIND_NONE &&
           signs_allow(&t->scratch.signs, rule);
}

/* The rows that may decide the kind, by rank, those of one rank in the order of asking; none
 * behind the first that needs no asking. */
static void gather_deciding(struct nv_translation *t, struct gathering *out)
{
    const uint16_t *row = t->scratch.kind_rows;
    nv_scope_kind_rows(t);
    for (uint32_t i = 0; i < t->scratch.telling_count; i++) {
        const uint32_t at = t->scratch.telling[i];
        const struct nv_rule_key *key = &t->rules->keys[t->scratch.seen[at].key - 1];
        for (unsigned r = 0; r < key->kind_count; r++) {
            const struct nv_rule *rule = &t->rules->rules[key->first_rule + r];
            if (may_decide(t, rule))
                gather(out, rule, at);
        }
    }
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++) {
        for (unsigned i = 0; i < t->scratch.kind_row_counts[fact]; i++, row++) {
            if (may_decide(t, &t->rules->rules[*row]))
                gather(out, &t->rules->rules[*row], NV_LAYOUT_FACT + fact);
        }
    }
    for (uint32_t i = 1; i < out->count; i++) {
        const struct nv_layout_row moved = out->rows[i];
        uint32_t to = i;
        for (; to > 0 && out->rows[to - 1].rule->precedence > moved.rule->precedence; to--)
            out->rows[to] = out->rows[to - 1];
        out->rows[to] = moved;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (!asks(out->rows[i].rule))
            out->count = i + 1;
    }
}

static bool learn_keys(struct nv_translation *t, const struct nv_span_work *work,
                       struct nv_layout *layout)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < layout->count; i++)
        bytes += work->source.items[i].key.len;
    struct nv_str *keys = nv_layout_table_alloc(t->layouts, layout->count, sizeof *keys);
    struct nv_seen *seen =
        keys ? nv_layout_table_alloc(t->layouts, layout->count, sizeof *seen) : NULL;
    char *text = seen ? nv_layout_table_alloc(t->layouts, bytes, 1) : NULL;
    if (!text)
        return false;
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct nv_str key = work->source.items[i].key;
        if (key.len > 0)
            memcpy(text, key.ptr, key.len);
        keys[i] = (struct nv_str){text, key.len};
        text += key.len;
        seen[i] = t->scratch.seen[i];
        seen[i].name = nv_rest_name_bits(t, work, i);
    }
    layout->keys = keys;
    layout->seen = seen;
    return true;
}

static bool learn_values(struct nv_translation *t, struct nv_layout *layout)
{
    uint32_t count = 0;
    struct nv_signs valued;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++) {
        valued.bits[word] = layout->signs.bits[word] & t->rules->valued.bits[word];
        count += (uint32_t)__builtin_popcountll(valued.bits[word]);
    }
    struct nv_layout_value *values = nv_layout_table_alloc(t->layouts, count, sizeof *values);
    if (!values)
        return false;
    for (unsigned sign = 0; sign < NV_SIGNS_MAX; sign++) {
        if (valued.bits[sign / 64] >> sign % 64 & 1) {
            values[layout->value_count++] =
                (struct nv_layout_value){(uint16_t)sign, (uint16_t)t->scratch.value_at[sign]};
        }
    }
    layout->values = values;
    return true;
}

const struct nv_layout *nv_layout_learn(struct nv_translation *t,
                                        const struct nv_span_work *work)
{
    struct nv_layout_table *table = t->layouts;
    struct gathering deciding;
    deciding.count = 0;
    deciding.full = false;
    gather_deciding(t, &deciding);
    struct nv_layout *layout =
        deciding.full ? NULL : nv_layout_table_alloc(table, 1, sizeof *layout);
    if (!layout)
        return NULL;
    *layout = (struct nv_layout){.hash = table->hash,
                                 .absent = table->absent,
                                 .scope = t->scratch.scope_signs,
                                 .signs = t->scratch.signs,
                                 .count = work->source.count};
    if (!learn_keys(t, work, layout) || !learn_values(t, layout) ||
        !keep(t, &deciding, &layout->deciding))
        return NULL;
    struct nv_layout **bucket = &table->buckets[layout->hash % NV_LAYOUT_BUCKETS];
    layout->next = *bucket;
    *bucket = layout;
    table->last = layout;
    return layout;
}

/* ---- a layout is recalled ---------------------------------------------------------------- */

void nv_layout_recall(struct nv_translation *t, struct nv_span_work *work,
                      const struct nv_layout *layout)
{
    struct nv_scratch *scratch = &t->scratch;
    nv_answers_forget(t);
    scratch->signs = layout->signs;
    for (uint32_t i = 0; i < layout->value_count; i++)
        scratch->value_at[layout->values[i].sign] = layout->values[i].at;
    const struct nv_rule *rule = ask_first(t, work, &layout->deciding);
    work->kind = rule ? (enum nv_kind)t->rules->steps[rule->first_step].kind : NV_KIND_NONE;
    work->kind_rank = rule ? rule->precedence : UINT16_MAX;
}

/* ---- plans ------------------------------------------------------------------------------- */

/* The rows of a kind that ask for more than signs. */
static void gather_asking(const struct nv_translation *t, const struct nv_layout *layout,
                          enum nv_kind kind, struct gathering *out)
{
    const struct nv_rules *rules = t->rules;
    for (uint32_t at = 0; at < layout->count; at++) {
        if (layout->seen[at].key == 0)
            continue;
        const struct nv_rule_key *key = &rules->keys[layout->seen[at].key - 1];
        for (unsigned r = key->kind_count; r < key->rule_count; r++) {
            const struct nv_rule *rule = &rules->rules[key->first_rule + r];
            if ((rule->gives & NV_KIND_BIT(kind)) && asks(rule) &&
                signs_allow(&layout->signs, rule))
                gather(out, rule, at);
        }
    }
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++) {
        const struct nv_fact_rows *rows = &t->mapping->fact_rows[fact][kind];
        for (uint32_t i = 0; i < rows->count; i++) {
            const struct nv_rule_key *key = &rules->keys[t->mapping->fact_keys[fact]];
            const struct nv_rule *rule = &rules->rules[key->first_rule + rows->at[i]];
            if (asks(rule) && signs_allow(&layout->signs, rule))
                gather(out, rule, NV_LAYOUT_FACT + fact);
        }
    }
}

/* What the layout is for a kind, learnt when it is first asked for. */
static struct nv_layout_kind *kind_of(struct nv_translation *t, const struct nv_layout *layout,
                                      enum nv_kind kind)
{
    struct gathering asking;
    for (struct nv_layout_kind *known = layout->kinds; known; known = known->next) {
        if (known->kind == kind)
            return known;
    }
    asking.count = 0;
    asking.full = false;
    gather_asking(t, layout, kind, &asking);
    struct nv_layout_kind *made = nv_layout_table_alloc(t->layouts, 1, sizeof *made);
    if (!made || !keep(t, &asking, &made->asking))
        return NULL;
    made->next = layout->kinds;
    made->kind = kind;
    made->closed = asking.full;
    /* the table is this thread's, and gave the layout out to be read only */
    ((struct nv_layout *)(uintptr_t)layout)->kinds = made;
    return made;
}

/* Values of the facts that candidates stand for, in the trace's arena. */
static enum nv_err make_facts(struct nv_translation *t, const struct nv_span_work *work,
                              const struct nv_value **out)
{
    struct nv_value *facts = nv_arena_raw(t->arena, NV_FACT_KEYS * sizeof *facts);
    if (!facts)
        return NV_ERR_NO_MEMORY;
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++)
        facts[fact] = nv_value_string(nv_fact_text(work, (enum nv_fact_key)fact));
    *out = facts;
    return NV_OK;
}

static void recall_lists(struct nv_scratch *scratch, const struct nv_plan *plan)
{
    const struct nv_plan_field *field = plan->fields;
    const struct nv_plan_field *const end = field + plan->deriving_count + plan->touched_count;
    uint16_t *names = scratch->deriving;
    scratch->deriving_count = plan->deriving_count;
    scratch->touched_count = plan->touched_count;
    for (; field < end; field++) {
        if (field == plan->fields + plan->deriving_count)
            names = scratch->touched;
        *names++ = field->field;
        scratch->heads[field->field] = field->head;
        scratch->ends[field->field] = (struct nv_list_end){field->tail, field->unsorted};
    }
}

static enum nv_err recall_plan(struct nv_translation *t, const struct nv_span_work *work,
                               const struct nv_plan *plan)
{
    struct nv_scratch *scratch = &t->scratch;
    const struct nv_value *facts = NULL;
    enum nv_err err = plan->facts ? make_facts(t, work, &facts) : NV_OK;
    while (err == NV_OK && scratch->candidate_capacity < plan->candidate_count)
        err = nv_candidates_grow(t);
    if (err != NV_OK)
        return err;
    const struct nv_attribute *const items = work->source.items;
    const struct nv_candidate *from = plan->candidates;
    struct nv_candidate *to = scratch->candidates;
    for (uint32_t i = 0; i < plan->candidate_count; i++, from++, to++) {
        *to = *from;
        to->rest.len = 0;
        if (from->attribute == NV_NO_ATTRIBUTE) {
            to->value = &facts[from->rest.len];
            continue;
        }
        const struct nv_attribute *item = &items[from->attribute];
        to->value = &item->value;
        if (from->rest.len != 0) {
            to->rest =
                nv_str_slice(item->key, plan->seen[from->attribute].source_rest, item->key.len);
        }
    }
    scratch->candidate_count = plan->candidate_count;
    recall_lists(scratch, plan);
    return nv_meter_spend(plan->rows) ? NV_OK : NV_ERR_LIMIT;
}

enum nv_err nv_layout_apply(struct nv_translation *t, const struct nv_span_work *work,
                            const struct nv_layout *layout, bool *done)
{
    const size_t seen_bytes = layout->count * sizeof *layout->seen;
    const struct nv_seen *seen = layout->seen;
    const struct nv_plan *plan = NULL;
    *done = false;
    if (seen_bytes > 0)
        memcpy(t->scratch.seen, seen, seen_bytes);
    struct nv_layout_kind *kind = kind_of(t, layout, work->kind);
    t->layouts->kind = NULL;
    if (!kind || kind->closed)
        return NV_OK;
    t->layouts->kind = kind;
    const uint64_t answers = ask_all(t, work, &kind->asking);
    t->layouts->answers = answers;
    for (plan = kind->plans; plan && plan->answers != answers;)
        plan = plan->next;
    if (!plan)
        return NV_OK;
    *done = true;
    if (seen_bytes > 0)
        memcpy(t->scratch.seen, plan->seen, seen_bytes);
    return recall_plan(t, work, plan);
}

/* Which fact a candidate's row belongs to. */
static unsigned fact_of(const struct nv_mapping *mapping, const struct nv_rule *rule)
{
    unsigned fact = 0;
    while (fact < NV_FACT_KEYS && mapping->fact_keys[fact] != rule->key)
        fact++;
    return fact;
}

static bool learn_candidates(struct nv_translation *t, struct nv_plan *plan)
{
    const uint32_t count = plan->candidate_count;
    struct nv_candidate *kept = nv_layout_table_alloc(t->layouts, count, sizeof *kept);
    if (!kept)
        return false; /* and the plan went with all that was kept */
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_candidate *candidate = &t->scratch.candidates[i];
        const bool fact = candidate->attribute == NV_NO_ATTRIBUTE;
        kept[i] = *candidate;
        kept[i].value = NULL;
        kept[i].rest.ptr = NULL;
        kept[i].rest.len = fact ? fact_of(t->mapping, candidate->rule)
                                : (candidate->rule->flags & NV_RULE_WILD) != 0;
        plan->facts = plan->facts || fact;
    }
    plan->candidates = kept;
    return true;
}

static bool learn_lists(struct nv_translation *t, struct nv_plan *plan)
{
    const struct nv_scratch *scratch = &t->scratch;
    const uint32_t first = plan->deriving_count, count = first + plan->touched_count;
    struct nv_plan_field *fields = nv_layout_table_alloc(t->layouts, count, sizeof *fields);
    if (!fields)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t field = i < first ? scratch->deriving[i] : scratch->touched[i - first];
        const struct nv_list_end *end = &scratch->ends[field];
        fields[i] =
            (struct nv_plan_field){scratch->heads[field], end->tail, field, end->unsorted};
    }
    plan->fields = fields;
    return true;
}

void nv_layout_learn_plan(struct nv_translation *t, const struct nv_span_work *work,
                          uint64_t rows)
{
    const struct nv_scratch *scratch = &t->scratch;
    struct nv_layout_kind *kind = t->layouts->kind;
    if (!kind)
        return;
    /* what meets in a tree is made of the keys' numbers, which are not looked at here; one
     * without a value meets nothing, another span's of the same layout may */
    kind->closed = scratch->in_tree;
    if (kind->closed || kind->plan_count == NV_LAYOUT_PLANS_MAX)
        return;
    struct nv_plan *plan = nv_layout_table_alloc(t->layouts, 1, sizeof *plan);
    struct nv_seen *seen =
        plan ? nv_layout_table_alloc(t->layouts, work->source.count, sizeof *seen) : NULL;
    if (!seen)
        return;
    if (work->source.count > 0)
        memcpy(seen, scratch->seen, work->source.count * sizeof *seen);
    *plan = (struct nv_plan){.next = kind->plans,
                             .answers = t->layouts->answers,
                             .rows = rows,
                             .seen = seen,
                             .candidate_count = scratch->candidate_count,
                             .deriving_count = scratch->deriving_count,
                             .touched_count = scratch->touched_count};
    if (!learn_candidates(t, plan) || !learn_lists(t, plan))
        return;
    kind->plans = plan;
    kind->plan_count++;
}
