/*
 * Calls of a message that stand in a list and in content: which are one, and which of both
 * stays.
 */
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

static const struct {
    const char *listed, *content;
    unsigned count; /* of calls */
    bool partial;
} cases[] = {
    {"[{\"id\":\"a\",\"name\":\"f\"}]", "[{\"id\":\"a\",\"name\":\"f\"}]", 1, false},
    {"[{\"id\":\"a\",\"name\":\"f\"}]", "[{\"id\":\"b\",\"name\":\"f\"}]", 2, false},
    {"[{\"name\":\"f\",\"args\":{\"x\":1}}]", "[{\"name\":\"f\",\"input\":{\"x\":1}}]", 1,
     false},
    {"[{\"name\":\"f\",\"args\":{\"x\":1}}]", "[{\"name\":\"f\",\"input\":{\"x\":2}}]", 2,
     false},
    {"[{\"name\":\"f\"}]", "[{\"name\":\"f\"},{\"name\":\"f\"}]", 2, false},
    {"[{\"id\":\"a\",\"name\":\"f\"},{\"id\":\"b\",\"name\":\"f\"}]",
     "[{\"id\":\"b\",\"name\":\"f\"},{\"id\":\"a\",\"name\":\"f\"}]", 2, false},
    {"[{\"id\":\"a\",\"name\":\"f\"}]", "[{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}}]", 1,
     true},
    {"[]", "[{\"name\":\"f\"},{\"name\":\"f\"}]", 2, false},
};

START_TEST(test_calls_in_two_places)
{
    struct nv_message message;
    nv_message_begin(&message, &kit.state);
    const struct nv_value *listed = nv_test_messages_value(&kit, cases[_i].listed);
    const struct nv_value *content = nv_test_messages_value(&kit, cases[_i].content);
    ck_assert_int_eq(nv_message_call(&message, listed), NV_OK);
    nv_message_calls_listed(&message, 0);
    for (uint32_t i = 0; i < content->as.array.count; i++)
        ck_assert_int_eq(nv_message_content_call(&message, &content->as.array.items[i]), NV_OK);
    ck_assert_uint_eq(message.calls.count, cases[_i].count);
    ck_assert(kit.state.partial == cases[_i].partial);
}
END_TEST

START_TEST(test_the_fuller_one_stays)
{
    struct nv_message message;
    nv_message_begin(&message, &kit.state);
    ck_assert_int_eq(nv_message_call(&message, nv_test_messages_value(
                                                   &kit, "{\"id\":\"a\",\"name\":\"f\"}")),
                     NV_OK);
    nv_message_calls_listed(&message, 0);
    const struct nv_value *fuller =
        nv_test_messages_value(&kit, "{\"id\":\"a\",\"name\":\"f\",\"args\":{\"x\":1}}");
    ck_assert_int_eq(nv_message_content_call(&message, fuller), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(
        &kit,
        "[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"a\",\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}]}]");
}
END_TEST

START_TEST(test_an_image_that_was_made_is_media)
{
    struct nv_message message;
    nv_message_begin(&message, &kit.state);
    const struct nv_value *call = nv_test_messages_value(
        &kit, "{\"type\":\"image_generation_call\",\"id\":\"i\",\"result\":\"aGk=\"}");
    ck_assert_int_eq(nv_message_content_call(&message, call), NV_OK);
    ck_assert_int_eq(nv_message_end(&message), NV_OK);
    nv_test_messages_expect(
        &kit, "[{\"role\":\"assistant\",\"content\":[{\"type\":\"image\",\"mime_type\":"
              "\"image/png\",\"data\":\"aGk=\"}],\"tool_calls\":[{\"id\":\"i\",\"type\":"
              "\"image_generation_call\",\"function\":{\"name\":\"image_generation\"}}]}]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("messages_calls");
    TCase *tcase = tcase_create("messages_calls");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_calls_in_two_places, 0,
                        (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, test_the_fuller_one_stays);
    tcase_add_test(tcase, test_an_image_that_was_made_is_media);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
