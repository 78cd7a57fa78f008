/*
 * What is derived from a canonical list, row by row: output text, whether calls are found,
 * finish reason, system text.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *list, *text, *finish, *system;
    bool calls;
} lists[] = {
    {"[]", "", "", "", false},
    {"[{\"role\":\"user\",\"content\":\"q\"}]", "", "", "", false},
    {"[{\"role\":\"assistant\",\"content\":\"a\",\"finish_reason\":\"stop\"}]", "a", "stop", "",
     false},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\"},{\"role\":\"assistant\","
     "\"content\":\"b\"}]",
     "b", "", "", false},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"finish_reason\":\"length\"}]", "", "length",
     "", false},
    {"[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{}]},{\"role\":\"assistant\","
     "\"content\":\"b\"}]",
     "", "", "", true},
    {"[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":"
     "\"image\",\"text\":\"no\"},{\"type\":\"text\",\"text\":\"b\"},\"c\"]}]",
     "a\nb\nc", "", "", false},
    {"[{\"role\":\"assistant\",\"content\":7}]", "", "", "", false},
    {"[{\"role\":\"assistant\"}]", "", "", "", false},
    {"[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"q\"},{\"role\":"
     "\"system\",\"content\":\"late\"}]",
     "", "", "s", false},
};

START_TEST(test_derived)
{
    struct nv_test_messages kit;
    struct nv_str text, system;
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
    const struct nv_value *list = nv_test_messages_value(&kit, lists[_i].list);
    ck_assert_int_eq(nv_messages_output_text(kit.arena, list, &text), NV_OK);
    ck_assert_nv_str(text, lists[_i].text);
    ck_assert_nv_str(nv_messages_finish_reason(list), lists[_i].finish);
    ck_assert_int_eq(nv_messages_system_text(kit.arena, list, &system), NV_OK);
    ck_assert_nv_str(system, lists[_i].system);
    ck_assert((nv_messages_tool_calls(list) != NULL) == lists[_i].calls);
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
