/*
 * What goes out beside the fields: own keys, keys whose name is taken, and spans of more
 * attributes than 16 bits count: a row that drops a secret must reach the last of them too.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/buf.h"

#include "base/banned.h"

/* More than 16 bits can number. */
#define MANY 66000u

START_TEST(a_taken_name_gets_source_behind_it)
{
    struct told *told =
        told_by("[{'name': 'chat', 'attributes': {'gen_ai.operation.name': 'chat',"
                "'gen_ai.request.model': 'm', 'llm.model': 'n'}}]");
    told_is(told, "chat", "llm.model", "'m'");
    told_is(told, "chat", "llm.model.source", "'n'");
    told_free(told);
}
END_TEST

/* MANY attributes of no row and then the one that is asked about, with a model before all. */
static struct told *told_of_many(const char *last)
{
    struct nv_buf buf;
    nv_buf_init(&buf, (size_t)16 << 20);
    (void)nv_buf_printf(&buf, "[{'name': 's', 'attributes': {");
    for (unsigned i = 0; i < MANY; i++)
        (void)nv_buf_printf(&buf, "'k%u': %u,", i, i);
    (void)nv_buf_printf(&buf, "%s}}]", last);
    (void)nv_buf_append_char(&buf, '\0');
    ck_assert_int_eq(buf.failed, NV_OK);
    struct told *told = told_by(buf.bytes);
    nv_buf_release(&buf);
    return told;
}

START_TEST(a_row_drops_what_comes_after_65535_attributes)
{
    struct told *told = told_of_many("'gen_ai.request.headers': 'Bearer x'");
    told_is(told, "s", "gen_ai.request.headers", "'***'");
    told_is(told, "s", "k0", "0");
    told_is(told, "s", "k65999", "65999");
    told_free(told);
}
END_TEST

START_TEST(fields_are_told_by_what_comes_after_65535_attributes)
{
    struct told *told =
        told_of_many("'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm',"
                     "'gen_ai.usage.input_tokens': 3,"
                     "'gen_ai.usage.output_tokens': 4");
    told_is(told, "s", "llm.model", "'m'");
    told_is(told, "s", "llm.input_tokens", "3");
    told_is(told, "s", "llm.total_tokens", "7");
    told_is(told, "s", "k1", "1");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/rest");
    TCase *tcase = tcase_create("rest");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_taken_name_gets_source_behind_it);
    tcase_add_test(tcase, a_row_drops_what_comes_after_65535_attributes);
    tcase_add_test(tcase, fields_are_told_by_what_comes_after_65535_attributes);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
