/*
 * The flag against what the processor says of itself elsewhere: /proc/cpuinfo.
 */
#include "base/wide.h"

#include <stdio.h>
#include <string.h>

#include "expect.h"

#include "base/banned.h"

START_TEST(is_what_the_system_says)
{
    static char text[1 << 14];
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool avx2 = false, bmi = false;

    ck_assert_ptr_nonnull(file);
    while (fgets(text, sizeof text, file) && strncmp(text, "flags", 5) != 0) {
    }
    avx2 = strstr(text, " avx2") != NULL;
    bmi = strstr(text, " bmi1") != NULL;
    (void)fclose(file);
#ifdef NV_WIDE_CODE
    ck_assert_int_eq(nv_wide, avx2 && bmi);
#else
    ck_assert(!nv_wide);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/wide");
    TCase *tcase = tcase_create("wide");

    tcase_add_test(tcase, is_what_the_system_says);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
