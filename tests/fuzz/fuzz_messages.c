/*
 * Any text as messages, tools, calls and documents.
 *
 * The first byte says the direction, the rest is the attribute's text. Whatever it is: no
 * crash, no error but memory, a canonical list (role and content of the right types, each name
 * of ours once), and no text lost: every string of the input is in the output, in one piece,
 * raw or as JSON text, unless the normaliser says that the source must be kept. Left out of
 * that check are the words that the canonical form says in its own way (types, roles, names of
 * events), text that is JSON itself (its members are checked where it is opened), and what is
 * said by an event of the other direction.
 */
#include "mapping/content/documents.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"
#include "mapping/content/tools.h"
#include "model/absent.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define ARENA_MAX ((size_t)256 << 20)
/* Longer texts are read, but not searched for: the check is quadratic. */
#define SEARCH_MAX ((size_t)16 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fuzz_messages: %s\n", what);
    abort();
}

static bool is_text(const struct nv_value *map, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(map, key);
    return value != NULL && value->type == NV_VALUE_STRING;
}

static void check_message(const struct nv_value *message)
{
    static const struct nv_str ours[] = {NV_STR_INIT("role"), NV_STR_INIT("content"),
                                         NV_STR_INIT("tool_calls"), NV_STR_INIT("reasoning")};
    check(message->type == NV_VALUE_MAP, "a message is no object");
    check(is_text(message, NV_STR("role")), "a role is no text");
    const struct nv_value *content = nv_map_get(message, NV_STR("content"));
    check(content != NULL &&
              (content->type == NV_VALUE_STRING || content->type == NV_VALUE_ARRAY),
          "content is neither text nor a list");
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        unsigned seen = 0;
        for (uint32_t j = 0; j < message->as.map.count; j++)
            seen += nv_str_eq(message->as.map.items[j].key, ours[i]);
        check(seen <= 1, "a name of ours stands twice");
    }
}

/* ---- nothing is lost --------------------------------------------------------------------- */

static bool is_form(struct nv_str key)
{
    static const struct nv_str words[] = {NV_STR_INIT("type"), NV_STR_INIT("role"),
                                          NV_STR_INIT("modality"), NV_STR_INIT("event.name")};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (nv_str_eq(words[i], key))
            return true;
    }
    return false;
}

static void check_text(struct nv_str text, struct nv_str output)
{
    const struct nv_str trimmed = nv_str_trim(text);
    if (trimmed.len < 2 || strchr("{[\"", trimmed.ptr[0]) || nv_messages_is_role(text))
        return;
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, SIZE_MAX);
    nv_json_write_init(&writer, &buf);
    nv_json_write_string(&writer, text);
    struct nv_str once = nv_str_slice(nv_buf_str(&buf), 1, buf.len - 2);
    bool found = nv_str_find(output, once) != SIZE_MAX;
    if (!found) { /* JSON text in the output: written twice */
        struct nv_buf again;
        nv_buf_init(&again, SIZE_MAX);
        nv_json_write_init(&writer, &again);
        nv_json_write_string(&writer, once);
        found =
            nv_str_find(output, nv_str_slice(nv_buf_str(&again), 1, again.len - 2)) != SIZE_MAX;
        nv_buf_release(&again);
    }
    if (!found)
        (void)fprintf(stderr, "lost: %.*s\n", NV_STR_ARG(text));
    check(found, "text was lost");
    nv_buf_release(&buf);
}

static void check_leaves(const struct nv_value *value, struct nv_str output)
{
    if (value->type == NV_VALUE_STRING)
        check_text(value->as.string, output);
    for (uint32_t i = 0; value->type == NV_VALUE_ARRAY && i < value->as.array.count; i++)
        check_leaves(&value->as.array.items[i], output);
    for (uint32_t i = 0; value->type == NV_VALUE_MAP && i < value->as.map.count; i++) {
        const struct nv_value *member = &value->as.map.items[i].value;
        if (member->type != NV_VALUE_STRING || !is_form(value->as.map.items[i].key))
            check_leaves(member, output);
    }
}

static void check_nothing_lost(struct nv_arena *arena, const struct nv_value *in,
                               const struct nv_messages *messages)
{
    struct nv_value tree;
    bool truncated = false;
    const struct nv_str text = in->as.string;
    const bool other_way = nv_str_find(text, NV_STR("event.name")) != SIZE_MAX ||
                           nv_str_find(text, NV_STR("\\u")) != SIZE_MAX;
    if (messages->partial || messages->truncated || other_way || nv_value_absent(in) ||
        text.len > SEARCH_MAX)
        return;
    if (nv_json_text_parse(arena, in, NV_JSON_TEXT_LEVELS, &truncated, &tree) != NV_OK)
        return;
    struct nv_buf buf;
    struct nv_json_writer writer;
    nv_buf_init(&buf, SIZE_MAX);
    nv_json_write_init(&writer, &buf);
    nv_value_write(&writer, &messages->list);
    check_leaves(&tree, nv_buf_str(&buf));
    nv_buf_release(&buf);
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void derive(struct nv_arena *arena, struct nv_value *list)
{
    struct nv_str text;
    struct nv_value calls;
    check(nv_messages_output_text(arena, list, &text) == NV_OK, "output text");
    check(nv_messages_system_text(arena, list, &text) == NV_OK, "system text");
    (void)nv_messages_finish_reason(list);
    check(nv_messages_tool_calls(arena, list, &calls) == NV_OK, "tool calls");
    check(nv_messages_add_system(arena, list, NV_STR("s")) == NV_OK, "add system");
}

static void others(struct nv_arena *arena, const struct nv_value *in)
{
    struct nv_value list;
    struct nv_documents documents;
    struct nv_str text;
    bool partial;
    check(nv_tools_normalise(arena, in, &list, &partial) == NV_OK, "tools");
    check(nv_tool_calls_normalise(arena, in, &list) == NV_OK, "tool calls");
    check(nv_documents_normalise(arena, in, &documents) == NV_OK, "documents");
    check(nv_messages_instructions_text(arena, in, &text) == NV_OK, "instructions");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > (1u << 20))
        return 0;
    struct nv_arena *arena = nv_arena_new(ARENA_MAX);
    if (!arena)
        return 0;
    const struct nv_value in =
        nv_value_string((struct nv_str){(const char *)data + 1, size - 1});
    struct nv_messages messages;
    enum nv_err err = nv_messages_normalise(
        arena, &in, (data[0] & 1) != 0 ? NV_MESSAGES_OUTPUT : NV_MESSAGES_INPUT, &messages);
    check(err == NV_OK, "an error that is not memory");
    for (uint32_t i = 0; i < messages.list.as.array.count; i++)
        check_message(&messages.list.as.array.items[i]);
    check_nothing_lost(arena, &in, &messages);
    derive(arena, &messages.list);
    others(arena, &in);
    nv_arena_free(arena);
    return 0;
}
