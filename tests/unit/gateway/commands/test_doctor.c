/*
 * The doctor's run of one check: its findings, or that it did not end.
 */
#include "expect.h"

#include "gateway/commands/doctor.h"

#include <unistd.h>

#include "base/banned.h"

static void tell(void *ctx, struct nv_findings *out)
{
    nv_finding_add(out, NV_FINDING_OK, "port", NULL, "%s", (const char *)ctx);
}

static void hang(void *ctx, struct nv_findings *out)
{
    (void)ctx;
    (void)out;
    for (;;)
        (void)pause();
}

static void die(void *ctx, struct nv_findings *out)
{
    (void)ctx;
    (void)out;
    _exit(3);
}

static char said[] = "free";

START_TEST(a_check_that_ends)
{
    struct nv_findings all = {.count = 0};
    nv_doctor_run(tell, said, 60000, "port", "x", &all);
    ck_assert_uint_eq(all.count, 1);
    ck_assert_str_eq(all.items[0].text, "free");
}
END_TEST

START_TEST(a_check_that_does_not)
{
    struct nv_findings all = {.count = 0};
    nv_doctor_run(hang, said, 10, "disk", "look at the disk", &all);
    nv_doctor_run(die, said, 60000, "port", "x", &all);
    ck_assert_uint_eq(all.count, 2);
    ck_assert_str_eq(all.items[0].subject, "disk");
    ck_assert_str_eq(all.items[1].text, "the check itself died");
    ck_assert_str_eq(nv_findings_next(&all), "look at the disk");
    ck_assert_int_eq(nv_findings_worst(&all), NV_FINDING_BAD);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/commands/doctor");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, a_check_that_ends);
    tcase_add_test(tcase, a_check_that_does_not);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
