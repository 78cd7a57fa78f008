/*
 * Assembly: takes checked requests, keeps them safely, puts spans together by trace, and hands
 * each trace on when it is complete (docs/design/0003-completion.md). The heart of the gateway.
 *
 *   accept ──▶ journal ──▶ shard 0 ─┐
 *             (durable,    shard 1 ─┼──complete──▶ mapping, exporter ──settle──▶ journal
 *              then ack)   shard n ─┘                                            (forget)
 *
 * What an acknowledgement means: with durability `fsync` the request is on disk, with `os` it
 * is written and survives a crash of the program, with `memory` it is held and lost in a crash.
 * In all three every acknowledged span leaves through the completer, or is counted as a
 * duplicate.
 *
 * Two ways to run: with `shards` 0 everything happens inside accept, settle and
 * nv_assembly_tick, on one thread and with a clock that may stand still; with `shards` n there
 * are a journal thread and n shard threads, and a trace always belongs to the same shard.
 */
#ifndef NV_ASSEMBLY_ASSEMBLY_H
#define NV_ASSEMBLY_ASSEMBLY_H

#include "assembly/door/config.h"
#include "assembly/door/services.h"
#include "base/clock.h"
#include "model/stage.h"
#include "model/store.h"

struct nv_assembly;

/*
 * New assembly. `clock` and `completer` are copied (their ctx borrowed until free). Nothing
 * runs and no file is touched yet. NULL with `fail` set: NV_ERR_CONFIG, NV_ERR_NO_MEMORY.
 */
struct nv_assembly *nv_assembly_new(const struct nv_assembly_config *config,
                                    const struct nv_clock *clock,
                                    const struct nv_completer *completer, struct nv_fail *fail);
/*
 * Opens the journal, starts the threads and the replay of what was kept; requests may be
 * accepted when it returns, while the replay goes on (inline: it is done). Errors:
 * NV_ERR_LOCKED (another process uses the directory), NV_ERR_CONFIG (directory, newer format),
 * NO_SPACE, IO, NO_MEMORY.
 */
enum nv_err nv_assembly_start(struct nv_assembly *assembly, struct nv_fail *fail) NV_MUST_USE;
/*
 * Stops accepting (NV_ERR_STOPPING), commits what was accepted, hands on what is complete, then
 * keeps or sends the rest by `on_stop`; waits at most `deadline_ns` (a duration). Afterwards
 * the completer is not called any more, but claims can still be settled. NV_ERR_TIMEOUT: not
 * all was handed on; it stays in the journal. Once.
 */
enum nv_err nv_assembly_stop(struct nv_assembly *assembly, uint64_t deadline_ns) NV_MUST_USE;
/*
 * After stop: is a thread still in a trace, long after the deadline? Then the completer may
 * still be at work, and free must not be called: end the process. What is not settled is in the
 * journal.
 */
bool nv_assembly_is_stuck(const struct nv_assembly *assembly);
/*
 * Writes down what was settled, closes the journal, frees everything. Every claim must have
 * been settled or be given up (its trace is then sent again after a restart). NULL is allowed.
 */
void nv_assembly_free(struct nv_assembly *assembly);

/* The seams. New views by value; ctx is borrowed: valid until nv_assembly_free. */
struct nv_acceptor nv_assembly_acceptor(struct nv_assembly *assembly);
/*
 * With an upstream: takes `batch` (on failure too) as its request `record_id`, which is more
 * than those before it of the same signal. FULL, BUSY, NO_MEMORY: it is to come again; else it
 * is held until `forgotten` is called for it, possibly before this returns. On the thread that
 * ticks.
 */
enum nv_err nv_assembly_take(struct nv_assembly *assembly, struct nv_batch *batch,
                             uint64_t record_id) NV_MUST_USE;
/* Inline: that part of a trace was sent by somebody else; what comes of it now is late. */
void nv_assembly_learn(struct nv_assembly *assembly, const uint8_t trace_id[NV_TRACE_ID_BYTES],
                       uint32_t part);
/* A settler for the claims of all assemblies. */
struct nv_settler nv_assembly_settler_of_all(void);
/* Where sinks tell what became of a trace. As the acceptor. */
struct nv_settler nv_assembly_settler(struct nv_assembly *assembly);
/* NULL with NV_DURABILITY_MEMORY. Valid between start and free. Borrowed. */
const struct nv_store *nv_assembly_store(struct nv_assembly *assembly);

/*
 * Inline mode: does what is due by the clock, and writes down what was settled. Returns the
 * monotonic time of the next deadline, UINT64_MAX when nothing waits. Threaded mode: nothing to
 * do, returns UINT64_MAX. With an upstream at most NV_TURN_MAX traces leave in a call: a time
 * that has passed is returned when more are due.
 */
uint64_t nv_assembly_tick(struct nv_assembly *assembly);
/* With an upstream: tells it what was settled, and does nothing else. On the thread of tick. */
void nv_assembly_tell(struct nv_assembly *assembly);

/*
 * What later parts of a trace want to know of its first (nv_raw_trace.first_*). Views are
 * copied, each cut to 256 bytes. Only inside `complete`, for the trace being completed; part >
 * 0: ignored.
 */
void nv_assembly_remember(struct nv_assembly *assembly, const struct nv_raw_trace *raw,
                          struct nv_str name, struct nv_str session, struct nv_str user);

/* Counts for /status and gauges. */
struct nv_assembly_status {
    uint64_t open_traces;
    uint64_t held_spans;
    uint64_t held_bytes;            /* of span bytes, wherever they are */
    uint64_t memory_bytes;          /* of those and of their index, in memory */
    uint64_t oldest_age_ns;         /* since the first span of the oldest open trace */
    uint64_t left_out;              /* spans since the start that came twice or were damaged */
    uint64_t claims;                /* traces handed on and not settled */
    bool replaying;                 /* the replay of the start goes on */
    uint64_t replayed;              /* requests replayed so far */
    uint64_t to_replay;             /* of so many that the start has found */
    uint64_t journal_bytes;         /* of its files */
    uint64_t journal_capacity;      /* bytes it could fill: the quota, or the volume's room */
    uint64_t journal_records;       /* live */
    uint64_t journal_damaged;       /* records found damaged since the start */
    uint64_t journal_missing;       /* records that were there before the start and are gone */
    bool journal_exposed;           /* everybody can write its directory */
    uint64_t journal_locked;        /* records set aside at the start: no key opened them */
    const char *journal_key_source; /* key that encrypts what is written: static; NULL: none */
    char journal_key_id[17];        /* of that key; "": none */
    bool journal_full;         /* requests are refused: there is no room, or no way to write */
    enum nv_err refusal;       /* why; NV_OK when they are not */
    const char *refused_doing; /* at what, static; NULL */
    int refused_errno;         /* 0: none */
};

/* Any thread. */
void nv_assembly_read_status(struct nv_assembly *assembly, struct nv_assembly_status *out);
/* Copies up to `max` services into `out`; returns how many. Any thread. */
size_t nv_assembly_read_services(struct nv_assembly *assembly, struct nv_service_facts *out,
                                 size_t max);

#endif
