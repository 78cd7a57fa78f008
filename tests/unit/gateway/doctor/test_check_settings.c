/*
 * Key, project and clock: what is well, what is not, and that the key is never shown.
 */
#include "doctor_kit.h"
#include "expect.h"

#include "gateway/doctor/checks.h"

#include "base/banned.h"

static const struct {
    const char *key; /* NULL: none */
    bool good;
    const char *says;
} keys[] = {{NULL, true, "local mode"},
            {"nv_1234567890", true, "13 characters"},
            {"noveum_1", true, "8 characters"},
            {"sk-1234", true, "usually begin with nv_"},
            {"nv_with space", false, "holds a space"},
            {"nv_line\n", false, "holds a space"},
            {"nv_\xc3\xa9", false, "holds a space"}};

static struct nv_options options;

static void set(size_t id, const char *text)
{
    struct nv_fail fail = {0};
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

START_TEST(the_key)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    if (keys[_i].key)
        set(NV_OPT_exporter_noveum_api_key, keys[_i].key);
    nv_check_key(&options, &nv_test_found);
    nv_test_found_last(keys[_i].good ? NV_FINDING_OK : NV_FINDING_BAD, "key", keys[_i].says);
    ck_assert(keys[_i].key == NULL || !strstr(nv_test_found.items[0].text, keys[_i].key));
    nv_options_release(&options);
}
END_TEST

START_TEST(the_project)
{
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
    nv_check_project(&options, &nv_test_found);
    ck_assert_uint_eq(nv_test_found.count, 0); /* local mode */
    set(NV_OPT_exporter_noveum_api_key, "nv_key");
    nv_check_project(&options, &nv_test_found);
    nv_test_found_last(NV_FINDING_NOTE, "project", "none is set");
    ck_assert_ptr_nonnull(strstr(nv_findings_next(&nv_test_found), "NOVEUM_PROJECT"));
    set(NV_OPT_exporter_noveum_project, "shop");
    nv_check_project(&options, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "project", "shop, from --set");
    nv_options_release(&options);
}
END_TEST

START_TEST(the_clock)
{
    nv_check_clock(UINT64_C(1790000000) * NV_NS_PER_S, true, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "clock", "2026-");
    ck_assert(!strstr(nv_test_found.items[0].text, "in step"));
    nv_check_clock(UINT64_C(1790000000) * NV_NS_PER_S, false, &nv_test_found);
    nv_test_found_last(NV_FINDING_OK, "clock", "not known to be in step");
    nv_check_clock(5 * NV_NS_PER_S, true, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "clock", "set the clock");
    nv_check_clock(UINT64_C(5000000000) * NV_NS_PER_S, true, &nv_test_found);
    nv_test_found_last(NV_FINDING_BAD, "clock", "set the clock");
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gateway/doctor/check_settings");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, nv_test_found_nothing, NULL);
    tcase_add_loop_test(tcase, the_key, 0, COUNT(keys));
    tcase_add_test(tcase, the_project);
    tcase_add_test(tcase, the_clock);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
