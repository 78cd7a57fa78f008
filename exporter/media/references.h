/*
 * What a trace waits for, and what is changed in its JSON when that has come, or never will.
 *
 *   "noveum.gateway.media_pending":true   stands in every trace with uploads when it is encoded;
 *                                         blanks once all of them have ended
 *   image://<uuid>                        a mark, when the backend will not have the medium
 *
 * So a trace that leaves early, or moves to the outbox, says by itself that some of its media
 * may come later. The sender's thread, but for nv_media_wait_new.
 */
#ifndef NV_EXPORTER_MEDIA_REFERENCES_H
#define NV_EXPORTER_MEDIA_REFERENCES_H

#include "exporter/encode/encoded.h"
#include "exporter/media/upload.h"

#define NV_MEDIA_PENDING_KEY NV_STR("noveum.gateway.media_pending")

/* Uploads of one trace. */
struct nv_media_wait {
    uint64_t until_ns; /* monotonic: it leaves then at the latest */
    uint32_t count;
    struct nv_upload *items[];
};

/*
 * Makes uploads of the trace's media, *out (new, NULL: it has none), and notes in the trace
 * that they are pending. One that can't be kept (disk, the cap of memory) is a mark from the
 * start and counts in *lost: no reference leads to nothing. Their records are synced when it
 * is back, since the trace may be delivered, and its requests released, before they are. Any
 * thread.
 * NV_ERR_NO_MEMORY: nothing was kept, the trace is as it was.
 */
enum nv_err nv_media_wait_new(const struct nv_store *store, struct nv_trace *trace,
                              enum nv_trace_id_form form, uint64_t until_ns,
                              struct nv_media_wait **out, uint32_t *lost) NV_MUST_USE;
/* Gives its references back. NULL is allowed. */
void nv_media_wait_free(struct nv_media_wait *wait);
/* The same, and what was kept for it is released: the trace will bring it again. */
void nv_media_wait_undo(struct nv_media_wait *wait, const struct nv_store *store);
/* Is any of them pending? */
bool nv_media_wait_pending(const struct nv_media_wait *wait);
/*
 * Brings the JSON up to date with what became of them: *out NULL, and it was done in place;
 * else a new element in the place of `encoded`, which the caller frees, with all its facts.
 * NV_ERR_NO_MEMORY: references to what was refused stay, and it may be tried again.
 */
enum nv_err nv_media_wait_tell(const struct nv_media_wait *wait, struct nv_encoded *encoded,
                               struct nv_encoded **out) NV_MUST_USE;

#endif
