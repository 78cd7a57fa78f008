/*
 * Conditions of rules, and the decision what kind a span is.
 *
 *   signs (bits) ─────────┐
 *   name, value, events ──┴─▶ a rule's filter and tests ─▶ holds?
 *
 * All facts were gathered before (apply.c): what keys and scope tell is bits, and a test is
 * a comparison with a glob. Kind rows are tried in the order of their ranks and the first that
 * holds decides; a row `kind` without a kind says "go on". Kinds that only the tree can tell
 * are set later (mapping/settle/usage.c).
 */
#include "mapping/engine/engine.h"
#include "mapping/engine/layout.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

/* Digits and sign of an int64, and more. */
#define NUMBER_TEXT 32

static struct nv_str span_kind_name(int32_t kind)
{
    static const struct nv_str names[] = {NV_STR_INIT("unspecified"), NV_STR_INIT("internal"),
                                          NV_STR_INIT("server"),      NV_STR_INIT("client"),
                                          NV_STR_INIT("producer"),    NV_STR_INIT("consumer")};
    return kind >= 0 && kind <= NV_SPAN_KIND_CONSUMER ? names[kind] : names[0];
}

/* Text of a value for globs, without allocating: numbers into `space`. */
static struct nv_str glob_text(const struct nv_value *value, char space[NUMBER_TEXT])
{
    if (value->type == NV_VALUE_STRING) {
        struct nv_str s = nv_str_trim(value->as.string);
        bool quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
        return quoted ? nv_str_slice(s, 1, s.len - 2) : s;
    }
    if (value->type == NV_VALUE_BOOL)
        return value->as.boolean ? NV_STR("true") : NV_STR("false");
    if (value->type != NV_VALUE_INT)
        return NV_STR("");
    uint64_t rest =
        value->as.integer < 0 ? 0 - (uint64_t)value->as.integer : (uint64_t)value->as.integer;
    size_t at = NUMBER_TEXT;
    do
        space[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value->as.integer < 0)
        space[--at] = '-';
    return (struct nv_str){space + at, NUMBER_TEXT - at};
}

static bool event_matches(const struct nv_span_work *work, struct nv_str globs)
{
    (void)nv_meter_spend(work->span->event_count + work->log_count);
    for (uint32_t i = 0; i < work->span->event_count; i++) {
        if (nv_glob_any(globs, work->span->events[i].name))
            return true;
    }
    for (uint32_t i = 0; i < work->log_count; i++) {
        if (nv_glob_any(globs, work->logs[i].event_name))
            return true;
    }
    return false;
}

static bool glob_holds(const struct nv_test *test, struct nv_str text)
{
    (void)nv_meter_spend_bytes(text.len);
    return nv_glob_any_of(&test->filter, test->globs, text);
}

/* ---- asked once a span ------------------------------------------------------------------- */

/* Texts up to this long are looked at again: that costs less than to remember the answer. */
#define SHORT_TEXT 64u
#define FEW_EVENTS 4u

void nv_answers_forget(struct nv_translation *t)
{
    if (!t->scratch.answers->any)
        return;
    t->scratch.answers->any = false;
    memset(t->scratch.answers->of, NV_UNASKED, t->rules->test_count);
}

/* Where the answer to a test is remembered; NULL without memory: then it is looked for
 * again. */
static uint8_t *answer_to(const struct nv_translation *t, const struct nv_test *test)
{
    struct nv_answers *answers = t->scratch.answers;
    if (!answers->of)
        answers->of = nv_arena_alloc(t->arena, t->rules->test_count);
    if (!answers->of)
        return NULL;
    answers->any = true;
    return &answers->of[test - t->rules->tests];
}

static bool remember(uint8_t *answer, bool yes)
{
    if (answer)
        *answer = yes ? NV_ANSWER_YES : NV_ANSWER_NO;
    return yes;
}

static bool text_matches(const struct nv_translation *t, const struct nv_test *test,
                         struct nv_str text)
{
    uint8_t *answer = text.len <= SHORT_TEXT ? NULL : answer_to(t, test);
    if (answer && *answer != NV_UNASKED)
        return *answer == NV_ANSWER_YES;
    return remember(answer, glob_holds(test, text));
}

static bool events_match(const struct nv_translation *t, const struct nv_span_work *work,
                         const struct nv_test *test)
{
    bool few = work->span->event_count + work->log_count <= FEW_EVENTS;
    uint8_t *answer = few ? NULL : answer_to(t, test);
    if (answer && *answer != NV_UNASKED)
        return *answer == NV_ANSWER_YES;
    return remember(answer, event_matches(work, test->globs));
}

static bool attribute_matches(const struct nv_translation *t, const struct nv_span_work *work,
                              const struct nv_test *test)
{
    char space[NUMBER_TEXT];
    if (!(t->scratch.signs.bits[test->sign / 64] >> test->sign % 64 & 1))
        return false;
    const struct nv_value *value = &work->source.items[t->scratch.value_at[test->sign]].value;
    return text_matches(t, test, glob_text(value, space));
}

static bool test_holds(const struct nv_translation *t, const struct nv_span_work *work,
                       const struct nv_test *test, const struct nv_value *value)
{
    char space[NUMBER_TEXT];
    switch (test->what) {
    case NV_TEST_VALUE:
        return glob_holds(test, glob_text(value, space));
    case NV_TEST_NAME:
        return text_matches(t, test, work->span->source_name);
    case NV_TEST_SPAN_KIND:
        return nv_glob_any_of(&test->filter, test->globs, span_kind_name(work->span->kind));
    case NV_TEST_ATTRIBUTE:
        return attribute_matches(t, work, test);
    case NV_TEST_EVENT:
        return events_match(t, work, test);
    default:
        assert(false && "unknown test");
        return false;
    }
}

bool nv_rule_tests_hold(const struct nv_translation *t, const struct nv_span_work *work,
                        const struct nv_rule *rule, const struct nv_value *value)
{
    const struct nv_test *test = &t->rules->tests[rule->first_test];
    for (unsigned i = rule->sign_tests; i < rule->test_count; i++) {
        if (test_holds(t, work, &test[i], value) == test[i].negate)
            return false;
    }
    return true;
}

/* The rank and kind decided so far. */
struct decision {
    uint16_t rank;
    uint8_t kind;
};

/* What may decide: a key's kind rows all hold or fall by the same value. */
struct asked {
    const struct nv_value *value;
    struct nv_glob_filter bits; /* of its text */
};

static struct asked ask(const struct nv_value *value)
{
    char space[NUMBER_TEXT];
    return (struct asked){value, nv_glob_bits(glob_text(value, space))};
}

static inline void try_row(const struct nv_translation *t, const struct nv_span_work *work,
                           const struct nv_rule *rule, const struct asked *asked,
                           struct decision *decision)
{
    if (!nv_glob_may(&rule->filter.value, asked->bits) ||
        !nv_rule_holds(t, work, rule, asked->value))
        return;
    uint8_t kind = t->rules->steps[rule->first_step].kind;
    if ((rule->where & NV_WHERE_SPAN) && kind != NV_KIND_NONE)
        *decision = (struct decision){rule->precedence, kind};
}

/* Tries the kind rows of an attribute's key, which stand in the order of their ranks. */
static void decide_by_key(const struct nv_translation *t, const struct nv_span_work *work,
                          const struct nv_rule_key *key, const struct nv_value *value,
                          struct decision *decision)
{
    const struct nv_rule *rule = &t->rules->rules[key->first_rule];
    const struct asked asked = ask(value);
    for (unsigned i = 0; i < key->kind_count && rule[i].precedence < decision->rank; i++)
        try_row(t, work, &rule[i], &asked, decision);
}

/* Tries the kind rows of the span's facts that its scope has left. */
static void decide_by_facts(struct nv_translation *t, const struct nv_span_work *work,
                            struct decision *decision)
{
    const uint16_t *row = t->scratch.kind_rows;
    nv_scope_kind_rows(t);
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++) {
        const struct nv_value value =
            nv_value_string(nv_fact_text(work, (enum nv_fact_key)fact));
        const struct asked asked = ask(&value);
        const unsigned count = t->scratch.kind_row_counts[fact];
        for (unsigned i = 0; i < count; i++) {
            const struct nv_rule *rule = &t->rules->rules[row[i]];
            if (rule->precedence >= decision->rank)
                break;
            try_row(t, work, rule, &asked, decision);
        }
        row += count;
    }
}

void nv_kind_decide(struct nv_translation *t, struct nv_span_work *work)
{
    struct decision decision = {UINT16_MAX, NV_KIND_NONE};
    for (uint32_t i = 0; i < t->scratch.telling_count; i++) {
        const uint32_t at = t->scratch.telling[i];
        decide_by_key(t, work, &t->rules->keys[t->scratch.seen[at].key - 1],
                      &work->source.items[at].value, &decision);
    }
    decide_by_facts(t, work, &decision);
    work->kind = (enum nv_kind)decision.kind;
    work->kind_rank = decision.rank;
}

/* ---- what a scope tells ------------------------------------------------------------------ */

struct nv_str nv_fact_text(const struct nv_span_work *work, enum nv_fact_key fact)
{
    switch (fact) {
    case NV_FACT_NAME:
        return work->span->source_name;
    case NV_FACT_SCOPE:
        return work->span->origin->scope_name;
    case NV_FACT_ANY:
    case NV_FACT_KEYS:
        break;
    }
    return NV_STR("");
}

/* What a scope decides of the rules that ask about scopes: signs that must not be needed, and
 * those that must not be lacked. */
struct scope_verdict {
    struct nv_signs missing, there;
};

static struct scope_verdict verdict_of(const struct nv_translation *t)
{
    struct scope_verdict verdict = {.there = t->scratch.scope_signs};
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++)
        verdict.missing.bits[word] = t->rules->scoped.bits[word] & ~verdict.there.bits[word];
    return verdict;
}

/* Does what a rule asks of the scope hold? */
static inline bool scope_allows(const struct scope_verdict *verdict, const struct nv_rule *rule)
{
    uint64_t wrong = 0;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++) {
        wrong |= (rule->filter.need.bits[word] & verdict->missing.bits[word]) |
                 (rule->filter.lack.bits[word] & verdict->there.bits[word]);
    }
    return wrong == 0;
}

void nv_scope_enter(struct nv_translation *t, const struct nv_origin *origin)
{
    struct nv_scratch *scratch = &t->scratch;
    scratch->scope_origin = origin;
    scratch->scope_signs = nv_layout_scope_signs(t->layouts, t->rules, origin->scope_name);
    scratch->kind_rows_origin = NULL;
}

void nv_scope_kind_rows(struct nv_translation *t)
{
    struct nv_scratch *scratch = &t->scratch;
    uint16_t *row = scratch->kind_rows;
    if (scratch->kind_rows_origin == scratch->scope_origin)
        return;
    scratch->kind_rows_origin = scratch->scope_origin;
    const struct scope_verdict verdict = verdict_of(t);
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++) {
        const uint16_t *first = row, index = t->mapping->fact_keys[fact];
        const struct nv_rule_key *key = index == UINT16_MAX ? NULL : &t->rules->keys[index];
        const unsigned end = key ? key->first_rule + key->kind_count : 0u;
        for (unsigned i = key ? key->first_rule : 0u; i < end; i++) {
            if (scope_allows(&verdict, &t->rules->rules[i]))
                *row++ = (uint16_t)i;
        }
        scratch->kind_row_counts[fact] = (uint16_t)(row - first);
    }
}
