/*
 * Dead letters of media.
 *
 *   upload's record ──get──▶ bytes ──base64──▶ payload ┐
 *   facts, answer ──────────▶ head, masked ────────────┴─put, synced──▶ letter
 *                                                                        │ dead retry
 *   new record, synced ◀──put── bytes, if the hash is theirs ◀──base64───┘ then the letter goes
 *
 * A letter is JSON, because it is shown as such (`dead show`, the page); so the bytes are
 * base64 again in it, made once while no upload of the same medium is in memory.
 *
 * At each moment the bytes are in at least one record. Killed between the new record and the
 * release of the old one, both are there: the medium goes twice, under one uuid and with the
 * same bytes. What the backend makes of the second is not known (docs/noveum-backend.md#media);
 * if it is a 409, that counts as delivered.
 *
 * Rejected: to keep a letter as the record that it was, with a mark. `dead list` would have
 * to know a second form, and the answer that made it a letter would have no place.
 */
#include "exporter/media/letter.h"

#include "base/clock.h"
#include "base/json/json_read.h"
#include "base/json/json_write.h"
#include "base/limits.h"
#include "base/text/mask.h"
#include "base/text/text.h"
#include "exporter/outbox/dead_letters.h"

#include "base/banned.h"

static void text(struct nv_json_writer *json, const char *key, const char *value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_string(json, nv_str_from(value));
}

static void number(struct nv_json_writer *json, const char *key, uint64_t value)
{
    nv_json_write_key(json, nv_str_from(key));
    nv_json_write_uint(json, value);
}

/*
 * What we say, then what the backend said, in one text, written in parts: a copy of it would
 * have to be as long as an answer may be.
 */
static void write_why(struct nv_json_writer *json, const struct nv_media_letter *letter)
{
    nv_json_write_key(json, NV_STR("why"));
    nv_json_write_string_begin(json);
    nv_json_write_string_part(json, nv_str_from(letter->why));
    nv_json_write_string_part(json, nv_str_from(letter->said[0] != '\0' ? ": " : ""));
    nv_json_write_string_part(json, nv_str_from(letter->said));
    nv_json_write_string_end(json);
}

/*
 * Head and payload are apart because a list of letters reads heads alone: a payload may be 2
 * GiB. It is masked as a whole, for a backend's answer may repeat the key it was asked with.
 * Spans are 0: a medium has none, and the ledger must not move by it.
 */
static enum nv_err write_head(const struct nv_upload_facts *facts,
                              const struct nv_media_letter *letter, uint64_t wall_ns,
                              struct nv_buf *head)
{
    struct nv_json_writer json;
    char time[NV_TIME_TEXT_SIZE];
    unsigned time_len = nv_time_format(wall_ns, time);

    nv_json_write_init(&json, head);
    nv_json_write_begin_object(&json);
    number(&json, "v", 1);
    text(&json, "trace_id", facts->trace_id);
    nv_json_write_key(&json, NV_STR("name"));
    nv_json_write_string_begin(&json);
    nv_json_write_string_part(&json, nv_str_from(facts->mime));
    nv_json_write_string_part(&json, NV_STR(" "));
    nv_json_write_string_part(&json, nv_str_from(facts->uuid));
    nv_json_write_string_end(&json);
    text(&json, "reason", nv_dead_reason_text(letter->dead));
    nv_json_write_key(&json, NV_STR("status"));
    nv_json_write_int(&json, letter->status);
    write_why(&json, letter);
    nv_json_write_key(&json, NV_STR("time"));
    nv_json_write_string(&json, (struct nv_str){time, time_len});
    number(&json, "spans", 0);
    nv_json_write_end_object(&json);
    nv_mask_buf(head);
    return head->failed;
}

/*
 * The base64 goes behind the writer's back: its alphabet has nothing that JSON escapes, and
 * the writer would look at every byte of a file for it. The object stays open until then.
 */
static enum nv_err write_payload(const struct nv_upload_facts *facts, struct nv_str bytes,
                                 struct nv_buf *payload)
{
    struct nv_json_writer json;

    nv_json_write_init(&json, payload);
    nv_json_write_begin_object(&json);
    nv_json_write_key(&json, NV_STR("medium"));
    nv_json_write_begin_object(&json);
    text(&json, "uuid", facts->uuid);
    text(&json, "trace_id", facts->trace_id);
    text(&json, "span_id", facts->span_id);
    text(&json, "mime", facts->mime);
    text(&json, "format", facts->format);
    text(&json, "sha256", facts->hash);
    number(&json, "use", facts->use);
    number(&json, "wall_ns", facts->wall_ns);
    number(&json, "bytes", facts->bytes);
    nv_json_write_end_object(&json);
    (void)nv_buf_printf(payload, ",\"data\":\"");
    (void)nv_base64_encode(payload, bytes);
    return nv_buf_printf(payload, "\"}");
}

enum nv_err nv_media_letter_put(const struct nv_store *store,
                                const struct nv_upload_facts *facts, uint64_t record,
                                const struct nv_media_letter *letter, uint64_t wall_ns)
{
    struct nv_store synced = nv_store_synced(store);
    struct nv_buf bytes, head, payload;
    uint64_t id;
    enum nv_err err;

    nv_buf_init(&bytes, NV_CAP_RECORD);
    nv_buf_init(&head, NV_CAP_DEAD_HEAD);
    nv_buf_init(&payload, NV_CAP_RECORD);
    err = store->get(store->ctx, record, &bytes);
    if (err == NV_OK)
        err = write_head(facts, letter, wall_ns, &head);
    if (err == NV_OK)
        err = write_payload(facts, nv_buf_str(&bytes), &payload);
    if (err == NV_OK) {
        err = synced.put(store->ctx, NV_RECORD_DEAD_LETTER, nv_buf_str(&head),
                         nv_buf_str(&payload), &id);
    }
    nv_buf_release(&bytes);
    nv_buf_release(&head);
    nv_buf_release(&payload);
    return err;
}

/* ---- again ------------------------------------------------------------------------------- */

struct letter {
    struct nv_upload_facts facts;
    struct nv_str data; /* base64, a view of the payload */
};

/* Of what is sent in a head and in a form: one word. False: it is none, or too long. */
static bool read_word(struct nv_str word, char *out, size_t room)
{
    if (word.len == 0 || word.len >= room)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] <= ' ' || word.ptr[i] > '~' || word.ptr[i] == '"' ||
            word.ptr[i] == '\\')
            return false;
    }
    memcpy(out, word.ptr, word.len);
    out[word.len] = '\0';
    return true;
}

/*
 * A key that is not known is no fault: the letter may be of a later version, whose facts this
 * one can do without. A value that is known and wrong is one.
 */
static bool read_text(struct nv_str key, struct nv_str value, struct nv_upload_facts *facts)
{
    const struct {
        struct nv_str key;
        char *out;
        size_t room;
    } texts[] = {{NV_STR("uuid"), facts->uuid, sizeof facts->uuid},
                 {NV_STR("trace_id"), facts->trace_id, sizeof facts->trace_id},
                 {NV_STR("span_id"), facts->span_id, sizeof facts->span_id},
                 {NV_STR("mime"), facts->mime, sizeof facts->mime},
                 {NV_STR("format"), facts->format, sizeof facts->format},
                 {NV_STR("sha256"), facts->hash, sizeof facts->hash}};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (nv_str_eq(texts[i].key, key))
            return read_word(value, texts[i].out, texts[i].room);
    }
    return true;
}

/*
 * A use out of range is left at 0 and not refused: it is one word in a form, and the medium
 * is worth more than that word.
 */
static bool read_number(struct nv_str key, struct nv_str value, struct nv_upload_facts *facts)
{
    uint64_t n;

    if (nv_str_to_uint64(value, &n) != NV_OK)
        return false;
    if (nv_str_eq(key, NV_STR("bytes")))
        facts->bytes = n;
    else if (nv_str_eq(key, NV_STR("wall_ns")))
        facts->wall_ns = n;
    else if (nv_str_eq(key, NV_STR("use")) && n <= NV_MEDIA_TTS)
        facts->use = (enum nv_media_use)n;
    return true;
}

/* Flat, words and numbers: anything deeper or of another type was not written by us. */
static bool read_facts(struct nv_json_reader *reader, struct nv_upload_facts *facts)
{
    enum nv_json_token token;
    bool good = nv_json_next(reader) == NV_JSON_OBJECT_BEGIN;

    while (good && (token = nv_json_next(reader)) != NV_JSON_OBJECT_END) {
        struct nv_str key = reader->raw;

        good = token == NV_JSON_KEY;
        token = good ? nv_json_next(reader) : NV_JSON_ERROR;
        if (token == NV_JSON_STRING)
            good = read_text(key, reader->raw, facts);
        else if (token == NV_JSON_NUMBER)
            good = read_number(key, reader->raw, facts);
        else
            good = false;
    }
    return good;
}

/* Letters of before 0.2 lack the format; it is the end of the type. */
static bool fill_in(struct nv_upload_facts *facts)
{
    struct nv_str mime = nv_str_from(facts->mime);
    bool image = nv_str_starts(mime, NV_STR("image/"));

    facts->kind = image ? NV_MEDIA_IMAGE : NV_MEDIA_AUDIO;
    if (!image && !nv_str_starts(mime, NV_STR("audio/")))
        return false;
    if (facts->format[0] == '\0')
        (void)read_word(nv_str_slice(mime, 6, SIZE_MAX), facts->format, sizeof facts->format);
    return facts->uuid[0] != '\0' && facts->trace_id[0] != '\0' && facts->span_id[0] != '\0' &&
           facts->hash[0] != '\0' && facts->format[0] != '\0';
}

/* NV_ERR_NOT_FOUND: it is no letter of a medium. */
static enum nv_err read_letter(struct nv_str payload, struct letter *out)
{
    struct nv_json_reader reader;

    *out = (struct letter){.data = {NULL, 0}};
    nv_json_read_init(&reader, payload, 3);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN || nv_json_next(&reader) != NV_JSON_KEY ||
        !nv_str_eq(reader.raw, NV_STR("medium")))
        return NV_ERR_NOT_FOUND;
    if (!read_facts(&reader, &out->facts) || !fill_in(&out->facts) ||
        nv_json_next(&reader) != NV_JSON_KEY || !nv_str_eq(reader.raw, NV_STR("data")) ||
        nv_json_next(&reader) != NV_JSON_STRING)
        return NV_ERR_MALFORMED;
    out->data = reader.raw;
    return NV_OK;
}

/* What was changed on the disk must not be sent under the hash of something else. */
static bool is_of_hash(struct nv_str bytes, const struct nv_upload_facts *facts)
{
    char hash[sizeof facts->hash];

    return bytes.len == facts->bytes && nv_upload_hash(bytes, hash) &&
           strcmp(hash, facts->hash) == 0;
}

/*
 * Decoded and hashed before it is kept: a record that is not what its letter says would be
 * sent under that hash, and a mark in some trace would vouch for it. The new record is on
 * disk when this comes back, which lets the letter be released.
 */
static enum nv_err put_again(const struct nv_store *store, const struct letter *letter,
                             struct nv_upload **out)
{
    struct nv_store synced = nv_store_synced(store);
    struct nv_buf bytes;
    enum nv_err err;

    nv_buf_init(&bytes, NV_CAP_RECORD);
    err = nv_base64_decode(&bytes, letter->data);
    if (err == NV_OK && !is_of_hash(nv_buf_str(&bytes), &letter->facts))
        err = NV_ERR_MALFORMED;
    if (err == NV_OK)
        err = nv_upload_restore(&synced, &letter->facts, nv_buf_str(&bytes), out);
    nv_buf_release(&bytes);
    return err;
}

/*
 * Whether it is a medium's is known by its first key alone, so who retries letters asks here
 * first and goes on to traces when it is none (`*is`). Only a letter whose medium has a
 * record of its own again is released; every failure before leaves it as it was.
 */
enum nv_err nv_media_letter_retry(const struct nv_store *store, uint64_t id,
                                  struct nv_upload **out, bool *is)
{
    struct nv_upload *upload = NULL;
    struct letter letter;
    struct nv_buf payload;
    enum nv_err err;

    nv_buf_init(&payload, NV_CAP_RECORD);
    err = store->get(store->ctx, id, &payload);
    *is = false;
    if (err == NV_OK) {
        err = read_letter(nv_buf_str(&payload), &letter);
        *is = err != NV_ERR_NOT_FOUND;
        if (err == NV_OK)
            err = put_again(store, &letter, &upload);
        else if (err == NV_ERR_NOT_FOUND)
            err = NV_OK;
    }
    nv_buf_release(&payload);
    if (upload)
        store->release(store->ctx, id);
    if (upload && out)
        *out = upload;
    else
        nv_upload_unref(upload);
    return err;
}
