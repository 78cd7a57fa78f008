/*
 * Timestamps against libc's calendar over the whole range of uint64, and the two clocks.
 */
#include "expect.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/banned.h"

static void assert_formatted(uint64_t wall_ns)
{
    char text[NV_TIME_TEXT_SIZE], expected[64];
    struct tm tm;
    time_t seconds = (time_t)(wall_ns / NV_NS_PER_S);
    ck_assert_ptr_nonnull(gmtime_r(&seconds, &tm));
    size_t n = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(expected + n, sizeof expected - n, ".%06u+00:00",
                   (unsigned)(wall_ns % NV_NS_PER_S / 1000));
    ck_assert_uint_eq(nv_time_format(wall_ns, text), strlen(expected));
    ck_assert_str_eq(text, expected);
}

START_TEST(known_times)
{
    char text[NV_TIME_TEXT_SIZE];
    (void)nv_time_format(UINT64_C(1795357249929944999), text);
    ck_assert_str_eq(text, "2026-11-22T14:20:49.929944+00:00");
    (void)nv_time_format(0, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000000+00:00");
    (void)nv_time_format(UINT64_MAX, text);
    ck_assert_str_eq(text, "2554-07-21T23:34:33.709551+00:00");
}
END_TEST

/* The second written last is kept: the next one, the same and the one before are not mixed up. */
START_TEST(seconds_that_change_and_come_back)
{
    static const uint64_t seconds[] = {0, 0, 1, 59, 60, 59, 3600, 86399, 86400, 86399, 0};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        assert_formatted(seconds[i] * NV_NS_PER_S + i * 1000);
}
END_TEST

START_TEST(every_day_agrees_with_libc)
{
    for (uint64_t day = 0; day < UINT64_MAX / (86400 * NV_NS_PER_S); day++)
        assert_formatted(day * 86400 * NV_NS_PER_S + day % 86400 * NV_NS_PER_S + 123456789);
}
END_TEST

START_TEST(fake_clock_moves_when_told)
{
    struct nv_fake_clock fake;
    nv_fake_clock_init(&fake, 5, 1000);
    ck_assert_uint_eq(nv_clock_mono_ns(&fake.clock), 5);
    ck_assert_uint_eq(nv_clock_wall_ns(&fake.clock), 1000);
    nv_fake_clock_advance(&fake, 10);
    ck_assert_uint_eq(nv_clock_mono_ns(&fake.clock), 15);
    ck_assert_uint_eq(nv_clock_wall_ns(&fake.clock), 1010);
    fake.wall = 3;
    ck_assert_uint_eq(nv_clock_wall_ns(&fake.clock), 3);
}
END_TEST

START_TEST(system_clock_runs)
{
    const struct nv_clock *clock = nv_clock_system();
    uint64_t before = nv_clock_mono_ns(clock);
    ck_assert_uint_ge(nv_clock_mono_ns(clock), before);
    /* Between two looks at libc's clock, however long this process waits in between; time() may
     * be a tick behind. */
    uint64_t earliest = (uint64_t)time(NULL);
    uint64_t wall = nv_clock_wall_ns(clock) / NV_NS_PER_S;
    ck_assert_uint_le(earliest, wall);
    ck_assert_uint_le(wall, (uint64_t)time(NULL) + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/clock");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, known_times);
    tcase_add_test(tcase, seconds_that_change_and_come_back);
    tcase_add_test(tcase, every_day_agrees_with_libc);
    tcase_add_test(tcase, fake_clock_moves_when_told);
    tcase_add_test(tcase, system_clock_runs);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
