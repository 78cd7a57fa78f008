/*
 * Another try for any dead letter, in a running gateway and on the journal of a stopped one.
 *
 *   refused by the backend   its JSON ─────────────────────────────▶ outbox
 *   never translated         OTLP ──translate, mask, encode──▶ JSON ▶ outbox
 *   request, undecodable     OTLP ──decode──▶ accepted as if it had come just now
 *
 * The first two keep trace id and part, so the backend ignores what it has. A letter is
 * forgotten only once its new place has it; until the translation succeeds it stays.
 */
#ifndef NV_GATEWAY_DEAD_DEAD_RETRY_H
#define NV_GATEWAY_DEAD_DEAD_RETRY_H

#include "exporter/exporter.h"
#include "mapping/mapping.h"
#include "model/stage.h"
#include "model/store.h"
#include "redaction/redact.h"

/* All borrowed. */
struct nv_dead_retry {
    const struct nv_store *store;
    const struct nv_mapping *mapping;
    const struct nv_acceptor *acceptor; /* NULL: no gateway runs, requests can't be accepted */
    struct nv_redaction_config redaction;
    enum nv_trace_id_form trace_id_form;
    size_t max_trace_bytes;
    /* Moves the letter to the outbox, with `json` in its place: as nv_exporter_retry_dead. */
    enum nv_err (*send)(void *ctx, uint64_t id, struct nv_str json);
    void *ctx;
};

/*
 * Tries `id`. NV_ERR_NOT_FOUND; NV_ERR_AGAIN: a whole request without a running gateway;
 * NV_ERR_MALFORMED and the like: still not decodable or translatable; NV_ERR_LIMIT: larger than
 * max_trace_bytes; the store's, the acceptor's, NV_ERR_NO_MEMORY. The letter stays on every
 * error. Sampling does not apply. Waits for the disk. Any thread but the journal's.
 */
enum nv_err nv_dead_retry(const struct nv_dead_retry *retry, uint64_t id) NV_MUST_USE;

#endif
