/*
 * No object with a key twice, whatever rows meet on a span and whatever a client sends twice.
 *
 * The property runs over the compiled tables: for every two conventions one span holds all of
 * their source keys and, as a client's own attributes, all that their rows write, with values
 * that differ; the same for what later steps write. told_by refuses a body with a key twice.
 */
#include "mapping/rules/rule.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- all tables ---------------------------------------------------------------------------- */

/* `pattern` with a number for {i} and a rest for {*}. */
static void concrete(struct nv_str pattern, bool wild, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < pattern.len && used + 8 < size; i++) {
        bool hole = i + 2 < pattern.len && pattern.ptr[i] == '{' && pattern.ptr[i + 2] == '}';
        if (hole) {
            out[used++] = pattern.ptr[i + 1] == '*' ? 'x' : '0';
            i += 2;
        } else {
            out[used++] = pattern.ptr[i];
        }
    }
    if (wild)
        out[used++] = 'x';
    out[used] = '\0';
}

/* Sets `key` to a value of one of several types; what kinds are told by keeps its words. */
static void set(json_t *attributes, const char *key, unsigned number)
{
    json_t *value = number % 4 == 0   ? json_integer(number)
                    : number % 4 == 1 ? json_pack("s", "true")
                    : number % 4 == 2
                        ? json_string("[{\"role\": \"user\", \"content\": \"c\"}]")
                        : json_pack("{s:s,s:i}", "name", "n", "score", 1);
    if (key[0] != '@' && key[0] != '\0' && !json_object_get(attributes, key))
        json_object_set_new(attributes, key, value);
    else
        json_decref(value);
}

/* All that the rows of a table read and write. */
static void add_table(json_t *attributes, unsigned file, unsigned seed)
{
    const struct nv_rules *rules = nv_rules_builtin();
    char key[512];
    for (uint32_t i = 0; i < rules->rule_count; i++) {
        const struct nv_rule *rule = &rules->rules[i];
        const struct nv_rule_key *source = &rules->keys[rule->key];
        if (rule->file != file || source->pattern.len > 400)
            continue;
        concrete(source->pattern, source->wild, key, sizeof key);
        set(attributes, key, seed + i);
        concrete(rules->fields[rule->field].name, false, key, sizeof key);
        set(attributes, key, seed + i + 1);
    }
}

/* What steps behind the rows write, too. */
static void add_settled(json_t *attributes)
{
    static const char *const more[] = {
        "llm.cost.currency",  "llm.cost.total.source",     "llm.cost.input.source",
        "llm.source.model",   "llm.source.provider",       "llm.source.operation",
        "llm.model.source",   "llm.input_tokens.source",   "noveum.gateway.start_time",
        "noveum.gateway.cut", "noveum.gateway.derived",    "evaluation.name",
        "evaluation.1.score", "llm.source.embedding.model"};
    char key[512];
    for (unsigned i = 0; i < NV_FIELD_KNOWN; i++) {
        concrete(nv_rules_builtin()->fields[i].name, false, key, sizeof key);
        set(attributes, key, i);
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        set(attributes, more[i], (unsigned)i);
}

static void check_span(const struct nv_mapping *mapping, json_t *attributes, const char *kind)
{
    json_t *spans = json_pack("[{s:s,s:O,s:[{s:s,s:{}}]}]", "name", "span", "attributes",
                              attributes, "events", "name", "exception", "attributes");
    json_object_set_new(attributes, "gen_ai.operation.name", json_string(kind));
    char *text = json_dumps(spans, 0);
    for (char *c = text; *c; c++) { /* the short form's quotes */
        if (*c == '\'' || *c == '`')
            *c = ' ';
    }
    told_free(told_with(mapping, NULL, text));
    free(text);
    json_decref(spans);
}

static const char *const kinds[] = {"chat", "invoke_agent", "execute_tool", "embeddings"};

START_TEST(two_conventions_on_one_span)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    const unsigned files = nv_rules_builtin()->file_count;
    for (unsigned a = 0; a < files; a++) {
        for (unsigned b = a; b < files; b++) {
            json_t *attributes = json_object();
            add_table(attributes, a, a + b);
            add_table(attributes, b, b);
            check_span(mapping, attributes, kinds[(a + b) % 4]);
            json_decref(attributes);
        }
    }
    nv_mapping_free(mapping);
}
END_TEST

START_TEST(what_later_steps_write)
{
    struct nv_mapping *mapping = nv_test_mapping_new();
    const unsigned files = nv_rules_builtin()->file_count;
    for (unsigned file = 0; file < files; file++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            json_t *attributes = json_object();
            add_table(attributes, file, kind);
            add_settled(attributes);
            check_span(mapping, attributes, kinds[kind]);
            json_decref(attributes);
        }
    }
    nv_mapping_free(mapping);
}
END_TEST

/* ---- what a client sends twice --------------------------------------------------------------- */

#define TEXT(key, text) "{'key': '" key "', 'value': {'stringValue': '" text "'}}"
#define TWICE TEXT("k", "one") "," TEXT("k", "two")
#define REQUEST(resource, scope, span)                                                         \
    "{'resourceSpans': [{'resource': {'attributes': [" resource                                \
    "]}, 'scopeSpans': [{'scope': {'name': 's', 'attributes': [" scope                         \
    "]}, 'spans': [{'traceId': '0123456789abcdef0123456789abcdef', 'spanId': "                 \
    "'0123456789abcdef', 'name': 'a', 'startTimeUnixNano': '1700000000000000000', "            \
    "'endTimeUnixNano': '1700000001000000000', " span "}]}]}]}"

static const struct {
    const char *request, *key, *value;
} twice[] = {
    /* of one value it is one, of two the first keeps the name */
    {REQUEST("", "", "'attributes': [" TEXT("k", "one") "," TEXT("k", "one") "]"), "k.source",
     NULL},
    {REQUEST("", "", "'attributes': [" TWICE "]"), "k", "'one'"},
    {REQUEST("", "", "'attributes': [" TWICE "]"), "k.source", "'two'"},
    {REQUEST("", "", "'attributes': [" TWICE "," TEXT("k", "three") "]"), "k.source.source",
     "'three'"},
    {REQUEST("", "", "'attributes': [" TWICE "," TEXT("k.source", "own") "]"), "k", "'one'"},
    {REQUEST("", "",
             "'attributes': [" TEXT("thread.id", "7") "," TEXT("gen_ai.thread.id", "t") "]"),
     NULL, NULL},
    {REQUEST("", "",
             "'attributes': [" TEXT("gen_ai.operation.name", "chat") "," TEXT(
                 "gen_ai.request.model", "m") "," TEXT("param.model", "m") "]"),
     "llm.request.model", "'m'"},
    {REQUEST("", "",
             "'attributes': [" TEXT("param.model", "n") "," TEXT(
                 "gen_ai.operation.name", "chat") "," TEXT("gen_ai.request.model", "m") "]"),
     "llm.request.model", "'m'"},
    {REQUEST("", "",
             "'attributes': [" TEXT("exception.type", "T") "," TEXT(
                 "exception.message",
                 "own") "], 'status': "
                        "{'code': 2}, "
                        "'events': "
                        "[{'name': "
                        "'exception', "
                        "'attributes': [" TEXT("exception.type", "x.T") "," TEXT(
                            "exception.message", "thrown") "]}]"),
     "exception.message", "'own'"},
    /* in maps JSON's last one counts */
    {REQUEST("", "",
             "'attributes': [{'key': 'm', 'value': {'kvlistValue': {'values': [" TWICE "]}}}]"),
     "m", "{'k': 'two'}"},
    {REQUEST("", "",
             "'attributes': [" TEXT("gen_ai.operation.name", "execute_tool") "," TEXT(
                 "gen_ai.tool.call.result", "{\\\"k\\\": 1, \\\"k\\\": 2}") "]"),
     "tool.output", "{'k': 2}"},
    {REQUEST("", "",
             "'attributes': [" TEXT("llm.cost.currency",
                                    "EUR") "," TEXT("noveum.gateway.start_time", "mine") "]"),
     "noveum.gateway.start_time", "'mine'"},
};

START_TEST(sent_twice)
{
    struct told *told = told_requests(twice[_i].request, NULL);
    if (twice[_i].key)
        told_is(told, "a", twice[_i].key, twice[_i].value);
    told_free(told);
}
END_TEST

START_TEST(lists_beside_the_span_s)
{
    static const char request[] = REQUEST(
        TWICE, TWICE,
        "'attributes': [], 'events': [{'name': 'e', 'timeUnixNano': '1700000000000000001', "
        "'attributes': [" TWICE
        "]}], 'links': [{'traceId': '0123456789abcdef0123456789abcdef', "
        "'spanId': '0123456789abcdee', 'attributes': [" TWICE "]}]");
    struct told *told = told_requests(request, NULL);
    static const char *const lists[] = {"events", "links"};
    for (size_t i = 0; i < 2; i++) {
        json_t *first = json_array_get(json_object_get(told_span(told, "a"), lists[i]), 0);
        json_t *k = json_object_get(json_object_get(first, "attributes"), "k");
        ck_assert_str_eq(json_string_value(k), "two");
    }
    told_member(told, "a", "otel.scope.attributes.k", "'two'");
    told_member(told, NULL, "otel.resource.k", "'two'");
    told_free(told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/unique");
    TCase *tcase = tcase_create("unique");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, two_conventions_on_one_span);
    tcase_add_test(tcase, what_later_steps_write);
    tcase_add_loop_test(tcase, sent_twice, 0, sizeof twice / sizeof *twice);
    tcase_add_test(tcase, lists_beside_the_span_s);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
