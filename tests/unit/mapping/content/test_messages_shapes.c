/*
 * Shapes of a message object: which objects are messages at all, and what is kept beside.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *object;
    enum nv_messages_direction direction;
    const char *expected; /* NULL: no message of any shape */
    bool partial;
} objects[] = {
    {"{\"answer\":42}", NV_MESSAGES_OUTPUT, NULL, false},
    {"{\"name\":\"f\",\"arguments\":\"x\"}", NV_MESSAGES_OUTPUT, NULL, false},
    {"{\"role\":\"user\",\"content\":\"x\"}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\"}]", false},
    {"{\"role\":\"user\",\"content\":\"x\",\"meta\":{\"a\":1}}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\",\"meta\":{\"a\":1}}]", false},
    {"{\"role\":\"user\",\"content\":\"x\",\"text\":\"x\"}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\"}]", false},
    {"{\"role\":\"user\",\"content\":\"x\",\"text\":\"y\"}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\",\"text\":\"y\"}]", false},
    {"{\"content\":\"x\"}", NV_MESSAGES_OUTPUT, "[{\"role\":\"assistant\",\"content\":\"x\"}]",
     false},
    {"{\"text\":\"x\",\"index\":1}", NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"index\":1}]", false},
    {"{\"message\":\"x\"}", NV_MESSAGES_OUTPUT, "[{\"role\":\"assistant\",\"content\":\"x\"}]",
     false},
    {"{\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":[\"stop\"]}",
     NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]", false},
    {"{\"message\":{\"content\":\"x\"},\"finish_reason\":7}", NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":7}]", false},
    {"{\"type\":\"ai\",\"content\":\"x\",\"response_metadata\":{\"finish_reason\":\"stop\"}}",
     NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]", false},
    {"{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"hm\"}",
     NV_MESSAGES_OUTPUT, "[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":\"hm\"}]",
     false},
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{\"a\":1}}", NV_MESSAGES_INPUT,
     "[{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"{\\\"a\\\":1}\"}]", false},
    {"{\"role\":\"user\",\"content\":{\"content\":\"[{\\\"text\\\":\\\"x\\\"}]\"}}",
     NV_MESSAGES_INPUT, "[{\"role\":\"user\",\"content\":\"x\"}]", false},
    {"{\"role\":\"assistant\",\"content\":{\"message\":\"x\",\"finish_reason\":\"end_turn\"}}",
     NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"end_turn\"}]", false},
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{\"message\":\"x\"}}",
     NV_MESSAGES_INPUT,
     "[{\"role\":\"tool\",\"content\":\"{\\\"message\\\":\\\"x\\\"}\",\"tool_call_id\":\"c\"}]",
     false},
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{\"content\":\"[{\\\"text\\\":"
     "\\\"x\\\"}]\"}}",
     NV_MESSAGES_INPUT, "[{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c\"}]",
     false},
    {"{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":{\"message\":\"x\",\"code\":1}}",
     NV_MESSAGES_INPUT,
     "[{\"role\":\"tool\",\"content\":\"{\\\"message\\\":\\\"x\\\",\\\"code\\\":1}\","
     "\"tool_call_id\":\"c\"}]",
     false},
    {"{\"prompt\":\"x\",\"model\":\"m\"}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\"}]", true},
    {"{\"completion\":\"x\",\"stop_reason\":\"stop\"}", NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"x\",\"finish_reason\":\"stop\"}]", true},
    {"{\"output\":\"x\",\"score\":1}", NV_MESSAGES_OUTPUT,
     "[{\"role\":\"assistant\",\"content\":\"{\\\"output\\\":\\\"x\\\",\\\"score\\\":1}\"}]",
     false},
    {"{\"output\":\"x\"}", NV_MESSAGES_OUTPUT, "[{\"role\":\"assistant\",\"content\":\"x\"}]",
     true},
    {"{\"instructions\":\"s\",\"input\":[{\"role\":\"user\",\"content\":\"x\"}]}",
     NV_MESSAGES_INPUT,
     "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"x\"}]", false},
    {"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]}],\"config\":{"
     "\"system_instruction\":\"s\"}}",
     NV_MESSAGES_INPUT,
     "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"x\"}]", true},
    {"{\"event.name\":\"gen_ai.choice\",\"message\":{\"content\":\"x\"}}", NV_MESSAGES_INPUT,
     "[]", false},
    {"{\"event.name\":\"gen_ai.user.message\",\"content\":\"x\"}", NV_MESSAGES_INPUT,
     "[{\"role\":\"user\",\"content\":\"x\"}]", false},
    {"{\"lc\":1,\"type\":\"constructor\",\"id\":[\"a\",\"ChatPromptValue\"],\"kwargs\":{"
     "\"messages\":[{\"type\":\"human\",\"content\":\"x\"}]}}",
     NV_MESSAGES_INPUT, "[{\"role\":\"user\",\"content\":\"x\"}]", true},
    {"{\"lc\":1,\"id\":[\"a\",\"AIMessage\"],\"kwargs\":{\"content\":\"x\"}}",
     NV_MESSAGES_INPUT, "[{\"role\":\"assistant\",\"content\":\"x\"}]", true},
};

START_TEST(test_object)
{
    struct nv_test_messages kit;
    nv_test_messages_open(&kit, objects[_i].direction);
    const struct nv_value *object = nv_test_messages_value(&kit, objects[_i].object);
    struct nv_members members;
    bool known = false;
    nv_members_find(object, &members);
    ck_assert_int_eq(nv_messages_object(&kit.state, object, &members, 0, &known), NV_OK);
    ck_assert_msg(known == (objects[_i].expected != NULL), "%s", objects[_i].object);
    nv_test_messages_expect(&kit, known ? objects[_i].expected : "[]");
    ck_assert_msg(kit.state.partial == objects[_i].partial, "%s", objects[_i].object);
    nv_test_messages_close(&kit);
}
END_TEST

/* A message that is canonical already is used as it is, not built again. */
START_TEST(test_canonical_is_not_copied)
{
    struct nv_test_messages kit;
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
    const struct nv_value *object = nv_test_messages_value(
        &kit, "{\"role\":\"user\",\"content\":\"x\",\"finish_reason\":\"stop\"}");
    struct nv_members members;
    bool known = false;
    nv_members_find(object, &members);
    ck_assert_int_eq(nv_messages_object(&kit.state, object, &members, 0, &known), NV_OK);
    ck_assert_ptr_eq(kit.state.list.items[0].as.map.items, object->as.map.items);
    nv_test_messages_close(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_shapes");
    TCase *tcase = tcase_create("messages_shapes");
    tcase_add_loop_test(tcase, test_object, 0, (int)(sizeof objects / sizeof objects[0]));
    tcase_add_test(tcase, test_canonical_is_not_copied);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
