/*
 * Chat messages: each row of messages.json is one value, captured (`captured` names the case of
 * tests/fixtures) or written after a format's documentation, and the canonical list that must
 * come of it; for outputs the derived text and finish reason, too. Then caps, depth and memory.
 */
#include "arena_oom.h"
#include "cases.h"
#include "expect.h"
#include "mapping/content/messages.h"
#include "model/absent.h"
#include "mapping/content/messages_build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)

static const struct nv_array *cases;
static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new(ARENA_MAX);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static enum nv_messages_direction direction_of(const struct nv_value *test)
{
    const bool input = nv_str_eq(nv_test_text(test, "direction"), NV_STR("input"));
    return input ? NV_MESSAGES_INPUT : NV_MESSAGES_OUTPUT;
}

static struct nv_messages normalise(const char *text, enum nv_messages_direction direction)
{
    const struct nv_value in = nv_value_string(nv_str_from(text));
    struct nv_messages messages;
    ck_assert_int_eq(nv_messages_normalise(arena, &in, direction, &messages), NV_OK);
    return messages;
}

START_TEST(test_shape)
{
    const struct nv_value *test = &cases->items[_i];
    struct nv_messages messages;
    ck_assert_int_eq(
        nv_messages_normalise(arena, nv_test_member(test, "in"), direction_of(test), &messages),
        NV_OK);
    nv_test_expect_member(test, "expected", &messages.list);
    nv_test_expect_flag(test, "partial", messages.partial);
    nv_test_expect_flag(test, "truncated", messages.truncated);
    if (direction_of(test) == NV_MESSAGES_INPUT)
        return;
    struct nv_str text;
    ck_assert_int_eq(nv_messages_output_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str_eq(text, nv_test_text(test, "text"));
    if (nv_map_get(test, NV_STR("calls"))) {
        struct nv_value calls;
        ck_assert_int_eq(nv_messages_tool_calls(arena, &messages.list, &calls), NV_OK);
        nv_test_expect_member(test, "calls", &calls);
    }
    ck_assert_nv_str_eq(nv_messages_finish_reason(&messages.list),
                        nv_test_text(test, "finish"));
}
END_TEST

/* What was written is read as itself. */
START_TEST(test_canonical_is_stable)
{
    const struct nv_value *test = &cases->items[_i];
    const struct nv_value *expected = nv_test_member(test, "expected");
    struct nv_messages again;
    ck_assert_int_eq(nv_messages_normalise(arena, expected, direction_of(test), &again), NV_OK);
    nv_test_expect_member(test, "expected", &again.list);
}
END_TEST

/* ---- traps ------------------------------------------------------------------------------- */

static const char *const disguises[] = {
    "",           "{}",         "[]",           "null",      "N/A",
    "<REDACTED>", "[REDACTED]", "__REDACTED__", "NOT_GIVEN", "<not serializable>",
    "  ",         "\"N/A\"",    "\"\""};

START_TEST(test_trap_20_absent_in_disguise)
{
    const struct nv_value in = nv_value_string(nv_str_from(disguises[_i]));
    ck_assert_msg(nv_value_absent(&in), "\"%s\" is a value", disguises[_i]);
    ck_assert_uint_eq(normalise(disguises[_i], NV_MESSAGES_INPUT).list.as.array.count, 0);
}
END_TEST

START_TEST(test_trap_2_zero_is_a_value)
{
    const struct nv_value values[] = {nv_value_int(0), nv_value_bool(false), nv_value_double(0),
                                      nv_value_string(NV_STR("0")),
                                      nv_value_string(NV_STR("NaN"))};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        ck_assert_msg(!nv_value_absent(&values[i]), "value %zu is absent", i);
}
END_TEST

START_TEST(test_trap_6_tree_and_text_give_the_same)
{
    const char *text =
        "[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"x\"}]}]";
    struct nv_value tree;
    struct nv_messages from_tree;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(text), NULL, &tree), NV_OK);
    ck_assert_int_eq(nv_messages_normalise(arena, &tree, NV_MESSAGES_INPUT, &from_tree), NV_OK);
    const struct nv_messages from_text = normalise(text, NV_MESSAGES_INPUT);
    ck_assert(nv_value_eq(&from_tree.list, &from_text.list));
    const struct nv_value json = nv_value_json(nv_str_from(text));
    struct nv_messages from_json;
    ck_assert_int_eq(nv_messages_normalise(arena, &json, NV_MESSAGES_INPUT, &from_json), NV_OK);
    ck_assert(nv_value_eq(&from_tree.list, &from_json.list));
}
END_TEST

/* ---- derived ----------------------------------------------------------------------------- */

START_TEST(test_calls_only_means_empty_text)
{
    const struct nv_messages messages =
        normalise("[{\"role\":\"assistant\",\"parts\":[{\"type\":"
                  "\"tool_call\",\"id\":\"c\",\"name\":\"f\"}]}]",
                  NV_MESSAGES_OUTPUT);
    struct nv_str text;
    ck_assert_int_eq(nv_messages_output_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "");
    struct nv_value calls;
    ck_assert_int_eq(nv_messages_tool_calls(arena, &messages.list, &calls), NV_OK);
    ck_assert_int_eq(calls.type, NV_VALUE_ARRAY);
    ck_assert_uint_eq(calls.as.array.count, 1);
}
END_TEST

START_TEST(test_choice_of_choices_and_of_a_conversation)
{
    struct nv_str text;
    struct nv_messages messages = normalise("[{\"role\":\"assistant\",\"content\":\"one\"},"
                                            "{\"role\":\"assistant\",\"content\":\"two\"}]",
                                            NV_MESSAGES_OUTPUT);
    ck_assert_int_eq(nv_messages_output_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "one");
    messages = normalise("[{\"role\":\"assistant\",\"content\":\"one\"},"
                         "{\"role\":\"user\",\"content\":\"q\"},"
                         "{\"role\":\"assistant\",\"content\":\"two\"}]",
                         NV_MESSAGES_OUTPUT);
    ck_assert_int_eq(nv_messages_output_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "two");
    messages = normalise("[{\"role\":\"user\",\"content\":\"q\"}]", NV_MESSAGES_OUTPUT);
    ck_assert_int_eq(nv_messages_output_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "");
    struct nv_value calls;
    ck_assert_int_eq(nv_messages_tool_calls(arena, &messages.list, &calls), NV_OK);
    ck_assert_int_eq(calls.type, NV_VALUE_NULL);
    ck_assert_nv_str(nv_messages_finish_reason(&messages.list), "");
}
END_TEST

START_TEST(test_system_text_is_found_and_added_once)
{
    struct nv_messages messages = normalise("[{\"role\":\"system\",\"content\":\"a\"},"
                                            "{\"role\":\"developer\",\"content\":\"b\"},"
                                            "{\"role\":\"user\",\"content\":\"q\"}]",
                                            NV_MESSAGES_INPUT);
    struct nv_str text;
    ck_assert_int_eq(nv_messages_system_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "a\n\nb");
    ck_assert_int_eq(nv_messages_add_system(arena, &messages.list, NV_STR("c")), NV_OK);
    ck_assert_uint_eq(messages.list.as.array.count, 3);
    messages = normalise("q", NV_MESSAGES_INPUT);
    ck_assert_int_eq(nv_messages_add_system(arena, &messages.list, NV_STR("")), NV_OK);
    ck_assert_uint_eq(messages.list.as.array.count, 1);
    ck_assert_int_eq(nv_messages_add_system(arena, &messages.list, NV_STR("s")), NV_OK);
    ck_assert_uint_eq(messages.list.as.array.count, 2);
    ck_assert_int_eq(nv_messages_system_text(arena, &messages.list, &text), NV_OK);
    ck_assert_nv_str(text, "s");
}
END_TEST

static const struct {
    const char *in, *text;
} instructions[] = {
    {"Be brief", "Be brief"},
    {"[{\"type\":\"text\",\"content\":\"Be\"},{\"type\":\"text\",\"content\":\"brief\"}]",
     "Be\nbrief"},
    {"{\"role\":\"system\",\"parts\":[{\"text\":\"Be brief\"}]}", "Be brief"},
    {"[{\"role\":\"system\",\"content\":\"Be\"},{\"role\":\"system\",\"content\":\"brief\"}]",
     "Be\n\nbrief"},
    {"[{\"text\":\"Be brief\"}]", "Be brief"},
    {"\"Be brief\"", "Be brief"},
    {"{}", ""},
};

START_TEST(test_instructions_of_any_shape)
{
    const struct nv_value in = nv_value_string(nv_str_from(instructions[_i].in));
    struct nv_str text;
    ck_assert_int_eq(nv_messages_instructions_text(arena, &in, &text), NV_OK);
    ck_assert_nv_str(text, instructions[_i].text);
}
END_TEST

/* ---- caps -------------------------------------------------------------------------------- */

START_TEST(test_messages_past_the_cap_become_text)
{
    struct nv_buf buf;
    nv_buf_init(&buf, SIZE_MAX);
    for (unsigned i = 0; i < NV_MESSAGES_MAX + 2; i++)
        ck_assert_int_eq(nv_buf_printf(&buf, "%c\"m%u\"", i == 0 ? '[' : ',', i), NV_OK);
    ck_assert_int_eq(nv_buf_append_char(&buf, ']'), NV_OK);
    const struct nv_value in = nv_value_json(nv_buf_str(&buf));
    struct nv_messages messages;
    ck_assert_int_eq(nv_messages_normalise(arena, &in, NV_MESSAGES_INPUT, &messages), NV_OK);
    ck_assert_uint_eq(messages.list.as.array.count, NV_MESSAGES_MAX + 1);
    const struct nv_value *last = &messages.list.as.array.items[NV_MESSAGES_MAX];
    const struct nv_str rest = nv_map_get(last, NV_STR("content"))->as.string;
    ck_assert_uint_ne(nv_str_find(rest, NV_STR("\"m10001\"")), SIZE_MAX);
    nv_buf_release(&buf);
}
END_TEST

/* Wrapper in wrapper and list in list: no crash, and the text stays. */
START_TEST(test_deep_nesting_keeps_the_text)
{
    static const char *const open[] = {
        "[", "{\"messages\":", "{\"message\":", "{\"content\":[",
        ("{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"content\":[")};
    static const char *const shut[] = {"]", "}", "}", "]}", "]}]}"};
    struct nv_buf buf;
    nv_buf_init(&buf, SIZE_MAX);
    const int levels = _i == 4 ? 15 : 30;
    for (int i = 0; i < levels; i++)
        ck_assert_int_eq(nv_buf_printf(&buf, "%s", open[_i]), NV_OK);
    ck_assert_int_eq(nv_buf_printf(&buf, "\"deep\""), NV_OK);
    for (int i = 0; i < levels; i++)
        ck_assert_int_eq(nv_buf_printf(&buf, "%s", shut[_i]), NV_OK);
    const struct nv_value in = nv_value_string(nv_buf_str(&buf));
    struct nv_messages messages;
    struct nv_buf out;
    ck_assert_int_eq(nv_messages_normalise(arena, &in, NV_MESSAGES_INPUT, &messages), NV_OK);
    ck_assert_uint_ne(nv_str_find(nv_test_json(&messages.list, &out), NV_STR("deep")),
                      SIZE_MAX);
    nv_buf_release(&out);
    nv_buf_release(&buf);
}
END_TEST

static enum nv_err attempt(void *ctx, struct nv_arena *small)
{
    const struct nv_value *test = ctx;
    struct nv_messages messages;
    struct nv_str text;
    enum nv_err err =
        nv_messages_normalise(small, nv_test_member(test, "in"), direction_of(test), &messages);
    if (err == NV_OK)
        err = nv_messages_output_text(small, &messages.list, &text);
    if (err == NV_OK)
        err = nv_messages_system_text(small, &messages.list, &text);
    if (err == NV_OK)
        err = nv_messages_add_system(small, &messages.list, NV_STR("s"));
    return err;
}

START_TEST(test_every_allocation_may_fail)
{
    nv_test_oom_each(attempt, &cases->items[_i]);
}
END_TEST

/* An arena that is too small is the same as no memory, wherever it ends. */
START_TEST(test_every_arena_size_may_be_too_small)
{
    const struct nv_value *test = &cases->items[_i];
    for (size_t max = 4096; max <= 65536; max += 4096) {
        struct nv_arena *small = nv_arena_new(max);
        ck_assert_ptr_nonnull(small);
        struct nv_messages messages;
        enum nv_err err = nv_messages_normalise(small, nv_test_member(test, "in"),
                                                direction_of(test), &messages);
        ck_assert(err == NV_OK || err == NV_ERR_NO_MEMORY);
        nv_arena_free(small);
    }
}
END_TEST

/* A part in a part, `levels` times: up to the cap it is opened to the text inside, past it the
 * text is the JSON of what is inside. */
START_TEST(parts_are_opened_to_the_cap)
{
    /* list, message and content are the first three */
    const unsigned levels = NV_MESSAGES_DEPTH_MAX - 3 + (unsigned)_i;
    struct nv_buf buf;
    nv_buf_init(&buf, 1 << 16);
    nv_buf_append_str(&buf, NV_STR("[{\"role\":\"user\",\"content\":["));
    for (unsigned i = 0; i < levels; i++)
        nv_buf_append_str(&buf, NV_STR("{\"message_content\":"));
    nv_buf_append_str(&buf, NV_STR("{\"type\":\"text\",\"text\":\"inside\"}"));
    for (unsigned i = 0; i < levels; i++)
        nv_buf_append_str(&buf, NV_STR("}"));
    nv_buf_append_str(&buf, NV_STR("]}]"));
    ck_assert_int_eq(nv_buf_append_char(&buf, '\0'), NV_OK);
    struct nv_messages messages = normalise(buf.bytes, NV_MESSAGES_INPUT);
    struct nv_buf out;
    nv_buf_init(&out, 1 << 16);
    struct nv_str json = nv_test_json(&messages.list, &out);
    ck_assert_uint_ne(nv_str_find(json, NV_STR("inside")), SIZE_MAX);
    ck_assert_int_eq(nv_str_find(json, NV_STR("\\\"type\\\"")) == SIZE_MAX, _i == 0);
    nv_buf_release(&out);
    nv_buf_release(&buf);
}
END_TEST

int main(void)
{
    cases = nv_test_cases("tests/unit/mapping/messages.json");
    const int count = (int)cases->count;
    Suite *suite = suite_create("messages");
    TCase *tcase = tcase_create("messages");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_shape, 0, count);
    tcase_add_loop_test(tcase, test_canonical_is_stable, 0, count);
    tcase_add_loop_test(tcase, test_every_allocation_may_fail, 0, count);
    tcase_add_loop_test(tcase, test_every_arena_size_may_be_too_small, 0, count);
    tcase_add_loop_test(tcase, test_trap_20_absent_in_disguise, 0,
                        (int)(sizeof disguises / sizeof disguises[0]));
    tcase_add_test(tcase, test_trap_2_zero_is_a_value);
    tcase_add_test(tcase, test_trap_6_tree_and_text_give_the_same);
    tcase_add_test(tcase, test_calls_only_means_empty_text);
    tcase_add_test(tcase, test_choice_of_choices_and_of_a_conversation);
    tcase_add_test(tcase, test_system_text_is_found_and_added_once);
    tcase_add_loop_test(tcase, test_instructions_of_any_shape, 0,
                        (int)(sizeof instructions / sizeof instructions[0]));
    tcase_add_test(tcase, test_messages_past_the_cap_become_text);
    tcase_add_loop_test(tcase, test_deep_nesting_keeps_the_text, 0, 5);
    tcase_add_loop_test(tcase, parts_are_opened_to_the_cap, 0, 2);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
