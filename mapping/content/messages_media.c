/*
 * Media parts: one flat form {type, mime_type?, url?, data?, ...} out of a dozen nested ones.
 *
 *   {type: image_url, image_url: {url, detail}}            OpenAI
 *   {type: image, source: {type: base64, media_type, data}} Anthropic
 *   {inlineData: {mimeType, data}}                          Gemini
 *   {image: {format, source: {bytes}}}                      Bedrock
 *   {type: image, image: {image: {url}}}                    OpenInference
 *   {type: uri, modality, uri} {type: blob, content}        OpenTelemetry
 *   {type: file, data: {type: Buffer, data: [137, 80]}}     Node.js, {"0": 137, "1": 80} browsers
 *   {type: audio, audio: {data, transcript}}                OpenAI: the transcript is text
 *
 * Containers are opened, spellings united, all other members kept under their own names (under
 * container.name when two would meet). Data stays as it is: moving media elsewhere is a later
 * step's job.
 */
#include "mapping/content/messages_build.h"

#include "base/meter.h"
#include "base/text/text.h"

#include "base/banned.h"

/* Containers within containers: OpenInference needs two. */
#define MEDIA_DEPTH_MAX 4u

enum media_role {
    MEDIA_OTHER,
    MEDIA_TYPE,
    MEDIA_MODALITY,
    MEDIA_MIME,
    MEDIA_URL,
    MEDIA_DATA,
    MEDIA_BOX
};

static const struct {
    struct nv_str key;
    enum media_role role;
} media_members[] = {
    {NV_STR_INIT("type"), MEDIA_TYPE},       {NV_STR_INIT("modality"), MEDIA_MODALITY},
    {NV_STR_INIT("mime_type"), MEDIA_MIME},  {NV_STR_INIT("mimeType"), MEDIA_MIME},
    {NV_STR_INIT("media_type"), MEDIA_MIME}, {NV_STR_INIT("mediaType"), MEDIA_MIME},
    {NV_STR_INIT("url"), MEDIA_URL},         {NV_STR_INIT("uri"), MEDIA_URL},
    {NV_STR_INIT("file_uri"), MEDIA_URL},    {NV_STR_INIT("fileUri"), MEDIA_URL},
    {NV_STR_INIT("data"), MEDIA_DATA},       {NV_STR_INIT("bytes"), MEDIA_DATA},
    {NV_STR_INIT("content"), MEDIA_DATA},    {NV_STR_INIT("base64"), MEDIA_DATA},
    {NV_STR_INIT("image_url"), MEDIA_BOX},   {NV_STR_INIT("image"), MEDIA_BOX},
    {NV_STR_INIT("source"), MEDIA_BOX},      {NV_STR_INIT("input_audio"), MEDIA_BOX},
    {NV_STR_INIT("audio"), MEDIA_BOX},       {NV_STR_INIT("video"), MEDIA_BOX},
    {NV_STR_INIT("video_url"), MEDIA_BOX},   {NV_STR_INIT("file"), MEDIA_BOX},
    {NV_STR_INIT("document"), MEDIA_BOX},    {NV_STR_INIT("inlineData"), MEDIA_BOX},
    {NV_STR_INIT("inline_data"), MEDIA_BOX}, {NV_STR_INIT("fileData"), MEDIA_BOX},
    {NV_STR_INIT("file_data"), MEDIA_BOX},   {NV_STR_INIT("blob"), MEDIA_BOX},
    {NV_STR_INIT("media"), MEDIA_BOX},       {NV_STR_INIT("contentType"), MEDIA_MIME},
};

/* ---- bytes as numbers -------------------------------------------------------------------- */

/* The numbers of {"0": 137, ...}: the keys count from 0. Looked at is the first one only, for
 * the others are read soon. */
static bool is_numbered(const struct nv_value *value)
{
    return value->type == NV_VALUE_MAP && value->as.map.count > 0 &&
           nv_str_eq(value->as.map.items[0].key, NV_STR("0")) &&
           value->as.map.items[0].value.type == NV_VALUE_INT;
}

/* Node's {"type": "Buffer", "data": [137, ...]}: what it holds, else the value itself. */
static const struct nv_value *unboxed(const struct nv_value *value)
{
    const struct nv_value *type =
        value->type == NV_VALUE_MAP ? nv_map_get(value, NV_STR("type")) : NULL;
    const bool buffer = type && type->type == NV_VALUE_STRING &&
                        (nv_str_eq(type->as.string, NV_STR("Buffer")) ||
                         nv_str_eq(type->as.string, NV_STR("Uint8Array")));
    const struct nv_value *data = buffer ? nv_map_get(value, NV_STR("data")) : NULL;
    return data ? data : value;
}

static uint32_t number_count(const struct nv_value *value)
{
    return value->type == NV_VALUE_ARRAY ? value->as.array.count : value->as.map.count;
}

/* The byte at `i`, or -1. */
static int byte_at(const struct nv_value *value, uint32_t i)
{
    const struct nv_value *item = &value->as.array.items[i];
    if (value->type == NV_VALUE_MAP) {
        int64_t number;
        const struct nv_attribute *member = &value->as.map.items[i];
        if (nv_str_to_int64(member->key, &number) != NV_OK || number != (int64_t)i)
            return -1;
        item = &member->value;
    }
    const bool byte =
        item->type == NV_VALUE_INT && item->as.integer >= 0 && item->as.integer <= 255;
    return byte ? (int)item->as.integer : -1;
}

bool nv_media_is_bytes(const struct nv_value *value)
{
    const struct nv_value *inner = unboxed(value);
    const bool array = inner->type == NV_VALUE_ARRAY && inner != value;
    if (!array && !is_numbered(inner))
        return false;
    const uint32_t count = number_count(inner);
    (void)nv_meter_spend(count / 8);
    for (uint32_t i = 0; i < count; i++) {
        if (byte_at(inner, i) < 0)
            return false;
    }
    return count > 0;
}

/* Bytes as base64 text; `value` must be some, or an array of them. */
static enum nv_err base64_of(struct nv_arena *arena, const struct nv_value *value,
                             struct nv_value *out)
{
    const struct nv_value *inner = unboxed(value);
    const uint32_t count = number_count(inner);
    char *bytes = nv_arena_raw(arena, count);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = (char)byte_at(inner, i);
    struct nv_buf buf;
    nv_buf_init(&buf, (size_t)count * 2 + 4);
    enum nv_err err = nv_base64_encode(&buf, (struct nv_str){bytes, count});
    const struct nv_str text = nv_arena_dup(arena, nv_buf_str(&buf));
    nv_buf_release(&buf);
    if (err != NV_OK || !text.ptr)
        return NV_ERR_NO_MEMORY;
    *out = nv_value_string(text);
    return NV_OK;
}

/* An array of numbers where data is wanted. */
static bool is_byte_array(const struct nv_value *value)
{
    if (value->type != NV_VALUE_ARRAY || value->as.array.count == 0)
        return false;
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        if (byte_at(value, i) < 0)
            return false;
    }
    return true;
}

/* ---- one form ---------------------------------------------------------------------------- */

struct media {
    struct nv_arena *arena;
    struct nv_str type;
    struct nv_value mime, url, data; /* NULL when not there */
    struct nv_attributes rest;
};

static enum media_role role_of(struct nv_str key)
{
    for (size_t i = 0; i < sizeof media_members / sizeof media_members[0]; i++) {
        if (nv_str_eq(media_members[i].key, key))
            return media_members[i].role;
    }
    return MEDIA_OTHER;
}

/* Keeps a member under its name, or behind its container's name when that is taken. */
static enum nv_err keep(struct media *media, struct nv_str box, struct nv_str key,
                        const struct nv_value *value)
{
    if (nv_value_empty(value))
        return NV_OK;
    struct nv_str name = key;
    const bool taken = nv_str_eq(key, NV_STR("url")) || nv_str_eq(key, NV_STR("data")) ||
                       nv_str_eq(key, NV_STR("type")) || nv_str_eq(key, NV_STR("mime_type")) ||
                       nv_attributes_get(&media->rest, key) != NULL;
    if (taken) {
        name = nv_arena_printf(media->arena, "%.*s.%.*s", NV_STR_ARG(box), NV_STR_ARG(key));
        if (!name.ptr)
            return NV_ERR_NO_MEMORY;
    }
    return nv_attributes_add(&media->rest, media->arena, name, *value);
}

static enum nv_err put_once(struct media *media, struct nv_value *slot, struct nv_str box,
                            const struct nv_attribute *member)
{
    if (slot->type != NV_VALUE_NULL)
        return keep(media, box, member->key, &member->value);
    *slot = member->value;
    if (slot != &media->data || slot->type == NV_VALUE_STRING)
        return NV_OK;
    const bool bytes = nv_media_is_bytes(&member->value) || is_byte_array(&member->value);
    return bytes ? base64_of(media->arena, &member->value, slot) : NV_OK;
}

/* A box that is text is a reference or the data itself (Vercel's `image`). */
static struct nv_value *slot_of_text(struct media *media, struct nv_str text)
{
    if (nv_str_starts(text, NV_STR("http")) || nv_str_starts(text, NV_STR("data:")) ||
        nv_str_starts(text, NV_STR("gs:")) || nv_str_starts(text, NV_STR("s3:")))
        return &media->url;
    return &media->data;
}

static enum nv_err gather(struct media *media, const struct nv_value *part, struct nv_str box,
                          unsigned depth);

static enum nv_err gather_member(struct media *media, const struct nv_attribute *member,
                                 struct nv_str box, unsigned depth)
{
    const struct nv_value *value = &member->value;
    const bool text = value->type == NV_VALUE_STRING;
    const enum media_role what = role_of(member->key);
    switch (what) {
    case MEDIA_TYPE:
        return NV_OK;
    case MEDIA_MODALITY:
        if (text && media->type.len == 0)
            media->type = value->as.string;
        return NV_OK;
    case MEDIA_MIME:
        return put_once(media, &media->mime, box, member);
    case MEDIA_URL:
        return put_once(media, &media->url, box, member);
    case MEDIA_DATA:
    case MEDIA_BOX:
        if (nv_media_is_bytes(value))
            return put_once(media, &media->data, box, member);
        if (value->type == NV_VALUE_MAP && depth < MEDIA_DEPTH_MAX)
            return gather(media, value, member->key, depth + 1);
        if (what == MEDIA_DATA || is_byte_array(value))
            return put_once(media, &media->data, box, member);
        if (text)
            return put_once(media, slot_of_text(media, value->as.string), box, member);
        break;
    case MEDIA_OTHER:
        break;
    }
    return keep(media, box, member->key, value);
}

static enum nv_err gather(struct media *media, const struct nv_value *part, struct nv_str box,
                          unsigned depth)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; err == NV_OK && i < part->as.map.count; i++) {
        if (!nv_value_empty(&part->as.map.items[i].value))
            err = gather_member(media, &part->as.map.items[i], box, depth);
    }
    return err;
}

static struct nv_str type_of(const struct media *media)
{
    static const struct {
        struct nv_str prefix, type;
    } kinds[] = {{NV_STR_INIT("image/"), NV_STR_INIT("image")},
                 {NV_STR_INIT("audio/"), NV_STR_INIT("audio")},
                 {NV_STR_INIT("video/"), NV_STR_INIT("video")}};
    if (media->type.len > 0)
        return media->type;
    for (size_t i = 0; media->mime.type == NV_VALUE_STRING && i < 3; i++) {
        if (nv_str_starts(media->mime.as.string, kinds[i].prefix))
            return kinds[i].type;
    }
    return NV_STR("file");
}

static enum nv_err put(struct nv_attributes *out, struct nv_arena *arena, struct nv_str key,
                       struct nv_value value)
{
    return value.type == NV_VALUE_NULL ? NV_OK : nv_attributes_add(out, arena, key, value);
}

enum nv_err nv_media_part(struct nv_arena *arena, const struct nv_value *part,
                          struct nv_str type, struct nv_value *out)
{
    struct media media = {.arena = arena, .type = type};
    enum nv_err err = nv_media_is_bytes(part) ? base64_of(arena, part, &media.data)
                                              : gather(&media, part, NV_STR("part"), 0);
    struct nv_attributes members = {0};
    if (err == NV_OK)
        err = put(&members, arena, NV_STR("type"), nv_value_string(type_of(&media)));
    if (err == NV_OK)
        err = put(&members, arena, NV_STR("mime_type"), media.mime);
    if (err == NV_OK)
        err = put(&members, arena, NV_STR("url"), media.url);
    if (err == NV_OK)
        err = put(&members, arena, NV_STR("data"), media.data);
    for (uint32_t i = 0; err == NV_OK && i < media.rest.count; i++) {
        err = nv_attributes_add(&members, arena, media.rest.items[i].key,
                                media.rest.items[i].value);
    }
    *out = (struct nv_value){.type = NV_VALUE_MAP, .as.map = {members.items, members.count}};
    return err;
}

/* ---- into a message ---------------------------------------------------------------------- */

enum nv_err nv_message_media(struct nv_message *message, const struct nv_value *part,
                             struct nv_str type)
{
    struct nv_arena *arena = message->state->arena;
    struct nv_value out;
    enum nv_err err = nv_media_part(arena, part, type, &out);
    const struct nv_value *said = err == NV_OK ? nv_map_get(&out, NV_STR("transcript")) : NULL;
    if (err != NV_OK || !said || said->type != NV_VALUE_STRING)
        return err != NV_OK ? err : nv_values_push(&message->parts, arena, out);
    struct nv_attributes rest = {0};
    err = nv_message_text(message, said->as.string);
    for (uint32_t i = 0; err == NV_OK && i < out.as.map.count; i++) {
        const struct nv_attribute *member = &out.as.map.items[i];
        if (&member->value != said)
            err = nv_attributes_add(&rest, arena, member->key, member->value);
    }
    /* The type alone says nothing more. */
    if (err != NV_OK || rest.count < 2)
        return err;
    out.as.map = (struct nv_map){rest.items, rest.count};
    return nv_values_push(&message->parts, arena, out);
}

enum nv_err nv_message_said(struct nv_message *message, const struct nv_members *members,
                            uint64_t *used)
{
    const struct nv_value *audio = nv_members_get(members, NV_MEMBER_AUDIO);
    const struct nv_value *said = nv_members_get(members, NV_MEMBER_TRANSCRIPT);
    const bool content =
        (members->mask & (NV_HAS(CONTENT) | NV_HAS(PARTS) | NV_HAS(TEXT))) != 0;
    if (said && said->type == NV_VALUE_MAP)
        said = nv_map_get(said, NV_STR("text"));
    enum nv_err err = NV_OK;
    if (said && said->type == NV_VALUE_STRING && !content) {
        *used |= said == members->at[NV_MEMBER_TRANSCRIPT] ? NV_HAS(TRANSCRIPT) : 0;
        err = nv_message_text(message, said->as.string);
    }
    if (err != NV_OK || !audio || audio->type != NV_VALUE_MAP)
        return err;
    *used |= NV_HAS(AUDIO);
    return nv_message_media(message, audio, NV_STR("audio"));
}
