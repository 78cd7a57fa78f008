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
#include "tests/support/kept.h"
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
        if (json_is_null(value) || nv_test_attribute_kept(out, key, value))
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
