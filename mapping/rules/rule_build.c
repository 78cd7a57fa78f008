/*
 * From parsed rows to a set that can be looked up: names become numbers, rows are sorted by
 * key.
 *
 *   patterns of rows, watches, gates ─▶ sort, unique ─▶ keys ─▶ slots
 *   targets                          ─▶ known ones, then sorted, unique ─▶ fields
 *   rows ─▶ sort by key, kinds first, precedence, user first, file, line ─▶ rules ─▶ filters
 *
 * Runs at build time over all tables, and at start only when the user has a table of his own;
 * so it is written for clarity: sorts and binary searches, no hashing while building. An import
 * turns a built set back into rows, so that a user's table is merged by the same code. The
 * slots are numbers of keys and no index.h of pointers, because the set is compiled in as
 * constants.
 */
#include "mapping/rules/rule_parse.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

static _Atomic uint64_t serials; /* given to rules so far */

static const struct nv_str known_fields[NV_FIELD_KNOWN] = {
#define FIELD_NAME(id, name) NV_STR_INIT(name),
    NV_FIELD_TABLE(FIELD_NAME)
#undef FIELD_NAME
};

/* By bytes and nothing else: the order is compiled in and must not depend on a locale. */
static int compare_patterns(const void *left, const void *right)
{
    const struct nv_rule_pattern *a = left, *b = right;
    int order = nv_str_cmp(a->text, b->text);
    return order ? order : (int)a->wild - (int)b->wild;
}

static int compare_strings(const void *left, const void *right)
{
    const struct nv_str *a = left, *b = right;
    return nv_str_cmp(*a, *b);
}

/* Sorts and makes unique in place; returns the new count. */
static uint32_t unique(void *items, uint32_t count, size_t size,
                       int (*compare)(const void *, const void *))
{
    if (count == 0)
        return 0;
    char *bytes = items;
    qsort(items, count, size, compare);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < count; i++) {
        if (compare(bytes + (kept - 1) * size, bytes + i * size) != 0) {
            memmove(bytes + kept * size, bytes + i * size, size);
            kept++;
        }
    }
    return kept;
}

static uint16_t key_index(const struct nv_rule_making *making, struct nv_rule_pattern pattern)
{
    const struct nv_rule_pattern *found = bsearch(&pattern, making->patterns, making->key_count,
                                                  sizeof pattern, compare_patterns);
    assert(found);
    return (uint16_t)(found - making->patterns);
}

/* ---- keys -------------------------------------------------------------------------------- */

static uint16_t prefix_length(struct nv_rule_pattern pattern)
{
    size_t hole = nv_str_find(pattern.text, NV_STR("{i}"));
    size_t len = hole == SIZE_MAX ? pattern.text.len : hole;
    while (len > 0 && pattern.text.ptr[len - 1] == '.')
        len--;
    return (uint16_t)len;
}

/* A key is whatever is looked for among a span's attributes, by rows, by conditions or by
 * gates; one look then answers all three. */
static enum nv_err make_keys(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    uint32_t most = draft->row_count + draft->watch_count + draft->gate_count, count = 0;
    making->patterns = nv_arena_array(draft->arena, most + 1, sizeof *making->patterns);
    if (!making->patterns)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < draft->row_count; i++)
        making->patterns[count++] = draft->rows[i].source;
    for (uint32_t i = 0; i < draft->watch_count; i++)
        making->patterns[count++] = draft->watches[i];
    for (uint32_t i = 0; i < draft->gate_count; i++)
        making->patterns[count++] = draft->gates[i].field;
    making->key_count =
        unique(making->patterns, count, sizeof *making->patterns, compare_patterns);
    if (making->key_count >= UINT16_MAX)
        return NV_ERR_LIMIT;
    making->keys = nv_arena_array(draft->arena, making->key_count + 1, sizeof *making->keys);
    if (!making->keys)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < making->key_count; i++) {
        struct nv_rule_key *key = &making->keys[i];
        key->pattern = making->patterns[i].text;
        key->wild = making->patterns[i].wild;
        key->hash = nv_rule_hash(key->pattern);
        key->prefix_len = prefix_length(making->patterns[i]);
        key->gate = NV_KINDS_ALL;
    }
    return NV_OK;
}

static enum nv_err make_slots(struct nv_rule_making *making)
{
    /* at most a third full: a look-up that fails, which is what most keys of a span do, ends at
     * the first empty slot */
    making->slot_count = 16;
    while (making->slot_count < making->key_count * 3)
        making->slot_count *= 2;
    making->slots =
        nv_arena_array(making->draft->arena, making->slot_count, sizeof *making->slots);
    if (!making->slots)
        return NV_ERR_NO_MEMORY;
    uint32_t mask = making->slot_count - 1;
    for (uint32_t i = 0; i < making->key_count; i++) {
        uint32_t at = making->keys[i].hash & mask;
        while (making->slots[at] != 0)
            at = (at + 1) & mask;
        making->slots[at] = (uint16_t)(i + 1);
    }
    return NV_OK;
}

/* ---- gates ------------------------------------------------------------------------------- */

/* Kinds that may have `name`: of the longest gate that covers it, else all. */
static uint32_t gate_of(const struct nv_rule_draft *draft, struct nv_str name)
{
    uint32_t kinds = NV_KINDS_ALL;
    size_t best = 0;
    for (uint32_t i = 0; i < draft->gate_count; i++) {
        struct nv_rule_pattern field = draft->gates[i].field;
        bool covers =
            field.wild ? nv_str_starts(name, field.text) : nv_str_eq(name, field.text);
        if (covers && field.text.len >= best) {
            best = field.text.len;
            kinds = draft->gates[i].kinds;
        }
    }
    return kinds;
}

/* ---- fields ------------------------------------------------------------------------------ */

/* What is said of the trace, by whichever span says it. */
static bool is_of_trace(struct nv_str name)
{
    return nv_str_starts(name, NV_STR("metadata.")) || nv_str_starts(name, NV_STR("noveum.")) ||
           nv_str_starts(name, NV_STR("trace.")) || nv_str_eq(name, NV_STR("service_version"));
}

/* Namespaces in which a value may stand for its source; in others the source is kept as
 * well. */
static bool replaces_source(struct nv_str name)
{
    return nv_glob_any(NV_STR("llm.*,tool.*,agent.*,retrieval.*,embedding.*,rerank.*,chain.*,"
                              "thread.*,exception.*,error.*,handoff.*"),
                       name);
}

static bool is_known(struct nv_str name, uint32_t *index)
{
    for (uint32_t i = 0; i < NV_FIELD_KNOWN; i++) {
        if (nv_str_eq(known_fields[i], name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

static enum nv_err make_fields(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    struct nv_str *names = nv_arena_array(draft->arena, draft->row_count + 1, sizeof *names);
    if (!names)
        return NV_ERR_NO_MEMORY;
    uint32_t count = 0, ignored;
    for (uint32_t i = 0; i < draft->row_count; i++) {
        if (!is_known(draft->rows[i].target, &ignored))
            names[count++] = draft->rows[i].target;
    }
    count = unique(names, count, sizeof *names, compare_strings);
    making->field_count = NV_FIELD_KNOWN + count;
    if (making->field_count >= UINT16_MAX)
        return NV_ERR_LIMIT;
    making->fields = nv_arena_array(draft->arena, making->field_count, sizeof *making->fields);
    if (!making->fields)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < making->field_count; i++) {
        struct nv_field *field = &making->fields[i];
        field->name = i < NV_FIELD_KNOWN ? known_fields[i] : names[i - NV_FIELD_KNOWN];
        field->kinds = gate_of(draft, field->name);
        field->of_trace = is_of_trace(field->name);
        field->outside = field->of_trace || i == NV_FIELD_EXCLUSIVE_INPUT ||
                         i == NV_FIELD_EXCLUSIVE_OUTPUT || i == NV_FIELD_SPAN_NAME ||
                         i == NV_FIELD_SPAN_STATUS || i == NV_FIELD_SPAN_STATUS_MESSAGE ||
                         i == NV_FIELD_SPAN_PLACEHOLDER || i == NV_FIELD_SPAN_LEFT_OUT ||
                         i == NV_FIELD_SPAN_LAST_STEP || i == NV_FIELD_SPAN_EVALUATIONS;
        /* evidence of a count: it need not be what goes out */
        field->replaces = i != NV_FIELD_EXCLUSIVE_OUTPUT && replaces_source(field->name);
    }
    return NV_OK;
}

static uint16_t field_index(const struct nv_rule_making *making, struct nv_str name)
{
    uint32_t index;
    if (is_known(name, &index))
        return (uint16_t)index;
    uint32_t low = NV_FIELD_KNOWN, high = making->field_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (nv_str_cmp(making->fields[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    assert(low < making->field_count && nv_str_eq(making->fields[low].name, name));
    return (uint16_t)low;
}

/* ---- rules ------------------------------------------------------------------------------- */

/* The order in which rows of a key are asked. Kinds first, because other rows ask for the kind;
 * a user's before ours of the same precedence, or he could not overrule them; file and line
 * last, so that the order is the same in every build. */
static int compare_rules(const void *left, const void *right)
{
    const struct nv_rule *a = left, *b = right;
    int user = (int)(b->flags & NV_RULE_USER) - (int)(a->flags & NV_RULE_USER);
    int kind = (int)(b->flags & NV_RULE_KIND) - (int)(a->flags & NV_RULE_KIND);
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    if (kind)
        return kind;
    if (a->precedence != b->precedence)
        return a->precedence < b->precedence ? -1 : 1;
    if (user)
        return user;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return (int)a->line - (int)b->line;
}

static enum nv_err make_rules(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    making->rules = nv_arena_array(draft->arena, draft->row_count + 1, sizeof *making->rules);
    if (!making->rules)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < draft->row_count; i++) {
        making->rules[i] = draft->rows[i].rule;
        making->rules[i].key = key_index(making, draft->rows[i].source);
        making->rules[i].field = field_index(making, draft->rows[i].target);
    }
    qsort(making->rules, draft->row_count, sizeof *making->rules, compare_rules);
    /* backwards, so that first_rule ends at the first of the key */
    for (uint32_t i = draft->row_count; i-- > 0;) {
        struct nv_rule_key *key = &making->keys[making->rules[i].key];
        key->first_rule = (uint16_t)i;
        key->rule_count++;
        key->kind_count =
            (uint16_t)(key->kind_count + !!(making->rules[i].flags & NV_RULE_KIND));
    }
    return NV_OK;
}

/* Number of the watch with this pattern. */
static unsigned watch_number(const struct nv_rule_making *making,
                             struct nv_rule_pattern pattern)
{
    uint16_t key = key_index(making, pattern);
    unsigned number = 0;
    while (making->watches[number] != key)
        number++;
    return number;
}

/* Numbers the distinct patterns that conditions ask for: a bit each, which the decoder sets
 * when it meets the key, so that a condition is an AND of words. More than there are bits is
 * refused when the table is built, not when a span is read. */
static enum nv_err number_watches(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    making->watches = nv_arena_array(draft->arena, draft->watch_count + 1, sizeof(uint16_t));
    if (!making->watches)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < draft->watch_count; i++) {
        uint16_t key = key_index(making, draft->watches[i]);
        uint32_t number = 0;
        while (number < making->watched && making->watches[number] != key)
            number++;
        if (number == making->watched)
            making->watches[making->watched++] = key;
    }
    return making->watched <= NV_WATCHES_MAX ? NV_OK : NV_ERR_LIMIT;
}

/* What tests ask for, as numbers. */
static enum nv_err make_watches(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    enum nv_err err = number_watches(making);
    if (err != NV_OK)
        return err;
    for (uint32_t i = 0; i < draft->test_count; i++) {
        struct nv_test *test = &draft->tests[i];
        for (uint32_t w = 0; w < test->watch_count; w++) {
            unsigned number = watch_number(making, draft->watches[test->first_watch + w]);
            test->mask.bits[number / 64] |= UINT64_C(1) << number % 64;
        }
    }
    return NV_OK;
}

/* What a test costs, least first: signs, bits, then globs on ever more text. */
static unsigned test_cost(const struct nv_test *test)
{
    static const uint8_t costs[] = {
        [NV_TEST_SCOPE] = 0,     [NV_TEST_HAS] = 1,   [NV_TEST_SPAN_KIND] = 2,
        [NV_TEST_ATTRIBUTE] = 3, [NV_TEST_VALUE] = 4, [NV_TEST_NAME] = 5,
        [NV_TEST_EVENT] = 6};
    assert(test->what < sizeof costs);
    return costs[test->what];
}

/* All tests of a row must hold, so their order is free: the cheap ones are asked first. */
static void order_tests(struct nv_test *tests, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct nv_test test = tests[i];
        unsigned at = i;
        for (; at > 0 && test_cost(&tests[at - 1]) > test_cost(&test); at--)
            tests[at] = tests[at - 1];
        tests[at] = test;
    }
}

static bool reads_messages(const struct nv_rule_making *making, const struct nv_rule_key *key)
{
    for (uint16_t i = 0; i < key->rule_count; i++) {
        const struct nv_rule *rule = &making->rules[key->first_rule + i];
        if (making->draft->steps[rule->first_step].op == NV_STEP_MESSAGES)
            return true;
    }
    return false;
}

/* Gates of keys as they would go out unmapped, and what their rows read; links from fields to
 * the rows that derive. */
static void link_keys(struct nv_rule_making *making)
{
    for (uint32_t i = 0; i < making->key_count; i++) {
        making->keys[i].gate = gate_of(making->draft, making->keys[i].pattern);
        making->keys[i].messages = reads_messages(making, &making->keys[i]);
    }
    for (uint32_t i = 0; i < making->field_count; i++) {
        struct nv_rule_pattern pattern = {making->fields[i].name, false};
        const struct nv_rule_pattern *found = bsearch(
            &pattern, making->patterns, making->key_count, sizeof pattern, compare_patterns);
        if (!found)
            continue;
        uint16_t key = (uint16_t)(found - making->patterns);
        const struct nv_rule *rule = &making->rules[making->keys[key].first_rule];
        for (uint16_t r = 0; r < making->keys[key].rule_count; r++) {
            if (rule[r].where & NV_WHERE_FIELD)
                making->fields[i].key = (uint16_t)(key + 1);
        }
    }
}

/* What a key must begin like to be looked for by its prefixes (mapping/rules/rule_find.c). */
static struct nv_glob_filter wild_filter(const struct nv_rule_making *making)
{
    struct nv_glob_filter filter = {0, 0};
    for (uint32_t i = 0; i < making->key_count; i++) {
        const struct nv_glob_filter bits = nv_glob_bits(making->keys[i].pattern);
        filter.first |= making->keys[i].wild ? bits.first : 0;
        filter.lengths |= making->keys[i].wild ? bits.lengths : 0;
    }
    return filter;
}

static void add_namespace(struct nv_namespaces *spaces, struct nv_str name)
{
    const unsigned bit = nv_namespace_bit(name);
    spaces->bits[bit >> 6] |= UINT64_C(1) << (bit & 63);
}

/* Of what rows write, and of what code may write behind them: the known fields, and what the
 * gateway says of itself. */
static void make_namespaces(const struct nv_rule_making *making, struct nv_rules *out)
{
    add_namespace(&out->settled, NV_STR("noveum.gateway"));
    for (uint32_t i = 0; i < making->field_count; i++) {
        if (making->fields[i].outside)
            continue;
        add_namespace(&out->targets, making->fields[i].name);
        if (i < NV_FIELD_KNOWN)
            add_namespace(&out->settled, making->fields[i].name);
    }
}

static uint64_t last_letters(const struct nv_rule_making *making)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < making->key_count; i++) {
        const struct nv_str pattern = making->keys[i].pattern;
        if (nv_str_starts(pattern, NV_STR("{*}.")))
            bits |= UINT64_C(1) << (pattern.ptr[pattern.len - 1] & 63);
    }
    return bits;
}

enum nv_err nv_rule_build(struct nv_rule_draft *draft, struct nv_rules *out)
{
    struct nv_rule_making making = {.draft = draft};
    if (draft->row_count > NV_RULES_MAX)
        return NV_ERR_LIMIT;
    enum nv_err err = make_keys(&making);
    if (err == NV_OK)
        err = make_slots(&making);
    if (err == NV_OK)
        err = make_fields(&making);
    if (err == NV_OK)
        err = make_rules(&making);
    if (err == NV_OK)
        err = make_watches(&making);
    if (err != NV_OK)
        return err;
    for (uint32_t i = 0; i < draft->row_count; i++)
        order_tests(&draft->tests[making.rules[i].first_test], making.rules[i].test_count);
    err = nv_rule_filters_make(&making);
    if (err != NV_OK)
        return err;
    link_keys(&making);
    *out = (struct nv_rules){.serial = atomic_fetch_add(&serials, 1) + 1,
                             .rules = making.rules,
                             .keys = making.keys,
                             .fields = making.fields,
                             .tests = draft->tests,
                             .steps = draft->steps,
                             .watches = making.watches,
                             .slots = making.slots,
                             .scopes = making.scopes,
                             .valued = making.valued,
                             .scoped = making.scoped,
                             .wild = wild_filter(&making),
                             .endings = last_letters(&making),
                             .files = draft->files,
                             .rule_count = draft->row_count,
                             .key_count = making.key_count,
                             .field_count = making.field_count,
                             .test_count = draft->test_count,
                             .step_count = draft->step_count,
                             .watch_count = making.watched,
                             .slot_count = making.slot_count,
                             .scope_count = making.scope_count,
                             .file_count = draft->file_count};
    make_namespaces(&making, out);
    return NV_OK;
}

/* ---- import ------------------------------------------------------------------------------ */

static void *copy_array(struct nv_arena *arena, const void *items, uint32_t count, size_t size)
{
    void *copy = nv_arena_array(arena, count + 1, size);
    if (copy && count > 0)
        memcpy(copy, items, count * size);
    return copy;
}

static struct nv_rule_pattern pattern_of(const struct nv_rules *rules, uint16_t key)
{
    return (struct nv_rule_pattern){rules->keys[key].pattern, rules->keys[key].wild};
}

/* Gives the tests their ranges of watches back. */
static enum nv_err import_watches(struct nv_rule_draft *draft, const struct nv_rules *rules)
{
    /* tests ask for a few keys each; the cap is looked at below */
    uint32_t most = rules->test_count * NV_WATCHES_MAX / 8 + 64;
    draft->watches = nv_arena_array(draft->arena, most, sizeof *draft->watches);
    if (!draft->watches)
        return NV_ERR_NO_MEMORY;
    draft->watch_capacity = most;
    for (uint32_t i = 0; i < draft->test_count; i++) {
        struct nv_test *test = &draft->tests[i];
        uint32_t first = draft->watch_count;
        for (uint32_t number = 0; number < rules->watch_count; number++) {
            if (test->mask.bits[number / 64] >> number % 64 & 1) {
                if (draft->watch_count == most)
                    return NV_ERR_LIMIT;
                draft->watches[draft->watch_count++] =
                    pattern_of(rules, rules->watches[number]);
            }
        }
        test->first_watch = (uint16_t)first;
        memset(&test->mask, 0, sizeof test->mask);
    }
    return NV_OK;
}

enum nv_err nv_rule_draft_import(struct nv_rule_draft *draft, const struct nv_rules *rules)
{
    assert(draft->row_count == 0 && draft->file_count == 0);
    struct nv_arena *arena = draft->arena;
    draft->tests = copy_array(arena, rules->tests, rules->test_count, sizeof *draft->tests);
    draft->steps = copy_array(arena, rules->steps, rules->step_count, sizeof *draft->steps);
    draft->files = copy_array(arena, rules->files, rules->file_count, sizeof *draft->files);
    draft->rows = nv_arena_array(arena, rules->rule_count + 1, sizeof *draft->rows);
    draft->gates = nv_arena_array(arena, rules->key_count + 1, sizeof *draft->gates);
    if (!draft->tests || !draft->steps || !draft->files || !draft->rows || !draft->gates)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        draft->rows[i].rule = rules->rules[i];
        draft->rows[i].source = pattern_of(rules, rules->rules[i].key);
        draft->rows[i].target = rules->fields[rules->rules[i].field].name;
    }
    for (uint32_t i = 0; i < rules->key_count; i++) {
        if (rules->keys[i].gate != NV_KINDS_ALL) {
            draft->gates[draft->gate_count++] =
                (struct nv_rule_gate){pattern_of(rules, (uint16_t)i), rules->keys[i].gate};
        }
    }
    draft->row_count = draft->row_capacity = rules->rule_count;
    draft->test_count = draft->test_capacity = rules->test_count;
    draft->step_count = draft->step_capacity = rules->step_count;
    draft->file_count = draft->file_capacity = rules->file_count;
    draft->gate_capacity = draft->gate_count;
    return import_watches(draft, rules);
}
