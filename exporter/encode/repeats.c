/*
 * Repetitions: a piece is remembered by where it stands in the buffer, so that nothing is kept
 * twice.
 *
 *   table  [ - | 3 | - | 1 ... ]  number of a piece, by the key's hash; not index.h, whose
 *            │           │        items may not move: pieces are an array that grows
 *   pieces [ 1 | 2 | 3 ... ] ──▶ [ from, len ] in the buffer
 *
 * A key is the address of what the piece is made of, which the trace's arena keeps still. Spans
 * that follow each other mostly share it, so the piece found last is looked at first; the table
 * is for the rest. A piece that came out empty is remembered as well: comparing two resources
 * to find no difference costs as much as finding one.
 *
 * The list of the trace copies its pieces from the first place they stand in: a piece is in a
 * trace twice at most. What is counted as repeated is what was copied for spans, not that.
 */
#include "exporter/encode/repeats.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

#define NONE UINT32_MAX
#define FIRST_CAPACITY 16u

struct nv_piece {
    const void *key;
    size_t from, len;
    uint32_t number; /* NONE: never referred to */
    uint32_t next;   /* piece with the next number */
};

void nv_repeats_init(struct nv_repeats *repeats, struct nv_str name, struct nv_str ref,
                     struct nv_str list)
{
    *repeats = (struct nv_repeats){
        .name = name, .ref = ref, .list = list, .ref_first = NONE, .ref_last = NONE};
}

void nv_repeats_release(struct nv_repeats *repeats)
{
    free(repeats->pieces);
    free(repeats->table);
    nv_repeats_init(repeats, repeats->name, repeats->ref, repeats->list);
}

/* Place of `key` in the table: where it is, or the free one where it would go. */
static uint32_t *place_of(const struct nv_repeats *repeats, const void *key)
{
    uint32_t mask = 2 * repeats->capacity - 1;
    uint64_t hash = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);

    for (uint32_t at = (uint32_t)(hash >> 32) & mask;; at = (at + 1) & mask) {
        uint32_t number = repeats->table[at];

        if (number == 0 || repeats->pieces[number - 1].key == key)
            return &repeats->table[at];
    }
}

static bool grow(struct nv_repeats *repeats)
{
    uint32_t capacity = repeats->capacity > 0 ? 2 * repeats->capacity : FIRST_CAPACITY;
    struct nv_piece *pieces = realloc(repeats->pieces, capacity * sizeof *pieces);

    if (!pieces)
        return false;
    repeats->pieces = pieces;
    uint32_t *table = calloc(2 * (size_t)capacity, sizeof *table);
    if (!table)
        return false;
    free(repeats->table);
    repeats->table = table;
    repeats->capacity = capacity;
    for (uint32_t i = 0; i < repeats->count; i++)
        *place_of(repeats, pieces[i].key) = i + 1;
    return true;
}

/* The piece of `key`, or NULL and then it is new. */
static struct nv_piece *find(struct nv_repeats *repeats, const void *key)
{
    if (repeats->count == 0)
        return NULL;
    if (repeats->pieces[repeats->last].key == key)
        return &repeats->pieces[repeats->last];
    uint32_t number = *place_of(repeats, key);
    if (number == 0)
        return NULL;
    repeats->last = number - 1;
    return &repeats->pieces[repeats->last];
}

static struct nv_piece *add(struct nv_repeats *repeats, const void *key)
{
    if (repeats->count == repeats->capacity && !grow(repeats))
        return NULL;
    *place_of(repeats, key) = repeats->count + 1;
    repeats->last = repeats->count++;
    repeats->pieces[repeats->last] =
        (struct nv_piece){.key = key, .number = NONE, .next = NONE};
    return &repeats->pieces[repeats->last];
}

static void write_first(struct nv_repeats *repeats, struct nv_json_writer *json,
                        const void *key, nv_repeat_make *make, const void *ctx)
{
    struct nv_buf *buf = json->buf;
    struct nv_json_writer before = *json;
    size_t len = buf->len;
    struct nv_piece *piece = add(repeats, key);

    if (!piece) {
        if (buf->failed == NV_OK)
            buf->failed = NV_ERR_NO_MEMORY;
        return;
    }
    nv_json_write_key(json, repeats->name);
    piece->from = buf->len;
    make(json, ctx);
    piece->len = buf->len - piece->from;
    if (piece->len > 0)
        return;
    /* Nothing to say: the key is taken back. */
    buf->len = len;
    *json = before;
}

static void write_copy(struct nv_json_writer *json, const struct nv_piece *piece)
{
    struct nv_buf *buf = json->buf;

    struct nv_str bytes = {NULL, 0};

    /* Room first, a comma included: growing moves what is copied. */
    if (nv_buf_reserve(buf, piece->len + 1) == NV_OK)
        bytes = (struct nv_str){buf->bytes + piece->from, piece->len};
    nv_json_write_raw(json, bytes);
}

static void refer(struct nv_repeats *repeats, struct nv_json_writer *json,
                  struct nv_piece *piece)
{
    if (piece->number == NONE) {
        uint32_t self = (uint32_t)(piece - repeats->pieces);

        piece->number = repeats->refs++;
        if (repeats->ref_last == NONE)
            repeats->ref_first = self;
        else
            repeats->pieces[repeats->ref_last].next = self;
        repeats->ref_last = self;
    }
    nv_json_write_key(json, repeats->ref);
    nv_json_write_uint(json, piece->number);
}

void nv_repeats_write(struct nv_repeats *repeats, struct nv_json_writer *json, const void *key,
                      nv_repeat_make *make, const void *ctx)
{
    struct nv_piece *piece = find(repeats, key);

    if (!piece) {
        write_first(repeats, json, key, make, ctx);
        return;
    }
    if (piece->len == 0)
        return;
    if (piece->len > NV_REPEAT_PIECE_MAX ||
        repeats->repeated + piece->len > NV_REPEATED_BYTES_MAX) {
        refer(repeats, json, piece);
        return;
    }
    repeats->repeated += piece->len;
    nv_json_write_key(json, repeats->name);
    write_copy(json, piece);
}

void nv_repeats_write_list(struct nv_repeats *repeats, struct nv_json_writer *json)
{
    if (repeats->refs == 0)
        return;
    nv_json_write_key(json, repeats->list);
    nv_json_write_begin_array(json);
    for (uint32_t i = repeats->ref_first; i != NONE; i = repeats->pieces[i].next)
        write_copy(json, &repeats->pieces[i]);
    nv_json_write_end_array(json);
}
