/*
 * Deaths are counted over restarts, by trace and part; two and it is set aside; who survives is
 * innocent. A death is a handle that is freed without end: what a killed process leaves.
 */
#include "expect.h"
#include "oom.h"
#include "gateway/translating.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

static const uint8_t bad[NV_TRACE_ID_BYTES] = "a deadly trace";
static const uint8_t good[NV_TRACE_ID_BYTES] = "an honest one";
static char directory[64];
static struct nv_translating *now;

static void next_start(void)
{
    nv_translating_free(now);
    now = nv_translating_new();
    ck_assert_ptr_nonnull(now);
    nv_translating_open(now, directory);
}

static void setup(void)
{
    snprintf(directory, sizeof directory, "/tmp/nv-translating-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    now = NULL;
    next_start();
}

static void teardown(void)
{
    char path[128];
    nv_translating_free(now);
    snprintf(path, sizeof path, "%s/translating", directory);
    (void)unlink(path);
    (void)rmdir(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static bool begin(const uint8_t *id, uint32_t part)
{
    unsigned slot = 0;
    return nv_translating_begin(now, id, part, &slot);
}

static void survive(const uint8_t *id, uint32_t part)
{
    unsigned slot = 0;
    ck_assert(nv_translating_begin(now, id, part, &slot));
    ck_assert_uint_ne(slot, NV_NO_SLOT);
    nv_translating_end(now, slot);
}

START_TEST(two_deaths_and_it_is_set_aside)
{
    for (unsigned i = 0; i < NV_DEATHS_MAX; i++) {
        survive(good, 0);
        ck_assert(begin(bad, 0));
        next_start();
    }
    ck_assert(!begin(bad, 0));
    ck_assert_uint_eq(nv_translating_set_aside(now), 1);
    survive(bad, 1); /* another part of it is another trace */
    survive(good, 0);
    /* told at every start, until it was tried and lived: then it begins anew */
    next_start();
    ck_assert(!begin(bad, 0));
}
END_TEST

START_TEST(who_lives_is_innocent)
{
    ck_assert(begin(bad, 0));
    next_start();
    survive(bad, 0);
    ck_assert(begin(bad, 0));
    next_start();
    survive(bad, 0);
    next_start();
    survive(bad, 0);
}
END_TEST

START_TEST(all_that_were_at_it_are_suspects)
{
    uint8_t id[NV_TRACE_ID_BYTES] = {0};
    for (unsigned death = 0; death < NV_DEATHS_MAX; death++) {
        for (unsigned i = 0; i < NV_PROGRESS_SLOTS; i++) {
            id[0] = (uint8_t)(i + 1);
            ck_assert(begin(id, 0));
        }
        /* one more than there are slots is translated all the same */
        unsigned slot = 0;
        ck_assert(nv_translating_begin(now, good, 0, &slot));
        ck_assert_uint_eq(slot, NV_NO_SLOT);
        nv_translating_end(now, slot);
        next_start();
    }
    for (unsigned i = 0; i < NV_PROGRESS_SLOTS; i++) {
        id[0] = (uint8_t)(i + 1);
        ck_assert(!begin(id, 0));
    }
    survive(good, 0);
}
END_TEST

START_TEST(past_the_cap_those_with_the_fewest_deaths_are_forgotten)
{
    for (unsigned i = 0; i < NV_DEATHS_MAX; i++) {
        ck_assert(begin(bad, 0));
        next_start();
    }
    for (unsigned i = 0; i < 3 * NV_SUSPECTS_MAX; i++) {
        uint8_t id[NV_TRACE_ID_BYTES] = {1, (uint8_t)i};
        ck_assert(begin(id, 0));
        next_start();
    }
    ck_assert(!begin(bad, 0));
}
END_TEST

/* As many as there are places are all set aside; one more takes the place of the first. */
START_TEST(so_many_suspects_and_one_more)
{
    const unsigned count = NV_SUSPECTS_MAX + (unsigned)_i;
    uint8_t id[NV_TRACE_ID_BYTES] = {1};
    for (unsigned i = 0; i < count * NV_DEATHS_MAX; i++) {
        id[1] = (uint8_t)(i / NV_DEATHS_MAX);
        ck_assert(begin(id, 0));
        next_start();
    }
    for (unsigned i = count; i-- > 0;) {
        id[1] = (uint8_t)i;
        ck_assert_int_eq(begin(id, 0), i == 0 && count > NV_SUSPECTS_MAX);
    }
    ck_assert_uint_eq(nv_translating_set_aside(now), NV_SUSPECTS_MAX);
}
END_TEST

START_TEST(a_file_of_something_else_is_none)
{
    char path[128];
    char bytes[8192];
    snprintf(path, sizeof path, "%s/translating", directory);
    memset(bytes, 0x5a, sizeof bytes);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    next_start();
    survive(bad, 0);
    /* nor is a flipped bit a death */
    ck_assert(begin(bad, 0));
    fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "x", 1, 32 + 3), 1);
    close(fd);
    next_start();
    survive(bad, 0);
}
END_TEST

START_TEST(without_a_file_nothing_is_noted_and_all_goes_on)
{
    char path[128];
    snprintf(path, sizeof path, "%s/translating", directory);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    next_start();
    survive(good, 0);
    ck_assert(begin(bad, 0));
}
END_TEST

/* Without memory there is no handle; what was on disk stays for the next start. */
START_TEST(every_allocation_failing_once)
{
    ck_assert(begin(bad, 0));
    for (unsigned long n = 1;; n++) {
        nv_translating_free(now);
        oom_fail_nth(n);
        now = nv_translating_new();
        if (now)
            nv_translating_open(now, directory);
        bool failed = oom_end();
        ck_assert_int_eq(now == NULL, failed);
        if (!failed) {
            ck_assert_uint_gt(n, 1);
            break;
        }
    }
    ck_assert(begin(bad, 0)); /* one death: it may try again */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("translating");
    TCase *tcase = tcase_create("translating");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, two_deaths_and_it_is_set_aside);
    tcase_add_test(tcase, who_lives_is_innocent);
    tcase_add_test(tcase, all_that_were_at_it_are_suspects);
    tcase_add_test(tcase, past_the_cap_those_with_the_fewest_deaths_are_forgotten);
    tcase_add_loop_test(tcase, so_many_suspects_and_one_more, 0, 2);
    tcase_add_test(tcase, a_file_of_something_else_is_none);
    tcase_add_test(tcase, without_a_file_nothing_is_noted_and_all_goes_on);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
