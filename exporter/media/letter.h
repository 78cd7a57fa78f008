/*
 * Dead letters of media: as those of traces (outbox/dead_letters.h), with 0 spans.
 *
 *   head     {"v":1,"trace_id":..,"name":"image/png <uuid>","reason":..,"status":..,"why":..,...}
 *   payload  {"medium":{"uuid":..,"trace_id":..,"span_id":..,"mime":..,"sha256":..,"bytes":..},
 *             "data":"<base64>"}
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

#endif
