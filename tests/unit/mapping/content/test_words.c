/*
 * Words in one spelling, and names that are no user's.
 */
#include "expect.h"
#include "mapping/content/words.h"

#include "base/banned.h"

static struct nv_arena *arena;

static void set_up(void)
{
    arena = nv_arena_new((size_t)1 << 20);
}

static void tear_down(void)
{
    nv_arena_free(arena);
}

static const struct {
    const char *word, *finish;
} reasons[] = {
    {"stop", "stop"},
    {"STOP", "stop"},
    {"FinishReason.STOP", "stop"},
    {"FinishReason.MAX_TOKENS", "max_tokens"},
    {"tool_calls", "tool_calls"},
    {"tool-calls", "tool_calls"},
    {"tool_call", "tool_calls"},
    {"toolCalls", "tool_calls"},
    {"TOOL_CALL", "tool_calls"},
    {"end_turn", "end_turn"},
    {"tool_use", "tool_use"},
    {"content-filter", "content_filter"},
    {"MALFORMED_FUNCTION_CALL", "malformed_function_call"},
    {"", ""},
    {"Stopped by the user", "Stopped by the user"},
    {"終わり", "終わり"},
};

START_TEST(test_finish)
{
    struct nv_str out;
    ck_assert_int_eq(nv_word_finish(arena, nv_str_from(reasons[_i].word), &out), NV_OK);
    ck_assert_nv_str(out, reasons[_i].finish);
}
END_TEST

static const struct {
    const char *word, *operation;
} operations[] = {
    {"chat", "chat"},
    {"generateText.doGenerate", "chat"},
    {"streamText.doStream", "chat"},
    {"generateObject.doGenerate", "chat"},
    {"llm_call", "chat"},
    {"chat.completions", "chat"},
    {"ChatCompletion", "chat"},
    {"generate_content", "generate_content"},
    {"GenerateContent", "generate_content"},
    {"text_completion", "text_completion"},
    {"my.own_operation", "my.own_operation"},
    {"two words", "two words"},
};

START_TEST(test_operation)
{
    struct nv_str out;
    ck_assert_int_eq(nv_word_operation(arena, nv_str_from(operations[_i].word), &out), NV_OK);
    ck_assert_nv_str(out, operations[_i].operation);
}
END_TEST

/* As words.c has it. */
#define WORD_MAX 64u

START_TEST(test_long_words_stay)
{
    char text[130];
    struct nv_str out;
    memset(text, 'A', sizeof text);
    ck_assert_int_eq(nv_word_finish(arena, (struct nv_str){text, WORD_MAX + 1}, &out), NV_OK);
    ck_assert_ptr_eq(out.ptr, text);
    for (size_t i = 0; i < WORD_MAX; i += 2)
        text[i] = 'a';
    ck_assert_int_eq(nv_word_finish(arena, (struct nv_str){text, WORD_MAX}, &out), NV_OK);
    ck_assert_uint_eq(out.len, 96);
}
END_TEST

START_TEST(test_names_of_frameworks)
{
    static const char *const theirs[] = {"langgraph_step", "LANGSMITH_ENDPOINT", "ls_provider",
                                         "checkpoint_ns", "lc_versions"};
    static const char *const users[] = {"plan",    "langgraph", "tier",
                                        "user_id", "lsd_1",     "Langsmith_x"};
    const struct nv_value value = nv_value_string(NV_STR("mine"));
    const struct nv_value steps = nv_value_string(NV_STR("[\"seq:step:1\", \"mine\"]"));
    for (size_t i = 0; i < sizeof theirs / sizeof theirs[0]; i++)
        ck_assert_msg(nv_word_is_internal(nv_str_from(theirs[i]), &value), "%s", theirs[i]);
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++)
        ck_assert_msg(!nv_word_is_internal(nv_str_from(users[i]), &value), "%s", users[i]);
    ck_assert(!nv_word_is_internal(NV_STR("tags"), &value));
    ck_assert(nv_word_is_internal(NV_STR("tags"), &steps));
    ck_assert(nv_word_is_internal_tag(NV_STR("seq:step:1")));
    ck_assert(nv_word_is_internal_tag(NV_STR("graph:step:12")));
    ck_assert(!nv_word_is_internal_tag(NV_STR("sequence")));
    ck_assert(!nv_word_is_internal_tag(NV_STR("team:graph")));
}
END_TEST

START_TEST(test_another_spelling_is_another_value)
{
    struct nv_value same = nv_value_string(NV_STR("stop"));
    struct nv_value other = nv_value_string(NV_STR("STOP"));
    struct nv_value number = nv_value_int(1);
    bool exact = true;
    ck_assert_int_eq(nv_word_respell(arena, false, &same, &exact), NV_OK);
    ck_assert_int_eq(nv_word_respell(arena, false, &number, &exact), NV_OK);
    ck_assert(exact);
    ck_assert_int_eq(nv_word_respell(arena, false, &other, &exact), NV_OK);
    ck_assert(!exact && nv_str_eq(other.as.string, NV_STR("stop")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("words");
    TCase *tcase = tcase_create("words");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, test_finish, 0, (int)(sizeof reasons / sizeof reasons[0]));
    tcase_add_loop_test(tcase, test_operation, 0,
                        (int)(sizeof operations / sizeof operations[0]));
    tcase_add_test(tcase, test_long_words_stay);
    tcase_add_test(tcase, test_names_of_frameworks);
    tcase_add_test(tcase, test_another_spelling_is_another_value);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
