/*
 * Spans into stages and bodies out of them: counts that add up whatever the stages say, one
 * body for many traces, one each after a refusal, and every allocation failing once.
 */
#include "expect.h"
#include "fake_stages.h"
#include "oom.h"

#include "base/limits.h"
#include "trace/direct.h"

#include <stdlib.h>

#include "base/banned.h"

static struct nv_trace_direct direct;
static struct nv_trace_config config = {.stages = &fake_table};
static char why[200];

static void setup(void)
{
    fake = (struct fake_stages){.spans = 2};
    nv_buf_init(&config.settings, 100);
    ck_assert_int_eq(nv_buf_append(&config.settings, "a=1\0b=2\0", 8), NV_OK);
    ck_assert_int_eq(nv_trace_direct_open(&direct, &config, why, sizeof why), NOVEUM_OK);
}

static void teardown(void)
{
    nv_trace_direct_close(&direct);
    nv_trace_direct_close(&direct); /* not open: nothing */
    nv_buf_release(&config.settings);
}

static void accept_some(int count)
{
    uint64_t rejected;
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(nv_trace_direct_accept(&direct, NV_STR("x"), 2, &rejected),
                         NV_TRACE_TAKEN);
    }
}

static struct nv_str body(void)
{
    struct nv_str made;
    ck_assert_int_eq(nv_trace_direct_body(&direct, &made), NV_OK);
    return made;
}

START_TEST(opens_with_its_settings)
{
    struct nv_trace_direct other;
    ck_assert_str_eq(fake.settings, "a=1;b=2;");
    fake.fails = true;
    ck_assert_int_eq(nv_trace_direct_open(&other, &config, why, sizeof why), NOVEUM_INVALID);
    ck_assert_str_eq(why, "told to");
    nv_trace_direct_close(&other);
    ck_assert_int_eq(fake.closed, 0);
    nv_trace_direct_forget(&direct);
    nv_trace_direct_close(&direct);
    ck_assert_int_eq(fake.closed, 0); /* the parent's */
    oom_fail_nth(1);
    ck_assert_int_eq(nv_trace_direct_open(&other, &config, why, sizeof why), NOVEUM_NO_MEMORY);
    ck_assert(oom_end());
    nv_trace_direct_close(&other);
}
END_TEST

START_TEST(one_body_for_many_traces)
{
    ck_assert_uint_eq(body().len, 0);
    accept_some(3);
    ck_assert_uint_eq(direct.held, 6);
    struct nv_str made = body();
    ck_assert(nv_str_starts(
        made,
        NV_STR("{\"traces\":[{\"trace\":1},{\"trace\":1},{\"trace\":1}],\"timestamp\":")));
    ck_assert(nv_str_ends(made, NV_STR("}")));
    ck_assert_uint_eq(body().len, made.len); /* not settled: the same again */
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 6);
    ck_assert_uint_eq(direct.held, 0);
    ck_assert_int_eq(fake.settled, 3);
    ck_assert_int_eq(fake.refused, 0);
    ck_assert_uint_eq(body().len, 0);
    accept_some(NV_TRACE_DIRECT_TRACES + 1);
    (void)body();
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2 * NV_TRACE_DIRECT_TRACES);
    (void)body();
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2);
}
END_TEST

START_TEST(after_a_refusal_one_each)
{
    accept_some(3);
    size_t all = body().len;
    ck_assert(nv_trace_direct_split(&direct));
    ck_assert_uint_lt(body().len, all);
    ck_assert(!nv_trace_direct_split(&direct));
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, false), 2);
    (void)body();
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2);
    (void)body();
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2);
    ck_assert_int_eq(fake.refused, 1);
    accept_some(2);
    (void)body(); /* together again */
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 4);
}
END_TEST

/* Whatever numbers the stages say, no span is answered for twice. */
START_TEST(counts_add_up)
{
    uint64_t rejected;
    fake.no_room = 1;
    ck_assert_int_eq(nv_trace_direct_accept(&direct, NV_STR("x"), 2, &rejected),
                     NV_TRACE_NO_ROOM);
    fake.says = -1;
    ck_assert_int_eq(nv_trace_direct_accept(&direct, NV_STR("x"), 2, &rejected),
                     NV_TRACE_NOT_TAKEN);
    ck_assert_uint_eq(direct.held, 0);
    fake.says = 0;
    fake.rejects = 9;
    ck_assert_int_eq(nv_trace_direct_accept(&direct, NV_STR("x"), 2, &rejected),
                     NV_TRACE_TAKEN);
    ck_assert_uint_eq(rejected, 2);
    fake.rejects = 0;
    fake.drops = 1;
    ck_assert_int_eq(nv_trace_direct_accept(&direct, NV_STR("x"), 2, &rejected),
                     NV_TRACE_TAKEN);
    ck_assert_uint_eq(nv_trace_direct_left_out(&direct), 1);
    ck_assert_uint_eq(nv_trace_direct_left_out(&direct), 0);
    (void)body();
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 1); /* of four that it says */
    ck_assert_uint_eq(direct.held, 0);
    ck_assert_uint_eq(nv_trace_direct_tick(&direct), UINT64_MAX);
}
END_TEST

#define BODY_MAX NV_CAP_MIB(64)

START_TEST(a_body_of_at_most_64_mib)
{
    /* {"traces":[ and ],"timestamp":SSSSSSSSSS.MMM} */
    const size_t around = 11 + 29;
    struct nv_str made;
    char *large = calloc(1, BODY_MAX);
    ck_assert_ptr_nonnull(large);
    fake.large = large;
    fake.large_size = BODY_MAX - around;
    accept_some(1);
    ck_assert_uint_eq(body().len, BODY_MAX);
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2);
    fake.large_size++;
    accept_some(1);
    ck_assert_int_eq(nv_trace_direct_body(&direct, &made), NV_ERR_LIMIT);
    ck_assert(!nv_trace_direct_split(&direct));
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, false), 2);
    free(large);
}
END_TEST

START_TEST(without_memory_for_a_body)
{
    struct nv_str made;
    accept_some(1);
    oom_fail_nth(1);
    ck_assert_int_eq(nv_trace_direct_body(&direct, &made), NV_ERR_NO_MEMORY);
    ck_assert(oom_end());
    ck_assert_uint_eq(made.len, 0);
    ck_assert_uint_gt(body().len, 0);
    ck_assert_uint_eq(nv_trace_direct_settle(&direct, true), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("direct");
    TCase *tcase = tcase_create("direct");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, opens_with_its_settings);
    tcase_add_test(tcase, one_body_for_many_traces);
    tcase_add_test(tcase, after_a_refusal_one_each);
    tcase_add_test(tcase, counts_add_up);
    tcase_add_test(tcase, a_body_of_at_most_64_mib);
    tcase_add_test(tcase, without_memory_for_a_body);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
