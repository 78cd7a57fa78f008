/*
 * Traces that the backend will not take, kept with the reason until a person decides.
 *
 *   head     {"v":1,"trace_id":..,"name":..,"reason":..,"status":..,"why":..,"time":..,"spans":..}
 *   payload  the trace's JSON as it was refused
 *
 * Works on any nv_store, with or without a running exporter. Thread safety is the store's.
 */
#ifndef NV_EXPORTER_OUTBOX_DEAD_LETTERS_H
#define NV_EXPORTER_OUTBOX_DEAD_LETTERS_H

#include "exporter/encode/encoded.h"
#include "exporter/outbox/outbox.h"
#include "model/store.h"

struct nv_dead_letter {
    uint64_t id;            /* the record's */
    struct nv_str trace_id; /* as it was sent */
    struct nv_str name;
    struct nv_str reason; /* as in noveum_spans_dead_lettered_total{reason} */
    struct nv_str why;    /* in words, with what the backend said */
    struct nv_str time;   /* ISO 8601, when it was given up */
    uint64_t spans;
    int status; /* HTTP status, 0 when none */
};

/* Views live during the call; the store must not be changed from within. */
typedef void nv_dead_letter_visit(void *visit_ctx, const struct nv_dead_letter *letter);

/*
 * Stores `encoded` (borrowed) as a dead letter for its `dead`, `status` and `why`; `said` is
 * the backend's own text or "". The store's errors, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_dead_letters_put(const struct nv_store *store, const struct nv_encoded *encoded,
                                const char *said, uint64_t wall_ns) NV_MUST_USE;
/* Visits all, oldest first. The store's errors, NV_ERR_NO_MEMORY. */
enum nv_err nv_dead_letters_list(const struct nv_store *store, nv_dead_letter_visit *visit,
                                 void *visit_ctx) NV_MUST_USE;
/*
 * Appends one as indented JSON: {"dead_letter": head, "trace": payload}, of a medium the
 * members of its payload instead. NV_ERR_NOT_FOUND, the store's errors, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_dead_letters_show(const struct nv_store *store, uint64_t id,
                                 struct nv_buf *out) NV_MUST_USE;
/*
 * Turns one into an outbox record, *entry (may be NULL): a running exporter adopts it, else the
 * next start finds it. It is on disk before the letter goes. `id` is one that was listed.
 * `json` is a trace as nv_encode_trace writes it, sent in the letter's place; empty: the letter
 * itself. NV_ERR_NOT_FOUND, NV_ERR_MALFORMED (no trace in JSON), the store's errors,
 * NV_ERR_NO_MEMORY; it stays then.
 */
enum nv_err nv_dead_letters_retry(const struct nv_store *store, uint64_t id, struct nv_str json,
                                  struct nv_outbox_entry *entry) NV_MUST_USE;
/* Forgets one that was listed, for good. NV_ERR_NOT_FOUND, the store's errors. */
enum nv_err nv_dead_letters_drop(const struct nv_store *store, uint64_t id) NV_MUST_USE;
/* Name of a reason as in the metric's label. Static. */
const char *nv_dead_reason_text(enum nv_dead reason);

#endif
