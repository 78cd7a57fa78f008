/*
 * Question and answer: of messages in every form, of calls in order, of roots.
 */
#include "expect.h"

#include "base/arena.h"
#include "gateway/view/conversation.h"

#include "base/banned.h"

static struct nv_arena *arena;
static struct nv_attribute items[8];
static struct nv_attributes list;

static void set_up(void)
{
    arena = nv_arena_new(1u << 20);
    list = (struct nv_attributes){.items = items};
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static struct nv_value value_of(const char *json)
{
    struct nv_value value;
    ck_assert_int_eq(nv_value_from_json(arena, nv_str_from(json), NULL, &value), NV_OK);
    return value;
}

static void give(const char *key, struct nv_value value)
{
    items[list.count++] = (struct nv_attribute){nv_str_from(key), value};
}

static const struct {
    const char *messages, *text;
} asked[] = {
    {"[{\"role\":\"user\",\"content\":\"one\"},{\"role\":\"user\",\"content\":\"two\"}]",
     "two"},
    {"[{\"role\":\"user\",\"content\":[{\"type\":\"image\"},{\"type\":\"text\",\"text\":"
     "\"seen\"}]},"
     "{\"role\":\"assistant\",\"content\":\"no\"}]",
     "seen"},
    {"[{\"role\":\"user\",\"content\":[\"plain\"]}]", "plain"},
    {"[{\"role\":\"user\",\"content\":{\"content\":\"inside\"}}]", "inside"},
    {"[{\"role\":\"system\",\"content\":\"no\"},1,{\"content\":\"no\"}]", ""},
    {"[{\"role\":\"user\",\"content\":7}]", ""},
    {"[{\"role\":\"user\"}]", ""},
    {"\"text\"", ""},
};

START_TEST(the_last_thing_the_user_said_is_found)
{
    struct nv_conversation talk = {0};
    nv_conversation_add(&talk, arena, &list);
    ck_assert_nv_str(talk.question, "");
    give("llm.input.messages", value_of(asked[_i].messages));
    nv_conversation_add(&talk, arena, &list);
    ck_assert_nv_str(talk.question, asked[_i].text);
}
END_TEST

START_TEST(the_first_question_and_the_last_answer_count)
{
    struct nv_conversation talk = {0};
    give("llm.input.messages",
         nv_value_json(NV_STR("[{\"role\":\"user\",\"content\":\" where? \"}]")));
    give("llm.output.response", nv_value_string(NV_STR("")));
    nv_conversation_add(&talk, arena, &list);
    ck_assert_nv_str(talk.question, "where?");
    ck_assert_nv_str(talk.answer, "");
    list.count = 0;
    give("llm.input.messages", value_of("[{\"role\":\"user\",\"content\":\"else\"}]"));
    give("llm.output.response", nv_value_string(NV_STR("there")));
    nv_conversation_add(&talk, arena, &list);
    list.count = 0;
    nv_conversation_add(&talk, arena, &list);
    ck_assert_nv_str(talk.question, "where?");
    ck_assert_nv_str(talk.answer, "there");
}
END_TEST

START_TEST(the_root_fills_in_what_no_call_told)
{
    struct nv_conversation talk = {.answer = NV_STR("kept")};
    give("agent.input", value_of("[{\"role\":\"user\",\"content\":\"asked\"}]"));
    give("agent.output", nv_value_string(NV_STR("not this")));
    nv_conversation_end(&talk, arena, &list);
    ck_assert_nv_str(talk.question, "asked");
    ck_assert_nv_str(talk.answer, "kept");
    talk = (struct nv_conversation){0};
    list.count = 0;
    give("chain.inputs", nv_value_json(NV_STR("{broken")));
    give("tool.input", nv_value_string(NV_STR("a tool's")));
    give("chain.output.outputs",
         nv_value_json(NV_STR("[{\"role\":\"assistant\",\"content\":\"done\"}]")));
    nv_conversation_end(&talk, arena, &list);
    ck_assert_nv_str(talk.question, "a tool's");
    ck_assert_nv_str(talk.answer, "done");
}
END_TEST

static const struct {
    const char *calls, *text;
} called[] = {
    {"[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
     "{\"function\":{\"name\":\"g\",\"arguments\":{\"a\":1}}}]",
     "f({}), g({\"a\":1})"},
    {"[{\"function\":{\"name\":\"f\"}},7,{\"name\":\"x\"}]", "f(), 7, {\"name\":\"x\"}"},
    {"{}", ""},
    {"[]", ""}};

START_TEST(calls_as_one_line)
{
    struct nv_buf out;
    struct nv_value calls = value_of(called[_i].calls);
    struct nv_value text = nv_value_json(nv_str_from(called[_i].calls));
    nv_buf_init(&out, 1000);
    nv_conversation_calls(&calls, arena, &out);
    ck_assert_nv_str(nv_buf_str(&out), called[_i].text);
    nv_buf_clear(&out);
    nv_conversation_calls(&text, arena, &out);
    ck_assert_nv_str(nv_buf_str(&out), called[_i].text);
    nv_buf_clear(&out);
    text = nv_value_json(NV_STR("[broken"));
    nv_conversation_calls(&text, arena, &out);
    ck_assert_uint_eq(out.len, 0);
    nv_buf_release(&out);
}
END_TEST

START_TEST(a_trace_is_read_in_the_order_of_its_spans)
{
    struct nv_conversation talk;
    struct nv_span spans[2] = {0};
    struct nv_trace trace = {.spans = spans, .span_count = 2};
    give("agent.input", nv_value_string(NV_STR("root's")));
    spans[0].attributes = list;
    struct nv_attribute call[2] = {
        {NV_STR("llm.model"), nv_value_string(NV_STR("m"))},
        {NV_STR("llm.output.response"), nv_value_string(NV_STR("yes"))}};
    spans[1].attributes = (struct nv_attributes){call, 2, 2};
    nv_conversation_read(&talk, arena, &trace);
    ck_assert_nv_str(talk.question, "root's");
    ck_assert_nv_str(talk.answer, "yes");
    trace.span_count = 0;
    nv_conversation_read(&talk, arena, &trace);
    ck_assert_nv_str(talk.answer, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gateway/conversation");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, the_last_thing_the_user_said_is_found, 0,
                        (int)(sizeof asked / sizeof asked[0]));
    tcase_add_loop_test(tcase, calls_as_one_line, 0, (int)(sizeof called / sizeof called[0]));
    tcase_add_test(tcase, the_first_question_and_the_last_answer_count);
    tcase_add_test(tcase, the_root_fills_in_what_no_call_told);
    tcase_add_test(tcase, a_trace_is_read_in_the_order_of_its_spans);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
