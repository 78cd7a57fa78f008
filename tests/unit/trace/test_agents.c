/*
 * The registry of agents: life cycle, limits and time to live, identity, memory that is
 * refused, many threads.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "trace/agents.h"

#include <pthread.h>
#include <stdio.h>

#include "base/banned.h"

static char id[NOVEUM_ID_SIZE];

static noveum_result enter(const char *with_id, const char *name)
{
    noveum_agent_identity who = noveum_agent_named(name, "role");
    who.id = with_id;
    return noveum_agent_register(&who, id);
}

START_TEST(nothing_while_off)
{
    ck_assert_int_eq(enter("a", "A"), NOVEUM_OFF);
    ck_assert_str_eq(id, "");
    ck_assert_uint_eq(noveum_agent_count(), 0);
    ck_assert_uint_eq(noveum_agent_begin("a", NULL).id, 0);
    ck_assert_uint_eq(noveum_agent_delegate("a", "b", NULL).id, 0);
    noveum_agent_message("a", "b", "x", NOVEUM_NUL);
}
END_TEST

START_TEST(life_of_an_agent)
{
    kit_trace_on(NULL);
    ck_assert_int_eq(enter("writer", "Writer"), NOVEUM_OK);
    ck_assert_str_eq(id, "writer");
    ck_assert_int_eq(noveum_agent_get_state("writer"), NOVEUM_AGENT_IDLE);
    noveum_span first = noveum_agent_begin("writer", NULL);
    noveum_span second = noveum_agent_begin("writer", NULL);
    noveum_error(first, "timeout", NULL);
    noveum_end(first);
    ck_assert_int_eq(noveum_agent_get_state("writer"), NOVEUM_AGENT_RUNNING);
    noveum_error(second, "timeout", NULL);
    noveum_end(second);
    ck_assert_int_eq(noveum_agent_get_state("writer"), NOVEUM_AGENT_FAILED);
    noveum_end(noveum_agent_begin("writer", NULL));
    ck_assert_int_eq(noveum_agent_get_state("writer"), NOVEUM_AGENT_IDLE);
    noveum_agent_unregister("writer");
    ck_assert_int_eq(noveum_agent_get_state("writer"), NOVEUM_AGENT_UNKNOWN);
    noveum_agent_unregister("writer");
    noveum_agent_unregister(NULL);
    ck_assert_int_eq(noveum_agent_get_state(NULL), NOVEUM_AGENT_UNKNOWN);
}
END_TEST

/* Its record lives until its run ends; discarded and unfinished runs end as well. */
START_TEST(taken_out_while_it_runs)
{
    kit_trace_on(NULL);
    ck_assert_int_eq(enter(NULL, "A"), NOVEUM_OK);
    ck_assert_uint_eq(strlen(id), 32);
    noveum_span run = noveum_agent_begin(id, NULL);
    noveum_agent_unregister(id);
    ck_assert_uint_eq(noveum_agent_count(), 0);
    noveum_end(run);
    ck_assert_int_eq(enter("b", "B"), NOVEUM_OK);
    noveum_discard(noveum_agent_begin("b", NULL));
    ck_assert_int_eq(noveum_agent_get_state("b"), NOVEUM_AGENT_IDLE);
    (void)noveum_agent_begin("b", NULL);
    (void)noveum_shutdown(100);
    ck_assert_int_eq(noveum_agent_get_state("b"), NOVEUM_AGENT_IDLE);
}
END_TEST

START_TEST(registered_again)
{
    kit_trace_on(NULL);
    ck_assert_int_eq(enter("a", "Old"), NOVEUM_OK);
    ck_assert_int_eq(enter("a", "New"), NOVEUM_OK);
    ck_assert_uint_eq(noveum_agent_count(), 1);
    nv_trace_agents_lock();
    ck_assert_str_eq(nv_trace_agent_find("a")->name, "New");
    nv_trace_agents_unlock();
}
END_TEST

/* NV_TRACE_AGENTS_MAX, and one more: who was idle longest makes room, who runs does not. */
START_TEST(the_limit_of_agents)
{
    char name[16];
    kit_trace_on(NULL);
    for (unsigned i = 0; i <= NV_TRACE_AGENTS_MAX; i++) {
        (void)snprintf(name, sizeof name, "a%u", i);
        ck_assert_int_eq(enter(name, name), NOVEUM_OK);
        if (i == 0)
            (void)noveum_agent_begin("a0", NULL);
    }
    ck_assert_uint_eq(noveum_agent_count(), NV_TRACE_AGENTS_MAX);
    ck_assert_int_eq(noveum_agent_get_state("a0"), NOVEUM_AGENT_RUNNING);
    ck_assert_int_eq(noveum_agent_get_state("a1"), NOVEUM_AGENT_UNKNOWN);
    ck_assert_int_eq(noveum_agent_get_state("a2"), NOVEUM_AGENT_IDLE);
}
END_TEST

START_TEST(all_are_running)
{
    kit_trace_on(NULL);
    noveum_agent_limits(2, 0);
    ck_assert_int_eq(enter("a", NULL), NOVEUM_OK);
    (void)noveum_agent_begin("a", NULL);
    ck_assert_int_eq(enter("b", NULL), NOVEUM_OK);
    (void)noveum_agent_begin("b", NULL);
    ck_assert_int_eq(enter("c", NULL), NOVEUM_NO_MEMORY);
    ck_assert_uint_eq(kit_counters().misuse, 1);
}
END_TEST

START_TEST(time_to_live)
{
    kit_trace_on(NULL);
    ck_assert_int_eq(enter("a", NULL), NOVEUM_OK);
    ck_assert_int_eq(enter("b", NULL), NOVEUM_OK);
    ck_assert_uint_eq(noveum_agent_clean(3600000), 0);
    ck_assert_uint_eq(noveum_agent_clean(UINT64_MAX), 0);
    noveum_span run = noveum_agent_begin("b", NULL);
    ck_assert_uint_eq(noveum_agent_clean(0), 1);
    noveum_end(run);
    noveum_agent_limits(0, UINT64_MAX);
    ck_assert_int_eq(enter("c", NULL), NOVEUM_OK);
    ck_assert_uint_eq(noveum_agent_count(), 2);
    nv_trace_agents_lock();
    nv_trace_agent_find("b")->idle_since_ns -= UINT64_C(2000000000);
    nv_trace_agents_unlock();
    noveum_agent_limits(0, 1000);
    ck_assert_int_eq(enter("d", NULL), NOVEUM_OK);
    ck_assert_int_eq(noveum_agent_get_state("b"), NOVEUM_AGENT_UNKNOWN);
    ck_assert_int_eq(noveum_agent_get_state("c"), NOVEUM_AGENT_IDLE);
}
END_TEST

/* NV_TRACE_AGENT_TEXT, NV_TRACE_CAPABILITIES_MAX, NOVEUM_ID_SIZE: more is cut. */
START_TEST(long_identities)
{
    static char text[1000];
    const char *words[20];
    noveum_agent_identity who = noveum_agent_named(text, text);
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < 20; i++)
        words[i] = text;
    who.id = text;
    who.capabilities = words;
    who.capability_count = 20;
    kit_trace_on(NULL);
    ck_assert_int_eq(noveum_agent_register(&who, id), NOVEUM_OK);
    ck_assert_uint_eq(strlen(id), NOVEUM_ID_SIZE - 1);
    nv_trace_agents_lock();
    const struct nv_trace_agent *agent = nv_trace_agent_find(text);
    ck_assert_uint_eq(strlen(agent->name), NV_TRACE_AGENT_TEXT - 1);
    ck_assert_uint_eq(agent->capability_count, NV_TRACE_CAPABILITIES_MAX);
    nv_trace_agents_unlock();
    who.size = 3;
    ck_assert_int_eq(noveum_agent_register(&who, id), NOVEUM_INVALID);
    ck_assert_int_eq(noveum_agent_register(NULL, NULL), NOVEUM_INVALID);
}
END_TEST

/* NV_TRACE_EDGES_MAX: what is past it is not drawn; edges go with their agents. */
START_TEST(the_limit_of_edges)
{
    size_t count;
    char name[16];
    kit_trace_on(NULL);
    for (unsigned i = 0; i < 70; i++) {
        (void)snprintf(name, sizeof name, "a%u", i);
        ck_assert_int_eq(enter(name, name), NOVEUM_OK);
    }
    nv_trace_agents_lock();
    for (unsigned i = 0; i < 70 * 70; i++) {
        (void)snprintf(name, sizeof name, "a%u", i / 70);
        const struct nv_trace_agent *from = nv_trace_agent_find(name);
        (void)snprintf(name, sizeof name, "a%u", i % 70);
        nv_trace_agents_pass(from, nv_trace_agent_find(name), NV_TRACE_EDGE_MESSAGE);
    }
    (void)nv_trace_agents_edges(&count);
    nv_trace_agents_unlock();
    ck_assert_uint_eq(count, NV_TRACE_EDGES_MAX);
    noveum_agent_unregister("a0");
    nv_trace_agents_lock();
    (void)nv_trace_agents_edges(&count);
    nv_trace_agents_unlock();
    ck_assert_uint_eq(count, NV_TRACE_EDGES_MAX - 70 - 58); /* its own, and those to it */
}
END_TEST

START_TEST(without_memory)
{
    kit_trace_on(NULL);
    oom_fail_from(1);
    noveum_result result = enter("a", "A");
    (void)oom_end();
    ck_assert_int_eq(result, NOVEUM_NO_MEMORY);
    ck_assert_uint_eq(noveum_agent_count(), 0);
    ck_assert_int_eq(enter("a", "A"), NOVEUM_OK);
}
END_TEST

static void *work(void *number)
{
    char mine[16];
    (void)snprintf(mine, sizeof mine, "w%u", *(const unsigned *)number);
    for (int i = 0; i < 300; i++) {
        noveum_agent_identity who = noveum_agent_named(mine, NULL);
        char given[NOVEUM_ID_SIZE];
        who.id = i % 2 ? mine : "shared";
        (void)noveum_agent_register(&who, given);
        noveum_span run = noveum_agent_begin(i % 3 ? given : "shared", NULL);
        noveum_agent_message(mine, "shared", "hello", NOVEUM_NUL);
        if (i % 5 == 0)
            noveum_agent_unregister("shared");
        noveum_end(run);
        (void)noveum_agent_clean(i % 7 == 0 ? 0 : 1000);
        (void)noveum_agent_graph(NOVEUM_GRAPH_DOT, NULL, 0);
    }
    return NULL;
}

START_TEST(many_threads)
{
    pthread_t threads[4];
    unsigned numbers[4];
    kit_trace_on(NULL);
    for (unsigned i = 0; i < 4; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    (void)noveum_agent_clean(0);
    ck_assert_uint_eq(noveum_agent_count(), 0);
    ck_assert_uint_eq(kit_counters().open, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agents");
    TCase *tcase = tcase_create("agents");
    tcase_add_test(tcase, nothing_while_off);
    tcase_add_test(tcase, life_of_an_agent);
    tcase_add_test(tcase, taken_out_while_it_runs);
    tcase_add_test(tcase, registered_again);
    tcase_add_test(tcase, the_limit_of_agents);
    tcase_add_test(tcase, all_are_running);
    tcase_add_test(tcase, time_to_live);
    tcase_add_test(tcase, long_identities);
    tcase_add_test(tcase, the_limit_of_edges);
    tcase_add_test(tcase, without_memory);
    tcase_add_test(tcase, many_threads);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
