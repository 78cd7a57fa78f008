/*
 * Every allocation between accept and delivery fails once: a request is either refused or all
 * of it is delivered; nothing leaks, nothing is lost. Then bytes that change on disk while they
 * are held.
 */
#include "expect.h"
#include "assembly/hold/gather.h"
#include "assembly/hold/shard.h"
#include "assembly_kit.h"
#include "oom.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct kit kit;

static void setup(void)
{
    kit_init(&kit);
    kit_directory(&kit);
}

static void teardown(void)
{
    kit_release(&kit);
}

static uint64_t delivered(void)
{
    uint64_t spans = 0;
    for (size_t i = 0; i < kit.trace_count; i++)
        spans += kit.traces[i].spans;
    return spans;
}

/* Accept, hold, complete and settle with one failure on the way. True when it was reached. */
static bool live(unsigned long n)
{
    struct nv_batch *batches[] = {kit_batch("shop", "1b<a. 2c 1d<a."),
                                  kit_batch("stock", "1a 3e"), kit_logs("shop", "1b 3e 4x"),
                                  kit_batch("shop", "2f<c.")};
    const uint32_t spans[] = {3, 2, 0, 1};
    uint64_t accepted = 0;
    enum nv_err errs[4];
    struct nv_acceptor acceptor = nv_assembly_acceptor(kit.assembly);
    oom_fail_nth(n);
    for (int i = 0; i < 4; i++) {
        acceptor.accept(acceptor.ctx, batches[i], kit_note_done, &kit);
        errs[i] = kit.done_last;
        nv_assembly_tick(kit.assembly);
    }
    kit_advance(&kit, 700000);
    bool failed = oom_end();
    for (int i = 0; i < 4; i++) {
        ck_assert(errs[i] == NV_OK || errs[i] == NV_ERR_NO_MEMORY);
        accepted += errs[i] == NV_OK ? spans[i] : 0;
    }
    kit_advance(&kit, 700000);
    ck_assert_uint_eq(delivered(), accepted);
    return failed;
}

static const enum nv_durability durabilities[] = {NV_DURABILITY_MEMORY, NV_DURABILITY_OS};

START_TEST(any_allocation_may_fail_on_the_way)
{
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        kit.config.durability = durabilities[_i];
        kit.trace_count = 0;
        memset(kit.traces, 0, KIT_TRACES_MAX * sizeof *kit.traces);
        nv_ledger_reset();
        kit_start(&kit);
        failed = live(n);
        kit_stop(&kit);
        kit_clear_directory(&kit);
    }
    ck_assert_uint_gt(n, 40);
}
END_TEST

START_TEST(any_allocation_may_fail_at_the_start)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2b<a.");
    kit_crash(&kit);
    unsigned long n = 1;
    for (bool failed = true; failed; n++) {
        kit.trace_count = 0;
        nv_ledger_reset();
        oom_fail_nth(n);
        enum nv_err err = kit_try_start(&kit);
        failed = oom_end();
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        if (err != NV_OK)
            continue;
        kit_advance(&kit, 100);
        struct nv_ledger ledger;
        nv_ledger_read(&ledger);
        ck_assert_uint_eq(ledger.held, 2);
        kit_crash(&kit);
    }
    kit_start(&kit);
    kit_advance(&kit, 700000);
    ck_assert_uint_eq(delivered(), 2);
}
END_TEST

/* Overwrites the first place where `what` stands in the journal's files. */
static void damage(const char *what)
{
    DIR *dir = opendir(kit.directory);
    static char bytes[1 << 20];
    bool done = false;
    for (struct dirent *entry; !done && (entry = readdir(dir)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", kit.directory, entry->d_name);
        int fd = strncmp(entry->d_name, "journal-", 8) == 0 ? open(path, O_RDWR) : -1;
        ssize_t len = fd >= 0 ? read(fd, bytes, sizeof bytes) : 0;
        char *at = len > 0 ? memmem(bytes, (size_t)len, what, strlen(what)) : NULL;
        if (at)
            done = pwrite(fd, "#", 1, at - bytes) == 1;
        if (fd >= 0)
            close(fd);
    }
    closedir(dir);
    ck_assert(done);
}

START_TEST(a_span_whose_bytes_changed_is_a_dead_letter_alone)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a=ok 1b<a.=marked 1c<a.=ok");
    damage("marked");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, "a=o c=o");
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dead[NV_DEAD_DAMAGED], 1);
    ck_assert_uint_eq(ledger.delivered, 2);
    ck_assert_uint_eq(ledger.held, 0);
}
END_TEST

START_TEST(a_trace_of_which_nothing_is_left_settles_itself)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a=marked");
    damage("marked");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 0);
    struct nv_assembly_status status;
    nv_assembly_read_status(kit.assembly, &status);
    ck_assert_uint_eq(status.claims, 0);
    ck_assert_uint_eq(status.open_traces, 0);
}
END_TEST

START_TEST(spans_far_apart_in_a_request_are_read_one_by_one)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 2x*60000 1b<a. 2y<x.*60000 1c<a.");
    kit_advance(&kit, 1000);
    ck_assert_uint_eq(kit.trace_count, 2);
    for (size_t i = 0; i < 2; i++)
        ck_assert_str_eq(kit.traces[i].items, kit.traces[i].trace == '1' ? "a b c" : "x y");
}
END_TEST

/* As gather.c has it. */
#define RETRIES_MAX 9

/* Twice as long each time, and from the cap on as long as the last time. */
START_TEST(a_trace_without_memory_waits_longer_up_to_the_cap)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a");
    struct nv_shard *shard = &kit.assembly->shards[0];
    const uint64_t now = kit.clock.mono;
    uint64_t wait = 100 * NV_NS_PER_MS;
    struct nv_open_trace *trace = nv_open_trace_of(nv_timers_first(&shard->timers));
    for (unsigned i = 0; i < RETRIES_MAX + 3; i++) {
        nv_gather_later(shard, trace, now);
        ck_assert_uint_eq(trace->timer.deadline_ns - now, wait);
        ck_assert_uint_eq(trace->tries, i < RETRIES_MAX ? i + 1 : RETRIES_MAX);
        wait = i < RETRIES_MAX ? wait * 2 : wait;
    }
    kit_advance(&kit, 60000);
    ck_assert_uint_eq(delivered(), 1);
}
END_TEST

static const struct {
    const char *spans;
    const char *kept;
    uint64_t duplicates;
} same_ids[] = {
    {"1a 1b@=1 1b^=2", "a b=1 b=2", 0},      /* both sides of a call */
    {"1b^=2 1a 1b@=1", "b=2 a b=1", 0},      /* in any order */
    {"1a 1b^+=1 1b^=222222222", "a b=1", 1}, /* the one that has ended */
    {"1a 1b^=222222222 1b^+=1", "a b=1", 1},
    {"1a 1b+=1 1b+=2222", "a b=2", 1}, /* then the longer */
    {"1a 1b+=2222 1b+=1", "a b=2", 1},
    {"1a 1b^+=1 1b^+=2", "a b=1", 1},  /* then the first */
    {"1a 1b^=1 1b=22222", "a b=2", 1}, /* only a caller and a server are two */
    {"1a 1b^=1 1b@=2 1b^+=3 1b=4444444", "a b=2 b=3", 2},
};

START_TEST(spans_of_one_id)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", same_ids[_i].spans);
    kit_advance(&kit, 100000);
    ck_assert_uint_eq(kit.trace_count, 1);
    ck_assert_str_eq(kit.traces[0].items, same_ids[_i].kept);
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], same_ids[_i].duplicates);
}
END_TEST

/* The server's span comes after the caller's has left, and the end of one after its
 * beginning. */
START_TEST(the_other_side_that_comes_late_is_not_sent_again)
{
    kit_start(&kit);
    kit_spans(&kit, "shop", "1a 1b@+ 1c");
    kit_advance(&kit, 100000);
    kit_spans(&kit, "cart", "1b^+ 1b@+ 1c+");
    kit_advance(&kit, 400000);
    ck_assert_uint_eq(kit.trace_count, 2);
    ck_assert_str_eq(kit.traces[0].items, "a b c");
    ck_assert_str_eq(kit.traces[1].items, "b c");
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.dropped[NV_DROP_DUPLICATE], 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gather");
    TCase *tcase = tcase_create("gather");
    tcase_set_timeout(tcase, 100);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, any_allocation_may_fail_on_the_way, 0, 2);
    tcase_add_loop_test(tcase, spans_of_one_id, 0, sizeof same_ids / sizeof same_ids[0]);
    tcase_add_test(tcase, the_other_side_that_comes_late_is_not_sent_again);
    tcase_add_test(tcase, a_trace_without_memory_waits_longer_up_to_the_cap);
    tcase_add_test(tcase, any_allocation_may_fail_at_the_start);
    tcase_add_test(tcase, a_span_whose_bytes_changed_is_a_dead_letter_alone);
    tcase_add_test(tcase, a_trace_of_which_nothing_is_left_settles_itself);
    tcase_add_test(tcase, spans_far_apart_in_a_request_are_read_one_by_one);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
