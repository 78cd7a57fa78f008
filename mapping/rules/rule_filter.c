/*
 * What the engine wants to know of a row at once: its filter, its flags, its place in the
 * order.
 *
 *   scope=pipecat* ─┐
 *   has=a,b         ├─▶ signs ─▶ need, lack   known once a span, most of them by its keys
 *   lacks=c         ┘     └────▶ signs of keys and scopes
 *   value=chat,x*   ─▶ value                  how a match begins and how long it is
 *
 * A span meets some hundred rows and a handful apply, so what a row that does not costs is most
 * of what choosing rows costs. Equal questions of many rows are one sign, answered where the
 * key or the scope is looked up. A filter says whole what conditions on signs say; what it says
 * of the value only ever refuses what the test would refuse. Flags and order spare a look at
 * the steps and a computation for every candidate.
 */
#include "mapping/rules/rule_parse.h"

#include <assert.h>

#include "base/banned.h"

/* Questions by their numbers. */
struct questions {
    const struct nv_test *asked[NV_SIGNS_MAX]; /* the first test that asks it */
    uint32_t count;
};

static bool same_keys(const struct nv_watch_set *a, const struct nv_watch_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* `attr` asks for the value besides, so it does not share its number with `has`. */
static bool same_question(const struct nv_test *a, const struct nv_test *b)
{
    if (a->what != b->what)
        return false;
    return a->what == NV_TEST_SCOPE ? nv_str_eq(a->globs, b->globs)
                                    : same_keys(&a->mask, &b->mask);
}

static bool asks(const struct nv_test *test)
{
    return test->what == NV_TEST_SCOPE || test->what == NV_TEST_HAS ||
           test->what == NV_TEST_ATTRIBUTE;
}

static void set(struct nv_signs *signs, uint16_t number)
{
    assert(number < NV_SIGNS_MAX);
    signs->bits[number / 64] |= UINT64_C(1) << number % 64;
}

/* ---- numbering --------------------------------------------------------------------------- */

static enum nv_err number_tests(struct nv_rule_draft *draft, struct questions *questions)
{
    for (uint32_t i = 0; i < draft->test_count; i++) {
        struct nv_test *test = &draft->tests[i];
        uint16_t number = 0;
        if (!asks(test))
            continue;
        while (number < questions->count && !same_question(questions->asked[number], test))
            number++;
        if (number == NV_SIGNS_MAX)
            return NV_ERR_LIMIT;
        if (number == questions->count)
            questions->asked[questions->count++] = test;
        test->sign = number;
    }
    return NV_OK;
}

static enum nv_err make_scopes(struct nv_rule_making *making, const struct questions *questions)
{
    making->scopes = nv_arena_array(making->draft->arena, NV_SIGNS_MAX, sizeof *making->scopes);
    if (!making->scopes)
        return NV_ERR_NO_MEMORY;
    for (uint16_t number = 0; number < questions->count; number++) {
        const struct nv_test *test = questions->asked[number];
        if (test->what == NV_TEST_SCOPE) {
            making->scopes[making->scope_count++] =
                (struct nv_scope_sign){test->globs, test->filter, number};
            set(&making->scoped, number);
        } else if (test->what == NV_TEST_ATTRIBUTE) {
            set(&making->valued, number);
        }
    }
    return NV_OK;
}

/* The watches that see a key: a wild one also sees keys that have rows of their own below
 * it. */
static struct nv_watch_set watches_of(const struct nv_rule_making *making,
                                      const struct nv_rule_key *key)
{
    struct nv_watch_set set = {{0}};
    for (uint32_t number = 0; number < making->watched; number++) {
        const struct nv_rule_key *watch = &making->keys[making->watches[number]];
        bool covers = watch->wild ? nv_str_starts(key->pattern, watch->pattern)
                                  : nv_str_eq(key->pattern, watch->pattern);
        if (covers)
            set.bits[number / 64] |= UINT64_C(1) << number % 64;
    }
    return set;
}

static bool any_common(const struct nv_watch_set *a, const struct nv_watch_set *b)
{
    uint64_t common = 0;
    for (unsigned word = 0; word < NV_WATCHES_MAX / 64; word++)
        common |= a->bits[word] & b->bits[word];
    return common != 0;
}

static void sign_keys(struct nv_rule_making *making, const struct questions *questions)
{
    for (uint32_t i = 0; i < making->key_count; i++) {
        const struct nv_watch_set watches = watches_of(making, &making->keys[i]);
        for (uint16_t number = 0; number < questions->count; number++) {
            if (!any_common(&questions->asked[number]->mask, &watches))
                continue;
            set(&making->keys[i].signs, number);
            making->keys[i].watched = true;
        }
    }
}

/* ---- rules ------------------------------------------------------------------------------- */

static void narrow(struct nv_rule_filter *filter, const struct nv_test *test)
{
    if (test->what == NV_TEST_VALUE && !test->negate) {
        filter->value.first &= test->filter.first;
        filter->value.lengths &= test->filter.lengths;
    } else if (test->what == NV_TEST_SCOPE || test->what == NV_TEST_HAS) {
        set(test->negate ? &filter->lack : &filter->need, test->sign);
    } else if (test->what == NV_TEST_ATTRIBUTE && !test->negate) {
        set(&filter->need, test->sign);
    }
}

static void make_filter(struct nv_rule *rule, const struct nv_test *tests)
{
    rule->filter = (struct nv_rule_filter){.value = {UINT64_MAX, UINT64_MAX}};
    rule->sign_tests = 0;
    for (unsigned i = 0; i < rule->test_count; i++) {
        narrow(&rule->filter, &tests[i]);
        if (tests[i].what == NV_TEST_SCOPE || tests[i].what == NV_TEST_HAS) {
            assert(rule->sign_tests == i && "tests on signs come first");
            rule->sign_tests++;
        }
    }
}

static bool is_form(enum nv_step_op op)
{
    return op == NV_STEP_QUERY || op == NV_STEP_TEXTS || op == NV_STEP_ARGUMENTS ||
           op == NV_STEP_RESULT;
}

static void add_flags(struct nv_rule *rule, const struct nv_step *steps,
                      const struct nv_field *target)
{
    static const bool plain[NV_STEP_COUNT_ALL] = {
        [NV_STEP_COPY] = true,  [NV_STEP_TEXT] = true, [NV_STEP_INT] = true,
        [NV_STEP_FLOAT] = true, [NV_STEP_BOOL] = true, [NV_STEP_PROVIDER] = true};
    assert(rule->step_count > 0);
    bool spreads = steps[rule->step_count - 1].op == NV_STEP_SPREAD;
    unsigned flags = rule->flags;
    if (spreads)
        flags |= NV_RULE_SPREAD;
    if (rule->step_count == 1 && plain[steps[0].op])
        flags |= NV_RULE_PLAIN;
    if (rule->step_count == 2 && plain[steps[0].op] && is_form(steps[1].op))
        flags |= NV_RULE_FORMED;
    if (target->replaces && steps[0].op != NV_STEP_SPREAD)
        flags |= NV_RULE_WHOLE;
    if (!spreads && !target->outside && !(flags & NV_RULE_WILD))
        flags |= NV_RULE_ONE;
    const bool respelled =
        rule->field == NV_FIELD_FINISH_REASON || rule->field == NV_FIELD_OPERATION;
    if ((flags & NV_RULE_PLAIN) && (flags & NV_RULE_ONE) && !respelled)
        flags |= NV_RULE_DIRECT;
    rule->flags = (uint16_t)flags;
}

enum nv_err nv_rule_filters_make(struct nv_rule_making *making)
{
    struct nv_rule_draft *draft = making->draft;
    struct questions questions = {.count = 0};
    enum nv_err err = number_tests(draft, &questions);
    if (err == NV_OK)
        err = make_scopes(making, &questions);
    if (err != NV_OK)
        return err;
    sign_keys(making, &questions);
    for (uint32_t i = 0; i < draft->row_count; i++) {
        struct nv_rule *rule = &making->rules[i];
        bool gives = (rule->where & NV_WHERE_SPAN) && !(rule->flags & NV_RULE_KIND);
        rule->gives = gives ? rule->kinds & making->fields[rule->field].kinds : 0;
        rule->order = (uint16_t)(rule->precedence * 4u + (rule->flags & NV_RULE_USER ? 0 : 2));
        make_filter(rule, &draft->tests[rule->first_test]);
        add_flags(rule, &draft->steps[rule->first_step], &making->fields[rule->field]);
    }
    return NV_OK;
}
