/*
 * What a trace is called.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

START_TEST(a_name_that_speaks_stays)
{
    struct told *told = told_by("[{'name': 'nightly report', 'attributes': "
                                "{'gen_ai.operation.name': 'invoke_agent', "
                                "'gen_ai.agent.name': 'a'}}]");
    told_member(told, NULL, "name", "'nightly report'");
    told_free(told);
}
END_TEST

START_TEST(the_first_agent_that_has_a_name)
{
    struct told *told =
        told_by("[{'name': 'invocation', 'id': 1, 'attributes': {}},"
                "{'name': 'agent run', 'id': 2, 'parent': 1, 'attributes': "
                "{'gen_ai.operation.name': 'invoke_agent'}},"
                "{'name': 'agent run', 'id': 3, 'parent': 1, 'attributes': "
                "{'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'support'}}]");
    told_member(told, NULL, "name", "'support'");
    told_free(told);
}
END_TEST

START_TEST(nothing_better_is_known)
{
    struct told *told = told_by("[{'name': 'Completions', 'attributes': {}}]");
    told_member(told, NULL, "name", "'Completions'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/root_name");
    TCase *tcase = tcase_create("root_name");
    tcase_add_test(tcase, a_name_that_speaks_stays);
    tcase_add_test(tcase, the_first_agent_that_has_a_name);
    tcase_add_test(tcase, nothing_better_is_known);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
