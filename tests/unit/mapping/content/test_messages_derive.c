/*
 * What is derived from a canonical list, row by row: output text, whether calls are found,
 * finish reason, system text.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *list, *text, *finish, *system;
    uint32_t calls;
} lists[] = {
    {"[]", "", "", "", 0},
    {"[{\"role\":\"user\",\"content\":\"q\"}]", "", "", "", 0},
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"finish_reason\":\"stop\"}]", "a", "stop", "",
     0},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\"},{\"role\":\"assistant\","
     "\"content\":\"b\"}]",
     "b", "", "", 0},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"finish_reason\":\"length\"}]", "", "length",
     "", 0},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{}]},{\"role\":\"assistant\","
     "\"content\":\"b\"}]",
     "", "", "", 1},
    {"[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
     "\"image\",\"text\":\"no\"},{\"type\":\"text\",\"text\":\"b\"},\"c\"]}]",
     "a\nb\nc", "", "", 0},
    {"[{\"role\":\"assistant\",\"content\":7}]", "", "", "", 0},
    {"[{\"role\":\"assistant\"}]", "", "", "", 0},
    {"[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
     "\"system\",\"content\":\"late\"}]",
     "", "", "s", 0},
    /* An answer in pieces: the provider ran the tool, as only the last piece finished. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"id\":1}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"assistant\",\"content\":\"b\",\"tool_calls\":[{\"id\":2},{\"id\":3}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"assistant\",\"content\":\"c\",\"finish_reason\":\"stop\"}]",
     "a\nb\nc", "stop", "", 3},
    /* The same told by the type of the call, and by a framework's mark. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"type\":\"mcp_tool_use\"}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"b\"}]",
     "a\nb", "", "", 1},
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"type\":\"function\","
     "\"providerExecuted\":true}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"b\"}]",
     "a\nb", "", "", 1},
    /* Steps of one run that may have called anything: its calls, and the text of the last. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"type\":\"function\"}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"b\"}]",
     "b", "", "", 1},
    /* Steps that finished each: the last. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}],"
     "\"finish_reason\":\"tool_calls\"},"
     "{\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"assistant\",\"content\":\"b\",\"finish_reason\":\"stop\"}]",
     "b", "stop", "", 0},
    /* A conversation: the calls of an earlier answer are none of the last. */
    {"[{\"role\":\"user\",\"content\":\"q\"},"
     "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"b\"}]",
     "b", "", "", 0},
    /* Two choices, each in pieces: the first. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"assistant\",\"content\":\"b\",\"finish_reason\":\"stop\"},"
     "{\"role\":\"assistant\",\"content\":\"c\",\"tool_calls\":[{},{}]},"
     "{\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"assistant\",\"content\":\"d\",\"finish_reason\":\"length\"}]",
     "a\nb", "stop", "", 1},
    /* An answer that ends with what a tool gave. */
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{}],"
     "\"finish_reason\":\"pause_turn\"},{\"role\":\"tool\",\"content\":\"r\"}]",
     "a", "pause_turn", "", 1},
};

START_TEST(test_derived)
{
    struct nv_test_messages kit;
    struct nv_str text, system;
    struct nv_value calls;
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
    const struct nv_value *list = nv_test_messages_value(&kit, lists[_i].list);
    ck_assert_int_eq(nv_messages_output_text(kit.arena, list, &text), NV_OK);
    ck_assert_nv_str(text, lists[_i].text);
    ck_assert_nv_str(nv_messages_finish_reason(list), lists[_i].finish);
    ck_assert_int_eq(nv_messages_system_text(kit.arena, list, &system), NV_OK);
    ck_assert_nv_str(system, lists[_i].system);
    ck_assert_int_eq(nv_messages_tool_calls(kit.arena, list, &calls), NV_OK);
    ck_assert((calls.type == NV_VALUE_NULL) == (lists[_i].calls == 0));
    ck_assert_uint_eq(calls.type == NV_VALUE_NULL ? 0 : calls.as.array.count, lists[_i].calls);
    nv_test_messages_close(&kit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_derive");
    TCase *tcase = tcase_create("messages_derive");
    tcase_add_loop_test(tcase, test_derived, 0, (int)(sizeof lists / sizeof lists[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
