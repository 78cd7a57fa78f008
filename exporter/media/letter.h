/*
 * Dead letters of media: as those of traces (outbox/dead_letters.h), with 0 spans.
 *
 *   head     {"v":1,"trace_id":..,"name":"image/png <uuid>","reason":..,"status":..,"why":..,...}
 *   payload  {"medium":{"uuid":..,"trace_id":..,"span_id":..,"mime":..,"format":..,"sha256":..,
 *             "use":..,"wall_ns":..,"bytes":..},"data":"<base64>"}
 *
 *   retry    letter ──1 get──▶ record of the medium, synced ──2 release letter──▶ uploaded
 */
#ifndef NV_EXPORTER_MEDIA_LETTER_H
#define NV_EXPORTER_MEDIA_LETTER_H

#include "exporter/media/upload.h"
#include "model/ledger.h"

/* Why it is one. Borrowed. */
struct nv_media_letter {
    enum nv_dead dead;
    int status; /* HTTP status, 0 when none */
    const char *why, *said;
};

/*
 * Stores the medium of `record` as a dead letter, synced, as it takes that record's place.
 * NV_ERR_NOT_FOUND: the record is gone. The store's errors, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_media_letter_put(const struct nv_store *store,
                                const struct nv_upload_facts *facts, uint64_t record,
                                const struct nv_media_letter *letter,
                                uint64_t wall_ns) NV_MUST_USE;

/*
 * Makes an upload of letter `id` again: *is, when it is one of a medium. Its record is on disk
 * before the letter goes. *out (may be NULL: the next start finds the record) is new, with one
 * reference. NV_ERR_NOT_FOUND (no such record), NV_ERR_MALFORMED (the bytes are not those of
 * the hash), the store's errors, NV_ERR_NO_MEMORY; the letter stays then.
 */
enum nv_err nv_media_letter_retry(const struct nv_store *store, uint64_t id,
                                  struct nv_upload **out, bool *is) NV_MUST_USE;

#endif
