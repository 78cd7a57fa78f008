/*
 * References in a trace's JSON.
 *
 * All edits look for texts that only the gateway writes: keys and references stand unescaped in
 * JSON, and what a client writes in a text has its quotes escaped. Blanks are white space
 * between members, so the JSON keeps its length in the common case.
 */
#include "exporter/media/references.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "base/meter.h"

#include <stdlib.h>

#include "base/banned.h"

#define PENDING NV_STR(",\"noveum.gateway.media_pending\":true")
#define UUIDS NV_STR("\"llm.input.image_uuids\":[")
#define SCHEME_LEN 5u /* image, audio */

/* ---- waiting ----------------------------------------------------------------------------- */

static int by_uuid(const void *left, const void *right)
{
    const struct nv_upload *const *a = left;
    const struct nv_upload *const *b = right;

    return strcmp((*a)->facts.uuid, (*b)->facts.uuid);
}

struct nv_media_wait *nv_media_wait_new(const struct nv_store *store, struct nv_trace *trace,
                                        enum nv_trace_id_form form, uint64_t until_ns,
                                        uint32_t *lost)
{
    struct nv_media_wait *wait;

    *lost = trace->media_count;
    if (trace->media_count == 0)
        return NULL;
    wait = calloc(1, sizeof *wait + trace->media_count * sizeof *wait->items);
    if (!wait)
        return NULL;
    wait->until_ns = until_ns;
    for (uint32_t i = 0; i < trace->media_count; i++) {
        struct nv_upload *upload;
        enum nv_err err = nv_upload_new(store, trace, &trace->media[i], form, &upload);

        if (err == NV_OK) {
            wait->items[wait->count++] = upload;
        } else {
            NV_LOG(NV_LOG_ERROR, "exporter", "a medium can't be kept for its upload: %s",
                   nv_err_info(err)->text);
        }
    }
    *lost -= wait->count;
    qsort(wait->items, wait->count, sizeof(struct nv_upload *), by_uuid);
    /* Without the note it only isn't told; it waits all the same. */
    (void)!nv_attributes_set(&trace->attributes, trace->arena, NV_MEDIA_PENDING_KEY,
                             nv_value_bool(true));
    return wait;
}

void nv_media_wait_free(struct nv_media_wait *wait)
{
    for (uint32_t i = 0; wait && i < wait->count; i++)
        nv_upload_unref(wait->items[i]);
    free(wait);
}

bool nv_media_wait_pending(const struct nv_media_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++) {
        if (wait->items[i]->state == NV_UPLOAD_PENDING)
            return true;
    }
    return false;
}

/* ---- edits ------------------------------------------------------------------------------- */

static void blank(struct nv_encoded *encoded, size_t at, size_t len)
{
    memset(encoded->json + at, ' ', len);
}

static void blank_pending(struct nv_encoded *encoded)
{
    size_t at = nv_str_find(nv_encoded_json(encoded), PENDING);

    if (at != SIZE_MAX)
        blank(encoded, at, PENDING.len);
}

static int compare_uuid(const void *key, const void *item)
{
    const struct nv_upload *const *upload = item;

    (void)nv_meter_spend(1);
    return memcmp(key, (*upload)->facts.uuid, NV_MEDIA_UUID_TEXT - 1);
}

static const struct nv_upload *marked_at(const struct nv_media_wait *wait, struct nv_str text)
{
    struct nv_upload *const *found = NULL;

    if (text.len >= NV_MEDIA_UUID_TEXT - 1 && wait->count > 0) {
        found = bsearch(text.ptr, wait->items, wait->count, sizeof(struct nv_upload *),
                        compare_uuid);
    }
    return found && (*found)->state == NV_UPLOAD_MARKED ? *found : NULL;
}

/* Length of a list of uuids that begins at UUIDS, with its bracket. */
static size_t list_len(struct nv_str json, size_t at)
{
    return UUIDS.len + nv_str_find_char(nv_str_slice(json, at + UUIDS.len, SIZE_MAX), ']') + 1;
}

/* The list, and the comma behind it or, where it is the last member, before it. */
static void blank_list(struct nv_encoded *encoded, size_t at, size_t len)
{
    struct nv_str json = nv_encoded_json(encoded);

    if (nv_str_starts(nv_str_slice(json, at + len, SIZE_MAX), NV_STR(",")))
        blank(encoded, at, len + 1);
    else if (at > 0 && json.ptr[at - 1] == ',')
        blank(encoded, at - 1, len + 1);
    else
        blank(encoded, at, len);
}

/* Lists that name what was refused: there is none of it at the backend. */
static void blank_lists(const struct nv_media_wait *wait, struct nv_encoded *encoded)
{
    struct nv_str json = nv_encoded_json(encoded);
    size_t at = 0, found;

    while ((found = nv_str_find(nv_str_slice(json, at, SIZE_MAX), UUIDS)) != SIZE_MAX) {
        at += found;
        size_t len = list_len(json, at);
        if (marked_at(wait, nv_str_slice(json, at + UUIDS.len + 1, SIZE_MAX)))
            blank_list(encoded, at, len);
        at += len;
    }
}

static bool is_scheme(struct nv_str text)
{
    return nv_str_eq(text, NV_STR("image")) || nv_str_eq(text, NV_STR("audio"));
}

/* The JSON with marks for what was refused. Texts may be full of addresses: only what has one
 * of our schemes is looked up. Errors are the buffer's. */
static void write_marks(const struct nv_media_wait *wait, struct nv_str json,
                        struct nv_buf *out)
{
    size_t at = 0, found;

    while ((found = nv_str_find(nv_str_slice(json, at, SIZE_MAX), NV_STR("://"))) != SIZE_MAX) {
        size_t behind = at + found + 3;
        size_t scheme = found >= SCHEME_LEN ? at + found - SCHEME_LEN : SIZE_MAX;
        const struct nv_upload *upload =
            is_scheme(nv_str_slice(json, scheme, SCHEME_LEN))
                ? marked_at(wait, nv_str_slice(json, behind, NV_MEDIA_UUID_TEXT - 1))
                : NULL;

        if (upload) {
            (void)nv_buf_append_str(out, nv_str_slice(json, at, scheme - at));
            (void)nv_buf_printf(out, "[media: %s, %llu bytes, sha256 %s]", upload->facts.mime,
                                (unsigned long long)upload->facts.bytes, upload->facts.hash);
            behind += NV_MEDIA_UUID_TEXT - 1;
        } else {
            (void)nv_buf_append_str(out, nv_str_slice(json, at, behind - at));
        }
        at = behind;
    }
    (void)nv_buf_append_str(out, nv_str_slice(json, at, SIZE_MAX));
}

static struct nv_encoded *with_marks(const struct nv_media_wait *wait,
                                     struct nv_encoded *encoded)
{
    struct nv_encoded *marked = NULL;
    struct nv_buf buf;

    blank_lists(wait, encoded);
    nv_buf_init(&buf, NV_CAP_RECORD);
    if (nv_encoded_begin(&buf) == NV_OK) {
        write_marks(wait, nv_encoded_json(encoded), &buf);
        marked = nv_encoded_take(&buf, encoded->spans);
    }
    nv_buf_release(&buf);
    if (marked) {
        marked->claim = encoded->claim;
        marked->record = encoded->record;
        marked->queued_ns = encoded->queued_ns;
        marked->why = encoded->why;
        marked->dead = encoded->dead;
        marked->status = encoded->status;
        marked->media = encoded->media;
    }
    return marked;
}

struct nv_encoded *nv_media_wait_tell(const struct nv_media_wait *wait,
                                      struct nv_encoded *encoded)
{
    bool marked = false;

    if (!nv_media_wait_pending(wait))
        blank_pending(encoded);
    for (uint32_t i = 0; i < wait->count; i++)
        marked = marked || wait->items[i]->state == NV_UPLOAD_MARKED;
    return marked ? with_marks(wait, encoded) : NULL;
}
