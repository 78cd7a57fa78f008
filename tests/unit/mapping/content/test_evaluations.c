/*
 * Evaluations of all words in one form: what each value tells, as a list of objects.
 */
#include "cases.h"
#include "deep.h"
#include "expect.h"
#include "mapping/content/evaluations.h"

#include <stdio.h>

#include "base/banned.h"

static const struct {
    const char *in;
    enum nv_evaluations_form form;
    const char *out;
} cases[] = {
    {"{\"name\":\"a\",\"score\":0,\"label\":\"no\",\"explanation\":\"e\"}", NV_EVALUATIONS_LIST,
     "[{\"name\":\"a\",\"score\":0,\"label\":\"no\",\"feedback\":\"e\"}]"},
    {"{\"gen_ai.evaluation.name\":\"a\",\"gen_ai.evaluation.score.value\":0.5,"
     "\"gen_ai.agent.name\":\"b\"}",
     NV_EVALUATIONS_LIST, "[{\"name\":\"a\",\"score\":0.5}]"},
    {"{\"name\":\"a\",\"score\":{\"value\":1,\"label\":\"good\"}}", NV_EVALUATIONS_LIST,
     "[{\"name\":\"a\",\"score\":1,\"label\":\"good\"}]"},
    {"[{\"evaluation\":{\"name\":\"a\",\"score\":1}},{\"annotation\":{\"name\":\"b\","
     "\"label\":\"l\"}}]",
     NV_EVALUATIONS_LIST, "[{\"name\":\"a\",\"score\":1},{\"name\":\"b\",\"label\":\"l\"}]"},
    {"{\"assessment_name\":\"a\",\"feedback\":{\"value\":\"yes\"},\"rationale\":\"r\"}",
     NV_EVALUATIONS_LIST, "[{\"name\":\"a\",\"label\":\"yes\",\"feedback\":\"r\"}]"},
    {"{\"name\":\"a\",\"value\":\"0.25\",\"comment\":\"c\"}", NV_EVALUATIONS_LIST,
     "[{\"name\":\"a\",\"score\":0.25,\"feedback\":\"c\"}]"},
    {"{\"a\":true,\"b\":{\"value\":2,\"reason\":\"r\"},\"c\":null,\"d\":{\"id\":1}}",
     NV_EVALUATIONS_NAMED,
     "[{\"name\":\"a\",\"score\":1.0,\"label\":\"pass\"},{\"name\":\"b\",\"score\":2,"
     "\"feedback\":\"r\"}]"},
    {"[{\"name\":\"a\",\"score\":1},{\"name\":\"a\",\"score\":1}]", NV_EVALUATIONS_LIST,
     "[{\"name\":\"a\",\"score\":1}]"},
    {"{\"event.name\":\"gen_ai.evaluation.tone\",\"gen_ai.evaluation.score\":3}",
     NV_EVALUATIONS_LIST, "[{\"name\":\"tone\",\"score\":3}]"},
    {"0.75", NV_EVALUATIONS_LIST, "[{\"score\":0.75}]"},
    {"{\"name\":\"a\"}", NV_EVALUATIONS_LIST, "[]"},
    {"{}", NV_EVALUATIONS_NAMED, "[]"},
    {"[]", NV_EVALUATIONS_LIST, "[]"},
};

START_TEST(test_form)
{
    struct nv_arena *arena = nv_arena_new(1 << 20);
    struct nv_evaluations evaluations = {0};
    struct nv_value in, out, want;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(cases[_i].in), NULL, &in), NV_OK);
    ck_assert_int_eq(nv_evaluations_add(&evaluations, arena, &in, cases[_i].form), NV_OK);
    ck_assert_int_eq(nv_evaluations_list(&evaluations, arena, &out), NV_OK);
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(cases[_i].out), NULL, &want), NV_OK);
    ck_assert_msg(nv_value_eq(&out, &want), "%s", cases[_i].in);
    nv_arena_free(arena);
}
END_TEST

/* As evaluations.c has it. */
#define DEPTH_MAX 3u

START_TEST(objects_inside_to_the_depth)
{
    for (unsigned more = 0; more < 2; more++) {
        struct nv_arena *arena = nv_arena_new(1 << 20);
        struct nv_evaluations evaluations = {0};
        const struct nv_value in =
            nv_test_deep(arena, DEPTH_MAX - 1 + more, "{\"evaluation\":", "{\"score\":1}", "}");
        ck_assert_int_eq(nv_evaluations_add(&evaluations, arena, &in, NV_EVALUATIONS_LIST),
                         NV_OK);
        ck_assert_uint_eq(evaluations.count, 1 - more);
        nv_arena_free(arena);
    }
}
END_TEST

START_TEST(no_more_than_the_cap)
{
    struct nv_arena *arena = nv_arena_new(16 << 20);
    struct nv_evaluations evaluations = {0};
    for (uint32_t i = 0; i < NV_EVALUATIONS_MAX + 1; i++) {
        const struct nv_value one = nv_value_int(i);
        ck_assert_uint_eq(evaluations.count, i);
        ck_assert_int_eq(nv_evaluations_add(&evaluations, arena, &one, NV_EVALUATIONS_LIST),
                         NV_OK);
    }
    ck_assert_uint_eq(evaluations.count, NV_EVALUATIONS_MAX);
    /* the last one that found room is there, what came behind it is not */
    const struct nv_value *last = &evaluations.items[NV_EVALUATIONS_MAX - 1].score;
    ck_assert_int_eq(last->as.integer, NV_EVALUATIONS_MAX - 1);
    nv_arena_free(arena);
}
END_TEST

/* As a list, and as members under their names: so many are read, and one more is not. */
START_TEST(no_more_than_the_cap_at_once)
{
    for (uint32_t form = 0; form < 2; form++) {
        for (uint32_t more = 0; more < 2; more++) {
            struct nv_arena *arena = nv_arena_new(16 << 20);
            struct nv_evaluations evaluations = {0};
            char text[16 * (NV_EVALUATIONS_MAX + 2)];
            size_t len = 0;
            for (uint32_t i = 0; i < NV_EVALUATIONS_MAX + more; i++) {
                const char *before = i > 0 ? "," : form ? "{" : "[";
                len += form
                           ? (size_t)snprintf(text + len, sizeof text - len, "%s\"n%u\":%u",
                                              before, i, i)
                           : (size_t)snprintf(text + len, sizeof text - len, "%s%u", before, i);
            }
            text[len++] = form ? '}' : ']';
            const struct nv_value in = nv_value_string((struct nv_str){text, len});
            ck_assert_int_eq(
                nv_evaluations_add(&evaluations, arena, &in,
                                   form ? NV_EVALUATIONS_NAMED : NV_EVALUATIONS_LIST),
                NV_OK);
            ck_assert_uint_eq(evaluations.count, NV_EVALUATIONS_MAX);
            nv_arena_free(arena);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/content/evaluations");
    TCase *tcase = tcase_create("evaluations");
    tcase_add_loop_test(tcase, test_form, 0, sizeof cases / sizeof *cases);
    tcase_add_test(tcase, no_more_than_the_cap);
    tcase_add_test(tcase, no_more_than_the_cap_at_once);
    tcase_add_test(tcase, objects_inside_to_the_depth);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
