/*
 * The list of what was delivered.
 *
 * Extents and not only ids: a trace whose first part was sent may have spans behind it that
 * were not, and a message that was cut in two holds items of both parts.
 */
#include "kafka/delivered.h"

#include <stdlib.h>

#include "base/banned.h"

struct nv_delivered_entry {
    struct nv_delivered_entry *next; /* of all */
    struct nv_delivered_entry *same; /* of the same trace */
    struct nv_delivered_note note;
};

/* ---- bytes ------------------------------------------------------------------------------- */

static void put(char **to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *(*to)++ = (char)(unsigned char)(value >> (8 * i));
}

static uint64_t get(const char **from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)(unsigned char)*(*from)++ << (8 * i);
    return value;
}

enum nv_err nv_delivered_write(struct nv_buf *chunk, const struct nv_delivered_note *note)
{
    char bytes[NV_DELIVERED_NOTE_BYTES];
    char *to = bytes;
    memcpy(to, note->trace_id, NV_TRACE_ID_BYTES);
    to += NV_TRACE_ID_BYTES;
    put(&to, note->part, 4);
    for (unsigned signal = 0; signal < 2; signal++) {
        put(&to, (uint64_t)note->first[signal].offset, 8);
        put(&to, note->first[signal].item, 4);
        put(&to, (uint64_t)note->last[signal].offset, 8);
        put(&to, note->last[signal].item, 4);
    }
    if (chunk->len == 0)
        (void)nv_buf_append_char(chunk, NV_DELIVERED_VERSION);
    return nv_buf_append(chunk, bytes, sizeof bytes);
}

static void read_note(const char *from, struct nv_delivered_note *note)
{
    memcpy(note->trace_id, from, NV_TRACE_ID_BYTES);
    from += NV_TRACE_ID_BYTES;
    note->part = (uint32_t)get(&from, 4);
    for (unsigned signal = 0; signal < 2; signal++) {
        note->first[signal].offset = (int64_t)get(&from, 8);
        note->first[signal].item = (uint32_t)get(&from, 4);
        note->last[signal].offset = (int64_t)get(&from, 8);
        note->last[signal].item = (uint32_t)get(&from, 4);
    }
}

enum nv_err nv_delivered_read(struct nv_str chunk, nv_delivered_visit *visit, void *visit_ctx)
{
    if (chunk.len == 0 || chunk.ptr[0] != NV_DELIVERED_VERSION ||
        (chunk.len - 1) % NV_DELIVERED_NOTE_BYTES != 0)
        return NV_ERR_MALFORMED;
    for (size_t at = 1; at < chunk.len; at += NV_DELIVERED_NOTE_BYTES) {
        struct nv_delivered_note note;
        read_note(chunk.ptr + at, &note);
        enum nv_err err = visit(visit_ctx, &note);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* ---- messages that were written again ---------------------------------------------------- */

/* Where a trace id begins with it by chance, the extents of its note are others. */
static const char rekeyed_tag[] = {'r', 'e', '-', 'k', 'e', 'y', 'e', 'd'};

struct nv_delivered_note nv_delivered_rekeyed(enum nv_signal signal, int64_t offset)
{
    struct nv_delivered_note note = {.first = {{-1, 0}, {-1, 0}}, .last = {{-1, 0}, {-1, 0}}};
    memcpy(note.trace_id, rekeyed_tag, sizeof rekeyed_tag);
    for (unsigned i = 0; i < sizeof offset; i++)
        note.trace_id[sizeof rekeyed_tag + i] = (uint8_t)((uint64_t)offset >> (8 * i));
    note.first[signal].offset = note.last[signal].offset = offset;
    return note;
}

bool nv_delivered_is_rekeyed(const struct nv_delivered_note *note)
{
    return memcmp(note->trace_id, rekeyed_tag, sizeof rekeyed_tag) == 0;
}

/* ---- the list ---------------------------------------------------------------------------- */

static uint64_t hash_of(const uint8_t *trace_id)
{
    return nv_str_hash((struct nv_str){(const char *)trace_id, NV_TRACE_ID_BYTES});
}

static bool same_trace(const void *item, const void *key)
{
    const struct nv_delivered_entry *entry = item;
    return memcmp(entry->note.trace_id, key, NV_TRACE_ID_BYTES) == 0;
}

void nv_delivered_init(struct nv_delivered *delivered)
{
    *delivered = (struct nv_delivered){.end = {-1, -1}};
    nv_index_init(&delivered->index);
}

void nv_delivered_release(struct nv_delivered *delivered)
{
    while (delivered->all) {
        struct nv_delivered_entry *entry = delivered->all;
        delivered->all = entry->next;
        free(entry);
    }
    nv_index_release(&delivered->index);
    nv_delivered_init(delivered);
}

enum nv_err nv_delivered_add(struct nv_delivered *delivered,
                             const struct nv_delivered_note *note)
{
    uint64_t hash = hash_of(note->trace_id);
    struct nv_delivered_entry *entry = malloc(sizeof *entry);
    if (!entry)
        return NV_ERR_NO_MEMORY;
    *entry = (struct nv_delivered_entry){.note = *note};
    struct nv_delivered_entry *first =
        nv_index_find(&delivered->index, hash, same_trace, note->trace_id);
    if (first) {
        entry->same = first->same;
        first->same = entry;
    } else if (nv_index_add(&delivered->index, hash, entry) != NV_OK) {
        free(entry);
        return NV_ERR_NO_MEMORY;
    }
    entry->next = delivered->all;
    delivered->all = entry;
    for (unsigned signal = 0; signal < 2; signal++) {
        if (note->last[signal].offset > delivered->end[signal])
            delivered->end[signal] = note->last[signal].offset;
    }
    return NV_OK;
}

static bool is_after(struct nv_delivered_place a, struct nv_delivered_place b)
{
    return a.offset != b.offset ? a.offset > b.offset : a.item > b.item;
}

bool nv_delivered_has(const struct nv_delivered *delivered, const struct nv_item *item,
                      enum nv_signal signal, struct nv_delivered_place place)
{
    if (place.offset > delivered->end[signal])
        return false;
    const struct nv_delivered_entry *entry =
        nv_index_find(&delivered->index, hash_of(item->trace_id), same_trace, item->trace_id);
    for (; entry; entry = entry->same) {
        const struct nv_delivered_note *note = &entry->note;
        if (note->last[signal].offset >= 0 && !is_after(note->first[signal], place) &&
            !is_after(place, note->last[signal]))
            return true;
    }
    return false;
}
