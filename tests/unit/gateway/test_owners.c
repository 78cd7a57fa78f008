/*
 * Structures of one thread end the program when another touches them: each in a row below is
 * given to a thread, and touched from here. Where check does not fork (sanitizers, valgrind)
 * a death can't be looked at: only that the owner may touch it.
 */
#include "assembly/door/notes.h"
#include "assembly/door/replay.h"
#include "assembly/door/state.h"
#include "assembly/hold/leave.h"
#include "assembly/hold/sent.h"
#include "assembly/hold/shard.h"
#include "assembly/hold/trace_table.h"
#include "expect.h"
#include "exporter/send/sender.h"
#include "journal/journal_internal.h"
#include "net/loop.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

static const uint8_t id[NV_TRACE_ID_BYTES] = {7};

static struct nv_trace_table table;
static struct nv_sent sent;
static struct nv_sender sender;
static struct nv_shard shard;
static struct nv_assembly assembly; /* empty, inline, without a journal */
static struct nv_journal journal;   /* empty, without files */

static void make_all(void)
{
    nv_trace_table_init(&table);
    nv_sent_init(&sent, 8, 1 << 16, NV_NS_PER_S);
    sender = (struct nv_sender){.clock = nv_clock_system()};
    shard = (struct nv_shard){.assembly = NULL};
    assembly = (struct nv_assembly){.shard_count = 1, .inline_mode = true};
    assembly.settled_end = &assembly.settled;
    journal = (struct nv_journal){.lock_fd = -1};
}

static void *take_all(void *unused)
{
    (void)unused;
    nv_owner_take(&table.owner);
    nv_owner_take(&sent.owner);
    nv_owner_take(&sender.owner);
    nv_owner_take(&shard.owner);
    nv_owner_take(&assembly.committing);
    nv_owner_take(&journal.writing);
    return NULL;
}

/* ---- what another thread might do -------------------------------------------------------- */

static void find_trace(void)
{
    (void)nv_trace_table_find(&table, id);
}

static void open_trace(void)
{
    (void)nv_trace_table_open(&table, id);
}

static void find_sent(void)
{
    (void)nv_sent_find(&sent, id);
}

static void ask_parts(void)
{
    (void)nv_sent_parts(&sent, id);
}

static void note_sent(void)
{
    (void)nv_sent_note(&sent, id, 0, 0);
}

static void draw(void)
{
    (void)nv_sender_random(&sender);
}

static void note_error(void)
{
    nv_sender_note_error(&sender, "no");
}

static void reserve_leave(void)
{
    if (nv_leave_reserve(&shard, 1) != NV_OK)
        _exit(0);
}

/* ---- of the committer -------------------------------------------------------------------- */

static void run_a_round(void)
{
    nv_committer_round(&assembly, NULL, 0);
}

static void replay_some(void)
{
    ck_assert(!nv_replay_step(&assembly));
}

static void stop_the_replay(void)
{
    nv_replay_stop(&assembly);
}

static void take_claims(void)
{
    ck_assert_ptr_null(nv_claims_take(&assembly));
}

static void return_claims(void)
{
    nv_claims_return(&assembly, NULL);
}

/* ---- of who holds the journal's writer lock ---------------------------------------------- */

static void write_the_mark(void)
{
    nv_mark_write(&journal, false);
}

static void look_for_room(void)
{
    nv_room_before(&journal);
}

static void look_for_room_again(void)
{
    nv_room_after(&journal);
}

static void rescue(void)
{
    ck_assert_int_eq(nv_journal_rescue(&journal), NV_OK);
}

/* Neither may begin on another thread; what the owner makes of it needs files. */
static void obtain_a_segment(void)
{
    struct nv_segment *segment;
    if (nv_segment_obtain(&journal, 1, NV_USE_REQUEST, &segment) != NV_OK)
        _exit(0);
}

static void append(void)
{
    if (nv_journal_append(&journal, NULL, 0, NV_USE_REQUEST, false) != NV_OK)
        _exit(0);
}

/* A loop that runs on its own thread, ticked from here. */
static void tick_a_running_loop(void)
{
    static struct nv_loop_tick tick;
    const struct nv_clock *clock = nv_clock_system();
    struct nv_loops loops;
    if (nv_loops_init(&loops, 1, clock) != NV_OK || nv_loops_start(&loops) != NV_OK)
        _exit(0);
    nv_loop_add_tick(loops.items[0], &tick);
}

/* What the owner may do with structures that are as empty as those of make_all. */
static void (*const touches[])(void) = {
    find_trace,  open_trace,    find_sent,      ask_parts,     note_sent,
    draw,        note_error,    run_a_round,    replay_some,   stop_the_replay,
    take_claims, return_claims, write_the_mark, look_for_room, look_for_room_again,
    rescue,
};
/* And what needs more than that. */
static void (*const larger_touches[])(void) = {reserve_leave, obtain_a_segment, append,
                                               tick_a_running_loop};
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

START_TEST(another_thread_dies_of_it)
{
    pthread_t thread;
    make_all();
    ck_assert_int_eq(pthread_create(&thread, NULL, take_all, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    if (_i < COUNT(touches))
        touches[_i]();
    else
        larger_touches[_i - COUNT(touches)]();
}
END_TEST

START_TEST(the_owner_may)
{
    make_all();
    (void)take_all(NULL);
    for (int i = 0; i < COUNT(touches); i++)
        touches[i]();
    nv_trace_table_close(&table, nv_trace_table_find(&table, id));
    nv_trace_table_release(&table);
    nv_sent_release(&sent);
}
END_TEST

int main(void)
{
    const char *fork_mode = getenv("CK_FORK");
    Suite *suite = suite_create("gateway/owners");
    TCase *tcase = tcase_create("owners");
    if (!fork_mode || strcmp(fork_mode, "no") != 0)
        tcase_add_loop_test_raise_signal(tcase, another_thread_dies_of_it, SIGABRT, 0,
                                         COUNT(touches) + COUNT(larger_touches));
    tcase_add_test(tcase, the_owner_may);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
