/*
 * Media parts: one flat form {type, mime_type?, url?, data?, ...} out of a dozen nested ones.
 *
 *   {type: image_url, image_url: {url, detail}}            OpenAI
 *   {type: image, source: {type: base64, media_type, data}} Anthropic
 *   {inlineData: {mimeType, data}}                          Gemini
 *   {image: {format, source: {bytes}}}                      Bedrock
 *   {type: image, image: {image: {url}}}                    OpenInference
 *   {type: uri, modality, uri} {type: blob, content}        OpenTelemetry
 *
 * Containers are opened, spellings united, all other members kept under their own names (under
 * container.name when two would meet). Data stays as it is: moving media elsewhere is a later
 * step's job.
 */
#include "mapping/content/messages_build.h"

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
    return NV_OK;
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
    switch (role_of(member->key)) {
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
        return put_once(media, &media->data, box, member);
    case MEDIA_BOX:
        if (value->type == NV_VALUE_MAP && depth < MEDIA_DEPTH_MAX)
            return gather(media, value, member->key, depth + 1);
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
    enum nv_err err = gather(&media, part, NV_STR("part"), 0);
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
