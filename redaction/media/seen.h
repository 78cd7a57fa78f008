/*
 * The media of one trace: each once, whatever number of places it stands in.
 *
 * Lives in the trace's arena; the thread that owns the trace.
 */
#ifndef NV_REDACTION_MEDIA_SEEN_H
#define NV_REDACTION_MEDIA_SEEN_H

#include "model/key_index.h"
#include "model/trace.h"
#include "redaction/media/find.h"
#include "redaction/media/media.h"

/* One that was given to the keeper. */
struct nv_media_kept {
    uint8_t hash[NV_MEDIA_HASH_BYTES];
    struct nv_str name; /* empty: it could not be kept */
};

/* Zero-initialised but for the first two is empty. */
struct nv_media_seen {
    const struct nv_media_policy *policy;
    struct nv_trace *trace; /* whose list of media grows */
    struct nv_hash_index index;
    uint32_t capacity;
    struct nv_media_kept *kept;
    struct nv_hash_index kept_index;
    uint32_t kept_count, kept_capacity;
};

/* Where one was found. */
struct nv_media_where {
    uint32_t span; /* an index; UINT32_MAX: in none */
    enum nv_media_use use;
    bool raw; /* as bytes, not as base64 */
};

/*
 * What stands in the place of *found from now on, in the arena: a reference when it is
 * uploaded, and *medium is its row (borrowed until the next put); else a mark, and NULL.
 * `where` counts for the first place. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_media_seen_put(struct nv_media_seen *seen, const struct nv_media_found *found,
                              const struct nv_media_where *where, struct nv_str *out,
                              const struct nv_medium **medium) NV_MUST_USE;

#endif
