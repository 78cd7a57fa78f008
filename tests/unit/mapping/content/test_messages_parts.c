/*
 * Parts of content: what each type becomes, what is kept when the type is not known, and
 * content that is JSON text.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static struct nv_test_messages kit;

static void set_up(void)
{
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
}

static void tear_down(void)
{
    nv_test_messages_close(&kit);
}

/* A message's content, and the messages that come of it. */
static const struct {
    const char *content, *expected;
} contents[] = {
    {"\"text\"", "[{\"role\":\"user\",\"content\":\"text\"}]"},
    {"\"[1] and [2]\"", "[{\"role\":\"user\",\"content\":\"[1] and [2]\"}]"},
    {"\"[{\\\"a\\\": 1}]\"", "[{\"role\":\"user\",\"content\":\"[{\\\"a\\\": 1}]\"}]"},
    {"\"[{\\\"text\\\": \\\"x\\\"}]\"", "[{\"role\":\"user\",\"content\":\"x\"}]"},
    {"[\"a\",{\"type\":\"text\",\"text\":\"b\"}]",
     "[{\"role\":\"user\",\"content\":\"a\\nb\"}]"},
    {"{\"text\":\"x\"}", "[{\"role\":\"user\",\"content\":\"x\"}]"},
    {"[7,null,true]", "[{\"role\":\"user\",\"content\":\"7\\ntrue\"}]"},
    {"[{\"type\":\"text\",\"content\":\"x\",\"id\":\"p1\"}]",
     "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\",\"id\":\"p1\"}]}]"},
    {"[{\"type\":\"text\",\"text\":{\"value\":\"x\",\"annotations\":[1]}}]",
     "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":{\"value\":\"x\","
     "\"annotations\":[1]}}]}]"},
    {"[{\"type\":\"text\"}]", "[{\"role\":\"user\",\"content\":\"\"}]"},
    {"[{\"type\":\"refusal\",\"refusal\":\"no\"}]",
     "[{\"role\":\"user\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]"},
    {"[{\"x\":{\"y\":1}}]", "[{\"role\":\"user\",\"content\":[{\"x\":{\"y\":1}}]}]"},
    {"[{\"message_content\":{\"message_content\":{\"type\":\"text\",\"text\":\"x\"}}}]",
     "[{\"role\":\"user\",\"content\":\"x\"}]"},
    {"[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}]",
     "[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\",\"reasoning_details\":["
     "{\"signature\":\"s\"}]}]"},
    {"[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"a\"},\"b\"]}"
     "]",
     "[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"a\\nb\"}]"},
    {"[{\"text\":\"hm\",\"thought\":true}]",
     "[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\"}]"},
    {"[{\"type\":\"tool_call_response\",\"id\":\"c\",\"result\":\"r\",\"name\":\"f\"}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\",\"name\":\"f\"}]"},
    {"[{\"type\":\"tool_call_response\",\"id\":\"c\",\"data\":\"r\"}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\"}]"},
    {"[{\"type\":\"tool_result\",\"tool_use_id\":\"c\",\"is_error\":true,\"content\":[{"
     "\"type\":"
     "\"text\",\"text\":\"r\"}]}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\",\"is_error\":true}]"},
    {"[{\"type\":\"tool-result\",\"toolCallId\":\"c\",\"toolName\":\"f\",\"output\":{\"type\":"
     "\"text\",\"value\":\"r\"}}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\",\"name\":\"f\"}]"},
    {"[{\"toolResult\":{\"toolUseId\":\"c\",\"content\":[{\"text\":\"r\"}]}}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\"}]"},
    {"[{\"text\":\"x\"},{\"toolRequest\":{\"ref\":\"c\",\"name\":\"f\",\"input\":{\"a\":1}}}]",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
     "\"function\","
     "\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}]"},
    {"[{\"toolResponse\":{\"ref\":\"c\",\"name\":\"f\",\"output\":\"r\"}}]",
     "[{\"role\":\"tool\",\"content\":\"r\",\"tool_call_id\":\"c\",\"name\":\"f\"}]"},
    {"[{\"reasoning\":\"hm\"},{\"text\":\"x\"}]",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"reasoning\":\"hm\"}]"},
    {"[{\"media\":{\"url\":\"data:image/png;base64,eA\",\"contentType\":\"image/png\"}}]",
     "[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"mime_type\":\"image/png\","
     "\"url\":\"data:image/png;base64,eA\"}]}]"},
    {"[{\"executableCode\":{\"code\":\"1\"}},{\"text\":\"x\"}]",
     "[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"type\":\"code_execution\","
     "\"function\":{\"name\":\"code_execution\",\"arguments\":{\"code\":\"1\"}}}]}]"},
    {"[{\"type\":\"server_tool_call\",\"name\":\"web\",\"server_tool_call\":{\"q\":1}}]",
     "[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"type\":\"server_tool_call\","
     "\"function\":{\"name\":\"web\",\"arguments\":{\"q\":1}}}]}]"},
};

START_TEST(test_content)
{
    struct nv_message message;
    nv_message_begin(&message, &kit.state);
    const struct nv_value *content = nv_test_messages_value(&kit, contents[_i].content);
    ck_assert_int_eq(nv_message_content(&message, content, 0), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, contents[_i].expected);
}
END_TEST

/* An attribute whose type says that its text is JSON: all of it is content, no words. */
START_TEST(test_content_of_type_json)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"[{\"type\":\"text\",\"text\":\"x\"},\"y\"]",
         "[{\"role\":\"user\",\"content\":\"x\\ny\"}]"},
        {"\"just text\"", "[{\"role\":\"user\",\"content\":\"just text\"}]"},
        {"{\"text\":\"x\"}", "[{\"role\":\"user\",\"content\":\"x\"}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nv_message message;
        tear_down();
        set_up();
        nv_message_begin(&message, &kit.state);
        const struct nv_value content = {.type = NV_VALUE_JSON,
                                         .as.string = nv_str_from(cases[i].text)};
        ck_assert_int_eq(nv_message_content(&message, &content, 0), NV_OK);
        ck_assert_int_eq(nv_message_end(&message), NV_OK);
        nv_test_messages_expect(&kit, cases[i].expected);
    }
}
END_TEST

static const struct {
    const char *value;
    bool part;
} parts[] = {
    {"{\"type\":\"text\",\"text\":\"x\"}", true},
    {"{\"type\":\"tool_use\"}", true},
    {"{\"text\":\"x\"}", true},
    {"{\"functionCall\":{}}", false}, /* nothing in it */
    {"{\"functionCall\":{\"name\":\"f\"}}", true},
    {"{\"inlineData\":{\"data\":\"x\"}}", true},
    {"{\"toolCallId\":\"c\",\"toolName\":\"f\",\"args\":{}}", true},
    {"{\"role\":\"user\",\"content\":\"x\"}", false},
    {"{\"type\":\"message\",\"content\":\"x\"}", false},
    {"{\"type\":\"human\",\"content\":\"x\"}", false},
    {"{\"text\":\"x\",\"index\":0}", false},
    {"{\"name\":\"f\",\"arguments\":\"x\"}", false}, /* may be an answer in JSON */
    {"\"text\"", false},
    {"[]", false},
};

START_TEST(test_is_part)
{
    const struct nv_value *value = nv_test_messages_value(&kit, parts[_i].value);
    ck_assert_msg(nv_message_is_part(value) == parts[_i].part, "%s", parts[_i].value);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_parts");
    TCase *tcase = tcase_create("messages_parts");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_content, 0, (int)(sizeof contents / sizeof contents[0]));
    tcase_add_test(tcase, test_content_of_type_json);
    tcase_add_loop_test(tcase, test_is_part, 0, (int)(sizeof parts / sizeof parts[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
