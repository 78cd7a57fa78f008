/*
 * The walk that takes media out of a trace.
 *
 *   list ▸ each attribute ▸ value ─┬─ text: whole data URI, else runs in it
 *                                  ├─ map: members that are called data; the others of the map,
 *                                  │       and of those around it, say what of
 *                                  └─ bytes, and lists of numbers that begin as media do
 *
 * Nearly every value is a number or a short text and is left at once.
 */
#include "redaction/media/media.h"

#include "base/limits.h"
#include "base/text/base64_text.h"
#include "model/seen_maps.h"
#include "redaction/media/listed.h"
#include "redaction/media/numbers.h"
#include "redaction/media/seen.h"
#include "redaction/secrets/blocks.h"
#include "redaction/secrets/plain.h"

#include "base/banned.h"

/* Shorter texts hold none. */
#define TEXT_MIN 24u
/* Shorter ones are a medium as a whole, or hold none. */
#define RUN_MIN 40u
/* Maps around a value that may say what it is. */
#define LEVELS_MAX 3u

struct pass {
    struct nv_media_seen seen;
    const struct nv_media_teller *teller;
    const char *place; /* of redaction/places.h */
    struct nv_str key;
    struct nv_media_where where;
    struct nv_attributes images; /* uuids of llm.input, each as key and value */
    struct nv_attributes sounds; /* what the span says of its sounds */
    struct nv_media_found found;
    struct nv_seen_maps *maps; /* in which there is none, whatever they stand in */
    uint32_t doubts;           /* values of which what they stand in was asked, or taken */
};

/* A map on the way to a value. */
struct level {
    const struct nv_map *map;
    const struct level *up;
};

/* ---- what is put in the place ------------------------------------------------------------ */

/* Remembers what the span is to say of an upload. */
static enum nv_err name_upload(struct pass *pass, const struct nv_medium *medium)
{
    struct nv_arena *arena = pass->seen.trace->arena;
    bool image =
        medium->type.kind == NV_MEDIA_IMAGE && nv_str_starts(pass->key, NV_STR("llm.input"));
    bool sound =
        medium->type.kind == NV_MEDIA_AUDIO && pass->where.use != NV_MEDIA_CONVERSATION;
    char uuid[NV_MEDIA_UUID_TEXT];
    if (!image && !sound)
        return NV_OK;
    nv_media_uuid_text(medium->uuid, uuid);
    struct nv_str text = nv_arena_dup(arena, nv_str_from(uuid));
    if (!text.ptr)
        return NV_ERR_NO_MEMORY;
    struct nv_str key =
        pass->where.use == NV_MEDIA_STT ? NV_STR("stt.audio_uuid") : NV_STR("tts.audio_uuid");
    return nv_attributes_set(image ? &pass->images : &pass->sounds, arena, image ? text : key,
                             nv_value_string(text));
}

static enum nv_media_use use_of(struct nv_str key)
{
    if (nv_str_starts(key, NV_STR("stt.")))
        return NV_MEDIA_STT;
    return nv_str_starts(key, NV_STR("tts.")) ? NV_MEDIA_TTS : NV_MEDIA_CONVERSATION;
}

/* What stands in the place of pass->found. */
static enum nv_err take(struct pass *pass, bool raw, struct nv_str *out)
{
    const struct nv_medium *medium;
    pass->doubts++;
    pass->where.raw = raw;
    pass->where.use = use_of(pass->key);
    enum nv_err err = nv_media_seen_put(&pass->seen, &pass->found, &pass->where, out, &medium);
    if (err == NV_OK && medium)
        return name_upload(pass, medium);
    if (err == NV_OK)
        pass->teller->marked(pass->teller->ctx, pass->place, pass->key);
    return err;
}

/* ---- texts ------------------------------------------------------------------------------- */

/* The text from `done` on into `out`, with what stands in the place of media. */
static enum nv_err replace_all(struct pass *pass, struct nv_str text, struct nv_buf *out)
{
    size_t done = 0;
    bool is = true;
    enum nv_err err = NV_OK;
    while (err == NV_OK && is) {
        struct nv_str instead;
        err = take(pass, false, &instead);
        if (err == NV_OK)
            err = nv_buf_append_str(out, nv_str_slice(text, done, pass->found.from - done));
        if (err == NV_OK)
            err = nv_buf_append_str(out, instead);
        done = pass->found.to;
        if (err == NV_OK)
            err = nv_media_find(text, done, &pass->found, &is);
    }
    return err == NV_OK ? nv_buf_append_str(out, nv_str_slice(text, done, SIZE_MAX)) : err;
}

static enum nv_err take_runs(struct pass *pass, struct nv_str *text)
{
    struct nv_buf out;
    bool is;
    enum nv_err err = nv_media_find(*text, 0, &pass->found, &is);
    if (err != NV_OK || !is)
        return err;
    nv_buf_init(&out, NV_CAP_RECORD);
    err = replace_all(pass, *text, &out);
    if (err == NV_OK)
        *text = nv_arena_dup(pass->seen.trace->arena, nv_buf_str(&out));
    nv_buf_release(&out);
    return err == NV_OK && !text->ptr ? NV_ERR_NO_MEMORY : err;
}

/* The same for lists of numbers: what takes the place of one is a string. */
static enum nv_err replace_lists(struct pass *pass, struct nv_str text, struct nv_str quote,
                                 struct nv_buf *out)
{
    struct nv_arena *arena = pass->seen.trace->arena;
    size_t done = 0;
    bool is = true;
    enum nv_err err = NV_OK;
    while (err == NV_OK && is) {
        struct nv_str instead = {NULL, 0};
        err = take(pass, true, &instead);
        (void)nv_buf_append_str(out, nv_str_slice(text, done, pass->found.from - done));
        (void)nv_buf_append_str(out, quote);
        (void)nv_buf_append_str(out, instead);
        (void)nv_buf_append_str(out, quote);
        done = pass->found.to;
        if (err == NV_OK)
            err = nv_media_find_listed(arena, text, done, &pass->found, &quote, &is);
    }
    (void)nv_buf_append_str(out, nv_str_slice(text, done, SIZE_MAX));
    return err == NV_OK ? out->failed : err;
}

static enum nv_err take_lists(struct pass *pass, struct nv_str *text)
{
    struct nv_arena *arena = pass->seen.trace->arena;
    struct nv_buf out;
    struct nv_str quote;
    bool is;
    enum nv_err err = nv_media_find_listed(arena, *text, 0, &pass->found, &quote, &is);
    if (err != NV_OK || !is)
        return err;
    nv_buf_init(&out, NV_CAP_RECORD);
    err = replace_lists(pass, *text, quote, &out);
    if (err == NV_OK)
        *text = nv_arena_dup(arena, nv_buf_str(&out));
    nv_buf_release(&out);
    return err == NV_OK && !text->ptr ? NV_ERR_NO_MEMORY : err;
}

static enum nv_err take_whole(struct pass *pass, const struct nv_media_said *said,
                              struct nv_str *text, bool *is)
{
    enum nv_err err = nv_media_whole(*text, said, &pass->found, is);
    return err == NV_OK && *is ? take(pass, false, text) : err;
}

/* Is nothing to find in a text, also for who looks for secrets? Nearly all prose is told at
 * once. */
static bool is_plain(struct nv_str text)
{
    if (nv_plain_has(text, NV_PLAIN_MEDIA))
        return true;
    if (!nv_blocks_none(text))
        return false;
    nv_plain_put(text, NV_PLAIN_ALL);
    return true;
}

static enum nv_err search(struct pass *pass, struct nv_str *text)
{
    struct nv_str before = *text;
    enum nv_err err = take_runs(pass, text);
    if (err == NV_OK)
        err = take_lists(pass, text);
    if (err == NV_OK && text->ptr == before.ptr)
        nv_plain_put(before, NV_PLAIN_MEDIA);
    return err;
}

/* Whole first: what is a medium from end to end needs no search. `data:` has its colon at the
 * fifth place, so that one comparison spares nearly all texts that look. */
static enum nv_err walk_text(struct pass *pass, struct nv_str *text)
{
    static const struct nv_media_said nothing = {.kind = {NULL, 0}};
    bool is = false;
    enum nv_err err = NV_OK;
    if (text->len < TEXT_MIN)
        return NV_OK;
    if (text->ptr[4] == ':' && text->len > 5)
        err = take_whole(pass, &nothing, text, &is);
    if (err != NV_OK || is || text->len < RUN_MIN)
        return err;
    return is_plain(*text) ? NV_OK : search(pass, text);
}

/* ---- what maps say ----------------------------------------------------------------------- */

static bool is_one_of(struct nv_str key, const struct nv_str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nv_str_eq(key, names[i]))
            return true;
    }
    return false;
}

#define IS_ONE_OF(key, names) is_one_of(key, names, sizeof(names) / sizeof((names)[0]))

static const struct nv_str formats[] = {
    NV_STR_INIT("format"), NV_STR_INIT("audio_format"), NV_STR_INIT("input_audio_format"),
    NV_STR_INIT("output_audio_format"), NV_STR_INIT("encoding")};

static void hear_text(struct nv_media_said *said, struct nv_str key, struct nv_str text)
{
    static const struct nv_str mimes[] = {
        NV_STR_INIT("mime_type"), NV_STR_INIT("mimeType"),    NV_STR_INIT("media_type"),
        NV_STR_INIT("mediaType"), NV_STR_INIT("contentType"), NV_STR_INIT("content_type")};
    static const struct nv_str kinds[] = {NV_STR_INIT("type"), NV_STR_INIT("kind"),
                                          NV_STR_INIT("modality")};
    struct nv_str *slot = NULL;
    if (IS_ONE_OF(key, mimes))
        slot = &said->mime;
    else if (IS_ONE_OF(key, formats))
        slot = &said->format;
    else if (IS_ONE_OF(key, kinds))
        slot = &said->kind;
    if (slot && slot->len == 0)
        *slot = text;
}

static void hear_number(struct nv_media_said *said, struct nv_str key, int64_t number)
{
    static const struct nv_str rates[] = {
        NV_STR_INIT("rate"), NV_STR_INIT("sample_rate"), NV_STR_INIT("sampleRate"),
        NV_STR_INIT("sample_rate_hertz"), NV_STR_INIT("sampleRateHertz")};
    static const struct nv_str channels[] = {NV_STR_INIT("channels"),
                                             NV_STR_INIT("num_channels")};
    if (number <= 0 || number > UINT32_MAX)
        return;
    if (said->rate == 0 && IS_ONE_OF(key, rates))
        said->rate = (uint32_t)number;
    else if (said->channels == 0 && IS_ONE_OF(key, channels))
        said->channels = (uint32_t)number;
}

/* OpenAI's Realtime API: "format": {"type": "audio/pcm", "rate": 24000}. */
static void hear_format(struct nv_media_said *said, const struct nv_map *format)
{
    for (uint32_t i = 0; i < format->count; i++) {
        const struct nv_attribute *item = &format->items[i];
        if (item->value.type == NV_VALUE_INT)
            hear_number(said, item->key, item->value.as.integer);
        else if (item->value.type == NV_VALUE_STRING && said->format.len == 0 &&
                 nv_str_eq(item->key, NV_STR("type")))
            said->format = item->value.as.string;
    }
}

static void hear(struct nv_media_said *said, const struct nv_attribute *item)
{
    if (item->value.type == NV_VALUE_STRING)
        hear_text(said, item->key, item->value.as.string);
    else if (item->value.type == NV_VALUE_INT)
        hear_number(said, item->key, item->value.as.integer);
    else if (item->value.type == NV_VALUE_MAP && IS_ONE_OF(item->key, formats))
        hear_format(said, &item->value.as.map);
}

static struct nv_media_said said_of(const struct level *level)
{
    struct nv_media_said said = {.kind = {NULL, 0}};
    for (unsigned up = 0; level && up < LEVELS_MAX; level = level->up, up++) {
        for (uint32_t i = 0; i < level->map->count; i++)
            hear(&said, &level->map->items[i]);
    }
    return said;
}

static bool is_data_key(struct nv_str key)
{
    static const struct nv_str names[] = {
        NV_STR_INIT("data"),       NV_STR_INIT("bytes"), NV_STR_INIT("content"),
        NV_STR_INIT("base64"),     NV_STR_INIT("image"), NV_STR_INIT("audio"),
        NV_STR_INIT("file_data"),  NV_STR_INIT("blob"),  NV_STR_INIT("b64_json"),
        NV_STR_INIT("image_data"), NV_STR_INIT("file"),  NV_STR_INIT("input_audio")};
    return IS_ONE_OF(key, names);
}

/* Does the text begin as base64 does, and prose hardly? */
static bool may_be_base64(struct nv_str text)
{
    if (text.len < TEXT_MIN)
        return false;
    for (unsigned i = 0; i < 16; i++) {
        if (!nv_base64_is_char(text.ptr[i]) && text.ptr[i] != '\\')
            return false;
    }
    return true;
}

/* ---- values ------------------------------------------------------------------------------ */

static enum nv_err walk_bytes(struct pass *pass, const struct level *level,
                              struct nv_value *value)
{
    struct nv_media_said said = said_of(level);
    bool is;
    struct nv_str instead = {NULL, 0};
    enum nv_err err = nv_media_bytes(value->as.string, &said, &pass->found, &is);
    if (err != NV_OK || !is)
        return err;
    err = take(pass, true, &instead);
    if (err == NV_OK)
        *value = nv_value_string(instead);
    return err;
}

/* A list of numbers that is media becomes bytes, and goes on as those do. */
static enum nv_err walk_numbers(struct pass *pass, const struct level *level,
                                struct nv_value *value)
{
    struct nv_media_said said = said_of(level);
    bool is;
    struct nv_value bytes;
    enum nv_err err = nv_media_numbers(pass->seen.trace->arena, value, &said, &bytes, &is);
    if (err != NV_OK || !is)
        return err;
    *value = bytes;
    return walk_bytes(pass, level, value);
}

static enum nv_err walk_map(struct pass *pass, const struct level *up, struct nv_value *value);
static enum nv_err walk_value(struct pass *pass, const struct level *level,
                              struct nv_value *value);

/* A conversation that is sent again with each call is walked from its first new message on. */
static enum nv_err walk_array(struct pass *pass, const struct level *level,
                              const struct nv_array *array)
{
    const uint32_t before = nv_seen_known(pass->maps, array);
    const uint32_t doubts = pass->doubts;
    uint32_t known = before;
    enum nv_err err = NV_OK;
    for (uint32_t i = before; i < array->count && err == NV_OK; i++) {
        err = walk_value(pass, level, &array->items[i]);
        known += pass->doubts == doubts;
    }
    if (err == NV_OK)
        nv_seen_know(pass->maps, array, known, before);
    return err;
}

/* Recursion is bounded: values are no deeper than NV_VALUE_DEPTH_MAX. */
static enum nv_err walk_value(struct pass *pass, const struct level *level,
                              struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_STRING:
    case NV_VALUE_JSON:
        return walk_text(pass, &value->as.string);
    case NV_VALUE_BYTES:
        return walk_bytes(pass, level, value);
    case NV_VALUE_ARRAY:
        if (nv_media_may_be_numbers(value))
            return walk_numbers(pass, level, value);
        return walk_array(pass, level, &value->as.array);
    case NV_VALUE_MAP:
        return walk_map(pass, level, value);
    default:
        return NV_OK;
    }
}

static enum nv_err walk_member(struct pass *pass, const struct level *level,
                               struct nv_attribute *item)
{
    struct nv_value *value = &item->value;
    bool is = false;
    if (value->type == NV_VALUE_STRING && is_data_key(item->key) &&
        may_be_base64(value->as.string)) {
        pass->doubts++;
        struct nv_media_said said = said_of(level);
        enum nv_err err = take_whole(pass, &said, &value->as.string, &is);
        if (err != NV_OK || is)
            return err;
    }
    return walk_value(pass, level, value);
}

/* A message that is sent again with each call is walked once. Maps of texts hold no numbers. */
static enum nv_err walk_map(struct pass *pass, const struct level *up, struct nv_value *value)
{
    const struct nv_map *map = &value->as.map;
    const struct level level = {map, up};
    const unsigned place = nv_seen_map_place(map);
    enum nv_err err = NV_OK;
    if (place == NV_SEEN_NOWHERE && nv_media_may_be_numbers(value))
        return walk_numbers(pass, up, value);
    if (place != NV_SEEN_NOWHERE && nv_seen_map_find(pass->maps, place, map))
        return NV_OK;
    const uint32_t doubts = pass->doubts;
    for (uint32_t i = 0; i < map->count && err == NV_OK; i++)
        err = walk_member(pass, &level, &map->items[i]);
    if (place != NV_SEEN_NOWHERE && err == NV_OK && pass->doubts == doubts)
        nv_seen_map_put(pass->maps, place, map, 0, 0);
    return err;
}

/* ---- the trace --------------------------------------------------------------------------- */

static enum nv_err walk_attribute(struct pass *pass, struct nv_attribute *item)
{
    pass->key = item->key;
    return walk_value(pass, NULL, &item->value);
}

static enum nv_err walk_list(struct pass *pass, const char *place, struct nv_attributes *list)
{
    enum nv_err err = NV_OK;
    pass->place = place;
    for (uint32_t i = 0; i < list->count && err == NV_OK; i++) {
        struct nv_attribute *item = &list->items[i];
        if (item->value.type > NV_VALUE_STRING ||
            (item->value.type == NV_VALUE_STRING && item->value.as.string.len >= TEXT_MIN))
            err = walk_attribute(pass, item);
    }
    pass->key = (struct nv_str){NULL, 0};
    return err;
}

static enum nv_err walk_message(struct pass *pass, const char *place, struct nv_str *text)
{
    pass->place = place;
    return walk_text(pass, text);
}

/* What the span's media are to it, in the backend's own words. */
static enum nv_err tell_images(struct pass *pass, struct nv_span *span)
{
    struct nv_arena *arena = pass->seen.trace->arena;
    uint32_t count = pass->images.count;
    if (count == 0 || nv_attributes_get(&span->attributes, NV_STR("llm.input.image_uuids")))
        return NV_OK;
    struct nv_value uuids = {.type = NV_VALUE_ARRAY};
    uuids.as.array.items = nv_arena_array(arena, count, sizeof(struct nv_value));
    if (!uuids.as.array.items)
        return NV_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        uuids.as.array.items[i] = pass->images.items[i].value;
    uuids.as.array.count = count;
    enum nv_err err =
        nv_attributes_set(&span->attributes, arena, NV_STR("llm.input.image_uuids"), uuids);
    return err != NV_OK
               ? err
               : nv_attributes_set(&span->attributes, arena, NV_STR("llm.input.image_count"),
                                   nv_value_int(count));
}

static enum nv_err tell_sounds(struct pass *pass, struct nv_span *span)
{
    enum nv_err err = NV_OK;
    for (uint32_t i = 0; i < pass->sounds.count && err == NV_OK; i++) {
        const struct nv_attribute *item = &pass->sounds.items[i];
        if (!nv_attributes_get(&span->attributes, item->key)) {
            err = nv_attributes_add(&span->attributes, pass->seen.trace->arena, item->key,
                                    item->value);
        }
    }
    return err;
}

static enum nv_err walk_span(struct pass *pass, uint32_t number)
{
    struct nv_span *span = &pass->seen.trace->spans[number];
    pass->where.span = number;
    pass->images = pass->sounds = (struct nv_attributes){0};
    enum nv_err err = walk_list(pass, "span.attributes", &span->attributes);
    for (uint32_t i = 0; i < span->event_count && err == NV_OK; i++)
        err = walk_list(pass, "event.attributes", &span->events[i].attributes);
    if (err == NV_OK)
        err = walk_message(pass, "span.status_message", &span->status_message);
    if (err == NV_OK)
        err = walk_message(pass, "span.otel.status.message", &span->source_status_message);
    if (err == NV_OK)
        err = walk_message(pass, "span.exception.message", &span->exception_message);
    if (err == NV_OK)
        err = tell_images(pass, span);
    return err == NV_OK ? tell_sounds(pass, span) : err;
}

enum nv_err nv_media_apply(const struct nv_media_policy *policy, struct nv_trace *trace,
                           const struct nv_media_teller *teller)
{
    struct nv_seen_maps maps;
    struct pass pass = {
        .seen = {.policy = policy, .trace = trace}, .teller = teller, .maps = &maps};
    if (policy->mode == NV_MEDIA_KEEP)
        return NV_OK;
    memset(maps.used, 0, sizeof maps.used);
    pass.seen.capacity = trace->media_count;
    pass.where.span = UINT32_MAX;
    enum nv_err err = walk_list(&pass, "trace.attributes", &trace->attributes);
    if (err == NV_OK)
        err = walk_list(&pass, "trace.custom_attributes", &trace->custom_attributes);
    if (err == NV_OK)
        err = walk_message(&pass, "trace.status_message", &trace->status_message);
    for (uint32_t i = 0; i < trace->span_count && err == NV_OK; i++)
        err = walk_span(&pass, i);
    return err;
}
