/*
 * Tasks of spans that name a workflow.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

#define AGENT(id, parent, name, more)                                                          \
    "{'name': 'invoke_agent " name "', 'id': " #id ", 'parent': " #parent                      \
    ", 'attributes': {'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': '" name    \
    "'}" more "}"

START_TEST(tasks_of_a_workflow)
{
    struct told *told = told_by(
        "[{'name': 'w', 'id': 1, 'attributes': {'gen_ai.operation.name': 'invoke_workflow', "
        "'gen_ai.workflow.name': 'nightly'}}," AGENT(2, 1, "a", "") "," AGENT(
            3, 1, "b", ", 'status': 2") ","
                                        "{'name': 'GET', 'id': 4, 'parent': 1, 'attributes': "
                                        "{'http.request.method': 'GET'}}]");
    told_is(told, "w", "agent_workflow.name", "'nightly'");
    told_is(told, "w", "agent_workflow.task_count", "2");
    told_is(told, "w", "agent_workflow.completed_tasks", "1");
    told_is(told, "w", "agent_workflow.failed_tasks", "1");
    told_is(told, "w", "agent_workflow.success_rate", "0.5");
    told_free(told);
}
END_TEST

START_TEST(no_rate_of_no_tasks)
{
    struct told *told = told_by("[{'name': 'w', 'attributes': {'gen_ai.operation.name': "
                                "'invoke_workflow', 'gen_ai.workflow.name': 'nightly'}}]");
    told_is(told, "w", "agent_workflow.task_count", "0");
    told_is(told, "w", "agent_workflow.failed_tasks", "0");
    told_is(told, "w", "agent_workflow.success_rate", NULL);
    told_free(told);
}
END_TEST

START_TEST(other_spans_count_nothing)
{
    struct told *told = told_by("[" AGENT(1, 0, "a", "") "," AGENT(2, 1, "b", "") "]");
    told_is(told, "invoke_agent a", "agent_workflow.task_count", NULL);
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/workflows");
    TCase *tcase = tcase_create("workflows");
    tcase_add_test(tcase, tasks_of_a_workflow);
    tcase_add_test(tcase, no_rate_of_no_tasks);
    tcase_add_test(tcase, other_spans_count_nothing);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
