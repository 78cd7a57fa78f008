/*
 * LiveKit's inputs that go on from another span's are whole again, or stay as they came.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define TEXT(text) "{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"" text "\\\"}"
#define CALL(id, messages, more)                                                               \
    "{'name': 'llm_request', 'scope': 'livekit-agents', 'id': " #id                            \
    ", 'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.input.messages': '[" messages   \
    "]'" more "}}"
#define BASE(id) ", 'lk.input.delta': true, 'lk.input.base_span_id': '000000000000000" #id "'"
#define DROPPED(count) ", 'lk.input.dropped_from_base': " #count

/* The texts of a call's input, one behind the other. */
static void check_texts(const struct told *told, size_t span, const char *want)
{
    json_t *spans = json_object_get(json_array_get(told->traces, 0), "spans");
    json_t *attributes = json_object_get(json_array_get(spans, span), "attributes");
    char got[256] = "";
    size_t i, used = 0;
    json_t *message;
    json_array_foreach(json_object_get(attributes, "llm.input.messages"), i, message)
    {
        const char *text = json_string_value(json_object_get(message, "content"));
        used += (size_t)snprintf(got + used, sizeof got - used, "%s ", text ? text : "?");
    }
    ck_assert_str_eq(got, want);
}

START_TEST(a_chain_of_deltas_is_whole)
{
    struct told *told = told_by("[" CALL(
        1, TEXT("u1") "," TEXT("g"),
        ", 'gen_ai.system_instructions': 'help'") "," CALL(2, TEXT("a1") "," TEXT("u2"),
                                                           BASE(1) DROPPED(
                                                               1)) "," CALL(3, TEXT("u3"),
                                                                            BASE(2) DROPPED(
                                                                                0)) "]");
    check_texts(told, 0, "help u1 g ");
    check_texts(told, 1, "help u1 a1 u2 ");
    check_texts(told, 2, "help u1 a1 u2 u3 ");
    told_free(told);
}
END_TEST

START_TEST(the_base_may_come_later)
{
    struct told *told = told_by("[" CALL(1, TEXT("u3"), BASE(2)) "," CALL(
        2, TEXT("u2"), BASE(3)) "," CALL(3, TEXT("u1"), "") "]");
    check_texts(told, 0, "u1 u2 u3 ");
    check_texts(told, 1, "u1 u2 ");
    told_free(told);
}
END_TEST

START_TEST(items_of_a_node_stay_items)
{
    struct told *told =
        told_by("[{'name': 'llm_node', 'scope': 'livekit-agents', 'id': 1, 'attributes': "
                "{'lk.pii.chat_ctx': '{\\\"items\\\":[{\\\"id\\\":1}]}'}},"
                " {'name': 'llm_node 2', 'scope': 'livekit-agents', 'id': 2, 'attributes': "
                "{'lk.pii.chat_ctx': '{\\\"items\\\":[{\\\"id\\\":2}]}'" BASE(1) "}}]");
    told_is(told, "llm_node 2", "lk.pii.chat_ctx", "{'items': [{'id': 1}, {'id': 2}]}");
    told_free(told);
}
END_TEST

START_TEST(what_does_not_fit_stays_as_it_came)
{
    struct told *told = told_by(
        "[" CALL(1, TEXT("u1"), BASE(2)) "," CALL(2, TEXT("u2"), BASE(1)) "," /* a circle */
        CALL(3, TEXT("u3"), BASE(9)) ","                                      /* is not here */
        CALL(4, TEXT("u4"), "") "," CALL(5, TEXT("u5"), BASE(4) DROPPED(2)) "," CALL(
            6, TEXT("u6"), BASE(4) DROPPED(-1)) "," CALL(7, TEXT("u7"),
                                                         BASE(7)) "," CALL(8, TEXT("u8"),
                                                                           BASE(5)) "]");
    static const char *const want[] = {"u1 ", "u2 ", "u3 ", "u4 ", "u5 ", "u6 ", "u7 ", "u8 "};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        check_texts(told, i, want[i]);
    told_free(told);
}
END_TEST

START_TEST(others_keys_mean_nothing)
{
    struct told *told = told_by("[" CALL(
        1, TEXT("u1"),
        "") ", {'name': 'x', 'id': 2, 'scope': 'other', "
            "'attributes': {'gen_ai.operation.name': 'chat', 'gen_ai.input.messages': '[" TEXT(
                "u2") "]'" BASE(1) "}}]");
    check_texts(told, 1, "u2 ");
    told_free(told);
}
END_TEST

/* A text of `size` bytes as the input of call `id`, which goes on from the one before. */
static void append_long(char **text, unsigned id, size_t size)
{
    char *before = *text;
    char *letters = malloc(size + 1);
    char base[64] = "";
    memset(letters, 'x', size);
    letters[size] = '\0';
    if (id > 1)
        (void)snprintf(base, sizeof base, ", 'lk.input.base_span_id': '%016x'", id - 1);
    *text = malloc(strlen(before) + size + 512);
    (void)snprintf(*text, strlen(before) + size + 512,
                   "%s%s{'name': 's%u', 'scope': 'livekit-agents', 'id': %u, 'attributes': {"
                   "'gen_ai.operation.name': 'chat', 'gen_ai.input.messages': "
                   "'[" TEXT("%s") "]'%s}}",
                   before, id > 1 ? "," : "[", id, id, letters, base);
    free(letters);
    free(before);
}

static size_t messages_of(const struct told *told, const char *span)
{
    json_t *attributes = json_object_get(told_span(told, span), "attributes");
    return json_array_size(json_object_get(attributes, "llm.input.messages"));
}

START_TEST(four_mebibytes_of_a_trace_are_rebuilt)
{
    char *text = strdup("");
    for (unsigned id = 1; id <= 3; id++)
        append_long(&text, id, 900000);
    const size_t len = strlen(text);
    text = realloc(text, len + 2);
    memcpy(text + len, "]", 2);
    struct told *told = told_by(text);
    ck_assert_uint_eq(messages_of(told, "s2"), 2); /* 1.8 MB */
    ck_assert_uint_eq(messages_of(told, "s3"), 1); /* 2.7 MB more */
    told_free(told);
    free(text);
}
END_TEST

/* As deltas.c has them. */
#define REBUILT_MAX ((size_t)4 << 20)
#define ENTRY_BYTES 128u

/* Two calls of one message each: the second's text and the first's are rebuilt together. */
START_TEST(to_the_byte_that_may_be_rebuilt_and_one_more)
{
    const size_t around = strlen("[{\"role\":\"user\",\"content\":\"\"}]") + ENTRY_BYTES;
    for (size_t more = 0; more < 2; more++) {
        char *text = strdup("");
        append_long(&text, 1, REBUILT_MAX / 2 - around);
        append_long(&text, 2, REBUILT_MAX / 2 - around + more);
        const size_t len = strlen(text);
        text = realloc(text, len + 2);
        memcpy(text + len, "]", 2);
        struct told *told = told_by(text);
        ck_assert_uint_eq(messages_of(told, "s2"), more == 0 ? 2 : 1);
        told_free(told);
        free(text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/deltas");
    TCase *tcase = tcase_create("deltas");
    tcase_add_test(tcase, a_chain_of_deltas_is_whole);
    tcase_add_test(tcase, the_base_may_come_later);
    tcase_add_test(tcase, items_of_a_node_stay_items);
    tcase_add_test(tcase, what_does_not_fit_stays_as_it_came);
    tcase_add_test(tcase, others_keys_mean_nothing);
    tcase_add_test(tcase, four_mebibytes_of_a_trace_are_rebuilt);
    tcase_add_test(tcase, to_the_byte_that_may_be_rebuilt_and_one_more);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
