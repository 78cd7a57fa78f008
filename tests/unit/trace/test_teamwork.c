/*
 * Agents at work: what their runs, delegations, messages and tasks say, and where they stand.
 */
#include "expect.h"
#include "trace_kit.h"

#include "noveum/agents.h"

#include "base/banned.h"

static struct kit_receiver receiver;

static void setup(void)
{
    kit_receiver_start(&receiver);
    noveum_options options = kit_options(&receiver);
    ck_assert_int_eq(noveum_start(&options), NOVEUM_OK);
    const char *skills[] = {"search", "read"};
    noveum_agent_identity who = noveum_agent_named("Researcher", "finds sources");
    who.id = "r";
    who.type = "worker";
    who.description = "Reads papers";
    who.parent_id = "w";
    who.capabilities = skills;
    who.capability_count = 2;
    ck_assert_int_eq(noveum_agent_register(&who, NULL), NOVEUM_OK);
    who = noveum_agent_named("Writer", NULL);
    who.id = "w";
    ck_assert_int_eq(noveum_agent_register(&who, NULL), NOVEUM_OK);
}

static void teardown(void)
{
    (void)noveum_shutdown(1000);
    kit_receiver_stop(&receiver);
}

static json_t *sent(void)
{
    ck_assert_int_eq(noveum_flush(10000), NOVEUM_OK);
    return kit_receiver_spans(&receiver);
}

static const char *member(const json_t *span, const char *name)
{
    const char *text = json_string_value(json_object_get(span, name));
    return text ? text : "";
}

START_TEST(a_run_says_who_it_is)
{
    noveum_end(noveum_agent_begin("r", "find papers"));
    json_t *spans = sent();
    const json_t *run = kit_named(spans, "invoke_agent Researcher");
    ck_assert_ptr_nonnull(run);
    ck_assert_str_eq(kit_text(run, "gen_ai.agent.id"), "r");
    ck_assert_str_eq(kit_text(run, "gen_ai.agent.description"), "Reads papers");
    ck_assert_str_eq(kit_text(run, "agent.role"), "finds sources");
    ck_assert_str_eq(kit_text(run, "agent.type"), "worker");
    ck_assert_str_eq(kit_text(run, "agent.parent_id"), "w");
    ck_assert_uint_eq(json_array_size(kit_attribute(run, "agent.capabilities")), 2);
    ck_assert_ptr_nonnull(strstr(kit_text(run, "gen_ai.input.messages"), "find papers"));
    json_decref(spans);
}
END_TEST

START_TEST(an_unknown_agent_is_a_span)
{
    noveum_end(noveum_agent_begin("nobody", NULL));
    noveum_end(noveum_agent_begin(NULL, NULL));
    ck_assert_uint_eq(kit_counters().misuse, 2);
    json_t *spans = sent();
    ck_assert_uint_eq(json_array_size(spans), 2);
    ck_assert_ptr_nonnull(kit_named(spans, "invoke_agent"));
    json_decref(spans);
}
END_TEST

START_TEST(delegations_stand_below_who_delegates)
{
    noveum_span writer = noveum_agent_begin_below(noveum_null(), "w", NULL);
    noveum_span other = noveum_begin(NOVEUM_FUNCTION, "elsewhere");
    noveum_span run = noveum_agent_delegate("w", "r", "find papers");
    ck_assert_int_eq(noveum_agent_get_state("r"), NOVEUM_AGENT_RUNNING);
    noveum_end(run);
    noveum_end(writer);
    noveum_end(noveum_agent_delegate("w", "r", NULL)); /* not running: below the current span */
    noveum_end(noveum_agent_delegate("nobody", "r", NULL));
    noveum_end(other);
    json_t *spans = sent();
    const json_t *giver = kit_named(spans, "invoke_agent Writer");
    const json_t *current = kit_named(spans, "elsewhere");
    const json_t *first = kit_named(spans, "invoke_agent Researcher");
    ck_assert_str_eq(member(first, "parentSpanId"), member(giver, "spanId"));
    ck_assert_str_eq(kit_text(first, "gen_ai.handoff.from_agent"), "Writer");
    size_t below = 0;
    for (size_t i = 0; i < json_array_size(spans); i++) {
        below += strcmp(member(json_array_get(spans, i), "parentSpanId"),
                        member(current, "spanId")) == 0;
    }
    ck_assert_uint_eq(below, 2);
    json_decref(spans);
}
END_TEST

START_TEST(messages_are_spans_with_a_link)
{
    noveum_span reader = noveum_agent_begin_below(noveum_null(), "r", NULL);
    noveum_span writer = noveum_agent_begin_below(noveum_null(), "w", NULL);
    noveum_agent_message("w", "r", "Any news?", NOVEUM_NUL);
    noveum_agent_message("w", "nobody", "lost", NOVEUM_NUL);
    noveum_agent_message(NULL, "r", NULL, 0);
    noveum_end(reader);
    noveum_end(writer);
    ck_assert_uint_eq(kit_counters().misuse, 2);
    json_t *spans = sent();
    ck_assert_uint_eq(json_array_size(spans), 3);
    const json_t *told = kit_named(spans, "message Writer to Researcher");
    ck_assert_str_eq(member(told, "parentSpanId"),
                     member(kit_named(spans, "invoke_agent Writer"), "spanId"));
    ck_assert_str_eq(kit_text(told, "agent.message.to"), "r");
    ck_assert_ptr_nonnull(strstr(kit_text(told, "gen_ai.output.messages"), "Any news?"));
    const json_t *link = json_array_get(json_object_get(told, "links"), 0);
    ck_assert_str_eq(member(link, "spanId"),
                     member(kit_named(spans, "invoke_agent Researcher"), "spanId"));
    json_decref(spans);
}
END_TEST

START_TEST(tasks_have_states)
{
    noveum_span flow = noveum_begin_below(noveum_null(), NOVEUM_WORKFLOW, "report");
    noveum_span good = noveum_task_begin(flow, "collect", "r");
    noveum_span bad = noveum_task_begin(flow, "print", NULL);
    noveum_span open = noveum_task_begin(flow, NULL, "nobody");
    noveum_task_set(good, NOVEUM_TASK_RUNNING, NULL);
    noveum_task_set(good, NOVEUM_TASK_DONE, NULL);
    noveum_task_set(bad, NOVEUM_TASK_FAILED, "no paper");
    noveum_task_set(bad, (noveum_task_state)99, NULL);
    noveum_end(good);
    noveum_end(bad);
    noveum_end(open);
    noveum_end(flow);
    ck_assert_uint_eq(kit_counters().misuse, 2);
    json_t *spans = sent();
    const json_t *collect = kit_named(spans, "collect"), *print = kit_named(spans, "print");
    ck_assert_str_eq(kit_text(collect, "task.state"), "done");
    ck_assert_str_eq(kit_text(collect, "task.agent"), "Researcher");
    ck_assert_uint_eq(json_array_size(json_object_get(collect, "events")), 3);
    ck_assert_str_eq(kit_text(print, "task.state"), "failed");
    ck_assert_str_eq(kit_text(print, "error.type"), "task_failed");
    ck_assert_str_eq(kit_text(kit_named(spans, "task"), "task.state"), "pending");
    json_decref(spans);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("teamwork");
    TCase *tcase = tcase_create("teamwork");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_run_says_who_it_is);
    tcase_add_test(tcase, an_unknown_agent_is_a_span);
    tcase_add_test(tcase, delegations_stand_below_who_delegates);
    tcase_add_test(tcase, messages_are_spans_with_a_link);
    tcase_add_test(tcase, tasks_have_states);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
