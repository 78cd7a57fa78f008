/*
 * Conventions of which no captured case exists, or not of this side of them: each row of
 * conventions.json is a trace in short, as an instrumentation's source or documentation says it
 * is sent, and attributes that must come of it (null: must not be there; "@status" and
 * "@status_message" are the span's own; the span "" is the trace, its keys are paths).
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

static json_t *cases;

/* The short form writes ' for " and ` for ', so that the file may be plain JSON. */
static char *short_form(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strchr(text, '`') == NULL, "no ` in %s", text);
    for (char *at = text; (at = strchr(at, '\'')) != NULL;)
        *at = '`';
    return text;
}

static void check_value(const struct told *told, const char *span, const char *key,
                        json_t *value)
{
    char *expected = json_is_null(value) ? NULL : short_form(value);
    if (*span == '\0')
        told_member(told, NULL, key, expected == NULL ? "null" : expected);
    else if (*key == '@')
        told_member(told, span, key + 1, expected);
    else
        told_is(told, span, key, expected);
    free(expected);
}

START_TEST(test_convention)
{
    json_t *test = json_array_get(cases, (size_t)_i);
    char *spans = short_form(json_object_get(test, "spans"));
    struct told *told = told_by(spans);
    const char *span, *key;
    json_t *expected, *value;
    printf("%s\n", json_string_value(json_object_get(test, "name")));
    json_object_foreach(json_object_get(test, "expected"), span, expected)
    {
        json_object_foreach(expected, key, value)
        {
            check_value(told, span, key, value);
        }
    }
    told_free(told);
    free(spans);
}
END_TEST

int main(void)
{
    json_error_t error;
    cases = json_load_file(NOVEUM_SOURCE_DIR "/tests/unit/mapping/conventions.json", 0, &error);
    if (!cases) {
        fprintf(stderr, "conventions.json:%d: %s\n", error.line, error.text);
        return EXIT_FAILURE;
    }
    Suite *suite = suite_create("conventions");
    TCase *tcase = tcase_create("conventions");
    tcase_add_loop_test(tcase, test_convention, 0, (int)json_array_size(cases));
    suite_add_tcase(suite, tcase);
    const int failed = nv_test_run(suite);
    json_decref(cases);
    return failed;
}
