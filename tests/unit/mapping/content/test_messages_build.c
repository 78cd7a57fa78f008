/*
 * Writing canonical messages: order of members, text joined, answers in place, roles.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static struct nv_test_messages kit;
static struct nv_message message;

static void set_up(void)
{
    nv_test_messages_open(&kit, NV_MESSAGES_INPUT);
    nv_message_begin(&message, &kit.state);
}

static void tear_down(void)
{
    nv_test_messages_close(&kit);
}

START_TEST(test_texts_become_one_text)
{
    ck_assert_int_eq(nv_message_text(&message, NV_STR("a")), NV_OK);
    ck_assert_int_eq(nv_message_text(&message, NV_STR("")), NV_OK);
    ck_assert_int_eq(nv_message_text(&message, NV_STR("b")), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, "[{\"role\":\"user\",\"content\":\"a\\n\\nb\"}]");
}
END_TEST

START_TEST(test_text_beside_a_part_becomes_a_part)
{
    ck_assert_int_eq(nv_message_text(&message, NV_STR("a")), NV_OK);
    ck_assert_int_eq(
        nv_message_part(&message, nv_test_messages_value(&kit, "{\"type\":\"x\"}"), 0), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit,
                            "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                            "\"a\"},{\"type\":\"x\"}]}]");
}
END_TEST

START_TEST(test_who_calls_or_thinks_is_the_assistant)
{
    ck_assert_int_eq(nv_message_think(&message, NV_STR("hm")), NV_OK);
    ck_assert_int_eq(nv_message_think(&message, NV_STR("")), NV_OK);
    ck_assert_int_eq(nv_message_think(&message, NV_STR("so")), NV_OK);
    ck_assert_int_eq(nv_message_call(&message, nv_test_messages_value(
                                                   &kit, "{\"id\":\"c\",\"name\":\"f\"}")),
                     NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(
        &kit,
        "[{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\\nso\",\"tool_calls\":["
        "{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}]");
}
END_TEST

START_TEST(test_answers_stand_in_place_and_take_the_rest)
{
    struct nv_attributes none = {0};
    const struct nv_value id = nv_value_string(NV_STR("c"));
    ck_assert_int_eq(nv_attributes_add(&message.rest, kit.arena, NV_STR("x"), nv_value_int(1)),
                     NV_OK);
    ck_assert_int_eq(nv_message_answer(&message, &id, NULL,
                                       nv_test_messages_value(&kit, "[1,{\"a\":2}]"), &none),
                     NV_OK);
    message.name = nv_value_string(NV_STR("f"));
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, "[{\"role\":\"tool\",\"content\":\"[1,{\\\"a\\\":2}]\","
                                  "\"tool_call_id\":\"c\",\"name\":\"f\",\"x\":1}]");
    ck_assert(!kit.state.partial);
}
END_TEST

/* What came under a name that a canonical message has is neither lost nor a second of it. */
START_TEST(test_the_rest_yields_its_names)
{
    static const char *const keys[] = {"role", "x", "content", "tool_calls", "x"};
    message.role = NV_STR("assistant");
    ck_assert_int_eq(nv_message_text(&message, NV_STR("hello")), NV_OK);
    for (int64_t i = 0; i < 5; i++) {
        ck_assert_int_eq(
            nv_attributes_add(&message.rest, kit.arena, nv_str_from(keys[i]), nv_value_int(i)),
            NV_OK);
    }
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, "[{\"role\":\"assistant\",\"content\":\"hello\","
                                  "\"source.role\":0,\"x\":1,\"source.content\":2,"
                                  "\"tool_calls\":3,\"source.x\":4}]");
}
END_TEST

START_TEST(test_answer_between_texts_keeps_the_order)
{
    struct nv_attributes none = {0};
    message.role = NV_STR("user");
    ck_assert_int_eq(nv_message_text(&message, NV_STR("before")), NV_OK);
    ck_assert_int_eq(nv_message_answer(&message, NULL, NULL, NULL, &none), NV_OK);
    ck_assert_int_eq(nv_message_text(&message, NV_STR("after")), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, "[{\"role\":\"user\",\"content\":\"before\"},"
                                  "{\"role\":\"tool\",\"content\":\"\"},"
                                  "{\"role\":\"user\",\"content\":\"after\"}]");
}
END_TEST

START_TEST(test_an_empty_message_is_written_and_said)
{
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(&kit, "[{\"role\":\"user\",\"content\":\"\"}]");
    ck_assert(kit.state.partial);
}
END_TEST

static const struct {
    const char *word, *role;
    bool known;
} roles[] = {
    {"user", "user", true},
    {"USER", "user", true},
    {"human", "user", true},
    {"ai", "assistant", true},
    {"model", "assistant", true},
    {"MessageRole.SYSTEM", "system", true},
    {"gen_ai.tool", "tool", true},
    {"HumanMessage", "user", true},
    {"AIMessageChunk", "assistant", true},
    {"function", "tool", true},
    {"developer", "developer", true},
    {"critic", "critic", false},
    {"", "", false},
    {".", ".", false},
};

START_TEST(test_role)
{
    const struct nv_str word = nv_str_from(roles[_i].word);
    ck_assert_nv_str(nv_messages_role(word), roles[_i].role);
    ck_assert(nv_messages_is_role(word) == roles[_i].known);
}
END_TEST

START_TEST(test_values_grow_and_join)
{
    struct nv_values values = {0};
    struct nv_str text;
    ck_assert_int_eq(nv_values_join(&values, kit.arena, NV_STR("-"), &text), NV_OK);
    ck_assert_nv_str(text, "");
    for (int i = 0; i < 9; i++) {
        ck_assert_int_eq(nv_values_push(&values, kit.arena, nv_value_string(NV_STR("x"))),
                         NV_OK);
    }
    ck_assert_int_eq(nv_values_join(&values, kit.arena, NV_STR("-"), &text), NV_OK);
    ck_assert_nv_str(text, "x-x-x-x-x-x-x-x-x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_build");
    TCase *tcase = tcase_create("messages_build");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_texts_become_one_text);
    tcase_add_test(tcase, test_text_beside_a_part_becomes_a_part);
    tcase_add_test(tcase, test_who_calls_or_thinks_is_the_assistant);
    tcase_add_test(tcase, test_answers_stand_in_place_and_take_the_rest);
    tcase_add_test(tcase, test_the_rest_yields_its_names);
    tcase_add_test(tcase, test_answer_between_texts_keeps_the_order);
    tcase_add_test(tcase, test_an_empty_message_is_written_and_said);
    tcase_add_loop_test(tcase, test_role, 0, (int)(sizeof roles / sizeof roles[0]));
    tcase_add_test(tcase, test_values_grow_and_join);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
