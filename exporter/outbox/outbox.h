/*
 * Traces that wait on disk: what memory should not hold through an outage.
 *
 *   nv_store:  [ record: head facts | gzip of: trace \n trace \n ... ]  ...   NV_RECORD_OUTBOX
 *   memory:    [ id, spans, traces ] [ ... ]   a ring of what is there, oldest first
 *
 * A record holds a body's worth of traces, one JSON text a line; it is read back whole and
 * released when each of them has ended. Only ids are kept in memory. One thread, the sender's.
 */
#ifndef NV_EXPORTER_OUTBOX_OUTBOX_H
#define NV_EXPORTER_OUTBOX_OUTBOX_H

#include "exporter/encode/compress.h"
#include "exporter/encode/encoded.h"
#include "exporter/encode/pack.h"
#include "model/store.h"

struct nv_outbox_entry {
    uint64_t id;
    uint64_t spans;
    uint32_t traces;
    /* of the text when the payload is its gzip; 0: the payload is the text */
    uint32_t text_len;
};

struct nv_outbox {
    const struct nv_store *store; /* borrowed; NULL: there is no outbox */
    struct nv_outbox_entry *ring;
    size_t first, count, capacity;
    uint64_t spans;                   /* of all entries in the ring */
    struct nv_buf text, packed;       /* payload being made or read, and its gzip */
    struct nv_compressor *compressor; /* owned; made when first needed */
};

/* Empty outbox on `store` (borrowed, may be NULL). Allocates nothing. */
void nv_outbox_init(struct nv_outbox *outbox, const struct nv_store *store);
/* Frees the ring; the records stay in the store. */
void nv_outbox_release(struct nv_outbox *outbox);
/*
 * Lists what an earlier run left, payloads unread. Call once, before put. The store's errors,
 * or NV_ERR_NO_MEMORY.
 */
enum nv_err nv_outbox_load(struct nv_outbox *outbox) NV_MUST_USE;
/* Adds a record that is in the store already. NV_ERR_NO_MEMORY. */
enum nv_err nv_outbox_adopt(struct nv_outbox *outbox,
                            const struct nv_outbox_entry *entry) NV_MUST_USE;
/*
 * Stores the traces of `list` (borrowed, not empty) as one record, durable on return. The
 * store's errors or NV_ERR_NO_MEMORY; nothing was stored then.
 */
enum nv_err nv_outbox_put(struct nv_outbox *outbox,
                          const struct nv_encoded_list *list) NV_MUST_USE;
/*
 * Reads the oldest record into `out` (new elements, sharing a new nv_outbox_record, without
 * claims) and takes it off the ring. NV_ERR_END: empty. NV_ERR_NOT_FOUND, NV_ERR_MALFORMED: the
 * record is lost and off the ring; *lost_spans says how much. Others: it stays, try later.
 */
enum nv_err nv_outbox_take(struct nv_outbox *outbox, struct nv_encoded_list *out,
                           uint64_t *lost_spans) NV_MUST_USE;
/*
 * Does the record that nv_outbox_take would give next fit behind `list` in a body of these
 * limits? False when the outbox is empty or the record's size is not known without reading it.
 */
bool nv_outbox_next_fits(const struct nv_outbox *outbox, const struct nv_encoded_list *list,
                         const struct nv_pack_limits *limits);
/*
 * Puts a record, none of whose traces has ended, back at the front of the ring and frees its
 * `list` (all traces of it, takes). NV_ERR_NO_MEMORY: nothing changed.
 */
enum nv_err nv_outbox_untake(struct nv_outbox *outbox,
                             struct nv_encoded_list *list) NV_MUST_USE;
/* One trace of `record` has ended; with the last one the record is released and freed. */
void nv_outbox_end(struct nv_outbox *outbox, struct nv_outbox_record *record);

#endif
