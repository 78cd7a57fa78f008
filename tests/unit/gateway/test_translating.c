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

static struct nv_raw_trace trace_of(const uint8_t *id, uint32_t part)
{
    struct nv_raw_trace trace = {.part = part};
    memcpy(trace.trace_id, id, NV_TRACE_ID_BYTES);
    return trace;
}

static size_t begin_in(unsigned *slot, const uint8_t *id, uint32_t part)
{
    struct nv_raw_trace trace = trace_of(id, part);
    return nv_translating_begin(now, &(struct nv_raw_trace *){&trace}, 1, slot);
}

static bool begin(const uint8_t *id, uint32_t part)
{
    unsigned slot = NV_NO_SLOT;
    return begin_in(&slot, id, part) == 1;
}

static void survive(const uint8_t *id, uint32_t part)
{
    unsigned slot = NV_NO_SLOT;
    ck_assert_uint_eq(begin_in(&slot, id, part), 1);
    ck_assert_uint_ne(slot, NV_NO_SLOT);
    nv_translating_next(now, slot);
    nv_translating_lived(now, slot);
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
        unsigned slot = NV_NO_SLOT;
        ck_assert_uint_eq(begin_in(&slot, good, 0), 1);
        ck_assert_uint_eq(slot, NV_NO_SLOT);
        nv_translating_next(now, slot);
        nv_translating_lived(now, slot);
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

/* ---- several at once --------------------------------------------------------------------- */

#define MANY (2u * NV_NOTED_MAX + 1)

static struct nv_raw_trace many[MANY];
static struct nv_raw_trace *turn[MANY];

static void make_turn(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t id[NV_TRACE_ID_BYTES] = {0x70, (uint8_t)i};
        many[i] = trace_of(id, 0);
        turn[i] = &many[i];
    }
}

/* Translates the turn until the process dies of the trace `deadly`, or to its end; returns the
 * number of writes, and in `aside` the one that was set aside. */
static unsigned live(unsigned deadly, unsigned *aside)
{
    unsigned slot = NV_NO_SLOT;
    unsigned writes = 0;
    *aside = MANY;
    for (size_t i = 0, noted; i < MANY; i += noted, writes++) {
        noted = nv_translating_begin(now, turn + i, MANY - i, &slot);
        ck_assert_uint_le(noted, NV_NOTED_MAX);
        for (size_t k = i; k < i + noted; k++) {
            nv_translating_next(now, slot);
            if (k == deadly)
                return writes + 1;
            nv_translating_lived(now, slot);
        }
        if (noted == 0) {
            *aside = (unsigned)i;
            noted = 1;
        }
    }
    nv_translating_end(now, slot);
    return writes;
}

START_TEST(those_beside_the_guilty_one_live)
{
    const unsigned deadly = (unsigned)_i;
    unsigned aside;
    make_turn();
    ck_assert_uint_eq(live(deadly, &aside),
                      deadly / NV_NOTED_MAX + 1); /* all of it by one write */
    next_start();
    /* each that was beside it is alone now, so this death is its own */
    const unsigned alone = deadly % NV_NOTED_MAX + 1;
    ck_assert_uint_eq(live(deadly, &aside), deadly / NV_NOTED_MAX + alone);
    ck_assert_uint_eq(aside, MANY);
    next_start();
    live(MANY, &aside);
    ck_assert_uint_eq(aside, deadly);
    ck_assert_uint_eq(nv_translating_set_aside(now), 1);
    next_start(); /* nobody else is suspected any more: it is set aside, they take three writes */
    for (unsigned i = 0; i < MANY; i++) {
        if (i != deadly)
            survive(many[i].trace_id, 0);
    }
    ck_assert_uint_eq(nv_translating_set_aside(now), 0);
}
END_TEST

START_TEST(a_turn_that_ends_leaves_no_suspects)
{
    unsigned aside;
    make_turn();
    ck_assert_uint_eq(live(MANY, &aside), 3);
    next_start();
    ck_assert_uint_eq(live(MANY, &aside), 3);
}
END_TEST

START_TEST(without_notes_a_turn_is_as_if_noted)
{
    unsigned slot = NV_NO_SLOT;
    make_turn();
    ck_assert_uint_eq(nv_translating_begin(NULL, turn, MANY, &slot), MANY);
    ck_assert_uint_eq(slot, NV_NO_SLOT);
    nv_translating_next(NULL, slot);
    nv_translating_lived(NULL, slot);
    nv_translating_end(NULL, slot);
}
END_TEST

START_TEST(past_the_cap_those_with_the_fewest_deaths_are_forgotten)
{
    for (unsigned i = 0; i < NV_DEATHS_MAX; i++) {
        ck_assert(begin(bad, 0));
        next_start();
    }
    for (unsigned i = 0; i < 3 * NV_SUSPECTS_MAX; i++) {
        uint8_t id[NV_TRACE_ID_BYTES] = {1, (uint8_t)i, (uint8_t)(i >> 8)};
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
        id[2] = (uint8_t)(i / NV_DEATHS_MAX >> 8);
        ck_assert(begin(id, 0));
        next_start();
    }
    for (unsigned i = count; i-- > 0;) {
        id[1] = (uint8_t)i;
        id[2] = (uint8_t)(i >> 8);
        ck_assert_int_eq(begin(id, 0), i == 0 && count > NV_SUSPECTS_MAX);
    }
    ck_assert_uint_eq(nv_translating_set_aside(now), NV_SUSPECTS_MAX);
}
END_TEST

START_TEST(a_file_of_something_else_is_none)
{
    char path[128];
    char bytes[65536];
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
    tcase_add_loop_test(tcase, those_beside_the_guilty_one_live, 0, MANY);
    tcase_add_test(tcase, a_turn_that_ends_leaves_no_suspects);
    tcase_add_test(tcase, without_notes_a_turn_is_as_if_noted);
    tcase_add_test(tcase, past_the_cap_those_with_the_fewest_deaths_are_forgotten);
    tcase_add_loop_test(tcase, so_many_suspects_and_one_more, 0, 2);
    tcase_add_test(tcase, a_file_of_something_else_is_none);
    tcase_add_test(tcase, without_a_file_nothing_is_noted_and_all_goes_on);
    tcase_add_test(tcase, every_allocation_failing_once);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
