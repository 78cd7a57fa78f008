/*
 * See kept.h.
 */
#include "tests/support/kept.h"

#include "mapping/rules/rule.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

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
    bool empty = json_is_string(value) && json_string_length(value) == 0;
    if (form || empty || json_is_null(value) || json_is_boolean(value))
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

bool nv_test_attribute_kept(const json_t *attributes, const char *key, const json_t *value)
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
