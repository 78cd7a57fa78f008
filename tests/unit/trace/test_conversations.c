/*
 * Conversations: new ones, ones that go on, order and roles of messages, the limit.
 */
#include "expect.h"
#include "oom.h"
#include "trace_kit.h"

#include "noveum/agents.h"
#include "trace/conversations.h"

#include <stdio.h>

#include "base/banned.h"

START_TEST(nothing_while_off)
{
    char id[NOVEUM_ID_SIZE];
    ck_assert_int_eq(noveum_thread_resume(NULL, 0, id), NOVEUM_OFF);
    ck_assert_uint_eq(noveum_thread_message(noveum_null(), "t", NOVEUM_INPUT, NULL, "x", 1),
                      UINT64_MAX);
    ck_assert_uint_eq(noveum_thread_length("t"), 0);
}
END_TEST

START_TEST(messages_are_in_order)
{
    char id[NOVEUM_ID_SIZE];
    kit_trace_on(NULL);
    ck_assert_int_eq(noveum_thread_resume(NULL, 0, id), NOVEUM_OK);
    ck_assert_uint_eq(strlen(id), 32);
    noveum_span turn = noveum_begin(NOVEUM_LLM, NULL);
    noveum_thread_join(turn, id);
    ck_assert_uint_eq(
        noveum_thread_message(turn, id, NOVEUM_INPUT, "user", "hello", NOVEUM_NUL), 0);
    ck_assert_uint_eq(
        noveum_thread_message(turn, id, NOVEUM_OUTPUT, NULL, "good day", NOVEUM_NUL), 1);
    json_t *json = kit_trace_span(turn);
    ck_assert_str_eq(kit_text(json, "session.id"), id);
    ck_assert_str_eq(kit_text(json, "gen_ai.conversation.id"), id);
    const json_t *events = json_object_get(json, "events");
    ck_assert_uint_eq(json_array_size(events), 2);
    const json_t *second = json_array_get(events, 1);
    ck_assert_str_eq(kit_text(second, "thread.message.role"), "assistant");
    ck_assert_double_eq(kit_number(second, "thread.message.order"), 1);
    json_decref(json);
    noveum_end(turn);
    ck_assert_int_eq(noveum_thread_resume(id, 0, NULL), NOVEUM_OK); /* goes on */
    ck_assert_uint_eq(noveum_thread_length(id), 2);
}
END_TEST

START_TEST(one_that_another_process_began)
{
    kit_trace_on(NULL);
    ck_assert_int_eq(noveum_thread_resume("t-1", 17, NULL), NOVEUM_OK);
    noveum_span turn = noveum_begin(NOVEUM_LLM, NULL);
    ck_assert_uint_eq(noveum_thread_message(turn, "t-1", NOVEUM_INPUT, "user", "x", 1), 17);
    ck_assert_uint_eq(noveum_thread_message(turn, "new", NOVEUM_INPUT, "user", "x", 1), 0);
    ck_assert_uint_eq(noveum_thread_message(turn, NULL, NOVEUM_INPUT, "user", "x", 1),
                      UINT64_MAX);
    noveum_end(turn);
}
END_TEST

/* NV_TRACE_CONVERSATIONS_MAX and one more: the one that was used longest ago is forgotten. */
START_TEST(the_limit)
{
    char id[16];
    kit_trace_on(NULL);
    for (unsigned i = 0; i < NV_TRACE_CONVERSATIONS_MAX; i++) {
        (void)snprintf(id, sizeof id, "t%u", i);
        ck_assert_int_eq(noveum_thread_resume(id, i + 1, NULL), NOVEUM_OK);
    }
    ck_assert_int_eq(noveum_thread_resume("t0", 0, NULL), NOVEUM_OK); /* used again */
    ck_assert_int_eq(noveum_thread_resume("more", 5, NULL), NOVEUM_OK);
    ck_assert_uint_eq(noveum_thread_length("t0"), 1);
    ck_assert_uint_eq(noveum_thread_length("t1"), 0);
    ck_assert_uint_eq(noveum_thread_length("t2"), 3);
    ck_assert_uint_eq(noveum_thread_length("more"), 5);
}
END_TEST

START_TEST(without_memory)
{
    kit_trace_on(NULL);
    oom_fail_from(1);
    noveum_result result = noveum_thread_resume("t", 0, NULL);
    (void)oom_end();
    ck_assert_int_eq(result, NOVEUM_NO_MEMORY);
    ck_assert_int_eq(noveum_thread_resume("t", 0, NULL), NOVEUM_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conversations");
    TCase *tcase = tcase_create("conversations");
    tcase_add_test(tcase, nothing_while_off);
    tcase_add_test(tcase, messages_are_in_order);
    tcase_add_test(tcase, one_that_another_process_began);
    tcase_add_test(tcase, the_limit);
    tcase_add_test(tcase, without_memory);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
