/*
 * What is told: lines by rule and place, the process's counters, the list in the trace.
 */
#include "expect.h"
#include "oom.h"

#include "redaction/told.h"

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_redacted redacted;
static struct nv_trace trace;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    trace = (struct nv_trace){.arena = arena};
    nv_redacted_init(&redacted);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static void note(unsigned rule, const char *place, const char *key, uint64_t count)
{
    const struct nv_text_place at = {.name = place, .key = nv_str_from(key)};
    nv_redacted_note(&redacted, rule, &at, count);
}

START_TEST(equal_ones_are_one_line)
{
    static const char *const place = "span.attributes";
    note(NV_SECRET_KEY, place, "a", 1);
    note(NV_SECRET_KEY, place, "a", 2);
    note(NV_SECRET_KEY, place, "b", 1);
    note(NV_RULE_STACK_TRACE, place, "a", 1);
    ck_assert_uint_eq(redacted.total, 5);
    ck_assert_uint_eq(redacted.line_count, 3);
    ck_assert_uint_eq(redacted.lines[0].count, 3);
    ck_assert_uint_eq(redacted.by_rule[NV_SECRET_KEY], 4);
}
END_TEST

START_TEST(the_trace_lists_rules_and_keys)
{
    uint64_t before = nv_redaction_count(NV_RULE_STACK_TRACE);
    note(NV_RULE_STACK_TRACE, "span.exception.stack_trace", "", 2);
    note(NV_SECRET_KEY, "span.attributes", "a.password", 1);
    note(NV_SECRET_KEY, "event.attributes", "a.password", 1);
    note(NV_SECRET_KEY, "span.attributes", "key ghp_abcdefghijklmnopqrstuvwxyz0123456789", 1);
    ck_assert_int_eq(nv_redacted_tell(&redacted, &trace), NV_OK);
    ck_assert_uint_eq(nv_redaction_count(NV_RULE_STACK_TRACE) - before, 2);
    const struct nv_value *list =
        nv_attributes_get(&trace.attributes, NV_STR("noveum.gateway.redacted"));
    static const char *const lines[] = {"stack-trace span.exception.stack_trace",
                                        "secret-key a.password", "secret-key key ***"};
    ck_assert_ptr_nonnull(list);
    ck_assert_uint_eq(list->as.array.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_nv_str(list->as.array.items[i].as.string, lines[i]);
}
END_TEST

START_TEST(nothing_is_no_list)
{
    ck_assert_int_eq(nv_redacted_tell(&redacted, &trace), NV_OK);
    ck_assert_uint_eq(trace.attributes.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("redaction/told");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, equal_ones_are_one_line);
    tcase_add_test(tcase, the_trace_lists_rules_and_keys);
    tcase_add_test(tcase, nothing_is_no_list);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
