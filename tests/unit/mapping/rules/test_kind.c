/*
 * Names of kinds: both ways, and unknown ones.
 *
 * Kinds of whole spans are tested with the conditions.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/rules/kind.h"

#include "base/banned.h"

START_TEST(names_go_both_ways)
{
    for (unsigned kind = 0; kind < NV_KIND_COUNT; kind++)
        ck_assert_uint_eq(nv_kind_from_name(nv_kind_name((enum nv_kind)kind)), kind);
    ck_assert_uint_eq(nv_kind_from_name(NV_STR("LLM")), NV_KIND_LLM);
    ck_assert_uint_eq(nv_kind_from_name(NV_STR("robot")), NV_KIND_COUNT);
    ck_assert_uint_eq(nv_kind_from_name(NV_STR("")), NV_KIND_COUNT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/kind");
    TCase *tcase = tcase_create("kind");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, names_go_both_ways);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
