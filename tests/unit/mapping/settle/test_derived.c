/*
 * What agents and roots take from the calls below: cut at a character, and not in a word when
 * that can be helped. The other rules stand in tests/unit/mapping/conventions.json.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

#define LENGTH 6000
/* As derived.c has it. */
#define TEXT_MAX 4096u

/* What an agent around a call gets as its output when the call answers `text`. */
static char *derived_of(const char *text)
{
    char *spans = malloc(LENGTH * 2);
    ck_assert_ptr_nonnull(spans);
    snprintf(spans, LENGTH * 2,
             "[{'name': 'a', 'id': 1, 'attributes': {'gen_ai.operation.name': 'invoke_agent'}},"
             "{'name': 'c', 'id': 2, 'parent': 1, 'attributes': {'gen_ai.operation.name': "
             "'chat', 'gen_ai.request.model': 'm', 'gen_ai.output.messages': "
             "[{'role': 'assistant', 'parts': [{'type': 'text', 'content': '%s'}]}]}}]",
             text);
    struct told *told = told_by(spans);
    json_t *attributes = json_object_get(told_span(told, "a"), "attributes");
    const char *got = json_string_value(json_object_get(attributes, "agent.output"));
    char *copy = strdup(got ? got : "");
    ck_assert_ptr_nonnull(copy);
    told_free(told);
    free(spans);
    return copy;
}

START_TEST(a_short_text_is_whole)
{
    char *got = derived_of("hello");
    ck_assert_str_eq(got, "hello");
    free(got);
}
END_TEST

START_TEST(a_long_text_ends_at_a_character)
{
    char text[LENGTH + 1] = {0};
    for (size_t i = 0; i < LENGTH; i += 3)
        memcpy(text + i, "\xe6\x9d\xb1", 3);
    char *got = derived_of(text);
    ck_assert_uint_eq(strlen(got), TEXT_MAX / 3 * 3);
    ck_assert_int_eq(memcmp(got, text, strlen(got)), 0);
    free(got);
}
END_TEST

START_TEST(a_text_that_just_fits_is_whole)
{
    char text[LENGTH + 1] = {0};
    memset(text, 'x', TEXT_MAX);
    char *got = derived_of(text);
    ck_assert_uint_eq(strlen(got), TEXT_MAX);
    free(got);
    text[TEXT_MAX] = 'x';
    got = derived_of(text);
    ck_assert_uint_eq(strlen(got), TEXT_MAX);
    free(got);
}
END_TEST

START_TEST(no_word_is_cut_in_two)
{
    char text[LENGTH + 1] = {0};
    memset(text, 'x', LENGTH);
    text[TEXT_MAX - 20] = ' ';
    char *got = derived_of(text);
    ck_assert_uint_eq(strlen(got), TEXT_MAX - 20);
    free(got);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/derived");
    TCase *tcase = tcase_create("derived");
    tcase_add_test(tcase, a_short_text_is_whole);
    tcase_add_test(tcase, a_long_text_ends_at_a_character);
    tcase_add_test(tcase, a_text_that_just_fits_is_whole);
    tcase_add_test(tcase, no_word_is_cut_in_two);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
