/*
 * What a message object says, member by member: role, names, reasons, thoughts, calls, content,
 * and what no member expressed.
 */
#include "arena_oom.h"
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

/* An object filled into a message of the model's, and what is written of it. */
static const struct {
    const char *object, *expected;
} fills[] = {
    {"{\"role\":\"user\",\"content\":\"hi\"}", "[{\"role\":\"user\",\"content\":\"hi\"}]"},
    {"{\"role\":\"human\",\"content\":\"hi\",\"name\":\"ann\"}",
     "[{\"role\":\"user\",\"content\":\"hi\",\"name\":\"ann\"}]"},
    {"{\"type\":\"ai\",\"content\":\"hi\"}", "[{\"role\":\"assistant\",\"content\":\"hi\"}]"},
    {"{\"role\":\"critic\",\"content\":\"no\"}", "[{\"role\":\"critic\",\"content\":\"no\"}]"},
    /* content for a call: only a tool answers one */
    {"{\"tool_call_id\":\"c\",\"content\":\"4\"}",
     "[{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"c\"}]"},
    /* of a tool's message `id` is the call's, unless its parts have ids of their own */
    {"{\"role\":\"tool\",\"id\":\"c\",\"content\":\"4\"}",
     "[{\"role\":\"tool\",\"content\":\"4\",\"tool_call_id\":\"c\"}]"},
    {"{\"role\":\"user\",\"id\":\"m\",\"content\":\"4\"}",
     "[{\"role\":\"user\",\"content\":\"4\",\"id\":\"m\"}]"},
    /* reasons: a word, a list of one, in the metadata; anything else stays as it is */
    {"{\"role\":\"ai\",\"content\":\"x\",\"finish_reason\":\"stop\"}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"finish_reason\":[\"stop\"]}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"response_metadata\":{\"finish_reason\":\"stop\"}}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"response_metadata\":{\"finish_reason\":\"stop\","
     "\"id\":\"r\"}}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\","
     "\"response_metadata\":{\"finish_reason\":\"stop\",\"id\":\"r\"}}]"},
    /* thoughts and calls of a provider that LangChain repeats beside the message */
    {"{\"role\":\"ai\",\"content\":\"x\",\"reasoning_content\":\"hm\"}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":\"hm\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":{\"reasoning_content\":\"hm\"}}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":\"hm\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":{\"reasoning_content\":\"hm\","
     "\"mine\":1}}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":\"hm\","
     "\"additional_kwargs\":{\"reasoning_content\":\"hm\",\"mine\":1}}]"},
    /* and what somebody else put in their place, but for nothing at all */
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":[\"mine\"]}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"additional_kwargs\":[\"mine\"]}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":\"mine\"}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"additional_kwargs\":\"mine\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":{}}",
     "[{\"role\":\"assistant\",\"content\":\"x\"}]"},
    {"{\"role\":\"ai\",\"content\":\"x\",\"additional_kwargs\":null}",
     "[{\"role\":\"assistant\",\"content\":\"x\"}]"},
    /* `text` beside content: the same is expressed, another text stays */
    {"{\"role\":\"user\",\"content\":\"x\",\"text\":\"x\"}",
     "[{\"role\":\"user\",\"content\":\"x\"}]"},
    {"{\"role\":\"user\",\"content\":\"x\",\"text\":\"y\"}",
     "[{\"role\":\"user\",\"content\":\"x\",\"text\":\"y\"}]"},
    /* content wrapped once more is opened when it holds nothing else */
    {"{\"role\":\"user\",\"content\":{\"content\":\"x\"}}",
     "[{\"role\":\"user\",\"content\":\"x\"}]"},
    {"{\"role\":\"ai\",\"content\":{\"message\":\"x\",\"finish_reason\":\"stop\"}}",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]"},
    /* but a tool may well answer so */
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{\"message\":\"done\"}}",
     "[{\"role\":\"tool\",\"content\":\"{\\\"message\\\":\\\"done\\\"}\","
     "\"tool_call_id\":\"c\"}]"},
    /* what no member expressed stays with the message */
    {"{\"role\":\"user\",\"content\":\"x\",\"weight\":3}",
     "[{\"role\":\"user\",\"content\":\"x\",\"weight\":3}]"},
};

static enum nv_err fill(struct nv_messages_state *state, const struct nv_value *object)
{
    struct nv_members members;
    struct nv_message message;
    nv_members_find(object, &members);
    nv_message_begin(&message, state);
    enum nv_err err = nv_message_fill(&message, object, &members, 0);
    return err == NV_OK ? nv_message_end(&message) : err;
}

START_TEST(members_say_the_message)
{
    struct nv_test_messages kit;
    nv_test_messages_open(&kit, NV_MESSAGES_OUTPUT);
    const struct nv_value *object = nv_test_messages_value(&kit, fills[_i].object);
    ck_assert_int_eq(fill(&kit.state, object), NV_OK);
    nv_test_messages_expect(&kit, fills[_i].expected);
    nv_test_messages_close(&kit);
}
END_TEST

/* A call told as members of the message, as one object and as a list. */
START_TEST(calls_stand_in_three_places)
{
    static const char *const objects[] = {
        "{\"role\":\"ai\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{}\"}}]}",
        "{\"role\":\"ai\",\"function_call\":{\"id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"}"
        "}",
        "{\"role\":\"ai\",\"content\":\"\",\"additional_kwargs\":{\"tool_calls\":[{\"id\":"
        "\"c\","
        "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}"};
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        struct nv_test_messages kit;
        nv_test_messages_open(&kit, NV_MESSAGES_OUTPUT);
        ck_assert_int_eq(fill(&kit.state, nv_test_messages_value(&kit, objects[i])), NV_OK);
        ck_assert_uint_eq(kit.state.list.count, 1);
        const struct nv_value *calls =
            nv_map_get(&kit.state.list.items[0], NV_STR("tool_calls"));
        ck_assert_msg(calls && calls->as.array.count == 1, "%s", objects[i]);
        const struct nv_value *id = nv_map_get(&calls->as.array.items[0], NV_STR("id"));
        ck_assert_msg(id && nv_str_eq(id->as.string, NV_STR("c")), "%s", objects[i]);
        nv_test_messages_close(&kit);
    }
}
END_TEST

START_TEST(the_first_reason_stays)
{
    struct nv_test_messages kit;
    struct nv_message message;
    nv_test_messages_open(&kit, NV_MESSAGES_OUTPUT);
    nv_message_begin(&message, &kit.state);
    const struct nv_value stop = nv_value_string(NV_STR("stop"));
    const struct nv_value length = nv_value_string(NV_STR("length"));
    const struct nv_value number = nv_value_int(7);
    ck_assert(!nv_message_fill_finish(&message, NULL));
    ck_assert(!nv_message_fill_finish(&message, &number));
    ck_assert(nv_message_fill_finish(&message, &stop));
    ck_assert(nv_message_fill_finish(&message, &length)); /* said, and no news */
    ck_assert_nv_str(message.finish.as.string, "stop");
    nv_test_messages_close(&kit);
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *arena)
{
    struct nv_messages_state state = {.arena = arena, .direction = NV_MESSAGES_OUTPUT};
    return fill(&state, ctx);
}

START_TEST(every_allocation_may_fail)
{
    struct nv_test_messages kit;
    nv_test_messages_open(&kit, NV_MESSAGES_OUTPUT);
    const struct nv_value *object = nv_test_messages_value(
        &kit, "{\"role\":\"ai\",\"content\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]},"
              "\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"c\",\"function\":"
              "{\"name\":\"f\",\"arguments\":\"{}\"}}],\"weight\":3,\"response_metadata\":"
              "{\"finish_reason\":\"stop\",\"id\":\"r\"}}");
    nv_test_oom_each(attempt, (void *)(uintptr_t)object);
    nv_test_messages_close(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_fill");
    TCase *tcase = tcase_create("fill");
    tcase_add_loop_test(tcase, members_say_the_message, 0,
                        (int)(sizeof fills / sizeof fills[0]));
    tcase_add_test(tcase, calls_stand_in_three_places);
    tcase_add_test(tcase, the_first_reason_stays);
    tcase_add_test(tcase, every_allocation_may_fail);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
