/*
 * Structures of one thread end the program when another touches them: each in a row below is
 * given to a thread, and touched from here. Where check does not fork (sanitizers, valgrind)
 * a death can't be looked at: only that the owner may touch it.
 */
#include "assembly/hold/leave.h"
#include "assembly/hold/sent.h"
#include "assembly/hold/shard.h"
#include "assembly/hold/trace_table.h"
#include "expect.h"
#include "exporter/send/sender.h"
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
static struct nv_assembly *no_assembly;

static void make_all(void)
{
    nv_trace_table_init(&table);
    nv_sent_init(&sent, 8, 1 << 16, NV_NS_PER_S);
    sender = (struct nv_sender){.clock = nv_clock_system()};
    shard = (struct nv_shard){.assembly = no_assembly};
}

static void *take_all(void *unused)
{
    (void)unused;
    nv_owner_take(&table.owner);
    nv_owner_take(&sent.owner);
    nv_owner_take(&sender.owner);
    nv_owner_take(&shard.owner);
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

static void (*const touches[])(void) = {find_trace, open_trace,    find_sent,
                                        ask_parts,  note_sent,     draw,
                                        note_error, reserve_leave, tick_a_running_loop};
#define TOUCHES ((int)(sizeof touches / sizeof touches[0]))

START_TEST(another_thread_dies_of_it)
{
    pthread_t thread;
    make_all();
    ck_assert_int_eq(pthread_create(&thread, NULL, take_all, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    touches[_i]();
}
END_TEST

START_TEST(the_owner_may)
{
    make_all();
    (void)take_all(NULL);
    for (int i = 0; i < TOUCHES; i++) {
        if (touches[i] != reserve_leave && touches[i] != tick_a_running_loop)
            touches[i]();
    }
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
        tcase_add_loop_test_raise_signal(tcase, another_thread_dies_of_it, SIGABRT, 0, TOUCHES);
    tcase_add_test(tcase, the_owner_may);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
