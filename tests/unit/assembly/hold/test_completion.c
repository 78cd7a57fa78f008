/*
 * Each row of the table in docs/design/0003-completion.md, as facts in and a deadline out.
 */
#include "expect.h"
#include "assembly/hold/completion.h"

#include <stdlib.h>

#define FIRST (1000 * NV_NS_PER_S)
#define LAST (1010 * NV_NS_PER_S)

static const struct row {
    const char *name;
    struct nv_trace_facts facts;
    enum nv_wait wait;
    uint64_t after_last_ms;
    enum nv_incomplete incomplete;
} rows[] = {
    {"whole, one service", {.spans = true, .root = true}, NV_WAIT_QUIET, 1000, NV_COMPLETE},
    {"several services",
     {.spans = true, .root = true, .several_services = true},
     NV_WAIT_DISTRIBUTED,
     7000,
     NV_COMPLETE},
    {"a service of distributed traces",
     {.spans = true, .root = true, .distributed = true},
     NV_WAIT_DISTRIBUTED,
     7000,
     NV_COMPLETE},
    {"content comes as log records",
     {.spans = true, .root = true, .logs = true},
     NV_WAIT_LOGS,
     6000,
     NV_COMPLETE},
    {"both: the longer wait",
     {.spans = true, .root = true, .logs = true, .distributed = true},
     NV_WAIT_DISTRIBUTED,
     7000,
     NV_COMPLETE},
    {"a local parent is missing, no root",
     {.spans = true, .missing_local = true},
     NV_WAIT_OPEN,
     600000,
     NV_INCOMPLETE_ROOT},
    {"a local parent is missing beside the root",
     {.spans = true, .root = true, .missing_local = true},
     NV_WAIT_OPEN,
     600000,
     NV_INCOMPLETE_PARENT},
    {"only a remote parent is missing",
     {.spans = true, .missing_remote = true},
     NV_WAIT_REMOTE_PARENT,
     60000,
     NV_INCOMPLETE_ROOT},
    {"local and remote parents are missing",
     {.spans = true, .missing_remote = true, .missing_local = true},
     NV_WAIT_OPEN,
     600000,
     NV_INCOMPLETE_ROOT},
    {"log records of an agent's turn",
     {.records = true, .logs = true},
     NV_WAIT_RECORDS,
     6000,
     NV_COMPLETE},
    {"and another one is due",
     {.records = true, .due = true},
     NV_WAIT_RECORDS,
     120000,
     NV_COMPLETE},
    {"log records that come late",
     {.records = true, .late = true},
     NV_WAIT_RECORDS,
     6000,
     NV_COMPLETE},
    {"a remote parent that never comes",
     {.spans = true, .missing_unlikely = true},
     NV_WAIT_QUIET,
     1000,
     NV_INCOMPLETE_ROOT},
    {"the same, of a distributed service",
     {.spans = true, .missing_unlikely = true, .distributed = true},
     NV_WAIT_DISTRIBUTED,
     7000,
     NV_INCOMPLETE_ROOT},
    {"log records alone", {.spans = false}, NV_WAIT_OPEN, 600000, NV_INCOMPLETE_ROOT},
    {"a late part",
     {.spans = true, .late = true, .missing_local = true},
     NV_WAIT_QUIET,
     1000,
     NV_COMPLETE},
    {"a late part of an incomplete trace",
     {.spans = true, .late = true, .late_after_waiting = true, .missing_local = true},
     NV_WAIT_DISTRIBUTED,
     7000,
     NV_COMPLETE},
    {"a late log record", {.late = true}, NV_WAIT_QUIET, 1000, NV_COMPLETE},
};

START_TEST(row_of_the_table)
{
    struct nv_assembly_config config;
    nv_assembly_config_init(&config);
    struct nv_trace_facts facts = rows[_i].facts;
    facts.first_ns = FIRST;
    facts.last_ns = LAST;
    struct nv_completion got = nv_completion_decide(&config, &facts);
    ck_assert_msg(got.wait == rows[_i].wait, "%s: row %d", rows[_i].name, got.wait);
    ck_assert_msg(got.deadline_ns == LAST + rows[_i].after_last_ms * NV_NS_PER_MS,
                  "%s: %llu ms", rows[_i].name,
                  (unsigned long long)(got.deadline_ns - LAST) / 1000000);
    ck_assert_msg(got.incomplete == rows[_i].incomplete, "%s: incomplete %d", rows[_i].name,
                  got.incomplete);
}
END_TEST

START_TEST(age_ends_every_row)
{
    struct nv_assembly_config config;
    nv_assembly_config_init(&config);
    config.max_wait_ms = 10500;
    struct nv_trace_facts facts = rows[_i].facts;
    facts.first_ns = FIRST;
    facts.last_ns = LAST;
    struct nv_completion got = nv_completion_decide(&config, &facts);
    ck_assert_uint_eq(got.deadline_ns, FIRST + 10500 * NV_NS_PER_MS);
    ck_assert_int_eq(got.wait, NV_WAIT_AGE);
    ck_assert_int_eq(got.incomplete, NV_INCOMPLETE_CUT);
}
END_TEST

START_TEST(waits_without_end_saturate)
{
    struct nv_assembly_config config;
    nv_assembly_config_init(&config);
    config.open_ms = config.max_wait_ms = UINT64_MAX;
    struct nv_trace_facts facts = {
        .spans = true, .missing_local = true, .first_ns = FIRST, .last_ns = LAST};
    ck_assert_uint_eq(nv_completion_decide(&config, &facts).deadline_ns, UINT64_MAX);
}
END_TEST

START_TEST(the_longest_wait_wins_whatever_is_configured)
{
    struct nv_assembly_config config;
    nv_assembly_config_init(&config);
    config.quiet_ms = 700000;
    struct nv_trace_facts facts = {
        .spans = true, .missing_local = true, .first_ns = FIRST, .last_ns = LAST};
    struct nv_completion got = nv_completion_decide(&config, &facts);
    ck_assert_int_eq(got.wait, NV_WAIT_QUIET);
    ck_assert_uint_eq(got.deadline_ns, LAST + 700000 * NV_NS_PER_MS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("completion");
    TCase *tcase = tcase_create("completion");
    int count = sizeof rows / sizeof rows[0];
    tcase_add_loop_test(tcase, row_of_the_table, 0, count);
    tcase_add_loop_test(tcase, age_ends_every_row, 0, count);
    tcase_add_test(tcase, waits_without_end_saturate);
    tcase_add_test(tcase, the_longest_wait_wins_whatever_is_configured);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
