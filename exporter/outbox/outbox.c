/*
 * The outbox over nv_store.
 *
 *   head     {"v":1,"traces":N,"spans":M,"gzip":L}
 *   payload  one trace's compact JSON a line (JSON never holds a bare line feed); with "gzip" the
 *            gzip of that text, which is L bytes long
 *
 * Whole bodies rather than single traces, because `put` waits for the disk: a hundred traces
 * share one flush. The text form costs nothing here (the traces are JSON already) and needs no
 * format of its own. gzip makes the disk last about eight times as long through an outage, at
 * the price of what the request would cost anyway; without memory for it the text is stored as
 * it is. A crash between delivery and release sends a record again, which the backend ignores
 * (docs/noveum-backend.md#immutability).
 *
 *   ring   [ . . e3 e4 e5 . ]   an entry is 24 bytes: id, spans, traces, length of its text
 *               ^first           the records themselves are read when their turn comes
 *
 *   put ──▶ [ waits ] ──take──▶ in memory (record: remaining = traces) ──each ends──▶ 0: release
 *              ▲                    │ whole, nothing of it sent
 *              └──────untake────────┘
 *
 * `put` makes room in the ring before it writes: a record that is on disk and in no ring would
 * wait for the next start.
 */
#include "exporter/outbox/outbox.h"

#include "base/json/json_read.h"
#include "base/limits.h"
#include "base/log/log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

/* 24 bytes each: 384 MiB of ring for 64 TiB of text; only a bound against run-away. */
#define ENTRIES_MAX ((size_t)1 << 24)
/* More than this is given back after use, so that one huge trace does not stay. */
#define TEXT_KEEP_BYTES ((size_t)8 << 20)

void nv_outbox_init(struct nv_outbox *outbox, const struct nv_store *store)
{
    *outbox = (struct nv_outbox){.store = store};
    nv_buf_init(&outbox->text, NV_CAP_RECORD);
    nv_buf_init(&outbox->packed, NV_CAP_RECORD);
}

void nv_outbox_release(struct nv_outbox *outbox)
{
    free(outbox->ring);
    nv_buf_release(&outbox->text);
    nv_buf_release(&outbox->packed);
    nv_compressor_free(outbox->compressor);
    nv_outbox_init(outbox, outbox->store);
}

static enum nv_err grow(struct nv_outbox *outbox)
{
    size_t capacity = outbox->capacity == 0 ? 64 : outbox->capacity * 2;
    struct nv_outbox_entry *ring;

    if (outbox->count < outbox->capacity)
        return NV_OK;
    if (capacity > ENTRIES_MAX)
        return NV_ERR_NO_MEMORY;
    ring = malloc(capacity * sizeof *ring);
    if (!ring)
        return NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < outbox->count; i++)
        ring[i] = outbox->ring[(outbox->first + i) % outbox->capacity];
    free(outbox->ring);
    outbox->ring = ring;
    outbox->capacity = capacity;
    outbox->first = 0;
    return NV_OK;
}

enum nv_err nv_outbox_adopt(struct nv_outbox *outbox, const struct nv_outbox_entry *entry)
{
    enum nv_err err = grow(outbox);

    if (err != NV_OK)
        return err;
    outbox->ring[(outbox->first + outbox->count) % outbox->capacity] = *entry;
    outbox->count++;
    outbox->spans += entry->spans;
    return NV_OK;
}

static bool read_head(struct nv_str head, struct nv_outbox_entry *entry)
{
    struct nv_json_reader reader;
    uint64_t version = 0, traces = 0, text_len = 0;

    nv_json_read_init(&reader, head, 2);
    if (nv_json_next(&reader) != NV_JSON_OBJECT_BEGIN)
        return false;
    while (nv_json_next(&reader) == NV_JSON_KEY) {
        struct nv_str key = reader.raw;
        uint64_t value = 0;

        if (nv_json_next(&reader) != NV_JSON_NUMBER ||
            nv_str_to_uint64(reader.raw, &value) != NV_OK)
            return false;
        if (nv_str_eq(key, NV_STR("v")))
            version = value;
        else if (nv_str_eq(key, NV_STR("traces")))
            traces = value;
        else if (nv_str_eq(key, NV_STR("spans")))
            entry->spans = value;
        else if (nv_str_eq(key, NV_STR("gzip")))
            text_len = value;
    }
    entry->traces = (uint32_t)traces;
    entry->text_len = (uint32_t)text_len;
    return version == 1 && traces > 0 && traces <= UINT32_MAX && text_len <= UINT32_MAX;
}

struct loading {
    struct nv_outbox *outbox;
    enum nv_err err;
};

static void load_one(void *ctx, uint64_t id, struct nv_str head, struct nv_str payload)
{
    struct loading *loading = ctx;
    struct nv_outbox_entry entry = {.id = id};

    (void)payload;
    if (loading->err != NV_OK)
        return;
    if (read_head(head, &entry)) {
        loading->err = nv_outbox_adopt(loading->outbox, &entry);
    } else {
        /* A later version may understand it: neither sent nor forgotten. */
        NV_LOG(NV_LOG_ERROR, "exporter", "outbox record not understood, left alone id=%llu",
               (unsigned long long)id);
    }
}

enum nv_err nv_outbox_load(struct nv_outbox *outbox)
{
    struct loading loading = {.outbox = outbox};
    enum nv_err err;

    assert(outbox->count == 0);
    if (!outbox->store)
        return NV_OK;
    err = outbox->store->each(outbox->store->ctx, NV_RECORD_OUTBOX, load_one, &loading);
    return err != NV_OK ? err : loading.err;
}

static void done_with(struct nv_buf *buf)
{
    if (buf->capacity > TEXT_KEEP_BYTES || buf->failed != NV_OK)
        nv_buf_release(buf);
    nv_buf_clear(buf);
}

static enum nv_err join(struct nv_buf *text, const struct nv_encoded_list *list)
{
    if (nv_buf_reserve(text, list->json_bytes + list->count) != NV_OK)
        return text->failed;
    for (const struct nv_encoded *e = list->first; e; e = e->next) {
        (void)nv_buf_append_str(text, nv_encoded_json(e));
        (void)nv_buf_append_char(text, '\n');
    }
    return text->failed;
}

/* gzip of the text into `packed`; false when it can't be made or gains nothing. */
static bool pack(struct nv_outbox *outbox)
{
    if (!outbox->compressor)
        outbox->compressor = nv_compressor_new(NV_GZIP_LEVEL);
    return outbox->compressor != NULL &&
           nv_compress_gzip(outbox->compressor, nv_buf_str(&outbox->text), &outbox->packed) ==
               NV_OK &&
           outbox->packed.len < outbox->text.len && outbox->text.len <= UINT32_MAX;
}

/* What came out of a record takes that record's place, which is released next. */
static bool replaces_a_record(const struct nv_encoded_list *list)
{
    for (const struct nv_encoded *e = list->first; e; e = e->next) {
        if (e->record)
            return true;
    }
    return false;
}

static enum nv_err store(const struct nv_store *store, struct nv_outbox *outbox,
                         struct nv_outbox_entry *entry)
{
    bool packed = pack(outbox);
    struct nv_buf head;
    enum nv_err err;

    entry->text_len = packed ? (uint32_t)outbox->text.len : 0;
    nv_buf_init(&head, NV_CAP_OUTBOX_HEAD);
    err = nv_buf_printf(&head, "{\"v\":1,\"traces\":%u,\"spans\":%llu,\"gzip\":%u}",
                        entry->traces, (unsigned long long)entry->spans, entry->text_len);
    if (err == NV_OK) {
        err = store->put(store->ctx, NV_RECORD_OUTBOX, nv_buf_str(&head),
                         nv_buf_str(packed ? &outbox->packed : &outbox->text), &entry->id);
    }
    nv_buf_release(&head);
    return err;
}

enum nv_err nv_outbox_put(struct nv_outbox *outbox, const struct nv_encoded_list *list)
{
    struct nv_outbox_entry entry = {.spans = list->spans, .traces = list->count};
    enum nv_err err = grow(outbox);

    assert(outbox->store != NULL && list->count > 0);
    if (err == NV_OK)
        err = join(&outbox->text, list);
    if (err == NV_OK) {
        struct nv_store synced = nv_store_synced(outbox->store);

        err = store(replaces_a_record(list) ? &synced : outbox->store, outbox, &entry);
    }
    done_with(&outbox->text);
    done_with(&outbox->packed);
    /* grow made room above, so that a stored record is never forgotten here. */
    return err != NV_OK ? err : nv_outbox_adopt(outbox, &entry);
}

static void free_list(struct nv_encoded_list *list)
{
    struct nv_encoded *encoded;

    while ((encoded = nv_encoded_list_pop(list)) != NULL)
        free(encoded);
}

static enum nv_err parse_line(struct nv_str line, struct nv_outbox_record *record,
                              struct nv_encoded_list *out)
{
    struct nv_encoded_facts facts;
    struct nv_encoded *encoded;

    if (nv_encoded_read_facts(line, &facts) != NV_OK)
        return NV_ERR_MALFORMED;
    encoded = nv_encoded_new(line, facts.spans);
    if (!encoded)
        return NV_ERR_NO_MEMORY;
    encoded->record = record;
    nv_encoded_list_push(out, encoded);
    return NV_OK;
}

static enum nv_err parse_payload(struct nv_str text, const struct nv_outbox_entry *entry,
                                 struct nv_outbox_record *record, struct nv_encoded_list *out)
{
    enum nv_err err = NV_OK;

    while (err == NV_OK && text.len > 0) {
        size_t end = nv_str_find_char(text, '\n');

        if (end == SIZE_MAX)
            return NV_ERR_MALFORMED;
        err = parse_line(nv_str_slice(text, 0, end), record, out);
        text = nv_str_slice(text, end + 1, SIZE_MAX);
    }
    /* The ledger has counted what the head says; another number must not be delivered
     * unseen. */
    if (err == NV_OK && (out->count != entry->traces || out->spans != entry->spans))
        err = NV_ERR_MALFORMED;
    return err;
}

/* The record's text into `text`. */
static enum nv_err read_text(struct nv_outbox *outbox, const struct nv_outbox_entry *entry)
{
    const struct nv_store *store = outbox->store;
    enum nv_err err;

    if (entry->text_len == 0)
        return store->get(store->ctx, entry->id, &outbox->text);
    err = store->get(store->ctx, entry->id, &outbox->packed);
    return err != NV_OK ? err
                        : nv_gzip_decompress(nv_buf_str(&outbox->packed), entry->text_len,
                                             &outbox->text);
}

static enum nv_err read_record(struct nv_outbox *outbox, const struct nv_outbox_entry *entry,
                               struct nv_encoded_list *out)
{
    struct nv_outbox_record *record = malloc(sizeof *record);
    enum nv_err err = NV_ERR_NO_MEMORY;

    if (record) {
        *record =
            (struct nv_outbox_record){entry->id, entry->text_len, entry->traces, entry->traces};
        err = read_text(outbox, entry);
    }
    if (err == NV_OK)
        err = parse_payload(nv_buf_str(&outbox->text), entry, record, out);
    if (err != NV_OK) {
        free_list(out);
        free(record);
    }
    done_with(&outbox->text);
    done_with(&outbox->packed);
    return err;
}

enum nv_err nv_outbox_take(struct nv_outbox *outbox, struct nv_encoded_list *out,
                           uint64_t *lost_spans)
{
    struct nv_outbox_entry entry;
    enum nv_err err;

    *out = (struct nv_encoded_list){0};
    *lost_spans = 0;
    if (outbox->count == 0)
        return NV_ERR_END;
    entry = outbox->ring[outbox->first];
    err = read_record(outbox, &entry, out);
    if (err != NV_OK && err != NV_ERR_NOT_FOUND && err != NV_ERR_MALFORMED)
        return err;
    if (err != NV_OK)
        *lost_spans = entry.spans;
    outbox->first = (outbox->first + 1) % outbox->capacity;
    outbox->count--;
    assert(outbox->spans >= entry.spans);
    outbox->spans -= entry.spans;
    return err;
}

bool nv_outbox_next_fits(const struct nv_outbox *outbox, const struct nv_encoded_list *list,
                         const struct nv_pack_limits *limits)
{
    const struct nv_outbox_entry *next;

    if (outbox->count == 0)
        return false;
    next = &outbox->ring[outbox->first];
    /* 0: stored as text, whose length is not known before it is read. */
    return next->text_len > 0 && (uint64_t)list->count + next->traces <= limits->traces_max &&
           list->json_bytes + next->text_len <= limits->bytes_max;
}

enum nv_err nv_outbox_untake(struct nv_outbox *outbox, struct nv_encoded_list *list)
{
    struct nv_outbox_record *record = list->first->record;
    enum nv_err err = grow(outbox);

    assert(record != NULL && record->remaining == list->count && record->traces == list->count);
    if (err != NV_OK)
        return err;
    outbox->first = (outbox->first + outbox->capacity - 1) % outbox->capacity;
    outbox->ring[outbox->first] =
        (struct nv_outbox_entry){record->id, list->spans, list->count, record->text_len};
    outbox->count++;
    outbox->spans += list->spans;
    free_list(list);
    free(record);
    return NV_OK;
}

void nv_outbox_end(struct nv_outbox *outbox, struct nv_outbox_record *record)
{
    if (!record)
        return;
    assert(record->remaining > 0);
    if (--record->remaining > 0)
        return;
    outbox->store->release(outbox->store->ctx, record->id);
    free(record);
}
