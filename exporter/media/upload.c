/*
 * Uploads and their records.
 *
 * The head of a record is one line of words, because all of its values are words: no type, id
 * or hash has a space in it (redaction/media/types.c sees to it).
 *
 *   1 <uuid> <trace> <span> <mime> <format> <sha256> <kind> <use> <wall_ns> <bytes>
 *   └ version: a head of another one is left alone, for the program that wrote it
 *
 *   base64 or raw ──decode──▶ one buffer ─┬─ store ──▶ record; the buffer is freed
 *     (+ WAV header for samples)          └─ none ───▶ the upload takes the buffer itself
 *
 * Whose it is: the thread that owns the trace makes an upload and hands it on with the trace;
 * from then on it is the sender's, which is why `refs` is a plain number. What several
 * threads share is `in_memory` alone: many shards add to it, and who lets the bytes go takes
 * off, the sender or a shard that could not hand them on.
 *
 * Without a store NV_CAP_UPLOADS limits what waits; with one it is the disk, and an upload
 * costs memory for its facts alone.
 */
#include "exporter/media/upload.h"

#include "base/limits.h"
#include "base/openssl.h"
#include "base/text/base64_text.h"
#include "base/text/text.h"
#include "exporter/media/wav.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/banned.h"

/* Words of a head, all of them: one more or less, and it is of something else. */
#define HEAD_WORDS 11
#define VERSION NV_STR("1")

/* Bytes in memory of all uploads without a store. */
static _Atomic uint64_t in_memory;

/* ---- facts ------------------------------------------------------------------------------- */

/*
 * Cut for the room's sake alone. What is sent fits: a type is of our own table, or a client's
 * word that was refused where it is longer than NV_MEDIA_MIME_MAX (redaction/media/types.c).
 * Only words of a head that somebody changed on the disk may not.
 */
static void copy_word(char *out, size_t room, struct nv_str word)
{
    size_t len = word.len < room ? word.len : room - 1;

    if (len > 0)
        memcpy(out, word.ptr, len);
    out[len] = '\0';
}

static void hex_word(char *out, const uint8_t *bytes, size_t len)
{
    nv_hex_encode(bytes, len, out);
    out[2 * len] = '\0';
}

/*
 * A medium of the trace itself (a text of no span) goes under its first span, for the backend
 * wants a span id; a trace without spans has zeros there. The time is the span's start and
 * not now: a replay after a crash sends the same form, and the backend sees when it was made.
 */
static void tell_facts(const struct nv_trace *trace, const struct nv_medium *medium,
                       enum nv_trace_id_form form, struct nv_upload_facts *out)
{
    static const uint8_t none[NV_SPAN_ID_BYTES];
    const struct nv_span *span = medium->span < trace->span_count ? &trace->spans[medium->span]
                                 : trace->span_count > 0          ? &trace->spans[0]
                                                                  : NULL;

    *out = (struct nv_upload_facts){.kind = medium->type.kind,
                                    .use = medium->use,
                                    .wall_ns = span ? span->start_ns : trace->start_ns,
                                    .bytes = medium->bytes};
    nv_media_uuid_text(medium->uuid, out->uuid);
    if (form == NV_TRACE_ID_HEX)
        hex_word(out->trace_id, trace->trace_id, NV_TRACE_ID_BYTES);
    else
        nv_media_uuid_text(trace->trace_id, out->trace_id);
    hex_word(out->span_id, span ? span->span_id : none, NV_SPAN_ID_BYTES);
    hex_word(out->hash, medium->hash, NV_MEDIA_HASH_BYTES);
    copy_word(out->mime, sizeof out->mime, medium->type.mime);
    copy_word(out->format, sizeof out->format, medium->type.format);
}

static enum nv_err write_head(const struct nv_upload_facts *facts, struct nv_buf *out)
{
    return nv_buf_printf(out, "1 %s %s %s %s %s %s %u %u %llu %llu", facts->uuid,
                         facts->trace_id, facts->span_id, facts->mime, facts->format,
                         facts->hash, (unsigned)facts->kind, (unsigned)facts->use,
                         (unsigned long long)facts->wall_ns, (unsigned long long)facts->bytes);
}

/*
 * The last word ends the line and no other does. An empty one is refused, too: two spaces in
 * a row would shift all that follows by one.
 */
static bool read_words(struct nv_str head, struct nv_str words[HEAD_WORDS])
{
    for (int i = 0; i < HEAD_WORDS; i++) {
        size_t end = nv_str_find_char(head, ' ');

        words[i] = nv_str_slice(head, 0, end);
        if (words[i].len == 0 || (end == SIZE_MAX) != (i == HEAD_WORDS - 1))
            return false;
        head = nv_str_slice(head, end + 1, SIZE_MAX);
    }
    return true;
}

/*
 * Numbers that become an enum are held to it here, once: what is behind indexes tables by
 * them.
 */
static bool read_head(struct nv_str head, struct nv_upload_facts *out)
{
    struct nv_str words[HEAD_WORDS];
    uint64_t kind, use;

    if (!read_words(head, words) || !nv_str_eq(words[0], VERSION) ||
        nv_str_to_uint64(words[7], &kind) != NV_OK || kind > NV_MEDIA_AUDIO ||
        nv_str_to_uint64(words[8], &use) != NV_OK || use > NV_MEDIA_TTS ||
        nv_str_to_uint64(words[9], &out->wall_ns) != NV_OK ||
        nv_str_to_uint64(words[10], &out->bytes) != NV_OK)
        return false;
    copy_word(out->uuid, sizeof out->uuid, words[1]);
    copy_word(out->trace_id, sizeof out->trace_id, words[2]);
    copy_word(out->span_id, sizeof out->span_id, words[3]);
    copy_word(out->mime, sizeof out->mime, words[4]);
    copy_word(out->format, sizeof out->format, words[5]);
    copy_word(out->hash, sizeof out->hash, words[6]);
    out->kind = (enum nv_media_kind)kind;
    out->use = (enum nv_media_use)use;
    return true;
}

/* ---- bytes ------------------------------------------------------------------------------- */

/*
 * The room was reserved for exactly `bytes`, which the finder counted when it hashed them; a
 * reader that writes into it saves a second copy of a file of megabytes.
 */
static enum nv_err append_bytes(const struct nv_medium *medium, struct nv_buf *out)
{
    struct nv_base64_reader reader;

    if (medium->raw)
        return nv_buf_append_str(out, medium->text);
    nv_base64_read_init(&reader, medium->text, 0);
    out->len += nv_base64_read(&reader, (uint8_t *)out->bytes + out->len, medium->bytes);
    return NV_OK;
}

/* Samples without a header get one: what /v1/audio takes is WAV. */
static enum nv_err decode(const struct nv_medium *medium, struct nv_buf *out)
{
    uint8_t header[NV_WAV_HEADER_BYTES];
    bool wav = medium->type.samples.rate > 0;
    enum nv_err err = nv_buf_reserve(out, medium->bytes + (wav ? sizeof header + 1 : 0));

    if (err == NV_OK && wav) {
        nv_wav_header(&medium->type.samples, medium->bytes, header);
        err = nv_buf_append(out, header, sizeof header);
    }
    if (err == NV_OK)
        err = append_bytes(medium, out);
    return err == NV_OK && wav && medium->bytes % 2 == 1 ? nv_buf_append_char(out, '\0') : err;
}

bool nv_upload_hash(struct nv_str bytes, char out[2 * NV_MEDIA_HASH_BYTES + 1])
{
    uint8_t digest[NV_SHA256_BYTES];

    if (nv_openssl_sha256(bytes, digest) != NV_OK)
        return false;
    hex_word(out, digest, NV_MEDIA_HASH_BYTES);
    return true;
}

/*
 * Length, type and hash become those of the file, for that is what is sent and what a mark
 * vouches for. The uuid stays that of the samples: a replay, which has not made the file yet,
 * must find it.
 */
static enum nv_err tell_wav(struct nv_upload_facts *facts, struct nv_str bytes)
{
    copy_word(facts->mime, sizeof facts->mime, NV_STR("audio/wav"));
    copy_word(facts->format, sizeof facts->format, NV_STR("wav"));
    facts->bytes = bytes.len;
    return nv_upload_hash(bytes, facts->hash) ? NV_OK : NV_ERR_NO_MEMORY;
}

static enum nv_err keep_in_store(const struct nv_store *store, struct nv_upload *upload,
                                 struct nv_str bytes)
{
    struct nv_buf head;
    enum nv_err err;

    nv_buf_init(&head, NV_CAP_UPLOAD_HEAD);
    err = write_head(&upload->facts, &head);
    if (err == NV_OK) {
        err =
            store->put(store->ctx, NV_RECORD_MEDIUM, nv_buf_str(&head), bytes, &upload->record);
    }
    nv_buf_release(&head);
    return err;
}

/*
 * Added first, looked at then: two threads that both saw room would together exceed the cap.
 * The price is that one may be refused for what another is about to give back; it becomes a
 * mark.
 */
static enum nv_err keep_in_memory(struct nv_upload *upload, struct nv_buf *bytes)
{
    uint64_t size = upload->facts.bytes;

    if (atomic_fetch_add(&in_memory, size) + size > NV_CAP_UPLOADS) {
        atomic_fetch_sub(&in_memory, size);
        return NV_ERR_FULL;
    }
    (void)nv_buf_take(bytes, &upload->memory);
    return NV_OK;
}

/* One decoded copy, which the store or the upload keeps. */
static enum nv_err keep_bytes(const struct nv_store *store, struct nv_upload *upload,
                              const struct nv_medium *medium)
{
    struct nv_buf bytes;
    enum nv_err err;

    nv_buf_init(&bytes, NV_CAP_RECORD);
    err = decode(medium, &bytes);
    if (err == NV_OK && medium->type.samples.rate > 0)
        err = tell_wav(&upload->facts, nv_buf_str(&bytes));
    if (err == NV_OK && store)
        err = keep_in_store(store, upload, nv_buf_str(&bytes));
    else if (err == NV_OK)
        err = keep_in_memory(upload, &bytes);
    nv_buf_release(&bytes);
    return err;
}

/* ---- uploads ----------------------------------------------------------------------------- */

/*
 * Also the first half of nv_upload_new: facts are told before bytes are kept, as the head of
 * the record is written of them.
 */
enum nv_err nv_upload_new_marked(const struct nv_trace *trace, const struct nv_medium *medium,
                                 enum nv_trace_id_form form, struct nv_upload **out)
{
    struct nv_upload *upload = calloc(1, sizeof *upload);

    assert(medium->type.kind <= NV_MEDIA_AUDIO);
    if (!upload)
        return NV_ERR_NO_MEMORY;
    upload->refs = 1;
    upload->state = NV_UPLOAD_MARKED;
    nv_buf_init(&upload->wire, NV_CAP_RECORD);
    tell_facts(trace, medium, form, &upload->facts);
    *out = upload;
    return NV_OK;
}

enum nv_err nv_upload_new(const struct nv_store *store, const struct nv_trace *trace,
                          const struct nv_medium *medium, enum nv_trace_id_form form,
                          struct nv_upload **out)
{
    struct nv_upload *upload;
    enum nv_err err = nv_upload_new_marked(trace, medium, form, &upload);

    if (err != NV_OK)
        return err;
    upload->state = NV_UPLOAD_PENDING;
    err = keep_bytes(store, upload, medium);
    if (err == NV_OK)
        *out = upload;
    else
        free(upload);
    return err;
}

/*
 * Of a dead letter that is tried again. Facts are as they were then: its trace has left long
 * ago, and nobody could tell them anew.
 */
enum nv_err nv_upload_restore(const struct nv_store *store, const struct nv_upload_facts *facts,
                              struct nv_str bytes, struct nv_upload **out)
{
    struct nv_upload *upload = calloc(1, sizeof *upload);
    enum nv_err err;

    if (!upload)
        return NV_ERR_NO_MEMORY;
    upload->refs = 1;
    upload->facts = *facts;
    nv_buf_init(&upload->wire, NV_CAP_RECORD);
    err = keep_in_store(store, upload, bytes);
    if (err == NV_OK)
        *out = upload;
    else
        free(upload);
    return err;
}

/*
 * Takes off what was added, by the facts' length: it is set for good before the bytes are
 * kept.
 */
static void free_memory(struct nv_upload *upload)
{
    if (upload->memory)
        atomic_fetch_sub(&in_memory, upload->facts.bytes);
    free(upload->memory);
    upload->memory = NULL;
}

struct nv_upload *nv_upload_ref(struct nv_upload *upload)
{
    assert(upload->refs > 0);
    upload->refs++;
    return upload;
}

void nv_upload_unref(struct nv_upload *upload)
{
    if (!upload || --upload->refs > 0)
        return;
    nv_buf_release(&upload->wire);
    free_memory(upload);
    free(upload);
}

/*
 * Apart from the last reference: traces that wait still ask what became of it, long after its
 * bytes have arrived and their room is wanted for others.
 */
void nv_upload_forget(struct nv_upload *upload, const struct nv_store *store)
{
    if (upload->record && store)
        store->release(store->ctx, upload->record);
    upload->record = 0;
    free_memory(upload);
}

enum nv_err nv_upload_read(const struct nv_upload *upload, const struct nv_store *store,
                           struct nv_buf *out)
{
    if (upload->memory)
        return nv_buf_append(out, upload->memory, upload->facts.bytes);
    return store ? store->get(store->ctx, upload->record, out) : NV_ERR_NOT_FOUND;
}

struct loading {
    struct nv_upload **list;
    enum nv_err err;
};

/*
 * Called under the walk of the store, so it keeps a note of the first failure and lets the
 * rest pass. The payload is not looked at: bytes are read when their turn comes, one or two
 * at a time.
 */
static void load_one(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    struct loading *loading = ctx;
    struct nv_upload_facts facts = {.bytes = 0};
    struct nv_upload *upload;

    (void)payload;
    if (loading->err != NV_OK || !read_head(head, &facts))
        return;
    upload = calloc(1, sizeof *upload);
    if (!upload) {
        loading->err = NV_ERR_NO_MEMORY;
        return;
    }
    upload->refs = 1;
    upload->facts = facts;
    upload->record = id;
    nv_buf_init(&upload->wire, NV_CAP_RECORD);
    upload->next = *loading->list;
    *loading->list = upload;
}

enum nv_err nv_upload_load(const struct nv_store *store, struct nv_upload **list)
{
    struct loading loading = {.list = list};
    enum nv_err err;

    if (!store)
        return NV_OK;
    err = store->each(store->ctx, NV_RECORD_MEDIUM, load_one, &loading);
    return err != NV_OK ? err : loading.err;
}
