/*
 * Findings: their lines, the worst of them, the one next step, and the cap.
 */
#include "expect.h"

#include "base/text/mask.h"
#include "gateway/doctor/finding.h"

#include "base/banned.h"

static struct nv_findings findings;
static struct nv_buf out;

static void set_up(void)
{
    findings = (struct nv_findings){.count = 0};
    nv_buf_init(&out, 10000);
}

static void tear_down(void)
{
    nv_buf_release(&out);
    nv_mask_clear();
}

START_TEST(a_line_each)
{
    nv_finding_add(&findings, NV_FINDING_OK, "disk", NULL, "%d MB free", 7);
    nv_finding_add(&findings, NV_FINDING_NOTE, "project", "set one", "none");
    nv_finding_add(&findings, NV_FINDING_BAD, "backend", "wait", "gone\x1b[2J");
    for (size_t i = 0; i < findings.count; i++)
        ck_assert_int_eq(nv_finding_write(&findings.items[i], &out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "ok    disk      7 MB free\n"
                                       "note  project   none\n"
                                       "BAD   backend   gone\\x1b[2J\n");
}
END_TEST

START_TEST(secrets_are_masked)
{
    ck_assert_int_eq(nv_mask_add(NV_STR("nv_secret_key")), NV_OK);
    nv_finding_add(&findings, NV_FINDING_OK, "backend", NULL, "says nv_secret_key, twice");
    ck_assert_int_eq(nv_finding_write(&findings.items[0], &out), NV_OK);
    ck_assert_nv_str(nv_buf_str(&out), "ok    backend   says ***, twice\n");
}
END_TEST

START_TEST(the_same_for_programs)
{
    struct nv_json_writer json;
    ck_assert_int_eq(nv_mask_add(NV_STR("nv_secret_key")), NV_OK);
    nv_finding_add(&findings, NV_FINDING_BAD, "key", "not nv_secret_key", "\"nv_secret_key\"");
    nv_finding_add(&findings, NV_FINDING_NOTE, "port", NULL, "x");
    nv_json_write_init(&json, &out);
    nv_json_write_begin_array(&json);
    for (size_t i = 0; i < findings.count; i++)
        nv_finding_write_json(&findings.items[i], &json);
    nv_json_write_end_array(&json);
    ck_assert_nv_str(nv_buf_str(&out),
                     "[{\"level\":\"bad\",\"subject\":\"key\",\"text\":\"\\\"***\\\"\","
                     "\"next\":\"not ***\"},"
                     "{\"level\":\"note\",\"subject\":\"port\",\"text\":\"x\"}]");
}
END_TEST

START_TEST(the_next_step_is_that_of_the_first_cause)
{
    ck_assert_ptr_null(nv_findings_next(&findings));
    ck_assert_int_eq(nv_findings_worst(&findings), NV_FINDING_OK);
    nv_finding_add(&findings, NV_FINDING_OK, "a", "not this", "-");
    ck_assert_ptr_null(nv_findings_next(&findings));
    nv_finding_add(&findings, NV_FINDING_NOTE, "b", NULL, "-");
    nv_finding_add(&findings, NV_FINDING_NOTE, "c", "the note's", "-");
    ck_assert_str_eq(nv_findings_next(&findings), "the note's");
    ck_assert_int_eq(nv_findings_worst(&findings), NV_FINDING_NOTE);
    nv_finding_add(&findings, NV_FINDING_BAD, "d", NULL, "-");
    ck_assert_ptr_null(nv_findings_next(&findings));
    nv_finding_add(&findings, NV_FINDING_BAD, "e", "the first's", "-");
    nv_finding_add(&findings, NV_FINDING_BAD, "f", "the second's", "-");
    ck_assert_str_eq(nv_findings_next(&findings), "the first's");
    ck_assert_int_eq(nv_findings_worst(&findings), NV_FINDING_BAD);
}
END_TEST

START_TEST(more_than_there_is_room_for)
{
    for (size_t i = 0; i < NV_FINDINGS_MAX; i++)
        nv_finding_add(&findings, NV_FINDING_OK, "x", NULL, "%zu", i);
    nv_finding_add(&findings, NV_FINDING_BAD, "x", NULL, "bad");
    ck_assert_uint_eq(findings.count, NV_FINDINGS_MAX);
    ck_assert_str_eq(findings.items[NV_FINDINGS_MAX - 1].text, "bad");
    nv_finding_add(&findings, NV_FINDING_NOTE, "x", NULL, "note");
    ck_assert_str_eq(findings.items[NV_FINDINGS_MAX - 1].text, "bad");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/finding");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_line_each);
    tcase_add_test(tcase, secrets_are_masked);
    tcase_add_test(tcase, the_same_for_programs);
    tcase_add_test(tcase, the_next_step_is_that_of_the_first_cause);
    tcase_add_test(tcase, more_than_there_is_room_for);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
