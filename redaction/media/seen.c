/*
 * The media of one trace, by their hashes.
 *
 * The uuid is SHA-256 of the trace's id and the medium's hash, cut to 16 bytes with the version
 * and variant bits of RFC 9562's version 8: a replay of the trace, and the same medium in
 * another place of it, have the same.
 */
#include "redaction/media/seen.h"

#include "base/openssl.h"
#include "base/text/text.h"

#include "base/banned.h"

#define FIRST_ROOM 8u

/* A part of SHA-256 spreads as well as a hash of it would; equal keys are told apart by all of
 * it. */
static uint64_t hash_key(const uint8_t hash[NV_MEDIA_HASH_BYTES])
{
    uint64_t key;
    memcpy(&key, hash, sizeof key);
    return key;
}

/* ---- texts ------------------------------------------------------------------------------- */

static struct nv_str mark(struct nv_arena *arena, const struct nv_media_found *found,
                          struct nv_str file)
{
    char hex[2 * NV_MEDIA_HASH_BYTES];
    nv_hex_encode(found->hash, NV_MEDIA_HASH_BYTES, hex);
    return nv_arena_printf(arena, "[media: %.*s, %s%llu bytes, sha256 %.*s%s%.*s]",
                           NV_STR_ARG(found->type.mime), found->cut ? "cut, " : "",
                           (unsigned long long)found->bytes, (int)sizeof hex, hex,
                           file.len > 0 ? ", file " : "", NV_STR_ARG(file));
}

static struct nv_str reference(struct nv_arena *arena, const struct nv_medium *medium)
{
    char uuid[NV_MEDIA_UUID_TEXT];
    nv_media_uuid_text(medium->uuid, uuid);
    return nv_arena_printf(arena, "%s://%s", nv_media_kind_text(medium->type.kind), uuid);
}

/* ---- rows -------------------------------------------------------------------------------- */

static bool make_uuid(const struct nv_trace *trace, struct nv_medium *medium)
{
    uint8_t both[NV_TRACE_ID_BYTES + NV_MEDIA_HASH_BYTES];
    uint8_t digest[NV_SHA256_BYTES];
    memcpy(both, trace->trace_id, NV_TRACE_ID_BYTES);
    memcpy(both + NV_TRACE_ID_BYTES, medium->hash, NV_MEDIA_HASH_BYTES);
    if (nv_openssl_sha256((struct nv_str){(const char *)both, sizeof both}, digest) != NV_OK)
        return false;
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    memcpy(medium->uuid, digest, NV_MEDIA_UUID_BYTES);
    return true;
}

static struct nv_medium *find_row(struct nv_media_seen *seen,
                                  const uint8_t hash[NV_MEDIA_HASH_BYTES])
{
    const struct nv_hash_slot *slot;
    for (uint32_t at = 0;
         (slot = nv_hash_index_next(&seen->index, hash_key(hash), &at)) != NULL;) {
        struct nv_medium *row = &seen->trace->media[slot->number - 1];
        if (memcmp(row->hash, hash, NV_MEDIA_HASH_BYTES) == 0)
            return row;
    }
    return NULL;
}

static bool make_room(struct nv_media_seen *seen)
{
    struct nv_trace *trace = seen->trace;
    if (trace->media_count < seen->capacity)
        return true;
    uint32_t capacity = seen->capacity >= FIRST_ROOM ? 2 * seen->capacity : FIRST_ROOM;
    struct nv_medium *media = nv_arena_array(trace->arena, capacity, sizeof *media);
    if (!media)
        return false;
    if (trace->media_count > 0)
        memcpy(media, trace->media, trace->media_count * sizeof *media);
    trace->media = media;
    seen->capacity = capacity;
    return true;
}

/* A medium that is cut is not uploaded: nobody could open it, and its hash is that of the part
 * before the cut. */
static bool is_uploaded(const struct nv_media_seen *seen, const struct nv_media_found *found)
{
    return seen->policy->mode == NV_MEDIA_UPLOAD && !found->cut &&
           found->type.kind <= NV_MEDIA_AUDIO && found->bytes <= seen->policy->bytes_max &&
           seen->trace->media_count < NV_MEDIA_UPLOADS_MAX;
}

/* The medium's own facts; what it is to a trace is the caller's. */
static bool make_medium(const struct nv_trace *trace, const struct nv_media_found *found,
                        struct nv_medium *out)
{
    *out = (struct nv_medium){.type = found->type, .text = found->text, .bytes = found->bytes};
    memcpy(out->hash, found->hash, sizeof out->hash);
    return make_uuid(trace, out);
}

static enum nv_err add_row(struct nv_media_seen *seen, const struct nv_media_found *found,
                           struct nv_medium **out)
{
    struct nv_trace *trace = seen->trace;
    if (!make_room(seen))
        return NV_ERR_NO_MEMORY;
    struct nv_medium *row = &trace->media[trace->media_count];
    if (!make_medium(trace, found, row))
        return NV_ERR_NO_MEMORY;
    *out = row;
    return nv_hash_index_add(&seen->index, trace->arena, hash_key(row->hash),
                             trace->media_count++);
}

/* ---- files ------------------------------------------------------------------------------- */

static bool may_be_kept(const struct nv_media_seen *seen, const struct nv_media_found *found)
{
    return seen->policy->keeper && !found->cut && found->bytes <= seen->policy->bytes_max;
}

static struct nv_media_kept *find_kept(const struct nv_media_seen *seen,
                                       const uint8_t hash[NV_MEDIA_HASH_BYTES])
{
    const struct nv_hash_slot *slot;
    for (uint32_t at = 0;
         (slot = nv_hash_index_next(&seen->kept_index, hash_key(hash), &at)) != NULL;) {
        struct nv_media_kept *row = &seen->kept[slot->number - 1];
        if (memcmp(row->hash, hash, NV_MEDIA_HASH_BYTES) == 0)
            return row;
    }
    return NULL;
}

static bool make_room_kept(struct nv_media_seen *seen)
{
    if (seen->kept_count < seen->kept_capacity)
        return true;
    uint32_t capacity = seen->kept_capacity > 0 ? 2 * seen->kept_capacity : FIRST_ROOM;
    struct nv_media_kept *kept = nv_arena_array(seen->trace->arena, capacity, sizeof *kept);
    if (!kept)
        return false;
    if (seen->kept_count > 0)
        memcpy(kept, seen->kept, seen->kept_count * sizeof *kept);
    seen->kept = kept;
    seen->kept_capacity = capacity;
    return true;
}

/* The keeper is asked once for each, also for one that it can't keep. */
static enum nv_err add_kept(struct nv_media_seen *seen, const struct nv_media_found *found,
                            bool raw, struct nv_str *name)
{
    const struct nv_media_keeper *keeper = seen->policy->keeper;
    struct nv_arena *arena = seen->trace->arena;
    struct nv_medium medium;
    char text[NV_MEDIA_FILE_NAME];
    if (!make_room_kept(seen) || !make_medium(seen->trace, found, &medium))
        return NV_ERR_NO_MEMORY;
    struct nv_media_kept *row = &seen->kept[seen->kept_count];
    *row = (struct nv_media_kept){.name = {NULL, 0}};
    memcpy(row->hash, found->hash, sizeof row->hash);
    medium.raw = raw;
    if (keeper->keep(keeper->ctx, &medium, text) == NV_OK) {
        row->name = nv_arena_dup(arena, nv_str_from(text));
        if (!row->name.ptr)
            return NV_ERR_NO_MEMORY;
    }
    *name = row->name;
    return nv_hash_index_add(&seen->kept_index, arena, hash_key(row->hash), seen->kept_count++);
}

/* *name: of the file that has it; empty when none does, as past NV_MEDIA_KEPT_MAX: its mark says
 * what it was, and no file. */
static enum nv_err keep(struct nv_media_seen *seen, const struct nv_media_found *found,
                        bool raw, struct nv_str *name)
{
    *name = (struct nv_str){NULL, 0};
    if (!may_be_kept(seen, found))
        return NV_OK;
    const struct nv_media_kept *row = find_kept(seen, found->hash);
    if (row)
        *name = row->name;
    else if (seen->kept_count < NV_MEDIA_KEPT_MAX)
        return add_kept(seen, found, raw, name);
    return NV_OK;
}

/* ---- either ------------------------------------------------------------------------------ */

enum nv_err nv_media_seen_put(struct nv_media_seen *seen, const struct nv_media_found *found,
                              const struct nv_media_where *where, struct nv_str *out,
                              const struct nv_medium **medium)
{
    struct nv_arena *arena = seen->trace->arena;
    enum nv_err err = NV_OK;
    struct nv_medium *row = found->cut ? NULL : find_row(seen, found->hash);
    if (!row && is_uploaded(seen, found)) {
        err = add_row(seen, found, &row);
        if (err == NV_OK) {
            row->span = where->span;
            row->use = where->use;
            row->raw = where->raw;
        }
    }
    struct nv_str file = {NULL, 0};
    if (err == NV_OK && !row)
        err = keep(seen, found, where->raw, &file);
    if (err != NV_OK)
        return err;
    *medium = row;
    *out = row ? reference(arena, row) : mark(arena, found, file);
    return out->ptr ? NV_OK : NV_ERR_NO_MEMORY;
}
