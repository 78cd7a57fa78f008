/*
 * Steps that give numbers and times.
 *
 * 0 is a value, text that is a number counts, NaN says nothing; units are converted once.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/engine/transform.h"
#include "tests/support/mapping_steps.h"

#include "base/banned.h"

START_TEST(numbers)
{
    static const struct step_case cases[] = {
        {"int", "26", "26", true},
        {"int", "'26'", "26", false},
        {"int", "'\\'26\\''", "26", false},
        {"int", "26.0", "26", true},
        {"int", "26.5", "26", false},
        {"int", "'x'", NULL, false},
        {"int", "true", NULL, false},
        {"int", "1e300", NULL, false},
        {"int", "-9223372036854775808", "-9223372036854775808", true},
        {"float", "0.5", "0.5", true},
        {"float", "1", "1", true},
        {"float", "'0.5'", "0.5", false},
        {"float", "'NaN'", NULL, false},
        {"float", "[1]", NULL, false},
        {"bool", "true", "true", true},
        {"bool", "'True'", "true", false},
        {"bool", "'0'", "false", false},
        {"bool", "1", "true", false},
        {"bool", "'maybe'", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(units)
{
    static const struct step_case cases[] = {
        {"s2ms", "0.25", "250.0", false},
        {"s2ms", "2", "2000.0", false},
        {"us2ms", "1500", "1.5", false},
        {"ns2ms", "2500000", "2.5", false},
        {"ms", "12.5", "12.5", true},
        {"s2ms", "-1", NULL, false},
        {"s2ms", "'soon'", NULL, false},
        {"since_start", "'2023-11-14T22:13:20.250Z'", "250.0", false},
        {"since_start", "'\\'2023-11-14T23:13:20.250000+01:00\\''", "250.0", false},
        {"since_start", "'2023-11-14T22:13:19Z'", NULL, false},
        {"since_start", "'yesterday'", NULL, false},
        {"since_start", "1700000000250", "250.0", false},
        {"since_start", "1699999999999", NULL, false},
        {"since_start", "1700100000000", NULL, false},
        {"since_start", "5", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

START_TEST(buckets)
{
    static const struct step_case cases[] = {
        {"sum_of(input)", "{'input': 1, 'input_cached': 2, 'output': 4}", "3", false},
        {"sum_of(input)", "{'input': 1, 'input_cached': 2, 'output': 4, 'total': 7}", "3",
         false},
        /* a total that is the bare buckets' sum: these hold the others */
        {"sum_of(input)", "{'input': 9, 'input_cached': 2, 'output': 4, 'total': 13}", "9",
         false},
        {"sum_of(output)", "{'input': 9, 'output': 4, 'output_reasoning': 3, 'total': 13}", "4",
         false},
        {"sum_of(output)", "{'input': 9, 'input_cached': 2, 'output': 4, 'total': 13}", "4",
         false},
        /* one side holds its parts, the other does not */
        {"sum_of(input)",
         "{'input': 9, 'input_cached': 2, 'output': 4, 'output_reasoning': 3, 'total': 16}",
         "9", false},
        {"sum_of(output)",
         "{'input': 9, 'input_cached': 2, 'output': 4, 'output_reasoning': 3, 'total': 16}",
         "7", false},
        {"sum_of(input)", "{'input': 9, 'input_cached': 2, 'output': 4, 'total': 99}", "11",
         false},
        {"sum_of(input)", "{'input_tokens': 9}", NULL, false},
        {"sum_of(input)", "'text'", NULL, false}};
    CHECK_STEPS(cases);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/transform_number");
    TCase *tcase = tcase_create("transform_number");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, units);
    tcase_add_test(tcase, buckets);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
