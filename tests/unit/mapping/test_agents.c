/*
 * The registry of agents: counted, bounded, forgotten, and written in three forms.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/agents.h"

#include <pthread.h>

#include "base/banned.h"

static struct nv_agent_graph graph_of(struct nv_agent_node *nodes, uint32_t count,
                                      struct nv_agent_connection *connections, uint32_t edges)
{
    return (struct nv_agent_graph){NV_STR("p"), nodes, connections, count, edges};
}

static void note(struct nv_agents *agents, const char *name)
{
    struct nv_agent_node node = {.name = nv_str_from(name), .runs = 1};
    struct nv_agent_graph graph = graph_of(&node, 1, NULL, 0);
    nv_agents_note(agents, &graph);
}

static void expect(struct nv_agents *agents, enum nv_agents_form form, const char *part, bool there)
{
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, form, &buf), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, '\0'), NV_OK);
    ck_assert_msg((strstr(buf.bytes, part) != NULL) == there, "%s in %s", part, buf.bytes);
    nv_buf_release(&buf);
}

START_TEST(counts_tools_and_connections_add_up)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    struct nv_str tools[] = {NV_STR("search"), NV_STR("search"), NV_STR("pay")};
    struct nv_agent_node nodes[] = {{.id = NV_STR("i1"),
                                     .name = NV_STR("triage"),
                                     .role = NV_STR("lead"),
                                     .tools = tools,
                                     .tool_count = 3,
                                     .runs = 2,
                                     .errors = 1,
                                     .calls = 3},
                                    {.name = NV_STR("billing \"x\""), .runs = 1}};
    struct nv_agent_connection edge = {0, 1, NV_AGENT_HANDOFF, 2};
    struct nv_agent_graph graph = graph_of(nodes, 2, &edge, 1);
    nv_agents_note(agents, &graph);
    nv_agents_note(agents, &graph);
    ck_assert_uint_eq(nv_agents_count(agents), 2);
    expect(agents, NV_AGENTS_JSON, "\"name\":\"triage\"", true);
    expect(agents, NV_AGENTS_JSON, "\"traces\":2,\"runs\":4,\"errors\":2,\"calls\":6", true);
    expect(agents, NV_AGENTS_JSON, "\"tools\":[\"search\",\"pay\"]", true);
    expect(agents, NV_AGENTS_JSON, "\"type\":\"handoff\",\"count\":4", true);
    expect(agents, NV_AGENTS_DOT, "a0 -> a1 [label=\"handoff 4\"];", true);
    expect(agents, NV_AGENTS_DOT, "label=\"billing  x \"", true);
    expect(agents, NV_AGENTS_MERMAID, "a0 -->|handoff 4| a1", true);
    nv_agents_free(agents);
}
END_TEST

START_TEST(forgotten_after_their_time)
{
    struct nv_fake_clock clock;
    nv_fake_clock_init(&clock, 0, NV_NS_PER_S);
    struct nv_agents_config config = {.ttl_ns = 10 * NV_NS_PER_S, .clock = &clock.clock};
    struct nv_agents *agents = nv_agents_new(&config);
    note(agents, "old");
    nv_fake_clock_advance(&clock, 8 * NV_NS_PER_S);
    note(agents, "young");
    ck_assert_uint_eq(nv_agents_count(agents), 2);
    nv_fake_clock_advance(&clock, 5 * NV_NS_PER_S);
    ck_assert_uint_eq(nv_agents_count(agents), 1);
    expect(agents, NV_AGENTS_JSON, "young", true);
    expect(agents, NV_AGENTS_JSON, "old", false);
    nv_agents_free(agents);
}
END_TEST

START_TEST(the_one_seen_longest_ago_goes)
{
    struct nv_agents_config config = {.agents_max = 2};
    struct nv_agents *agents = nv_agents_new(&config);
    note(agents, "a");
    note(agents, "b");
    note(agents, "a");
    note(agents, "c");
    ck_assert_uint_eq(nv_agents_count(agents), 2);
    expect(agents, NV_AGENTS_JSON, "\"b\"", false);
    expect(agents, NV_AGENTS_JSON, "\"a\"", true);
    nv_agents_free(agents);
    nv_agents_free(NULL);
}
END_TEST

static void *note_many(void *ctx)
{
    for (int i = 0; i < 200; i++)
        note(ctx, i % 2 ? "a" : "b");
    return NULL;
}

START_TEST(several_threads)
{
    struct nv_agents_config config = {0};
    struct nv_agents *agents = nv_agents_new(&config);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, note_many, agents), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    expect(agents, NV_AGENTS_JSON, "\"runs\":400", true);
    nv_agents_free(agents);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/agents");
    TCase *tcase = tcase_create("agents");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, counts_tools_and_connections_add_up);
    tcase_add_test(tcase, forgotten_after_their_time);
    tcase_add_test(tcase, the_one_seen_longest_ago_goes);
    tcase_add_test(tcase, several_threads);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
