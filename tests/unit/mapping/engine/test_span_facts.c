/*
 * What rows say of a span outside its attributes arrives there, and nothing else is taken.
 */
#include "tests/support/expect.h"

#include "mapping/engine/engine.h"

#include "base/banned.h"

static struct nv_span span;
static struct nv_span_work work;

static void set_up(void)
{
    span = (struct nv_span){.status = NV_STATUS_OK};
    work = (struct nv_span_work){.span = &span};
}

START_TEST(texts)
{
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_NAME, NV_STR("chat")));
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_STATUS_MESSAGE, NV_STR("why")));
    ck_assert_nv_str(span.name, "chat");
    ck_assert_nv_str(span.status_message, "why");
}
END_TEST

static const struct {
    const char *text;
    enum nv_status status;
    bool if_unset;
} statuses[] = {{"Error", NV_STATUS_ERROR, false},
                {"timeout", NV_STATUS_TIMEOUT, false},
                {"error_if_unset", NV_STATUS_OK, true},
                {"ok", NV_STATUS_OK, false}};

START_TEST(status)
{
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_STATUS, nv_str_from(statuses[_i].text)));
    ck_assert_int_eq(span.status, statuses[_i].status);
    ck_assert_int_eq(work.fails_if_unset, statuses[_i].if_unset);
}
END_TEST

START_TEST(whether_it_goes_out)
{
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_PLACEHOLDER, NV_STR("x")));
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_LEFT_OUT, NV_STR("yes")));
    ck_assert(work.placeholder && work.left_out);
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_LEFT_OUT, NV_STR("False")));
    ck_assert(!work.left_out);
    ck_assert(nv_span_fact_set(&work, NV_FIELD_SPAN_LAST_STEP, NV_STR("true")));
    ck_assert(work.last_step);
}
END_TEST

START_TEST(other_fields_are_the_trace_s)
{
    ck_assert(!nv_span_fact_set(&work, NV_FIELD_SESSION_ID, NV_STR("s")));
    ck_assert(!nv_span_fact_set(&work, NV_FIELD_TRACE_NAME, NV_STR("t")));
    ck_assert_ptr_null(span.name.ptr);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/span_facts");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, texts);
    tcase_add_loop_test(tcase, status, 0, sizeof statuses / sizeof *statuses);
    tcase_add_test(tcase, whether_it_goes_out);
    tcase_add_test(tcase, other_fields_are_the_trace_s);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
