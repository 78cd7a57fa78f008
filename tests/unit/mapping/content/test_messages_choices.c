/*
 * Choices: their order by index, and a message that came as JSON text.
 */
#include "cases.h"
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static struct nv_test_messages kit;

static void set_up(void)
{
    nv_test_messages_open(&kit, NV_MESSAGES_OUTPUT);
}

static void tear_down(void)
{
    nv_test_messages_close(&kit);
}

static void expect(const struct nv_value *value, const char *json)
{
    struct nv_buf buf;
    ck_assert_json_eq(nv_test_json(value, &buf), nv_str_from(json));
    nv_buf_release(&buf);
}

static const struct {
    const char *items, *sorted; /* the same: they stay where they are */
} orders[] = {
    {"[]", "[]"},
    {"[{\"index\":0},{\"index\":1}]", "[{\"index\":0},{\"index\":1}]"},
    {"[{\"index\":1,\"a\":1},{\"index\":0},{\"index\":1,\"a\":2}]",
     "[{\"index\":0},{\"index\":1,\"a\":1},{\"index\":1,\"a\":2}]"},
    {"[\"x\",{\"index\":1},{\"role\":\"user\"},{\"index\":\"0\"},7]",
     "[\"x\",{\"index\":\"0\"},{\"role\":\"user\"},{\"index\":1},7]"},
    {"[{\"index\":-1},{\"index\":-2}]", "[{\"index\":-2},{\"index\":-1}]"},
    {"[{\"index\":\"b\"},{\"index\":\"a\"}]", "[{\"index\":\"b\"},{\"index\":\"a\"}]"},
    {"[{\"index\":1.5},{\"index\":null},{\"index\":0}]",
     "[{\"index\":1.5},{\"index\":null},{\"index\":0}]"},
};

START_TEST(test_order)
{
    const struct nv_value *list = nv_test_messages_value(&kit, orders[_i].items);
    const struct nv_value *items = list->as.array.items;
    ck_assert_int_eq(nv_message_choices(kit.arena, &items, list->as.array.count), NV_OK);
    struct nv_value sorted = *list;
    sorted.as.array.items = (struct nv_value *)(uintptr_t)items;
    expect(&sorted, orders[_i].sorted);
    ck_assert((items == list->as.array.items) ==
              (strcmp(orders[_i].items, orders[_i].sorted) == 0));
    expect(list, orders[_i].items);
}
END_TEST

static const struct {
    const char *role, *text;
    bool message;
} texts[] = {
    {"", "hi", false},
    {"", "{", false},
    {"", "{\"role\":\"assistant\",\"content\":\"a\"}", true},
    {"", " \"{\\\"role\\\":\\\"assistant\\\"}\"", true},
    {"", "{\"role\":\"manager\",\"content\":\"a\"}", false},
    {"", "{\"tool_calls\":[{\"id\":\"a\"}]}", true},
    {"", "{\"parts\":[{\"type\":\"text\"}],\"x\":1}", true},
    {"", "{\"content\":\"a\",\"finish_reason\":\"stop\"}", true},
    {"", "{\"content\":\"a\",\"score\":1}", false},
    {"", "{\"name\":\"a\"}", false},
    {"", "[{\"role\":\"assistant\"}]", false},
    {"tool", "{\"content\":\"a\"}", false},
};

START_TEST(test_message_in_text)
{
    struct nv_message message;
    struct nv_value out;
    nv_message_begin(&message, &kit.state);
    message.role = nv_str_from(texts[_i].role);
    const struct nv_value text = nv_value_string(nv_str_from(texts[_i].text));
    ck_assert_int_eq(nv_message_in_text(&message, &text, &out), NV_OK);
    ck_assert_int_eq(out.type, texts[_i].message ? NV_VALUE_MAP : NV_VALUE_STRING);
    if (!texts[_i].message)
        ck_assert_nv_str(out.as.string, texts[_i].text);
}
END_TEST

START_TEST(test_what_is_no_text_stays)
{
    struct nv_message message;
    struct nv_value out;
    nv_message_begin(&message, &kit.state);
    const struct nv_value *map = nv_test_messages_value(&kit, "{\"role\":\"user\"}");
    ck_assert_int_eq(nv_message_in_text(&message, map, &out), NV_OK);
    ck_assert(nv_value_eq(&out, map));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_choices");
    TCase *tcase = tcase_create("messages_choices");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_order, 0, (int)(sizeof orders / sizeof orders[0]));
    tcase_add_loop_test(tcase, test_message_in_text, 0, (int)(sizeof texts / sizeof texts[0]));
    tcase_add_test(tcase, test_what_is_no_text_stays);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
