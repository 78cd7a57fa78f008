/*
 * Tool calls of a message: each once, though instrumentations write it twice.
 *
 *   {content: [{type: tool_use, id: t}], tool_calls: [{id: t}]}   ─▶ one call t
 *   {content: [{type: image_generation_call, result}]}            ─▶ a call and an image
 *
 * LangChain and others keep the provider's content and list the calls of it once more. The list
 * is read first; a call in content is then looked for in it, first at its own place: for both
 * have the same order, that is where it stands. Two calls that are alike and stand in the same
 * place are two.
 */
#include "mapping/content/messages_build.h"

#include "base/meter.h"
#include "mapping/content/tools.h"

#include <assert.h>

#include "base/banned.h"

/* Listed calls that one in content is compared with: more than a model makes in a turn. */
#define LOOKS 16u
/* Bits of nv_message.paired. */
#define PAIRS 64u

static const struct nv_value *member_of(const struct nv_value *call, struct nv_str key)
{
    const struct nv_value *value = nv_map_get(call, key);
    return value && !nv_value_empty(value) ? value : NULL;
}

static const struct nv_value *arguments_of(const struct nv_value *call)
{
    const struct nv_value *function = nv_map_get(call, NV_STR("function"));
    return function ? member_of(function, NV_STR("arguments")) : NULL;
}

static bool same_function(const struct nv_value *a, const struct nv_value *b)
{
    const struct nv_value *left = nv_map_get(a, NV_STR("function"));
    const struct nv_value *right = nv_map_get(b, NV_STR("function"));
    return left && right && nv_value_eq(left, right);
}

/* Is the call in content the listed one `at`? */
static bool is_same(struct nv_message *message, uint32_t at, const struct nv_value *call)
{
    const struct nv_value *listed = &message->listed.items[at];
    const struct nv_value *id = member_of(call, NV_STR("id"));
    const struct nv_value *other = member_of(listed, NV_STR("id"));
    if (id && other)
        return nv_value_eq(id, other);
    const uint64_t bit = at < PAIRS ? UINT64_C(1) << at : 0;
    if (bit == 0 || (message->paired & bit) != 0 || !same_function(listed, call))
        return false;
    message->paired |= bit;
    return true;
}

/* The fuller of both stays; what the other one says besides is in the source. */
static void keep_fuller(struct nv_message *message, uint32_t at, const struct nv_value *call)
{
    const struct nv_value *listed = &message->listed.items[at];
    if (nv_value_eq(listed, call))
        return;
    message->state->partial = true;
    const bool id = member_of(listed, NV_STR("id")) || !member_of(call, NV_STR("id"));
    if (id && (arguments_of(listed) || !arguments_of(call)))
        return;
    for (uint32_t i = 0; i < message->calls.count; i++) {
        if (nv_value_eq(&message->calls.items[i], listed)) {
            message->calls.items[i] = *call;
            return;
        }
    }
}

static bool repeats(struct nv_message *message, const struct nv_value *call)
{
    const uint32_t count = message->listed.count;
    const uint32_t looks = count < LOOKS ? count : LOOKS;
    (void)nv_meter_spend(looks);
    for (uint32_t i = 0; i < looks; i++) {
        const uint32_t at = (message->repeats + i) % count;
        if (!is_same(message, at, call))
            continue;
        message->repeats++;
        keep_fuller(message, at, call);
        return true;
    }
    return false;
}

static enum nv_err add_calls(struct nv_message *message, const struct nv_value *call,
                             bool in_content)
{
    struct nv_value calls;
    enum nv_err err = nv_tool_calls_normalise(message->state->arena, call, &calls);
    assert(err != NV_OK || calls.type == NV_VALUE_ARRAY);
    for (uint32_t i = 0; err == NV_OK && i < calls.as.array.count; i++) {
        const struct nv_value *one = &calls.as.array.items[i];
        if (!in_content || !repeats(message, one))
            err = nv_values_push(&message->calls, message->state->arena, *one);
    }
    return err;
}

enum nv_err nv_message_call(struct nv_message *message, const struct nv_value *call)
{
    return add_calls(message, call, false);
}

void nv_message_calls_listed(struct nv_message *message, uint32_t first)
{
    assert(first <= message->calls.count);
    message->listed =
        (struct nv_values){message->calls.items + first, message->calls.count - first, 0};
    message->repeats = 0;
    message->paired = 0;
}

/* ---- images ------------------------------------------------------------------------------ */

/* The image of an image_generation_call as a part; `rest` gets the call without it. */
static enum nv_err add_image(struct nv_message *message, const struct nv_value *call,
                             const struct nv_value *result, struct nv_attributes *rest)
{
    struct nv_arena *arena = message->state->arena;
    const struct nv_value *format = nv_map_get(call, NV_STR("output_format"));
    const bool told = format && format->type == NV_VALUE_STRING;
    const struct nv_str word = told ? format->as.string : NV_STR("png");
    const struct nv_str mime = nv_arena_printf(arena, "image/%.*s", NV_STR_ARG(word));
    if (!mime.ptr)
        return NV_ERR_NO_MEMORY;
    struct nv_attribute members[] = {{NV_STR("mime_type"), nv_value_string(mime)},
                                     {NV_STR("data"), *result}};
    const struct nv_value image = {.type = NV_VALUE_MAP, .as.map = {members, 2}};
    enum nv_err err = nv_message_media(message, &image, NV_STR("image"));
    for (uint32_t i = 0; err == NV_OK && i < call->as.map.count; i++) {
        const struct nv_attribute *member = &call->as.map.items[i];
        if (&member->value != result)
            err = nv_attributes_add(rest, arena, member->key, member->value);
    }
    return err;
}

enum nv_err nv_message_content_call(struct nv_message *message, const struct nv_value *call)
{
    const struct nv_value *type = nv_map_get(call, NV_STR("type"));
    const struct nv_value *result = nv_map_get(call, NV_STR("result"));
    const bool image = type && type->type == NV_VALUE_STRING && result &&
                       result->type == NV_VALUE_STRING && result->as.string.len > 0 &&
                       nv_str_eq(type->as.string, NV_STR("image_generation_call"));
    if (!image)
        return add_calls(message, call, true);
    struct nv_attributes rest = {0};
    enum nv_err err = add_image(message, call, result, &rest);
    const struct nv_value bare = {.type = NV_VALUE_MAP, .as.map = {rest.items, rest.count}};
    return err != NV_OK ? err : add_calls(message, &bare, true);
}
