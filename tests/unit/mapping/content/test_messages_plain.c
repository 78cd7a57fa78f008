/*
 * Plain lists from JSON text: what is read so, what is left to the general way, and that both
 * say the same.
 */
#include "expect.h"
#include "message_kit.h"

#include "base/banned.h"

static const struct {
    const char *text;
    bool plain;
} lists[] = {
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"a\\nb\"}]}]", true},
    {" [ { \"parts\" : [ { \"content\" : \"x\" , \"type\" : \"text\" } ] , \"role\" : "
     "\"human\" } "
     "] ",
     true},
    {"[{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}],"
     "\"finish_reason\":\"stop\"}]",
     true},
    {"[{\"finish_reason\":\"stop\",\"content\":\"x\",\"role\":\"assistant\"},"
     "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"name\":\"n\",\"content\":\"y\"}]",
     true},
    {"[]", false},
    {"[1]", false},
    {"{\"role\":\"user\",\"content\":\"x\"}", false},
    {"[{\"role\":\"user\",\"content\":\"x\"}] and more", false},
    {"[{\"role\":\"user\",\"content\":\"x\"}", false},
    {"[{\"role\":\"user\",\"content\":\"\"}]", false},
    {"[{\"role\":\"\",\"content\":\"x\"}]", false},
    {"[{\"content\":\"x\"}]", false},
    {"[{\"role\":\"human\",\"content\":\"x\"}]", false},
    {"[{\"role\":\"user\",\"content\":\" [{}]\"}]", false},
    {"[{\"role\":\"user\",\"content\":7}]", false},
    {"[{\"role\":\"user\",\"role\":\"user\",\"content\":\"x\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"other\":\"y\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"type\":\"message\"}]", false},
    {"[{\"role\":\"user\",\"content\":\"x\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}]}"
     "]",
     false},
    {"[{\"role\":\"user\",\"parts\":[]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"type\":\"text\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"x\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"blob\",\"content\":\"x\"}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\",\"a\":1}]}]", false},
    {"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"},"
     "{\"type\":\"text\",\"content\":\"y\"}]}]",
     false},
    {"[{\"role\":\"user\",\"name\":\"n\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}]}]",
     false},
    {"[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\"}]", false},
};

/* What the general way makes of it. */
static void general_way(struct nv_test_messages *kit, const char *text)
{
    const struct nv_value *value = nv_test_messages_value(kit, text);
    ck_assert_int_eq(nv_messages_visit(&kit->state, value, 0), NV_OK);
}

START_TEST(test_list)
{
    struct nv_test_messages plain, general;
    bool done = false;
    nv_test_messages_open(&plain, NV_MESSAGES_INPUT);
    ck_assert_int_eq(nv_messages_plain_list(&plain.state, nv_str_from(lists[_i].text), &done),
                     NV_OK);
    ck_assert_msg(done == lists[_i].plain, "%s", lists[_i].text);
    if (!done) {
        ck_assert_uint_eq(plain.state.list.count, 0);
        nv_test_messages_close(&plain);
        return;
    }
    nv_test_messages_open(&general, NV_MESSAGES_INPUT);
    general_way(&general, lists[_i].text);
    const struct nv_values *a = &plain.state.list, *b = &general.state.list;
    ck_assert_uint_eq(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++)
        ck_assert_msg(nv_value_eq(&a->items[i], &b->items[i]), "%s: %u", lists[_i].text, i);
    ck_assert(!general.state.partial);
    nv_test_messages_close(&plain);
    nv_test_messages_close(&general);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_plain");
    TCase *tcase = tcase_create("messages_plain");
    tcase_add_loop_test(tcase, test_list, 0, (int)(sizeof lists / sizeof lists[0]));
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
