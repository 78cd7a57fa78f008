/*
 * The threads together: producers accept, shards complete, another thread settles, and at the
 * end every span has left exactly once and the journal holds no request. Real time, but nothing
 * waits for longer than it takes.
 */
#include "expect.h"
#include "assembly/assembly.h"
#include "assembly/door/state.h"
#include "journal/file_ops.h"
#include "journal/journal.h"
#include "assembly_kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PRODUCERS 4
#define TRACES 60 /* of each producer; ids are letters, so they come again and again */

static struct kit kit; /* for its directory and decoder only */
static struct nv_assembly *assembly;
static atomic_uint completed_spans, accepted_spans, refused;
static pthread_mutex_t lock;
static pthread_cond_t changed;
static struct nv_claim *claims[100000];
static size_t claim_first, claim_count;
static bool settler_exit;
static pthread_t settling;

static void complete(void *ctx, struct nv_raw_trace *raw)
{
    (void)ctx;
    atomic_fetch_add(&completed_spans, raw->span_count);
    nv_ledger_queue(raw->span_count);
    nv_ledger_deliver(raw->span_count);
    for (uint32_t i = 0; i < raw->item_count; i++)
        ck_assert_int_eq(raw->items[i].bytes.ptr[0], raw->trace_id[0]);
    pthread_mutex_lock(&lock);
    claims[claim_count++] = raw->claim;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    nv_arena_free(raw->arena);
}

static void *settle_all(void *arg)
{
    (void)arg;
    struct nv_settler settler = nv_assembly_settler(assembly);
    pthread_mutex_lock(&lock);
    while (!settler_exit || claim_first < claim_count) {
        if (claim_first == claim_count) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        struct nv_claim *claim = claims[claim_first++];
        pthread_mutex_unlock(&lock);
        settler.settle(settler.ctx, claim, NV_OUTCOME_DELIVERED);
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Waits for an answer on another thread. */
struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool come;
    enum nv_err err;
};

static void note_answer(void *ctx, enum nv_err err)
{
    struct answer *answer = ctx;
    pthread_mutex_lock(&answer->lock);
    answer->come = true;
    answer->err = err;
    pthread_cond_signal(&answer->changed);
    pthread_mutex_unlock(&answer->lock);
}

static enum nv_err accept_and_wait(struct nv_batch *batch)
{
    struct answer answer = {.come = false};
    struct nv_acceptor acceptor = nv_assembly_acceptor(assembly);
    pthread_mutex_init(&answer.lock, NULL);
    pthread_cond_init(&answer.changed, NULL);
    acceptor.accept(acceptor.ctx, batch, note_answer, &answer);
    pthread_mutex_lock(&answer.lock);
    while (!answer.come)
        pthread_cond_wait(&answer.changed, &answer.lock);
    pthread_mutex_unlock(&answer.lock);
    pthread_cond_destroy(&answer.changed);
    pthread_mutex_destroy(&answer.lock);
    return answer.err;
}

static void *produce(void *arg)
{
    int number = *(int *)arg;
    for (int i = 0; i < TRACES; i++) {
        char children[] = "1b<a. 1c<a.*3000 2x";
        char root[] = "1a";
        children[0] = children[6] = root[0] = (char)('a' + (number * TRACES + i) % 26);
        children[17] = (char)('A' + i % 26);
        children[18] = (char)('a' + number);
        children[1] = (char)('b' + i % 20);
        uint32_t spans = 3;
        struct nv_batch *batch = kit_batch("shop", children);
        ck_assert_uint_eq(batch->item_count, spans);
        if (accept_and_wait(batch) == NV_OK)
            atomic_fetch_add(&accepted_spans, spans);
        else
            atomic_fetch_add(&refused, 1);
        if (accept_and_wait(kit_batch("shop", root)) == NV_OK)
            atomic_fetch_add(&accepted_spans, 1);
        else
            atomic_fetch_add(&refused, 1);
    }
    return NULL;
}

/* Starts the assembly and the thread that settles what it completes. */
static void start(const struct nv_assembly_config *config)
{
    struct nv_completer completer = {.complete = complete};
    struct nv_fail fail = {0};
    assembly = nv_assembly_new(config, nv_clock_system(), &completer, &fail);
    ck_assert_ptr_nonnull(assembly);
    enum nv_err err = nv_assembly_start(assembly, &fail);
    ck_assert_msg(err == NV_OK, "%s", fail.what);
    settler_exit = false;
    pthread_create(&settling, NULL, settle_all, NULL);
}

static void setup(void)
{
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&changed, NULL);
    kit_init(&kit);
    kit_directory(&kit);
    kit.config.shards = 2;
    atomic_store(&completed_spans, 0);
    atomic_store(&accepted_spans, 0);
    atomic_store(&refused, 0);
    claim_first = claim_count = 0;
}

static void teardown(void)
{
    kit_release(&kit);
}

static void run_producers(void)
{
    pthread_t producers[PRODUCERS];
    int numbers[PRODUCERS];
    for (int i = 0; i < PRODUCERS; i++) {
        numbers[i] = i;
        pthread_create(&producers[i], NULL, produce, &numbers[i]);
    }
    for (int i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i], NULL);
}

static void stop(void)
{
    ck_assert_int_eq(nv_assembly_stop(assembly, 20 * NV_NS_PER_S), NV_OK);
    pthread_mutex_lock(&lock);
    settler_exit = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(settling, NULL);
    nv_assembly_free(assembly);
}

static const enum nv_durability durabilities[] = {NV_DURABILITY_MEMORY, NV_DURABILITY_OS,
                                                  NV_DURABILITY_FSYNC};

START_TEST(every_span_leaves_once)
{
    struct nv_assembly_config config = kit.config;
    config.durability = durabilities[_i];
    config.quiet_ms = 5;
    config.on_stop = NV_ON_STOP_SEND;
    start(&config);
    run_producers();
    stop();
    struct nv_ledger ledger;
    nv_ledger_read(&ledger);
    ck_assert_uint_eq(ledger.received, atomic_load(&accepted_spans));
    ck_assert_uint_eq(ledger.delivered, atomic_load(&completed_spans));
    ck_assert_uint_eq(ledger.held, 0);
    ck_assert_uint_eq(ledger.received, ledger.delivered + ledger.dropped[NV_DROP_DUPLICATE]);
    ck_assert_uint_eq(atomic_load(&refused), 0);
}
END_TEST

START_TEST(what_is_kept_goes_on_with_threads_too)
{
    struct nv_assembly_config config = kit.config;
    config.quiet_ms = 5;
    config.journal_gather_us = 200;
    start(&config);
    for (char trace = 'a'; trace <= 'z'; trace++) {
        char open[] = "1b<a.";
        open[0] = trace;
        ck_assert_int_eq(accept_and_wait(kit_batch("shop", open)), NV_OK);
    }
    stop();
    ck_assert_uint_eq(atomic_load(&completed_spans), 0);
    config.on_stop = NV_ON_STOP_SEND;
    start(&config);
    for (char trace = 'a'; trace <= 'z'; trace++) {
        char root[] = "1a";
        root[0] = trace;
        ck_assert_int_eq(accept_and_wait(kit_batch("shop", root)), NV_OK);
    }
    stop();
    ck_assert_uint_eq(atomic_load(&completed_spans), 52);
}
END_TEST

/* Stopped in the middle of the replay nothing is sent in pieces, and nothing is lost. */
START_TEST(a_stop_during_the_replay_changes_nothing)
{
    struct nv_assembly_config config = kit.config;
    config.quiet_ms = 60000;
    start(&config);
    for (int i = 0; i < 300; i++) {
        char spans[] = "1b<z.";
        spans[0] = (char)('a' + i % 20);
        spans[1] = (char)('A' + i / 20);
        ck_assert_int_eq(accept_and_wait(kit_batch("shop", spans)), NV_OK);
    }
    stop();
    for (int restart = 0; restart < 4; restart++) {
        start(&config);
        stop();
        ck_assert_uint_eq(atomic_load(&completed_spans), 0);
    }
    config.on_stop = NV_ON_STOP_SEND;
    start(&config);
    stop();
    ck_assert_uint_eq(atomic_load(&completed_spans), 300);
    ck_assert_uint_eq(claim_count, 20);
}
END_TEST

static void complete_never(void *ctx, struct nv_raw_trace *raw)
{
    (void)raw;
    atomic_store((atomic_bool *)ctx, true);
    for (;;)
        pause();
}

#if defined(__SANITIZE_THREAD__)
/* A stop that gives up on one thread joins none, and those that have ended look leaked. */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}
#endif

/* In a process of its own: the thread never ends. */
static int stop_while_stuck(void)
{
    atomic_bool inside = false;
    struct nv_completer completer = {.ctx = &inside, .complete = complete_never};
    struct nv_fail fail = {0};
    const struct timespec nap = {.tv_nsec = 1000000};
    kit.config.quiet_ms = 1;
    assembly = nv_assembly_new(&kit.config, nv_clock_system(), &completer, &fail);
    if (!assembly || nv_assembly_start(assembly, &fail) != NV_OK)
        return 1;
    if (accept_and_wait(kit_batch("shop", "1a")) != NV_OK)
        return 2;
    while (!atomic_load(&inside))
        nanosleep(&nap, NULL);
    if (accept_and_wait(kit_batch("shop", "2a")) != NV_OK)
        return 3;
    if (nv_assembly_stop(assembly, 0) != NV_ERR_TIMEOUT || !nv_assembly_is_stuck(assembly))
        return 4;
    return 0;
}

START_TEST(a_stop_ends_whatever_a_shard_does)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        _exit(stop_while_stuck());
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    /* the journal is intact and has both */
    kit.config.on_stop = NV_ON_STOP_SEND;
    start(&kit.config);
    stop();
    ck_assert_uint_eq(atomic_load(&completed_spans), 2);
}
END_TEST

static uint64_t groups_now(void)
{
    struct nv_journal_status status;
    nv_journal_read_status(assembly->journal, &status);
    return status.groups;
}

/* Twenty-six traces whose claims nobody settles yet. */
static void hold_claims(void)
{
    struct nv_completer completer = {.complete = complete};
    struct nv_fail fail = {0};
    kit.config.quiet_ms = 1;
    kit.config.durability = NV_DURABILITY_OS;
    assembly = nv_assembly_new(&kit.config, nv_clock_system(), &completer, &fail);
    ck_assert_ptr_nonnull(assembly);
    ck_assert_int_eq(nv_assembly_start(assembly, &fail), NV_OK);
    for (char trace = 'a'; trace <= 'z'; trace++)
        ck_assert_int_eq(accept_and_wait(kit_batch("shop", (char[]){trace, 'a', '\0'})), NV_OK);
    pthread_mutex_lock(&lock);
    while (claim_count < 26)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

/* A note for each would be 26 rounds of the journal's thread; it waits 5 ms for more. */
START_TEST(what_is_settled_one_by_one_shares_a_note)
{
    const struct timespec nap = {.tv_nsec = 100000};
    hold_claims();
    struct nv_settler settler = nv_assembly_settler(assembly);
    uint64_t groups = groups_now();
    uint64_t began_ns = nv_clock_mono_ns(nv_clock_system());
    while (claim_first < claim_count) {
        settler.settle(settler.ctx, claims[claim_first++], NV_OUTCOME_DELIVERED);
        nanosleep(&nap, NULL); /* the thread that was woken runs, as on one processor */
    }
    while (nv_claims_wait(assembly))
        nanosleep(&nap, NULL);
    groups = groups_now() - groups;
    uint64_t took_ns = nv_clock_mono_ns(nv_clock_system()) - began_ns;
    ck_assert_uint_le(groups, took_ns / (5 * NV_NS_PER_MS) + 2);
    ck_assert_int_eq(nv_assembly_stop(assembly, 20 * NV_NS_PER_S), NV_OK);
    nv_assembly_free(assembly);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("committer");
    TCase *tcase = tcase_create("committer");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_span_leaves_once, 0, 3);
    tcase_add_test(tcase, what_is_settled_one_by_one_shares_a_note);
    tcase_add_test(tcase, a_stop_ends_whatever_a_shard_does);
    tcase_add_test(tcase, what_is_kept_goes_on_with_threads_too);
    tcase_add_test(tcase, a_stop_during_the_replay_changes_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
