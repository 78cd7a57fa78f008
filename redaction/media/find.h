/*
 * Where base64 of a picture, a sound or a file stands in a text.
 *
 *   see data:image/png;base64,iVBORw0KGgo... here       a data URI: from `data:` on
 *   {"type":"image","data":"iVBORw0KGgo..."}            a run whose bytes begin as a picture does
 *
 * In a text it is the bytes that tell (types.h), or what the data URI says. Runs shorter than
 * NV_MEDIA_RUN_MIN characters are not looked for. All that is read: the run, its hash on the
 * way, without a copy. Linear in the bytes.
 *
 * A data URI, or what is said to be a medium, that is broken in the middle (characters that are
 * no base64, and more base64 behind them) is taken to its end and is cut; bytes and hash are
 * those before the break.
 */
#ifndef NV_REDACTION_MEDIA_FIND_H
#define NV_REDACTION_MEDIA_FIND_H

#include "redaction/media/types.h"

/* Shorter ones may be missed in a text; a picture of one pixel has 90. */
#define NV_MEDIA_RUN_MIN 80u

struct nv_media_found {
    size_t from, to;    /* what it takes of the text, a `data:...,` included */
    struct nv_str text; /* the base64 in it */
    struct nv_media_type type;
    uint64_t bytes;
    uint8_t hash[NV_MEDIA_HASH_BYTES];
    bool cut; /* it ends in the middle */
};

/*
 * The next one from `at` on: *found, else false is in *is. Views of `text`, or static.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_media_find(struct nv_str text, size_t at, struct nv_media_found *found,
                          bool *is) NV_MUST_USE;
/*
 * Is the text as a whole one: a data URI, or base64 of what `said` calls a medium, or that
 * begins as one? Likewise; *found takes all of the text.
 */
enum nv_err nv_media_whole(struct nv_str text, const struct nv_media_said *said,
                           struct nv_media_found *found, bool *is) NV_MUST_USE;
/* Bytes as they are: of a kind that they or `said` tell? Likewise; without a text. */
enum nv_err nv_media_bytes(struct nv_str bytes, const struct nv_media_said *said,
                           struct nv_media_found *found, bool *is) NV_MUST_USE;

#endif
