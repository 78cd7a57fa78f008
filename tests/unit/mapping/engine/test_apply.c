/*
 * Attributes become candidates: what events carry, when events happened, indexed keys, caps.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_spans.h"

#include "base/buf.h"

#include <stdio.h>

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

/* As apply.c has them. */
#define EVENT_TIMES_MAX 256
#define EVENT_KEY_MAX 128

START_TEST(times_of_so_many_events_are_told_and_not_of_one_more)
{
    for (unsigned more = 0; more < 2; more++) {
        struct nv_buf text;
        nv_buf_init(&text, 1u << 20);
        (void)nv_buf_printf(&text, "[{'name': 'a', 'start': 0, 'attributes': {"
                                   "'openinference.span.kind': 'LLM', 'llm.model_name': 'm'}, "
                                   "'events': [");
        for (unsigned i = 1; i < EVENT_TIMES_MAX + more; i++)
            (void)nv_buf_printf(&text, "{'name': 'other', 'at': 1},");
        (void)nv_buf_printf(&text, "{'name': 'First Token Stream Event', 'at': 40}]}]");
        ck_assert_int_eq(nv_buf_append_char(&text, '\0'), NV_OK);
        struct told *told = told_by(text.bytes);
        told_is(told, "a", "llm.time_to_first_token_ms", more == 0 ? "40" : NULL);
        told_free(told);
        nv_buf_release(&text);
    }
}
END_TEST

START_TEST(events_of_so_long_a_name_are_found_and_not_of_a_longer_one)
{
    for (unsigned more = 0; more < 2; more++) {
        char name[EVENT_KEY_MAX + 1] = "", text[600];
        memset(name, 'e', EVENT_KEY_MAX - strlen("@event:") + more);
        (void)snprintf(text, sizeof text,
                       "convention mine \"Mine\"\n@event:%s | span | | my.ms | copy | 50 |\n",
                       name);
        struct nv_mapping *mapping = told_mapping(text, NULL);
        (void)snprintf(text, sizeof text,
                       "[{'name': 'a', 'start': 0, 'events': [{'name': '%s', 'at': 40}]}]",
                       name);
        struct told *told = told_with(mapping, NULL, text);
        told_is(told, "a", "my.ms", more == 0 ? "40" : NULL);
        told_free(told);
        nv_mapping_free(mapping);
    }
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
    tcase_add_test(tcase, times_of_so_many_events_are_told_and_not_of_one_more);
    tcase_add_test(tcase, events_of_so_long_a_name_are_found_and_not_of_a_longer_one);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
