/*
 * The last stage: translated traces in, JSON at the backend (or in files) out, each exactly
 * once.
 *
 *   shard ──consume──▶ encode ─▶ queue ─▶ pack ─▶ gzip ─▶ send ──▶ backend
 *                        │         │                        │
 *                        ▼         ▼ long wait              ▼ 400, 413 alone
 *                      files     outbox (nv_store)        dead letters (nv_store)
 *
 * Encoding happens on the shard's thread, everything behind the queue on one sender thread.
 * Every trace that was consumed ends in exactly one of: delivered, dead-lettered, kept in the
 * outbox, or (only when told to stop without a store) dropped; its claim is settled then and
 * the ledger moved. Contract of the backend: docs/design/0005-delivery.md.
 */
#ifndef NV_EXPORTER_EXPORTER_H
#define NV_EXPORTER_EXPORTER_H

#include "base/clock.h"
#include "exporter/answer/transport.h"
#include "exporter/send/config.h"
#include "model/sink.h"
#include "model/stage.h"
#include "model/store.h"

struct nv_exporter;

/*
 * New exporter, or NULL with `fail` (may be NULL) set: NV_ERR_CONFIG, NV_ERR_NO_MEMORY,
 * NV_ERR_IO (file directory). Copies the configuration. `settler`, `store` (NULL: memory only)
 * and `clock` are borrowed until it is freed. Reads the ids of the outbox's records left by an
 * earlier run and tells the ledger of their spans.
 */
struct nv_exporter *nv_exporter_new(const struct nv_exporter_config *config,
                                    const struct nv_settler *settler,
                                    const struct nv_store *store, const struct nv_clock *clock,
                                    struct nv_fail *fail);
/*
 * Takes a translated trace: encodes it, frees its arena, moves its spans from held to queued
 * and queues it. Any thread. Never refuses and never waits for the network; with a store it may
 * wait for the sender to move traces to disk once twice queue_bytes_max is reached.
 */
void nv_exporter_consume(struct nv_exporter *exporter, struct nv_trace *trace);
/* Starts the sender thread with the real transport. NV_ERR_NO_MEMORY, NV_ERR_IO,
 * NV_ERR_CONFIG. */
enum nv_err nv_exporter_start(struct nv_exporter *exporter, struct nv_fail *fail) NV_MUST_USE;
/*
 * Stops: sends what is queued for at most `deadline_ms`, cancels the rest and moves it to the
 * outbox (settled KEPT), or settles it LEFT when that fails; without a store it is settled
 * LEFT. Nothing may be consumed any more. Joins the thread. A second call does nothing.
 */
void nv_exporter_stop(struct nv_exporter *exporter, uint32_t deadline_ms);
/* Frees a stopped exporter, or one that was never started. NULL is allowed. */
void nv_exporter_free(struct nv_exporter *exporter);

/*
 * May more traces be completed? NV_OK; NV_ERR_BUSY: the queue is full and moving, or the next
 * bodies wait there (twice max_body_bytes) beside what is on its way; NV_ERR_FULL: the queue is
 * full and held. Any thread, no lock.
 */
enum nv_err nv_exporter_pressure(const struct nv_exporter *exporter) NV_MUST_USE;

/* A consistent copy. Any thread. */
void nv_exporter_read_status(struct nv_exporter *exporter, struct nv_sink_status *out);
/*
 * Gives dead letter `id` another try in this process, with `json` as nv_dead_letters_retry; one
 * of a medium is uploaded, and its trace is left alone. Any thread; may wait for the sender's.
 * Errors as there, and nv_media_letter_retry's; NV_ERR_BUSY: it takes none for seconds.
 */
enum nv_err nv_exporter_retry_dead(struct nv_exporter *exporter, uint64_t id,
                                   struct nv_str json) NV_MUST_USE;

/*
 * The exporter as a sink that keeps, called `name` (static): a view, on which stop and free are
 * nv_exporter_stop and _free.
 */
struct nv_sink nv_exporter_sink(struct nv_exporter *exporter, const char *name);

/* ---- inline mode: no thread, no socket, the caller's clock ------------------------------- */

/* Uses `transport` (borrowed) instead of the real one, and `seed` for jitter; before anything
 * is consumed. */
void nv_exporter_set_transport(struct nv_exporter *exporter,
                               const struct nv_transport *transport, uint64_t seed);
/*
 * Does all that is due now on the caller's thread, as the sender thread would; returns the
 * nanoseconds until more is due (UINT64_MAX: only a reply or a new trace can bring work).
 */
uint64_t nv_exporter_pump(struct nv_exporter *exporter);

#endif
