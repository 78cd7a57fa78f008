/*
 * Stack traces of a trace: none, cut, all; once; types and messages stay; a second time changes
 * nothing.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/stacks.h"

#include "base/banned.h"

#define STACK                                                                                  \
    "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x\nKeyError: 1\n"
#define OTHER "Error: y\n    at f (a.js:1:2)\n"

static struct nv_arena *arena;
static struct nv_trace trace;
static struct nv_span *span;
static struct nv_redacted redacted;

static void add(struct nv_attributes *list, const char *key, const char *value)
{
    struct nv_value text = nv_value_string(nv_str_from(value));
    ck_assert_int_eq(nv_attributes_add(list, arena, nv_str_from(key), text), NV_OK);
}

/* A span whose exception came as an event, with another event that has a stack of its own. */
static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    span = nv_arena_alloc(arena, sizeof *span);
    struct nv_event *events = nv_arena_array(arena, 2, sizeof *events);
    ck_assert(span && events);
    add(&span->attributes, "before", "x");
    add(&span->attributes, "exception.message", "m\n" STACK);
    add(&span->attributes, "litellm.provider.error.stack_trace", OTHER);
    add(&span->attributes, "after", "x");
    add(&events[0].attributes, "exception.type", "KeyError");
    add(&events[0].attributes, "exception.stacktrace", STACK);
    add(&events[1].attributes, "exception.stacktrace", OTHER);
    span->events = events;
    span->event_count = 2;
    span->has_exception = true;
    span->exception_type = NV_STR("KeyError");
    span->exception_message = NV_STR("m\n" STACK);
    span->exception_stacktrace = nv_arena_dup(arena, NV_STR(STACK));
    trace = (struct nv_trace){.arena = arena, .spans = span, .span_count = 1};
    nv_redacted_init(&redacted);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

START_TEST(off_leaves_types_and_messages)
{
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(nv_stacks_apply(NV_STACK_TRACES_OFF, &trace, &redacted), NV_OK);
        ck_assert_uint_eq(span->exception_stacktrace.len, 0);
        ck_assert_nv_str(span->exception_type, "KeyError");
        ck_assert_nv_str(span->exception_message, "m\nKeyError: 1");
        ck_assert_uint_eq(span->attributes.count, 3);
        ck_assert_nv_str(span->attributes.items[1].value.as.string, "m\nKeyError: 1");
        ck_assert_nv_str(span->attributes.items[2].key, "after");
        ck_assert_uint_eq(span->events[0].attributes.count, 1);
        ck_assert_uint_eq(span->events[1].attributes.count, 0);
        /* the exception's, its message twice, the attribute's, the other event's */
        ck_assert_uint_eq(redacted.by_rule[NV_RULE_STACK_TRACE], 5);
    }
}
END_TEST

START_TEST(full_is_as_it_came)
{
    ck_assert_int_eq(nv_stacks_apply(NV_STACK_TRACES_FULL, &trace, &redacted), NV_OK);
    ck_assert_nv_str(span->exception_stacktrace, STACK);
    ck_assert_nv_str(span->exception_message, "m\n" STACK);
    ck_assert_uint_eq(span->attributes.count, 4);
    ck_assert_uint_eq(span->events[0].attributes.count, 2);
    ck_assert_nv_str(span->events[1].attributes.items[0].value.as.string, OTHER);
    ck_assert_uint_eq(redacted.total, 0);
}
END_TEST

START_TEST(last_cuts_each)
{
    struct nv_str chain =
        NV_STR(STACK "\nDuring handling of the above exception, another\n\n" STACK);
    span->exception_stacktrace = chain;
    span->events[0].attributes.items[1].value = nv_value_string(chain);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(nv_stacks_apply(NV_STACK_TRACES_LAST, &trace, &redacted), NV_OK);
        ck_assert_nv_str(span->exception_stacktrace, STACK);
        ck_assert_uint_eq(span->events[0].attributes.count, 1);
        ck_assert_nv_str(span->events[1].attributes.items[0].value.as.string, OTHER);
        ck_assert_uint_eq(redacted.total, 1);
    }
}
END_TEST

/* What is not sent as an exception is no reason to leave an attribute out. */
START_TEST(without_an_exception_attributes_stay)
{
    span->has_exception = false;
    ck_assert_int_eq(nv_stacks_apply(NV_STACK_TRACES_LAST, &trace, &redacted), NV_OK);
    ck_assert_uint_eq(span->events[0].attributes.count, 2);
}
END_TEST

START_TEST(other_keys_stay)
{
    static const char *const keys[] = {"stack", "k", "", "llm.model.state", "stacktrace.size"};
    struct nv_attributes list = {0};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        add(&list, keys[i], "x");
    ck_assert_int_eq(
        nv_attributes_add(&list, arena, NV_STR("has_stacktrace"), nv_value_bool(true)), NV_OK);
    uint32_t count = list.count;
    span->attributes = list;
    ck_assert_int_eq(nv_stacks_apply(NV_STACK_TRACES_OFF, &trace, &redacted), NV_OK);
    ck_assert_uint_eq(span->attributes.count, count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/stacks");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, off_leaves_types_and_messages);
    tcase_add_test(tcase, full_is_as_it_came);
    tcase_add_test(tcase, last_cuts_each);
    tcase_add_test(tcase, without_an_exception_attributes_stay);
    tcase_add_test(tcase, other_keys_stay);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
