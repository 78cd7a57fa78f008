/*
 * The drawing of agents: both forms, names that would break them, rooms that are too small.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "noveum/agents.h"

#include "base/banned.h"

static char text[4096];

static void enter(const char *id, const char *name, const char *role, const char *parent)
{
    noveum_agent_identity who = noveum_agent_named(name, role);
    who.id = id;
    who.parent_id = parent;
    ck_assert_int_eq(noveum_agent_register(&who, NULL), NOVEUM_OK);
}

static void team(void)
{
    kit_trace_on(NULL);
    enter("b", "Boss", "leads", NULL);
    enter("w", "The \"best\" \\ one\n", NULL, "b");
    noveum_agent_message("b", "w", "go", NOVEUM_NUL);
    noveum_agent_message("b", "w", "on", NOVEUM_NUL);
    noveum_end(noveum_agent_delegate("b", "w", NULL));
}

START_TEST(nobody)
{
    ck_assert_uint_eq(noveum_agent_graph(NOVEUM_GRAPH_DOT, text, sizeof text), strlen(text));
    ck_assert_str_eq(text, "digraph agents {\n}\n");
    (void)noveum_agent_graph(NOVEUM_GRAPH_MERMAID, text, sizeof text);
    ck_assert_str_eq(text, "flowchart LR\n");
}
END_TEST

START_TEST(as_dot)
{
    team();
    ck_assert_uint_eq(noveum_agent_graph(NOVEUM_GRAPH_DOT, text, sizeof text), strlen(text));
    ck_assert_str_eq(text, "digraph agents {\n"
                           "    a0 [label=\"Boss\\nleads\"];\n"
                           "    a1 [label=\"The \\\"best\\\" \\\\ one \"];\n"
                           "    a0 -> a1 [style=dashed];\n"
                           "    a0 -> a1 [label=\"messages 2\"];\n"
                           "    a0 -> a1 [label=\"delegates 1\"];\n"
                           "}\n");
}
END_TEST

START_TEST(as_mermaid)
{
    team();
    (void)noveum_agent_graph(NOVEUM_GRAPH_MERMAID, text, sizeof text);
    ck_assert_str_eq(text, "flowchart LR\n"
                           "    a0[\"Boss<br>leads\"]\n"
                           "    a1[\"The #quot;best#quot; \\ one \"]\n"
                           "    a0 -.-> a1\n"
                           "    a0 -->|messages 2| a1\n"
                           "    a0 -->|delegates 1| a1\n");
}
END_TEST

START_TEST(small_rooms)
{
    char small[10];
    team();
    size_t len = noveum_agent_graph(NOVEUM_GRAPH_DOT, NULL, 0);
    ck_assert_uint_eq(noveum_agent_graph(NOVEUM_GRAPH_DOT, small, sizeof small), len);
    ck_assert_str_eq(small, "digraph a");
    oom_fail_from(1);
    size_t without = noveum_agent_graph(NOVEUM_GRAPH_DOT, small, sizeof small);
    (void)oom_end();
    ck_assert_uint_eq(without, 0);
    ck_assert_str_eq(small, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent graph");
    TCase *tcase = tcase_create("agent graph");
    tcase_add_test(tcase, nobody);
    tcase_add_test(tcase, as_dot);
    tcase_add_test(tcase, as_mermaid);
    tcase_add_test(tcase, small_rooms);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
