/*
 * A check in a child: what it found comes back; one that hangs or dies is given up.
 */
#include "expect.h"

#include "gateway/doctor/isolated.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static struct nv_findings found;

static void tell(void *ctx, struct nv_findings *out)
{
    nv_finding_add(out, NV_FINDING_NOTE, "disk", "do this", "%s", (const char *)ctx);
}

static void hang(void *ctx, struct nv_findings *out)
{
    tell(ctx, out);
    for (;;)
        (void)pause();
}

static void die(void *ctx, struct nv_findings *out)
{
    tell(ctx, out);
    _exit(0);
}

static void tell_all(void *ctx, struct nv_findings *out)
{
    for (size_t i = 0; i < NV_FINDINGS_MAX; i++)
        tell(ctx, out);
}

static char said[] = "100 % well";

static void set_up(void)
{
    found = (struct nv_findings){.count = 0};
}

START_TEST(what_it_found_comes_back)
{
    nv_finding_add(&found, NV_FINDING_OK, "first", NULL, "-");
    ck_assert_int_eq(nv_isolated_run(tell, said, 60000, &found), NV_OK);
    ck_assert_uint_eq(found.count, 2);
    ck_assert_str_eq(found.items[1].text, "100 % well");
    ck_assert_str_eq(found.items[1].next, "do this");
    ck_assert_str_eq(found.items[1].subject, "disk");
    ck_assert_int_eq(found.items[1].level, NV_FINDING_NOTE);
}
END_TEST

START_TEST(as_much_as_there_is_room_for)
{
    ck_assert_int_eq(nv_isolated_run(tell_all, said, 60000, &found), NV_OK);
    ck_assert_uint_eq(found.count, NV_FINDINGS_MAX);
}
END_TEST

START_TEST(one_that_hangs)
{
    ck_assert_int_eq(nv_isolated_run(hang, said, 20, &found), NV_ERR_TIMEOUT);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(one_that_dies)
{
    ck_assert_int_eq(nv_isolated_run(die, said, 60000, &found), NV_ERR_IO);
    ck_assert_uint_eq(found.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/isolated");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, what_it_found_comes_back);
    tcase_add_test(tcase, as_much_as_there_is_room_for);
    tcase_add_test(tcase, one_that_hangs);
    tcase_add_test(tcase, one_that_dies);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
