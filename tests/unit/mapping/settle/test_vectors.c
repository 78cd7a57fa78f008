/*
 * No vector of an embedding leaves the gateway, wherever an emitter put it; all else stays.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>

#include "base/banned.h"

#define TEN "0.5,-1,0.25,1e-3,2,3,4,5,6,7"
#define VECTOR "[" TEN "," TEN "," TEN "," TEN "]"
#define EMBED(more)                                                                            \
    "[{'name': 'e', 'id': 1, 'attributes': {'gen_ai.operation.name': 'embeddings', "           \
    "'gen_ai.request.model': 'm', " more "}}]"

START_TEST(vectors_go_in_every_form)
{
    static const struct {
        const char *spans, *key, *want;
    } cases[] = {
        {EMBED("'my.vector': " VECTOR), "my.vector", NULL},
        {EMBED("'my.vector': '" VECTOR "'"), "my.vector", NULL},
        {EMBED("'my.vectors': ['" VECTOR "', '" VECTOR "']"), "my.vectors", NULL},
        {EMBED("'my.out': {'data': [{'index': 0, 'embedding': " VECTOR "}], 'model': 'm'}"),
         "my.out", "{'data': [{'index': 0}], 'model': 'm'}"},
        {EMBED("'my.out': '{\\'data\\': [{\\'index\\': 0, \\'embedding\\': " VECTOR "}]}'"),
         "my.out", "{'data': [{'index': 0}]}"},
        {EMBED("'my.few': [1, 2, 3]"), "my.few", "[1, 2, 3]"},
        /* Short ones by their name. */
        {EMBED("'ai.embedding': '[0.1, 0.2, 0.3, 0.4]'"), "ai.embedding", NULL},
        {EMBED("'ai.embeddings': ['[1, 2, 3, 4]', '[5, 6, 7, 8]']"), "ai.embeddings", NULL},
        {EMBED("'x.0.embedding.vector': [1, 2, 3, 4]"), "x.0.embedding.vector", NULL},
        {EMBED("'my.out': {'data': [{'index': 0, 'embedding': [1, 2, 3, 4]}]}"), "my.out",
         "{'data': [{'index': 0}]}"},
        {EMBED("'my.tokens': [[1, 2, 3, 4]]"), "my.tokens", "[[1, 2, 3, 4]]"},
        {EMBED("'embedding.vector_sha256': 'ab'"), "embedding.vector_sha256", "'ab'"},
        {EMBED("'my.text': '[not JSON at all, though it is long and begins just so, " TEN "'"),
         "my.text", "'[not JSON at all, though it is long and begins just so, " TEN "'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told *told = told_by(cases[i].spans);
        told_is(told, "e", cases[i].key, cases[i].want);
        told_free(told);
    }
}
END_TEST

/* As vectors.c has it. */
#define DEPTH_MAX 12

START_TEST(vectors_to_the_depth)
{
    for (int more = 0; more < 2; more++) {
        char spans[4096], *end = spans;
        const size_t room = sizeof spans;
        end += snprintf(end, room,
                        "[{'name': 'e', 'id': 1, 'attributes': {'gen_ai.operation.name': "
                        "'embeddings', 'gen_ai.request.model': 'm', 'my.out': ");
        for (int i = 0; i < DEPTH_MAX + more; i++)
            end += snprintf(end, room - (size_t)(end - spans), "{'data': ");
        end += snprintf(end, room - (size_t)(end - spans), "%s", VECTOR);
        for (int i = 0; i < DEPTH_MAX + more; i++)
            end += snprintf(end, room - (size_t)(end - spans), "}");
        (void)snprintf(end, room - (size_t)(end - spans), "}}]");
        struct told *told = told_by(spans);
        const json_t *attributes = json_object_get(told_span(told, "e"), "attributes");
        ck_assert_int_eq(json_object_get(attributes, "my.out") != NULL, more == 1);
        told_free(told);
    }
}
END_TEST

START_TEST(their_length_stays)
{
    struct told *told = told_by(EMBED("'my.vector': " VECTOR ", 'z.after': 'kept', "
                                      "'gen_ai.usage.input_tokens': 7"));
    told_is(told, "e", "embedding.dimensions", "40");
    told_is(told, "e", "embedding.model", "'m'");
    told_is(told, "e", "z.after", "'kept'");
    told_is(told, "e", "llm.input_tokens", "7");
    told_is(told, "e", "llm.total_tokens", "7");
    told_free(told);
}
END_TEST

START_TEST(base64_is_a_vector_too)
{
    char spans[2048], text[401];
    memset(text, 'A', 400);
    text[400] = '\0';
    snprintf(spans, sizeof spans, EMBED("'my.out': {'embedding': '%s', 'index': 3}"), text);
    struct told *told = told_by(spans);
    told_is(told, "e", "my.out", "{'index': 3}");
    told_is(told, "e", "embedding.dimensions", "75");
    told_free(told);
}
END_TEST

START_TEST(the_span_around_repeats_none_and_others_keep_their_numbers)
{
    struct told *told = told_by(
        "[{'name': 'outer', 'id': 1, 'attributes': {'out': " VECTOR "}},"
        "{'name': 'e', 'id': 2, 'parent': 1, 'attributes': {'gen_ai.operation.name': "
        "'embeddings', 'gen_ai.request.model': 'm'}},"
        "{'name': 'other', 'id': 3, 'parent': 1, 'attributes': {'samples': " VECTOR "}}]");
    told_is(told, "outer", "out", NULL);
    ck_assert_uint_eq(json_array_size(json_object_get(
                          json_object_get(told_span(told, "other"), "attributes"), "samples")),
                      40);
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/vectors");
    TCase *tcase = tcase_create("vectors");
    tcase_add_test(tcase, vectors_go_in_every_form);
    tcase_add_test(tcase, their_length_stays);
    tcase_add_test(tcase, vectors_to_the_depth);
    tcase_add_test(tcase, base64_is_a_vector_too);
    tcase_add_test(tcase, the_span_around_repeats_none_and_others_keep_their_numbers);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
