/*
 * The store of a translation: known fields set, replaced and renamed; candidates by precedence,
 * long lists too; who is asked first for what the trace says of itself; no memory.
 */
#include "tests/support/expect.h"

#include "mapping/engine/work.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_mapping mapping;
static struct nv_translation t;
static struct nv_span span;
static struct nv_span_work work;

static void setup(void)
{
    arena = nv_arena_new(1 << 22);
    mapping = (struct nv_mapping){.rules = nv_rules_builtin()};
    for (unsigned fact = 0; fact < NV_FACT_KEYS; fact++)
        mapping.fact_keys[fact] = UINT16_MAX;
    t = (struct nv_translation){.mapping = &mapping, .rules = mapping.rules, .arena = arena};
    span = (struct nv_span){0};
    work = (struct nv_span_work){.span = &span};
    ck_assert_int_eq(nv_scratch_init(&t), NV_OK);
}

static void teardown(void)
{
    nv_arena_free(arena);
}

START_TEST(known_fields)
{
    ck_assert_ptr_null(nv_work_get(&work, NV_FIELD_MODEL));
    ck_assert_int_eq(nv_work_set(&t, &work, NV_FIELD_MODEL, nv_value_int(1)), NV_OK);
    ck_assert_int_eq(nv_work_set(&t, &work, NV_FIELD_PROVIDER, nv_value_int(2)), NV_OK);
    ck_assert_int_eq(nv_work_set(&t, &work, NV_FIELD_MODEL, nv_value_int(3)), NV_OK);
    ck_assert_uint_eq(span.attributes.count, 2);
    ck_assert_int_eq(nv_work_get(&work, NV_FIELD_MODEL)->as.integer, 3);
    ck_assert(nv_str_eq(span.attributes.items[0].key, NV_STR("llm.model")));
    nv_work_rename(&work, NV_FIELD_MODEL, NV_STR("other"));
    nv_work_rename(&work, NV_FIELD_AGENT_ID, NV_STR("not there"));
    ck_assert_ptr_null(nv_work_get(&work, NV_FIELD_MODEL));
    ck_assert(nv_str_eq(span.attributes.items[0].key, NV_STR("other")));
    ck_assert_int_eq(nv_work_get(&work, NV_FIELD_PROVIDER)->as.integer, 2);
}
END_TEST

/* The orders of a field's list must not fall; those of one order stand as they came. */
START_TEST(candidates_stand_by_precedence)
{
    static const uint16_t orders[] = {40, 10, 30, 10, 20};
    struct nv_rule rules[5];
    for (unsigned i = 0; i < 5; i++) {
        struct nv_candidate *candidate;
        rules[i] = (struct nv_rule){.field = NV_FIELD_MODEL, .order = orders[i]};
        ck_assert_int_eq(nv_candidate_add(&t, &rules[i], i == 3, NULL, &candidate), NV_OK);
        ck_assert_uint_eq(candidate->attribute, NV_NO_ATTRIBUTE);
    }
    static const unsigned wanted[] = {1, 3, 4, 2, 0};
    uint32_t at = t.scratch.heads[NV_FIELD_MODEL];
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_uint_ne(at, 0);
        ck_assert_ptr_eq(t.scratch.candidates[at - 1].rule, &rules[wanted[i]]);
        at = t.scratch.candidates[at - 1].next;
    }
    ck_assert_uint_eq(at, 0);
    ck_assert(!t.scratch.ends[NV_FIELD_MODEL].unsorted);
    ck_assert_uint_eq(t.scratch.touched_count + t.scratch.deriving_count, 1);
}
END_TEST

/* Past the first few a candidate goes to the end, and the list says that it is to be sorted. */
START_TEST(long_lists_are_left_unsorted)
{
    struct nv_rule early = {.field = NV_FIELD_TOOL_NAME, .order = 10};
    struct nv_rule late = {.field = NV_FIELD_TOOL_NAME, .order = 30};
    struct nv_rule between = {.field = NV_FIELD_TOOL_NAME, .order = 20};
    struct nv_candidate *candidate;
    const unsigned many = 1000;
    for (unsigned i = 0; i < many; i++) {
        ck_assert_int_eq(
            nv_candidate_add(&t, i < many / 2 ? &early : &late, 0, NULL, &candidate), NV_OK);
        ck_assert(!t.scratch.ends[NV_FIELD_TOOL_NAME].unsorted);
    }
    ck_assert_int_eq(nv_candidate_add(&t, &between, 0, NULL, &candidate), NV_OK);
    ck_assert(t.scratch.ends[NV_FIELD_TOOL_NAME].unsorted);
    unsigned count = 0;
    for (uint32_t at = t.scratch.heads[NV_FIELD_TOOL_NAME]; at != 0; count++)
        at = t.scratch.candidates[at - 1].next;
    ck_assert_uint_eq(count, many + 1);
}
END_TEST

START_TEST(smaller_precedence_then_earlier_wins)
{
    struct nv_identity told = {0};
    nv_identity_tell(&told, NV_FIELD_SESSION_ID, NV_STR("weak"), 50);
    nv_identity_tell(&told, NV_FIELD_SESSION_ID, NV_STR("same"), 50);
    ck_assert(nv_str_eq(told.session.text, NV_STR("weak")));
    nv_identity_tell(&told, NV_FIELD_SESSION_ID, NV_STR("strong"), 10);
    nv_identity_tell(&told, NV_FIELD_SESSION_ID, NV_STR(""), 1);
    nv_identity_tell(&told, NV_FIELD_MODEL, NV_STR("no fact of the trace"), 1);
    ck_assert(nv_str_eq(told.session.text, NV_STR("strong")));
    ck_assert_ptr_null(told.user.text.ptr);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
    struct nv_arena *none = nv_arena_new(1);
    struct nv_rule rule = {.field = NV_FIELD_MODEL};
    struct nv_candidate *candidate;
    t.arena = none;
    ck_assert_int_eq(nv_work_set(&t, &work, NV_FIELD_MODEL, nv_value_int(1)), NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(nv_work_get(&work, NV_FIELD_MODEL));
    ck_assert_int_eq(nv_candidate_add(&t, &rule, 0, NULL, &candidate), NV_ERR_NO_MEMORY);
    ck_assert_ptr_null(candidate);
    ck_assert_int_eq(nv_scratch_init(&t), NV_ERR_NO_MEMORY);
    nv_arena_free(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/work");
    TCase *tcase = tcase_create("work");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, known_fields);
    tcase_add_test(tcase, candidates_stand_by_precedence);
    tcase_add_test(tcase, long_lists_are_left_unsorted);
    tcase_add_test(tcase, smaller_precedence_then_earlier_wins);
    tcase_add_test(tcase, no_memory_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
