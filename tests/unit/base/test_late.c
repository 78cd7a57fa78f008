/*
 * A library that is loaded late: its functions, and what is said when it is not there.
 */
#include "expect.h"

#include "base/late.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/banned.h"

static double (*late_round)(double value);
static double (*late_none)(double value);
static const struct nv_late_function functions[] = {
    {"round", (void **)(void *)&late_round}, {"of_no_library", (void **)(void *)&late_none}};

START_TEST(functions_of_a_library_are_found_once)
{
    struct nv_late late = {"libm.so.6", "libc6", functions, 1, PTHREAD_MUTEX_INITIALIZER,
                           false};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_late_find(&late, &fail), NV_OK);
    ck_assert_int_eq(nv_late_load(&late, &fail), NV_OK);
    ck_assert_int_eq((int)late_round(1.5), 2);
    late_round = NULL;
    ck_assert_int_eq(nv_late_load(&late, &fail), NV_OK);
    ck_assert(!late_round); /* what is loaded is not loaded again */
}
END_TEST

START_TEST(what_is_missing_is_named_with_its_package)
{
    struct nv_late late = {"libnone.so.9", "libnone9", functions, 1, PTHREAD_MUTEX_INITIALIZER,
                           false};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_late_load(&late, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "libnone.so.9"));
    ck_assert_ptr_nonnull(strstr(fail.what, "apt-get install libnone9"));
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_late_find(&late, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "libnone.so.9"));
    ck_assert_int_eq(nv_late_load(&late, NULL), NV_ERR_CONFIG);
}
END_TEST

START_TEST(a_library_without_a_function_is_of_another_version)
{
    struct nv_late late = {"libm.so.6", "libc6", functions, 2, PTHREAD_MUTEX_INITIALIZER,
                           false};
    struct nv_fail fail = {0};
    ck_assert_int_eq(nv_late_load(&late, &fail), NV_ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(fail.what, "of_no_library"));
    ck_assert(!late.loaded);
}
END_TEST

/* Connections may hold all descriptors when a library is needed first. */
START_TEST(a_library_is_loaded_when_no_descriptor_is_left)
{
    enum { MANY = 256 };
    static const char *(*version)(void);
    static const struct nv_late_function of_sqlite[] = {
        {"sqlite3_libversion", (void **)(void *)&version}};
    struct nv_late late = {"libsqlite3.so.0",         "libsqlite3-0", of_sqlite, 1,
                           PTHREAD_MUTEX_INITIALIZER, false};
    struct rlimit before, few = {MANY, MANY};
    int taken[MANY], count = 0;
    ck_assert_int_eq(nv_late_find(&late, NULL), NV_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    few.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (count < MANY && (taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    ck_assert_int_lt(count, MANY);
    enum nv_err err = nv_late_load(&late, NULL);
    while (count > 0)
        (void)close(taken[--count]);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    ck_assert_int_eq(err, NV_OK);
    ck_assert_int_eq(version()[0], '3');
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("late");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, functions_of_a_library_are_found_once);
    tcase_add_test(tcase, what_is_missing_is_named_with_its_package);
    tcase_add_test(tcase, a_library_without_a_function_is_of_another_version);
    tcase_add_test(tcase, a_library_is_loaded_when_no_descriptor_is_left);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
