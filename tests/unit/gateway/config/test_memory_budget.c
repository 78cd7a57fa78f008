/*
 * The budget's shares: a table of budgets and what follows from each, that a key which is set
 * is left alone, that more budget never gives less, and the refusals.
 */
#include "expect.h"

#include "gateway/config/memory_budget.h"

#include <stdio.h>

#include "base/banned.h"

static struct nv_options options;
static struct nv_fail fail;

static void set(size_t id, const char *text)
{
    ck_assert_int_eq(
        nv_options_set(&options, id, nv_str_from(text), NV_SOURCE_SET, "--set", &fail), NV_OK);
}

static void set_up(void)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_options_init(&options), NV_OK);
}

static void tear_down(void)
{
    nv_options_release(&options);
}

static void apply(uint64_t budget)
{
    char text[32];
    tear_down();
    set_up();
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)budget);
    set(NV_OPT_memory_max_bytes, text);
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
}

#define KIB *(UINT64_C(1) << 10)
#define MIB *(UINT64_C(1) << 20)

START_TEST(the_shares)
{
    static const struct {
        uint64_t budget, undecoded, request, index, trace, queue, body, connections;
        uint64_t commit, turn, threads,
            items; /* without keys, of 64 MiB, 32 MiB, 8, 2,000,000 */
    } rows[] = {
        {8 MIB, 4 MIB, 1332565, 1 MIB, 128 KIB, 512 KIB, 256 KIB, 256, 1 MIB, 1 MIB, 1, 16384},
        {24 MIB, 12 MIB, 4128768, 3 MIB, 384 KIB, 1536 KIB, 768 KIB, 768, 3 MIB, 3 MIB, 1,
         49152},
        {64 MIB, 32 MIB, 11119274, 8 MIB, 1 MIB, 4 MIB, 2 MIB, 2048, 8 MIB, 8 MIB, 2, 131072},
        {256 MIB, 128 MIB, 44673706, 32 MIB, 4 MIB, 16 MIB, 4 MIB, 8192, 32 MIB, 32 MIB, 8,
         524288},
        {1024 MIB, 256 MIB, 64 MIB, 128 MIB, 16 MIB, 64 MIB, 4 MIB, 10000, 64 MIB, 32 MIB, 8,
         2000000},
        {9999 MIB, 256 MIB, 64 MIB, 128 MIB, 16 MIB, 64 MIB, 4 MIB, 10000, 64 MIB, 32 MIB, 8,
         2000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        apply(rows[i].budget);
        ck_assert_uint_eq(options.receiver_max_undecoded_bytes, rows[i].undecoded);
        ck_assert_uint_eq(options.receiver_max_body_bytes, rows[i].request);
        ck_assert_uint_eq(options.assembly_memory_bytes, rows[i].index);
        ck_assert_uint_eq(options.assembly_max_trace_bytes, rows[i].trace);
        ck_assert_uint_eq(options.exporter_noveum_queue_bytes, rows[i].queue);
        ck_assert_uint_eq(options.exporter_noveum_max_body_bytes, rows[i].body);
        ck_assert_uint_eq(options.exporter_noveum_max_trace_bytes,
                          rows[i].budget >= 1024 MIB  ? 16 MIB
                          : rows[i].budget >= 128 MIB ? rows[i].budget / 64
                                                      : rows[i].budget / 32);
        ck_assert_uint_eq(options.assembly_max_spans,
                          rows[i].budget >= 640 MIB ? 10000 : rows[i].budget / 65536);
        ck_assert_uint_eq(options.receiver_max_connections, rows[i].connections);
        ck_assert_uint_eq(nv_memory_share(&options, NV_MEMORY_COMMIT, 64 MIB), rows[i].commit);
        ck_assert_uint_eq(nv_memory_share(&options, NV_MEMORY_WORK, 128 MIB),
                          rows[i].budget >= 1024 MIB ? 128 MIB : rows[i].budget / 8);
        ck_assert_uint_eq(nv_memory_share(&options, NV_MEMORY_TURN, 32 MIB), rows[i].turn);
        ck_assert_uint_eq(nv_memory_share(&options, NV_MEMORY_THREADS, 8), rows[i].threads);
        ck_assert_uint_eq(nv_memory_share(&options, NV_MEMORY_ITEMS, 2000000), rows[i].items);
    }
}
END_TEST

/* What all of them hold together is the budget, and the account has room for the largest of
 * what comes: a request and what is made of it, with the window of zstd, or a trace of one span
 * as large as a request. */
START_TEST(the_shares_add_up_to_the_budget)
{
    for (uint64_t budget = 8 MIB; budget <= 4096 MIB; budget += budget / 7) {
        apply(budget);
        for (unsigned most = 1; most <= 8; most++) {
            struct nv_memory_line lines[NV_MEMORY_LINES];
            unsigned shards = (unsigned)nv_memory_share(&options, NV_MEMORY_THREADS, most);
            uint64_t sum = 0, request = options.receiver_max_body_bytes;
            unsigned packers = (unsigned)nv_memory_share(&options, NV_MEMORY_PACKERS, most);
            nv_memory_lines(&options, shards, packers, lines);
            for (size_t i = 0; i < NV_MEMORY_LINES; i++) {
                ck_assert_ptr_nonnull(lines[i].what);
                sum += lines[i].bytes;
            }
            ck_assert_uint_eq(sum, budget);
            uint64_t window = request < 8 MIB ? request : 8 MIB;
            ck_assert_uint_ge(lines[0].bytes, 2 * request + window + 64 KIB);
            ck_assert_uint_ge(lines[0].bytes,
                              request / 16 * 17 +
                                  nv_memory_share(&options, NV_MEMORY_WORK, budget));
        }
    }
}
END_TEST

/* A key that is set to more than its share costs the others nothing that they need to go on. */
START_TEST(the_account_is_never_empty)
{
    struct nv_memory_line lines[NV_MEMORY_LINES];
    set(NV_OPT_memory_max_bytes, "64MiB");
    set(NV_OPT_assembly_memory_bytes, "100MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
    nv_memory_lines(&options, 2, 1, lines);
    ck_assert_uint_eq(lines[0].bytes, 16 MIB);
    ck_assert_uint_eq(lines[1].bytes, 100 MIB);
}
END_TEST

/* With the full budget nothing may differ from what it is without any. */
START_TEST(a_full_budget_changes_nothing)
{
    struct nv_options defaults;
    ck_assert_int_eq(nv_options_init(&defaults), NV_OK);
    ck_assert_uint_eq(defaults.memory_max_bytes, NV_MEMORY_BUDGET_FULL);
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
    for (size_t id = 0; id < NV_OPTION_TOTAL; id++) {
        ck_assert(nv_option_same(&defaults, &options, id));
        ck_assert_str_eq(options.where[id], defaults.where[id]);
    }
    nv_options_release(&defaults);
}
END_TEST

START_TEST(more_budget_never_gives_less)
{
    static const size_t ids[] = {NV_OPT_receiver_max_undecoded_bytes,
                                 NV_OPT_receiver_max_body_bytes,
                                 NV_OPT_receiver_max_connections,
                                 NV_OPT_assembly_memory_bytes,
                                 NV_OPT_assembly_max_trace_bytes,
                                 NV_OPT_exporter_noveum_queue_bytes,
                                 NV_OPT_exporter_noveum_max_body_bytes,
                                 NV_OPT_exporter_noveum_max_trace_bytes,
                                 NV_OPT_assembly_max_spans};
    uint64_t before[sizeof ids / sizeof ids[0]] = {0};
    for (uint64_t budget = 8 MIB; budget <= 2048 MIB; budget += budget / 9) {
        apply(budget);
        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
            const char *base = (const char *)&options + nv_option_table[ids[i]].offset;
            uint64_t value = *(const uint64_t *)(const void *)base;
            ck_assert_uint_ge(value, before[i]);
            ck_assert_uint_ge(value, nv_option_table[ids[i]].min);
            before[i] = value;
        }
    }
}
END_TEST

START_TEST(what_is_set_stays)
{
    set(NV_OPT_memory_max_bytes, "16MiB");
    set(NV_OPT_assembly_memory_bytes, "100MiB");
    set(NV_OPT_receiver_max_undecoded_bytes, "1MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
    ck_assert_uint_eq(options.assembly_memory_bytes, 100 MIB);
    ck_assert_uint_eq(options.receiver_max_undecoded_bytes, 1 MIB);
    ck_assert_uint_eq(options.exporter_noveum_queue_bytes, 1 MIB);
    ck_assert_str_eq(options.where[NV_OPT_assembly_memory_bytes], "--set");
    ck_assert_str_eq(options.where[NV_OPT_exporter_noveum_queue_bytes], "memory.max_bytes");
}
END_TEST

START_TEST(the_limit_of_the_group)
{
    static const struct {
        uint64_t limit, budget;
    } rows[] = {{0, 1024 MIB},           {1, 8 MIB},
                {20000000, 8 MIB},       {100000000, 40000000},
                {2000000000, 800000000}, {UINT64_C(4) << 30, 1024 MIB}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tear_down();
        set_up();
        nv_memory_budget_from_limit(&options, rows[i].limit);
        ck_assert_uint_eq(options.memory_max_bytes, rows[i].budget);
        ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
    }
    tear_down();
    set_up();
    set(NV_OPT_memory_max_bytes, "300MiB");
    nv_memory_budget_from_limit(&options, 100 MIB);
    ck_assert_uint_eq(options.memory_max_bytes, 300 MIB);
}
END_TEST

static void expect_refusal(const char *key, const char *what)
{
    fail = (struct nv_fail){0};
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_ERR_CONFIG);
    ck_assert_msg(strncmp(fail.what, key, strlen(key)) == 0, "%s", fail.what);
    ck_assert_msg(strstr(fail.what, what) != NULL, "%s", fail.what);
    ck_assert_str_eq(fail.path, "--set");
    ck_assert_int_eq(nv_memory_budget_apply(&options, NULL), NV_ERR_CONFIG);
}

START_TEST(one_body_must_fit)
{
    set(NV_OPT_exporter_noveum_queue_bytes, "1MiB");
    expect_refusal("exporter.noveum.queue_bytes: 1048576",
                   "one body of exporter.noveum.max_body_bytes; raise it");
    tear_down();
    set_up();
    set(NV_OPT_memory_max_bytes, "8MiB");
    set(NV_OPT_exporter_noveum_max_body_bytes, "3MiB");
    expect_refusal("memory.max_bytes: 8388608",
                   "one body of exporter.noveum.max_body_bytes; raise it");
    set(NV_OPT_exporter_noveum_queue_bytes, "3MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
}
END_TEST

START_TEST(one_request_must_fit)
{
    set(NV_OPT_memory_max_bytes, "16MiB");
    set(NV_OPT_receiver_max_body_bytes, "9MiB");
    expect_refusal("memory.max_bytes: 16777216",
                   "one request of receiver.max_body_bytes; it takes twice that");
    set(NV_OPT_receiver_max_body_bytes, "8MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
}
END_TEST

/* Nobody asked for a budget there: a gateway that ran before must go on starting. */
START_TEST(the_groups_limit_refuses_nothing)
{
    nv_memory_budget_from_limit(&options, 32 MIB);
    set(NV_OPT_exporter_noveum_max_body_bytes, "8MiB");
    set(NV_OPT_receiver_max_body_bytes, "64MiB");
    ck_assert_int_eq(nv_memory_budget_apply(&options, &fail), NV_OK);
    ck_assert_uint_eq(options.exporter_noveum_queue_bytes, 8 MIB);
    ck_assert_uint_eq(options.receiver_max_body_bytes, 64 MIB);
    nv_memory_budget_begin(&options);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/memory_budget");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_shares);
    tcase_add_test(tcase, the_shares_add_up_to_the_budget);
    tcase_add_test(tcase, the_account_is_never_empty);
    tcase_add_test(tcase, a_full_budget_changes_nothing);
    tcase_add_test(tcase, more_budget_never_gives_less);
    tcase_add_test(tcase, what_is_set_stays);
    tcase_add_test(tcase, the_limit_of_the_group);
    tcase_add_test(tcase, one_body_must_fit);
    tcase_add_test(tcase, one_request_must_fit);
    tcase_add_test(tcase, the_groups_limit_refuses_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
