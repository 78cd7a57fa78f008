/*
 * What fields say is not sent again; what says anything else is, whole.
 */
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include "base/buf.h"

#include "base/banned.h"

#define LLM(more)                                                                              \
    "[{'name': 's', 'id': 1, 'attributes': {'openinference.span.kind': 'LLM', "                \
    "'llm.model_name': 'm', 'llm.input_messages.0.message.role': 'user', "                     \
    "'llm.input_messages.0.message.content': 'how are you?', "                                 \
    "'llm.output_messages.0.message.role': 'assistant', "                                      \
    "'llm.output_messages.0.message.content': 'fine' " more "}}]"

static const struct {
    const char *spans, *key, *want; /* NULL: not sent */
} cases[] = {
    /* A raw request goes when all of it is said. */
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}]}'"),
     "input.value", NULL},
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}], \\'temperature\\': 0.5, \\'user\\': \\'u-1\\'}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}], "
     "\\'temperature\\': 0.5, \\'user\\': \\'u-1\\'}'"},
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}, {\\'role\\': \\'user\\', \\'content\\': \\'hm\\'}]}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}, "
     "{\\'role\\': "
     "\\'user\\', \\'content\\': \\'hm\\'}]}'"},
    /* The same value under another name is another fact. */
    {LLM(", 'input.value': '{\\'n\\': 1, \\'top_k\\': 1}'"), "input.value",
     "'{\\'n\\': 1, \\'top_k\\': 1}'"},
    {LLM(", 'output.value': '{\\'status\\': \\'fine\\'}'"), "output.value",
     "'{\\'status\\': \\'fine\\'}'"},
    /* Bare text of an answer. */
    {LLM(", 'output.value': 'fine'"), "output.value", NULL},
    {LLM(", 'output.value': 'not fine'"), "output.value", "'not fine'"},
    /* Words of the form alone are no form: this one asks for text. */
    {LLM(", 'input.value': '{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how "
         "are you?\\'}], \\'response_format\\': {\\'type\\': \\'text\\'}}'"),
     "input.value",
     "'{\\'messages\\': [{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}], "
     "\\'response_format\\': {\\'type\\': \\'text\\'}}'"},
    {LLM(", 'llm.invocation_parameters': '{\\'temperature\\': 0.5, \\'max_tokens\\': 7}'"),
     "llm.invocation_parameters", NULL},
    /* No row knows it: a user's own. */
    {LLM(", 'my.copy': '[{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}]'"),
     "my.copy", "'[{\\'role\\': \\'user\\', \\'content\\': \\'how are you?\\'}]'"},
    /* Another spelling of a word is no copy. */
    {LLM(", 'gen_ai.response.finish_reason': 'Tool-Calls'"), "gen_ai.response.finish_reason",
     "'Tool-Calls'"},
    {LLM(", 'gen_ai.response.finish_reason': 'tool_calls'"), "gen_ai.response.finish_reason",
     NULL},
    /* A list of one has a form of its own, as quoted text and Python's repr have. */
    {LLM(", 'llm.invocation_parameters': '{`temperature`: 0.5, `max_tokens`: 7}'"),
     "llm.invocation_parameters", "'{`temperature`: 0.5, `max_tokens`: 7}'"},
    {"[{'name': 's', 'id': 1, 'attributes': {'gen_ai.operation.name': 'chat', "
     "'gen_ai.response.finish_reasons': ['stop']}}]",
     "gen_ai.response.finish_reasons", "['stop']"},
    {LLM(", 'output.value': '\\'fine\\''"), "output.value", "'\\'fine\\''"},
};

START_TEST(test_case)
{
    struct told *told = told_by(cases[_i].spans);
    told_is(told, "s", cases[_i].key, cases[_i].want);
    told_free(told);
}
END_TEST

/* ---- what it takes ----------------------------------------------------------------------- */

#define MEMBERS 20000
/* As assembly/hold/gather.c asks for: bytes of the arena for a byte that a client sends. */
#define WORK_FACTOR 40u

/* A span whose attribute `key` is JSON text of MEMBERS members that no field says. */
static size_t put_members(struct nv_buf *json, const char *key)
{
    (void)nv_buf_printf(json,
                        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                        "\"0102030405060708090a0b0c0d0e0f10\",\"spanId\":\"0102030405060708\","
                        "\"name\":\"s\",\"startTimeUnixNano\":\"1\",\"endTimeUnixNano\":\"2\","
                        "\"attributes\":[{\"key\":\"openinference.span.kind\",\"value\":"
                        "{\"stringValue\":\"LLM\"}},{\"key\":\"%s\",\"value\":"
                        "{\"stringValue\":\"",
                        key);
    const size_t from = json->len;
    for (int i = 0; i < MEMBERS; i++)
        (void)nv_buf_printf(json, "%c\\\"k%d\\\":%d", i == 0 ? '{' : ',', i, i);
    const size_t len = json->len - from;
    (void)nv_buf_printf(json, "}\"}}]}]}]}]}");
    ck_assert_int_eq(nv_buf_append_char(json, '\0'), NV_OK);
    return len;
}

static void note_bytes(void *ctx, struct nv_trace *trace)
{
    *(size_t *)ctx = nv_arena_bytes(trace->arena);
}

static const char *const large_keys[] = {"metadata", "input.value",
                                         "llm.invocation_parameters"};

/* The trace's bytes when it is translated: what was opened to be compared is not among them, or
 * a trace of metadata alone would take more than its share. */
START_TEST(what_is_compared_leaves_nothing_behind)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    struct nv_buf json;
    size_t bytes = 0;
    nv_buf_init(&json, (size_t)4 << 20);
    const size_t len = put_members(&json, large_keys[_i]);
    nv_test_json_translate(mapping, json.bytes, note_bytes, &bytes);
    ck_assert_uint_gt(bytes, len);
    ck_assert_uint_lt(bytes, len * WORK_FACTOR);
    nv_buf_release(&json);
    nv_mapping_free(mapping);
}
END_TEST

/* ---- how much is compared ---------------------------------------------------------------- */

/* As repeats.c has them. */
#define SAID_MAX 4096u
#define PATHS_MAX 64u

/* `my.blob` of the only span as it is sent: is it there? */
static bool is_sent(const struct nv_buf *rows, const struct nv_buf *spans)
{
    struct nv_mapping *mapping = told_mapping(rows->bytes, NULL);
    struct told *told = told_with(mapping, NULL, spans->bytes);
    json_t *attributes = json_object_get(told_span(told, "s"), "attributes");
    bool sent = json_object_get(attributes, "my.blob") != NULL;
    told_free(told);
    nv_mapping_free(mapping);
    return sent;
}

static bool is_sent_of_members(unsigned count)
{
    struct nv_buf rows, spans;
    nv_buf_init(&rows, 1u << 20);
    nv_buf_init(&spans, 1u << 20);
    (void)nv_buf_printf(&rows, "convention mine \"Mine\"\n");
    (void)nv_buf_printf(
        &spans,
        "[{'name': 's', 'attributes': {'openinference.span.kind': 'LLM', 'my.blob': '{");
    for (unsigned i = 0; i < count; i++) {
        (void)nv_buf_printf(&rows, "my.blob | span | | llm.p%u | member(m%u)>int | 50 |\n", i,
                            i);
        (void)nv_buf_printf(&spans, "%s\\'m%u\\': %u", i > 0 ? ", " : "", i, 1000 + i);
    }
    (void)nv_buf_printf(&spans, "}'}}]");
    (void)nv_buf_append_char(&rows, '\0');
    ck_assert_int_eq(nv_buf_append_char(&spans, '\0'), NV_OK);
    bool sent = is_sent(&rows, &spans);
    nv_buf_release(&rows);
    nv_buf_release(&spans);
    return sent;
}

/* Members that fields hold under other names are known by the places that rows read. */
START_TEST(so_many_places_of_an_attribute_are_known_and_not_one_more)
{
    ck_assert(!is_sent_of_members(PATHS_MAX));
    ck_assert(is_sent_of_members(PATHS_MAX + 1));
}
END_TEST

static void put_numbers(struct nv_buf *buf, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)nv_buf_printf(buf, "%s%u", i > 0 ? "," : "[", i);
    (void)nv_buf_append_char(buf, ']');
}

static bool is_sent_of_numbers(unsigned count)
{
    struct nv_buf rows, spans;
    nv_buf_init(&rows, 1u << 20);
    nv_buf_init(&spans, 1u << 20);
    (void)nv_buf_printf(&rows, "convention mine \"Mine\"\n"
                               "my.list | span | | llm.p0 | copy | 50 |\n"
                               "my.blob | span | | llm.p1 | member(x)>int | 50 |\n");
    (void)nv_buf_printf(
        &spans, "[{'name': 's', 'attributes': {'openinference.span.kind': 'LLM', 'my.list': ");
    put_numbers(&spans, count);
    (void)nv_buf_printf(&spans, ", 'my.blob': '{\\'x\\': 5, \\'p0\\': ");
    put_numbers(&spans, count);
    (void)nv_buf_printf(&spans, "}'}}]");
    (void)nv_buf_append_char(&rows, '\0');
    ck_assert_int_eq(nv_buf_append_char(&spans, '\0'), NV_OK);
    bool sent = is_sent(&rows, &spans);
    nv_buf_release(&rows);
    nv_buf_release(&spans);
    return sent;
}

/* The list goes before other fields. */
START_TEST(so_much_of_what_fields_say_is_known_and_not_one_more)
{
    ck_assert(!is_sent_of_numbers(SAID_MAX));
    ck_assert(is_sent_of_numbers(SAID_MAX + 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("repeats");
    TCase *tcase = tcase_create("repeats");
    tcase_add_loop_test(tcase, test_case, 0, (int)(sizeof cases / sizeof cases[0]));
    suite_add_tcase(suite, tcase);
    TCase *large = tcase_create("large");
    tcase_add_loop_test(large, what_is_compared_leaves_nothing_behind, 0,
                        (int)(sizeof large_keys / sizeof large_keys[0]));
    tcase_add_test(large, so_many_places_of_an_attribute_are_known_and_not_one_more);
    tcase_add_test(large, so_much_of_what_fields_say_is_known_and_not_one_more);
    suite_add_tcase(suite, large);
    return nv_test_run(suite);
}
