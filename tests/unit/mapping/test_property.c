/*
 * Any span in, no attribute lost: random spans over all tables' keys.
 *
 * A key is drawn from the compiled tables (numbers and rests filled in), a value from numbers,
 * texts, JSON texts, arrays and objects. Afterwards each source attribute must be in the span
 * under its own key with an equal value, masked as a secret, or its value, or each leaf of it,
 * somewhere below the namespaces that the backend shows. The generator's seed is printed on
 * failure and may be given as PROPERTY_SEED.
 */
#include "mapping/rules/rule.h"
#include "tests/support/expect.h"
#include "tests/support/mapping_kit.h"
#include "tests/support/mapping_spans.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ROUNDS 2000
#define ATTRIBUTES_MAX 24

static uint64_t state;

static uint32_t draw(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % below;
}

/* A key that the pattern matches. */
static void draw_key(const struct nv_rule_key *key, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < key->pattern.len && used + 16 < size; i++) {
        if (i + 2 < key->pattern.len && memcmp(key->pattern.ptr + i, "{i}", 3) == 0) {
            used += (size_t)snprintf(out + used, size - used, "%u", draw(12));
            i += 2;
        } else {
            out[used++] = key->pattern.ptr[i];
        }
    }
    if (key->wild) {
        used +=
            (size_t)snprintf(out + used, size - used, draw(2) ? "extra%u" : "a.b%u", draw(9));
    }
    out[used] = '\0';
}

static json_t *draw_value(unsigned depth)
{
    static const char *const texts[] = {
        "plain text",
        "user",
        "stop",
        "CHAT",
        "LLM",
        "true",
        "26",
        "\"quoted\"",
        "日本語",
        "{\"a\": 1, \"b\": {\"text\": \"inner\"}}",
        "[{\"role\": \"user\", \"content\": \"question one\"}]",
        ("[{\"role\": \"assistant\", \"parts\": [{\"type\": \"text\", \"content\": "
         "\"answer\"}]}]"),
        "{\"messages\": [{\"role\": \"user\", \"content\": \"wrapped\"}], \"model\": \"m1\"}",
        "[{\"type\": \"function\", \"function\": {\"name\": \"f1\"}}]",
        "[1, 2, 3]",
        "{broken"};
    switch (draw(depth > 2 ? 5 : 8)) {
    case 0:
        return json_integer((json_int_t)draw(100000) - 100);
    case 1:
        return json_real((double)draw(1000) / 8);
    case 2:
        return json_boolean(draw(2));
    case 3:
    case 4:
    case 5:
        return json_string(texts[draw(sizeof texts / sizeof *texts)]);
    case 6: {
        json_t *list = json_array();
        for (uint32_t i = draw(4); i > 0; i--)
            json_array_append_new(list, draw_value(depth + 1));
        return list;
    }
    default: {
        json_t *map = json_object();
        json_object_set_new(map, draw(2) ? "role" : "name", json_string("user"));
        json_object_set_new(map, draw(2) ? "content" : "value", draw_value(depth + 1));
        return map;
    }
    }
}

static json_t *draw_attributes(void)
{
    const struct nv_rules *rules = nv_rules_builtin();
    json_t *attributes = json_object();
    for (uint32_t i = 1 + draw(ATTRIBUTES_MAX); i > 0; i--) {
        char key[512];
        const struct nv_rule_key *pattern = &rules->keys[draw(rules->key_count)];
        if (pattern->pattern.len == 0 || pattern->pattern.ptr[0] == '@' ||
            pattern->pattern.len > 400)
            continue;
        draw_key(pattern, key, sizeof key);
        json_object_set_new(attributes, key, draw_value(0));
    }
    return attributes;
}

/* ---- is it there? ------------------------------------------------------------------------ */

static bool shown(const char *key)
{
    return nv_glob_any(NV_STR("llm.*,tool.*,agent.*,retrieval.*,embedding.*,rerank.*,chain.*,"
                              "thread.*,exception.*,error.*,handoff.*"),
                       nv_str_from(key));
}

static bool same_scalar(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_string(a) && json_is_string(b)) {
        return strcmp(json_string_value(a), json_string_value(b)) == 0 ||
               (strlen(json_string_value(a)) > 3 &&
                strstr(json_string_value(b), json_string_value(a)) != NULL);
    }
    if (json_is_number(a) && json_is_string(b)) {
        double read;
        struct nv_str text = nv_str_from(json_string_value(b));
        char written[32] = ""; /* as a part of a text that was put together */
        if (json_is_integer(a))
            snprintf(written, sizeof written, "%" JSON_INTEGER_FORMAT, json_integer_value(a));
        return (nv_str_to_double(text, &read) == NV_OK && read == json_number_value(a)) ||
               (*written && strstr(json_string_value(b), written));
    }
    return json_equal(a, b);
}

/* Some node of `tree` equals the scalar; JSON inside texts is opened. */
static bool holds(const json_t *tree, const json_t *leaf, unsigned depth)
{
    const char *key;
    json_t *value;
    size_t i;
    if (depth > 12)
        return false;
    if (same_scalar(leaf, tree))
        return true;
    json_object_foreach((json_t *)(uintptr_t)tree, key, value)
    {
        if (holds(value, leaf, depth + 1))
            return true;
    }
    json_array_foreach(tree, i, value)
    {
        if (holds(value, leaf, depth + 1))
            return true;
    }
    if (!json_is_string(tree) || !strchr("[{\"", json_string_value(tree)[0]))
        return false;
    json_t *inner = json_loads(json_string_value(tree), JSON_DECODE_ANY, NULL);
    bool found = inner && holds(inner, leaf, depth + 1);
    json_decref(inner);
    return found;
}

static bool shown_holds(const json_t *attributes, const json_t *leaf)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)attributes, key, value)
    {
        if (shown(key) && holds(value, leaf, 0))
            return true;
    }
    return false;
}

static bool leaves_kept(const json_t *attributes, const json_t *value, const char *name)
{
    const char *key;
    json_t *member;
    size_t i;
    bool form = name && (strcmp(name, "type") == 0 || strcmp(name, "role") == 0);
    if (json_is_object(value)) {
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            if (!leaves_kept(attributes, member, key))
                return false;
        }
        return true;
    }
    if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            if (!leaves_kept(attributes, member, name))
                return false;
        }
        return true;
    }
    if (form || json_is_null(value) || json_is_boolean(value))
        return true;
    if (json_is_string(value) && strchr("[{\"", json_string_value(value)[0])) {
        json_t *inner = json_loads(json_string_value(value), JSON_DECODE_ANY, NULL);
        bool kept = inner && leaves_kept(attributes, inner, name);
        json_decref(inner);
        if (kept)
            return true;
    }
    return shown_holds(attributes, value);
}

static bool kept(const json_t *attributes, const char *key, const json_t *value)
{
    const json_t *own = json_object_get(attributes, key);
    if (own && json_is_string(own) && strcmp(json_string_value(own), "***") == 0)
        return true;
    if (own && (json_equal(own, value) || same_scalar(value, own)))
        return true;
    char documented[600]; /* another value had the name, or the kind may not have it */
    snprintf(documented, sizeof documented, "%s.source", key);
    if (json_object_get(attributes, documented))
        return true;
    snprintf(documented, sizeof documented, "llm.source.%s", key);
    return json_object_get(attributes, documented) || leaves_kept(attributes, value, NULL);
}

/* ---- the property ------------------------------------------------------------------------ */

static void check_one(const struct nv_mapping *mapping, unsigned round)
{
    static const char *const scopes[] = {
        "", "ai", "pipecat", "livekit-agents", "langfuse-sdk", "strands.telemetry.tracer"};
    const char *scope = scopes[draw(sizeof scopes / sizeof *scopes)];
    json_t *attributes = draw_attributes();
    json_t *spans = json_pack("[{s:s,s:s,s:O}]", "name", draw(3) ? "span" : "chat m", "scope",
                              scope, "attributes", attributes);
    char *text = json_dumps(spans, 0);
    for (char *c = text; *c; c++) { /* the short form's quotes */
        if (*c == '\'' || *c == '`')
            *c = ' ';
    }
    struct told *told = told_with(mapping, NULL, text);
    json_t *out = json_object_get(
        json_array_get(json_object_get(json_array_get(told->traces, 0), "spans"), 0),
        "attributes");
    const char *key;
    json_t *value;
    json_object_foreach(attributes, key, value)
    {
        if (json_is_null(value) || kept(out, key, value))
            continue;
        char *in = json_dumps(attributes, JSON_ENCODE_ANY), *got = json_dumps(out, 0);
        ck_abort_msg("round %u: %s is lost\nin  %s\nout %s", round, key, in, got);
    }
    told_free(told);
    free(text);
    json_decref(spans);
    json_decref(attributes);
}

START_TEST(no_attribute_is_lost)
{
    const char *seed = getenv("PROPERTY_SEED");
    struct nv_mapping *mapping = nv_test_mapping_new();
    state = seed ? strtoull(seed, NULL, 10) : 20261122;
    for (unsigned round = 0; round < ROUNDS; round++)
        check_one(mapping, round);
    nv_mapping_free(mapping);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mapping/property");
    TCase *tcase = tcase_create("property");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, no_attribute_is_lost);
    suite_add_tcase(suite, tcase);
    return nv_test_run(suite);
}
