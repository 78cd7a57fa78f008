/*
 * The agents of one trace: delegation, handoff, messages, tools.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"
#include "mapping/settle/agents.h"

#include <stdio.h>

#include "base/banned.h"

#define AGENT(id, parent, name, more)                                                          \
    "{'name': 'invoke_agent " name "', 'id': " #id ", 'parent': " #parent                      \
    ", 'attributes': {'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': '" name    \
    "'}" more "}"

START_TEST(nodes_and_connections)
{
    struct told *told =
        told_by("[" AGENT(1, 0, "lead", "") "," AGENT(2, 1, "worker", "") "," AGENT(
            3, 1, "worker",
            ", 'status': 2") ","
                             "{'name': 'execute_tool search', 'id': 4, 'parent': 2, "
                             "'attributes': {'gen_ai.operation.name': "
                             "'execute_tool', 'gen_ai.tool.name': 'search'}},"
                             "{'name': 'chat m', 'id': 5, 'parent': 2, 'attributes': "
                             "{'gen_ai.operation.name': 'chat', "
                             "'gen_ai.request.model': 'm'}},"
                             "{'name': 'execute_tool transfer_to_billing', 'id': 6, "
                             "'parent': 1, 'attributes': "
                             "{'gen_ai.operation.name': 'execute_tool', "
                             "'gen_ai.tool.name': 'transfer_to_billing'}}]");
    told_member(told, NULL, "attributes",
                "{'noveum.project': 'test', 'noveum.environment': 'production', "
                "'noveum.gateway.version': '0.0.0-test', 'agent_graph.name': 'lead', "
                "'agent_graph.node_count': 3, 'agent_graph.connection_count': 2}");
    told_is(told, "invoke_agent lead", "agent_graph.nodes",
            "[{'name': 'lead', 'runs': 1, 'errors': 0, 'calls': 0, 'tools': "
            "['transfer_to_billing']},"
            "{'name': 'worker', 'runs': 2, 'errors': 1, 'calls': 1, 'tools': ['search']},"
            "{'name': 'billing', 'runs': 0, 'errors': 0, 'calls': 0}]");
    told_is(told, "invoke_agent lead", "agent_graph.connections",
            "[{'from': 'lead', 'to': 'worker', 'type': 'delegation', 'count': 2},"
            "{'from': 'lead', 'to': 'billing', 'type': 'handoff', 'count': 1}]");
    told_free(told);
}
END_TEST

START_TEST(links_are_messages)
{
    struct told *told = told_by("[{'name': 'root', 'id': 9, 'attributes': {}}," AGENT(
        1, 9, "a", "") "," AGENT(2, 9, "b", ", 'links': [1]") "]");
    told_is(told, "root", "agent_graph.connections",
            "[{'from': 'a', 'to': 'b', 'type': 'message', 'count': 1}]");
    told_free(told);
}
END_TEST

START_TEST(no_agents_no_graph)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat'}}]");
    told_is(told, "a", "agent_graph.node_count", NULL);
    told_free(told);
}
END_TEST

START_TEST(the_registry_is_told)
{
    struct nv_agents_config agents_config = {0};
    struct nv_agents *agents = nv_agents_new(&agents_config);
    struct nv_mapping_config config = {.agents = agents};
    struct nv_mapping *mapping = nv_mapping_new(&config, NULL);
    struct told *told = told_with(mapping, NULL, "[" AGENT(1, 0, "lead", "") "]");
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 20);
    ck_assert_int_eq(nv_agents_write(agents, NV_AGENTS_JSON, &buf), NV_OK);
    const size_t first = nv_str_find(nv_buf_str(&buf), NV_STR("\"name\":\"lead\""));
    ck_assert_uint_ne(first, SIZE_MAX);
    const struct nv_str rest = nv_str_slice(nv_buf_str(&buf), first + 1, buf.len);
    ck_assert_uint_eq(nv_str_find(rest, NV_STR("\"name\":")), SIZE_MAX);
    nv_buf_release(&buf);
    told_free(told);
    nv_mapping_free(mapping);
    nv_agents_free(agents);
}
END_TEST

/* A root and `workers` agents below it, all of different names: as many delegations. Besides
 * them `links` messages, at most four from each to the next ones. */
static void expect_graph(unsigned workers, unsigned links, unsigned nodes, unsigned connections)
{
    struct nv_buf text;
    char want[200];
    nv_buf_init(&text, 1 << 20);
    nv_buf_printf(&text, "[" AGENT(1, 0, "lead", ""));
    for (unsigned i = 0; i < workers; i++) {
        nv_buf_printf(&text,
                      ",{'name': 'invoke_agent w%u', 'id': %u, 'parent': 1, 'attributes': "
                      "{'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'w%u'}, "
                      "'links': [",
                      i, i + 2, i);
        for (unsigned k = 1; k <= 4 && links > 0; k++, links--)
            nv_buf_printf(&text, "%s%u", k > 1 ? "," : "", (i + k) % workers + 2);
        nv_buf_append_str(&text, NV_STR("]}"));
    }
    nv_buf_append_str(&text, NV_STR("]"));
    ck_assert_int_eq(nv_buf_append_char(&text, '\0'), NV_OK);
    struct told *told = told_by(text.bytes);
    (void)snprintf(want, sizeof want,
                   "{'noveum.project': 'test', 'noveum.environment': 'production', "
                   "'noveum.gateway.version': '0.0.0-test', 'agent_graph.name': 'lead', "
                   "'agent_graph.node_count': %u, 'agent_graph.connection_count': %u}",
                   nodes, connections);
    told_member(told, NULL, "attributes", want);
    told_free(told);
    nv_buf_release(&text);
}

START_TEST(a_graph_has_so_many_nodes)
{
    expect_graph(NV_AGENT_NODES_MAX - 1, 0, NV_AGENT_NODES_MAX, NV_AGENT_NODES_MAX - 1);
    expect_graph(NV_AGENT_NODES_MAX, 0, NV_AGENT_NODES_MAX, NV_AGENT_NODES_MAX - 1);
}
END_TEST

START_TEST(a_graph_has_so_many_connections)
{
    const unsigned links = NV_AGENT_CONNECTIONS_MAX - 255;
    expect_graph(255, links - 1, 256, NV_AGENT_CONNECTIONS_MAX - 1);
    expect_graph(255, links, 256, NV_AGENT_CONNECTIONS_MAX);
    expect_graph(255, links + 1, 256, NV_AGENT_CONNECTIONS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/agent_graph");
    TCase *tcase = tcase_create("agent_graph");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, nodes_and_connections);
    tcase_add_test(tcase, links_are_messages);
    tcase_add_test(tcase, no_agents_no_graph);
    tcase_add_test(tcase, the_registry_is_told);
    tcase_add_test(tcase, a_graph_has_so_many_nodes);
    tcase_add_test(tcase, a_graph_has_so_many_connections);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
