/*
 * Times as text: dates, fractions, zones, and what is none.
 */
#include "tests/support/expect.h"

#include "base/text/iso_time.h"

#include "base/banned.h"

START_TEST(times)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t ns;
    } cases[] = {{"1970-01-01T00:00:00Z", true, 0},
                 {"2024-02-29T12:00:00Z", true, UINT64_C(1709208000000000000)},
                 {"2000-03-01 00:00:00.5Z", true, UINT64_C(951868800500000000)},
                 {"2023-11-14T22:13:20.123456789-02:30", true, UINT64_C(1700009000123456789)},
                 {"1969-12-31T00:00:00Z", false, 0},
                 {"2023-13-01T00:00:00Z", false, 0},
                 {"2023-01-01", false, 0},
                 {"2023-01-01T25:00:00Z", false, 0},
                 {"2023-01-01T00:00:00+1", false, 0},
                 {"", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ns = 0;
        ck_assert_msg(nv_iso_time_parse(nv_str_from(cases[i].text), &ns) == cases[i].good, "%s",
                      cases[i].text);
        if (cases[i].good)
            ck_assert_uint_eq(ns, cases[i].ns);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/iso_time");
    TCase *tcase = tcase_create("iso_time");
    tcase_add_test(tcase, times);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
