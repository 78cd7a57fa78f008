/*
 * References in a trace's JSON.
 *
 *   keep      media of a trace ──▶ uploads, each with a record, or a mark from the start
 *             media_pending:true is put into the trace before it is encoded
 *   wait      the JSON lies encoded; its arena, with all base64, is gone
 *   tell      all ended ─▶ the key is blanked
 *             one refused ─▶ its uuid leaves the lists, a mark takes its reference's place
 *
 * All edits look for fixed texts: keys stand with their quotes in JSON, and in what a client
 * writes in a text quotes are escaped. A reference, image://uuid, may be a client's own word:
 * ours are told by their uuid (marked_at). So the JSON is never parsed again, which would cost
 * more than writing it did.
 *
 * Blanks are white space between members, so the JSON keeps its length in the common case,
 * where all arrived: no second buffer beside one that may be as large as a trace gets. Only a
 * mark, which is longer than what it replaces, needs a new one.
 *
 * Rejected: encoding again when media have ended. The arena would have to live as long as the
 * slowest upload, and with it the base64 of all the others.
 */
#include "exporter/media/references.h"

#include "base/limits.h"
#include "base/log/log.h"
#include "base/meter.h"

#include <stdlib.h>

#include "base/banned.h"

#define PENDING NV_STR(",\"noveum.gateway.media_pending\":true")
#define UUIDS NV_STR("\"llm.input.image_uuids\":[")
#define UUID_LEN ((size_t)NV_MEDIA_UUID_TEXT - 1)
#define QUOTED_LEN (UUID_LEN + 2)
#define SCHEME_LEN 5u /* image, audio */

/* ---- waiting ----------------------------------------------------------------------------- */

/*
 * The order in which references are looked up, by bsearch: a trace has up to
 * NV_MEDIA_UPLOADS_MAX uploads and any number of texts that look like a reference.
 */
static int by_uuid(const void *left, const void *right)
{
    const struct nv_upload *const *a = left;
    const struct nv_upload *const *b = right;

    return strcmp((*a)->facts.uuid, (*b)->facts.uuid);
}

/* The bytes are kept, or, for want of a place for them, a mark stands for them: *why. */
static enum nv_err keep_one(const struct nv_store *store, const struct nv_trace *trace,
                            const struct nv_medium *medium, enum nv_trace_id_form form,
                            struct nv_upload **out, enum nv_err *why)
{
    *why = nv_upload_new(store, trace, medium, form, out);
    if (*why == NV_OK || *why == NV_ERR_NO_MEMORY)
        return *why;
    return nv_upload_new_marked(trace, medium, form, out);
}

/*
 * The last one could not be kept, and with it the sync that covers those before it is missing:
 * one of them is put once more, for the sync. Where none can be, all stay as they are, and the
 * round that settles the trace syncs them.
 */
static enum nv_err sync_kept(const struct nv_store *synced, const struct nv_trace *trace,
                             enum nv_trace_id_form form, struct nv_media_wait *wait)
{
    for (uint32_t i = wait->count; i-- > 0;) {
        struct nv_upload *again;
        enum nv_err err;

        if (wait->items[i]->state != NV_UPLOAD_PENDING)
            continue;
        err = nv_upload_new(synced, trace, &trace->media[i], form, &again);
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err != NV_OK)
            continue;
        nv_upload_forget(wait->items[i], synced);
        nv_upload_unref(wait->items[i]);
        wait->items[i] = again;
        return NV_OK;
    }
    return NV_OK;
}

/* The sync of the last one covers those before it. */
static enum nv_err keep_all(const struct nv_store *store, const struct nv_trace *trace,
                            enum nv_trace_id_form form, struct nv_media_wait *wait,
                            uint32_t *lost)
{
    struct nv_store synced = store ? nv_store_synced(store) : (struct nv_store){.ctx = NULL};
    enum nv_err err = NV_OK, why = NV_OK, last_why = NV_OK;

    for (uint32_t i = 0; i < trace->media_count && err == NV_OK; i++) {
        bool last = i + 1 == trace->media_count;

        err = keep_one(store && last ? &synced : store, trace, &trace->media[i], form,
                       &wait->items[i], &why);
        wait->count += err == NV_OK;
        if (err == NV_OK && why != NV_OK) {
            last_why = why;
            ++*lost;
        }
    }
    if (err == NV_OK && why != NV_OK && store)
        err = sync_kept(&synced, trace, form, wait);
    if (*lost > 0 && err == NV_OK) {
        NV_LOG(NV_LOG_ERROR, "exporter",
               "media can't be kept for their upload, marks stand for them count=%u: %s", *lost,
               nv_err_info(last_why)->text);
    }
    return err;
}

/*
 *   records ──▶ attribute ──▶ sorted
 *      └ failed: undone, in the reverse sense: records released, uploads gone
 *
 * The attribute comes last of what can fail: a trace that says `pending` with nothing pending
 * would say so for ever. A failure leaves the trace as it was, and its journal record brings
 * it again.
 */
enum nv_err nv_media_wait_new(const struct nv_store *store, struct nv_trace *trace,
                              enum nv_trace_id_form form, uint64_t until_ns,
                              struct nv_media_wait **out, uint32_t *lost)
{
    struct nv_media_wait *wait;
    enum nv_err err;

    *out = NULL;
    *lost = 0;
    if (trace->media_count == 0)
        return NV_OK;
    wait = calloc(1, sizeof *wait + trace->media_count * sizeof *wait->items);
    if (!wait)
        return NV_ERR_NO_MEMORY;
    wait->until_ns = until_ns;
    err = keep_all(store, trace, form, wait, lost);
    if (err == NV_OK) {
        err = nv_attributes_set(&trace->attributes, trace->arena, NV_MEDIA_PENDING_KEY,
                                nv_value_bool(true));
    }
    if (err != NV_OK) {
        nv_media_wait_undo(wait, store);
        return err;
    }
    qsort(wait->items, wait->count, sizeof(struct nv_upload *), by_uuid);
    *out = wait;
    return NV_OK;
}

void nv_media_wait_undo(struct nv_media_wait *wait, const struct nv_store *store)
{
    for (uint32_t i = 0; wait && i < wait->count; i++)
        nv_upload_forget(wait->items[i], store);
    nv_media_wait_free(wait);
}

void nv_media_wait_free(struct nv_media_wait *wait)
{
    for (uint32_t i = 0; wait && i < wait->count; i++)
        nv_upload_unref(wait->items[i]);
    free(wait);
}

/*
 * Looked at for each waiting trace when an upload has ended or a wait is over (let_go in
 * uploading.c), so it stops at the first that is not through.
 */
bool nv_media_wait_pending(const struct nv_media_wait *wait)
{
    for (uint32_t i = 0; i < wait->count; i++) {
        if (wait->items[i]->state == NV_UPLOAD_PENDING)
            return true;
    }
    return false;
}

/* ---- edits ------------------------------------------------------------------------------- */

/*
 * Spaces, as white space is allowed around every token of JSON, and no parser downstream
 * cares.
 */
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

/*
 * Counted, because the bound of this work is tested by count and not by time (base/meter.h).
 */
static int compare_uuid(const void *key, const void *item)
{
    const struct nv_upload *const *upload = item;

    (void)nv_meter_spend(1);
    return memcmp(key, (*upload)->facts.uuid, UUID_LEN);
}

/*
 * Compares the uuid's bytes where they stand: what follows is the caller's to look at. A uuid
 * that is none of ours is a client's own address, and stays.
 */
static const struct nv_upload *marked_at(const struct nv_media_wait *wait, struct nv_str text)
{
    struct nv_upload *const *found = NULL;

    if (text.len >= UUID_LEN && wait->count > 0) {
        found = bsearch(text.ptr, wait->items, wait->count, sizeof(struct nv_upload *),
                        compare_uuid);
    }
    return found && (*found)->state == NV_UPLOAD_MARKED ? *found : NULL;
}

/*
 * A member of `len` bytes, and the comma behind it or, where it is the last, before it. Blanks
 * between are where another member was.
 */
static void blank_member(struct nv_encoded *encoded, size_t at, size_t len)
{
    const struct nv_str json = nv_encoded_json(encoded);
    size_t from = at, to = at + len;

    while (to < json.len && json.ptr[to] == ' ')
        to++;
    if (nv_str_starts(nv_str_slice(json, to, SIZE_MAX), NV_STR(","))) {
        blank(encoded, at, to + 1 - at);
        return;
    }
    while (from > 0 && json.ptr[from - 1] == ' ')
        from--;
    if (from > 0 && json.ptr[from - 1] == ',')
        blank(encoded, from - 1, 1);
    blank(encoded, at, len);
}

/*
 * How many uuids in quotes stand at `text`, up to a bracket at *end; 0: none, or something else
 * too. Blanks before the bracket are what an earlier time has left of others.
 */
static size_t count_listed(struct nv_str text, size_t *end)
{
    size_t at = 0;

    for (size_t n = 1; text.len - at > QUOTED_LEN; n++) {
        if (text.ptr[at] != '"' || text.ptr[at + QUOTED_LEN - 1] != '"')
            return 0;
        size_t behind = at + QUOTED_LEN;
        *end = behind;
        while (*end < text.len && text.ptr[*end] == ' ')
            ++*end;
        if (*end < text.len && text.ptr[*end] == ']')
            return n;
        if (text.ptr[behind] != ',')
            return 0;
        at = behind + 1;
    }
    return 0;
}

/* The list of `len` bytes behind the key at `at` keeps what is not refused, and ends in blanks;
 * one of which nothing is left goes as a whole. */
static void shorten_list(const struct nv_media_wait *wait, struct nv_encoded *encoded,
                         size_t at, size_t count, size_t len)
{
    char *list = encoded->json + at + UUIDS.len;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        const char *item = list + i * (QUOTED_LEN + 1);

        if (marked_at(wait, (struct nv_str){item + 1, UUID_LEN}))
            continue;
        if (kept > 0)
            list[kept++] = ',';
        memmove(list + kept, item, QUOTED_LEN);
        kept += QUOTED_LEN;
    }
    memset(list + kept, ' ', len - kept);
    if (kept == 0)
        blank_member(encoded, at, UUIDS.len + len + 1);
}

/* Lists that name what was refused: there is none of it at the backend. */
static void shorten_lists(const struct nv_media_wait *wait, struct nv_encoded *encoded)
{
    struct nv_str json = nv_encoded_json(encoded);
    size_t at = 0, found;

    while ((found = nv_str_find(nv_str_slice(json, at, SIZE_MAX), UUIDS)) != SIZE_MAX) {
        size_t end = 0;
        at += found;
        size_t count = count_listed(nv_str_slice(json, at + UUIDS.len, SIZE_MAX), &end);
        if (count > 0)
            shorten_list(wait, encoded, at, count, end);
        at += UUIDS.len;
    }
}

/* Members that are one uuid. */
static void blank_single(const struct nv_media_wait *wait, struct nv_encoded *encoded,
                         struct nv_str key)
{
    struct nv_str json = nv_encoded_json(encoded);
    size_t at = 0, found;

    while ((found = nv_str_find(nv_str_slice(json, at, SIZE_MAX), key)) != SIZE_MAX) {
        at += found;
        struct nv_str uuid = nv_str_slice(json, at + key.len, UUID_LEN + 1);
        if (uuid.len > UUID_LEN && uuid.ptr[UUID_LEN] == '"' && marked_at(wait, uuid))
            blank_member(encoded, at, key.len + UUID_LEN + 1);
        at += key.len;
    }
}

/*
 * Before the marks: a list or a member is shortened in place, and the marks are written into a
 * copy of what is left.
 */
static void blank_names(const struct nv_media_wait *wait, struct nv_encoded *encoded)
{
    shorten_lists(wait, encoded);
    blank_single(wait, encoded, NV_STR("\"stt.audio_uuid\":\""));
    blank_single(wait, encoded, NV_STR("\"tts.audio_uuid\":\""));
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
                ? marked_at(wait, nv_str_slice(json, behind, UUID_LEN))
                : NULL;

        if (upload) {
            (void)nv_buf_append_str(out, nv_str_slice(json, at, scheme - at));
            (void)nv_buf_printf(out, "[media: %s, %llu bytes, sha256 %s]", upload->facts.mime,
                                (unsigned long long)upload->facts.bytes, upload->facts.hash);
            behind += UUID_LEN;
        } else {
            (void)nv_buf_append_str(out, nv_str_slice(json, at, behind - at));
        }
        at = behind;
    }
    (void)nv_buf_append_str(out, nv_str_slice(json, at, SIZE_MAX));
}

/*
 * A new element with the old one's place in the world: claim, outbox record, times and
 * verdict. The old one is still there and is JSON still: without memory for the new one it
 * lacks the names of what was refused, which the next look would take out, too.
 */
static struct nv_encoded *with_marks(const struct nv_media_wait *wait,
                                     struct nv_encoded *encoded)
{
    struct nv_encoded *marked = NULL;
    struct nv_buf buf;

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

/*
 * Idempotent as far as it comes: blanks stay blanks, and a trace whose mark found no memory
 * is told again at the next look. The scan for marks is of uploads, not of the JSON: most
 * traces have none.
 */
enum nv_err nv_media_wait_tell(const struct nv_media_wait *wait, struct nv_encoded *encoded,
                               struct nv_encoded **out)
{
    bool marked = false;

    *out = NULL;
    if (!nv_media_wait_pending(wait))
        blank_pending(encoded);
    for (uint32_t i = 0; i < wait->count; i++)
        marked = marked || wait->items[i]->state == NV_UPLOAD_MARKED;
    if (!marked)
        return NV_OK;
    blank_names(wait, encoded);
    *out = with_marks(wait, encoded);
    return *out ? NV_OK : NV_ERR_NO_MEMORY;
}
