/*
 * Values of a trace as lines: texts and JSON, foreign bytes, the width.
 */
#include "expect.h"

#include "gateway/commands/explain_values.h"

#include "base/banned.h"

START_TEST(a_line_each)
{
    struct nv_value numbers[2] = {nv_value_int(1), nv_value_string(NV_STR("x"))};
    struct nv_attribute items[] = {
        {NV_STR("a"), nv_value_string(NV_STR("two\nlines \033[2J"))},
        {NV_STR("b\n"), {.type = NV_VALUE_ARRAY, .as.array = {numbers, 2}}},
        {NV_STR("c"), nv_value_json(NV_STR("{\"k\":1}"))},
        {NV_STR("long"), nv_value_string(NV_STR("abcdefghijklmnopqrstuvwxyz"))}};
    struct nv_span spans[2] = {{.name = NV_STR("chat"), .attributes = {items, 4, 4}},
                               {.name = NV_STR("a name that is too long to be shown here")}};
    struct nv_trace trace = {.spans = spans, .span_count = 2};
    struct nv_buf report;
    nv_buf_init(&report, 10000);
    ck_assert_int_eq(nv_explain_values_write(&trace, 26, &report), NV_OK);
    ck_assert_nv_str(nv_buf_str(&report), "values of span \"chat\"\n"
                                          "  a = two⏎lines \\x1b[2J\n"
                                          "  b⏎ = [1,\"x\"]\n"
                                          "  c = {\"k\":1}\n"
                                          "  long = abcdefghijklmnop…\n"
                                          "values of span \"a name t…\"\n");
    nv_buf_release(&report);
}
END_TEST

/* As explain_values.c has it. */
#define LINES_MAX 4096

START_TEST(so_many_lines_and_no_more)
{
    static struct nv_attribute items[LINES_MAX + 2];
    struct nv_span span = {.name = NV_STR("chat"),
                           .attributes = {items, LINES_MAX, LINES_MAX + 2}};
    struct nv_trace trace = {.spans = &span, .span_count = 1};
    struct nv_buf report;
    for (size_t i = 0; i < LINES_MAX + 2; i++)
        items[i] = (struct nv_attribute){NV_STR("key"), nv_value_int(1)};
    nv_buf_init(&report, 100000);
    ck_assert_int_eq(nv_explain_values_write(&trace, 80, &report), NV_OK);
    ck_assert_uint_eq(nv_str_find(nv_buf_str(&report), NV_STR("more")), SIZE_MAX);
    report.len = 0;
    span.attributes.count = LINES_MAX + 2;
    ck_assert_int_eq(nv_explain_values_write(&trace, 80, &report), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_buf_str(&report), NV_STR("\n  … 2 more\n")), SIZE_MAX);
    nv_buf_release(&report);
}
END_TEST

START_TEST(a_full_buffer_is_an_error)
{
    struct nv_span span = {.name = NV_STR("chat")};
    struct nv_trace trace = {.spans = &span, .span_count = 1};
    struct nv_buf report;
    nv_buf_init(&report, 10);
    ck_assert_int_eq(nv_explain_values_write(&trace, 26, &report), NV_ERR_LIMIT);
    nv_buf_release(&report);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/explain_values");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_line_each);
    tcase_add_test(tcase, so_many_lines_and_no_more);
    tcase_add_test(tcase, a_full_buffer_is_an_error);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
