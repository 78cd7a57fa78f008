/*
 * Attributes become candidates: what events carry, when events happened, indexed keys, caps.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/banned.h"

START_TEST(attributes_go_before_what_events_carry)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'gen_ai.operation.name': 'chat'}, 'events': ["
        "{'name': 'gen_ai.client.inference.operation.details', 'at': 5, 'attributes': "
        "{'gen_ai.input.messages': "
        "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"event\\\"}]'}}]},"
        "{'name': 'b', 'attributes': {'gen_ai.operation.name': 'chat', "
        "'gen_ai.input.messages': "
        "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"attribute\\\"}]'}, 'events': ["
        "{'name': 'gen_ai.client.inference.operation.details', 'at': 5, 'attributes': "
        "{'gen_ai.input.messages': "
        "'[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"event\\\"}]'}}]}]");
    told_is(told, "a", "llm.input.messages", "[{'role': 'user', 'content': 'event'}]");
    told_is(told, "b", "llm.input.messages", "[{'role': 'user', 'content': 'attribute'}]");
    told_is(told, "a", "gen_ai.input.messages",
            NULL); /* it was never an attribute of the span */
    told_free(told);
}
END_TEST

START_TEST(the_first_event_of_a_name_tells_the_time)
{
    struct told *told = told_by(
        "[{'name': 'a', 'start': 0, 'attributes': {'openinference.span.kind': 'LLM', "
        "'llm.model_name': 'm'}, 'events': [{'name': 'First Token Stream Event', 'at': 40},"
        "{'name': 'First Token Stream Event', 'at': 90}]}]");
    told_is(told, "a", "llm.time_to_first_token_ms", "40");
    told_is(told, "a", "llm.streaming", "true");
    told_free(told);
}
END_TEST

START_TEST(an_index_above_the_cap_stays_an_attribute)
{
    struct told *told =
        told_by("[{'name': 'a', 'attributes': {'openinference.span.kind': 'LLM', "
                "'llm.input_messages.0.message.content': 'x', "
                "'llm.input_messages.0.message.role': 'user',"
                "'llm.input_messages.99999999.message.content': 'far'}}]");
    told_is(told, "a", "llm.input.messages", "[{'role': 'user', 'content': 'x'}]");
    told_is(told, "a", "llm.input_messages.99999999.message.content", "'far'");
    told_free(told);
}
END_TEST

START_TEST(unknown_attributes_pass_unchanged)
{
    struct told *told = told_by(
        "[{'name': 'a', 'attributes': {'my.own': {'deep': [1, 'two', null, {'x': 1.5}]}, "
        "'server.port': 443, 'empty': '', 'big': 9223372036854775807, 'list': []}}]");
    told_is(told, "a", "my.own", "{'deep': [1, 'two', null, {'x': 1.5}]}");
    told_is(told, "a", "server.port", "443");
    told_is(told, "a", "empty", "''");
    told_is(told, "a", "big", "9223372036854775807");
    told_is(told, "a", "list", "[]");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/apply");
    TCase *tcase = tcase_create("apply");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, attributes_go_before_what_events_carry);
    tcase_add_test(tcase, the_first_event_of_a_name_tells_the_time);
    tcase_add_test(tcase, an_index_above_the_cap_stays_an_attribute);
    tcase_add_test(tcase, unknown_attributes_pass_unchanged);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
