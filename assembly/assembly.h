/*
 * Assembly: takes checked requests, keeps them safely, puts spans together by trace, and hands each
 * trace on when it is complete (docs/design/0003-completion.md). The heart of the gateway.
 *
 *   accept ──▶ journal ──▶ shard 0 ─┐
 *             (durable,    shard 1 ─┼──complete──▶ mapping, exporter ──settle──▶ journal
 *              then ack)   shard n ─┘                                            (forget)
 *
 * What an acknowledgement means: with durability `fsync` the request is on disk, with `os` it is
 * written and survives a crash of the program, with `memory` it is held and lost in a crash. In all
 * three every acknowledged span leaves through the completer, or is counted as a duplicate.
 *
 * Two ways to run: with `shards` 0 everything happens inside accept, settle and nv_assembly_tick,
 * on one thread and with a clock that may stand still; with `shards` n there are a journal thread
 * and n shard threads, and a trace always belongs to the same shard.
 */
#ifndef NV_ASSEMBLY_ASSEMBLY_H
#define NV_ASSEMBLY_ASSEMBLY_H

#include "base/account.h"
#include "base/clock.h"
#include "model/stage.h"
#include "model/store.h"

struct nv_assembly;
struct nv_file_ops; /* journal/file_ops.h */

/* What a 200 promises: journal.durability. */
enum nv_durability {
    NV_DURABILITY_FSYNC, /* on disk */
    NV_DURABILITY_OS,    /* written to the operating system */
    NV_DURABILITY_MEMORY /* in memory: no journal, no store, nothing survives the process */
};

/* What becomes of traces that still wait when the program stops: assembly.on_stop. */
enum nv_on_stop {
    NV_ON_STOP_KEEP, /* stay in the journal and go on after the restart; memory: as SEND */
    NV_ON_STOP_SEND  /* are sent as they are (NV_INCOMPLETE_SHUTDOWN) */
};

/*
 * Walks a journalled body again: what otlp/ did when the request came. Takes `body` (malloc'ed,
 * OTLP protobuf), on failure too. The new batch goes to *out. Errors as the walk's.
 */
typedef enum nv_err nv_assembly_decode(void *ctx, enum nv_signal signal, char *body, size_t len,
                                       struct nv_batch **out);

/* A journalled request that the decoder refuses; all borrowed. */
struct nv_undecoded {
    enum nv_signal signal;
    struct nv_str body;
    struct nv_str project;
    uint32_t spans; /* as counted when it was accepted; 0 for log records */
    enum nv_err why;
};

/*
 * Words the dead letter (model/store.h) of such a request: appends its head and payload. Any
 * failure leaves the request in the journal.
 */
typedef enum nv_err nv_assembly_bury(void *ctx, const struct nv_undecoded *request,
                                     struct nv_buf *head, struct nv_buf *payload);

/* All of it plain values; strings are borrowed until nv_assembly_new returns. */
struct nv_assembly_config {
    /* assembly.*: waits of docs/design/0003-completion.md */
    uint64_t quiet_ms;
    uint64_t quiet_distributed_ms;
    uint64_t quiet_logs_ms;
    uint64_t open_ms;
    uint64_t remote_parent_ms;
    uint64_t max_wait_ms;
    /* assembly.*: caps; a larger trace is cut into linked parts */
    uint32_t max_spans;
    uint64_t max_trace_bytes;
    /* assembly.memory_bytes: of held spans and their index; past it the door says FULL */
    uint64_t memory_bytes;
    enum nv_on_stop on_stop;
    /* journal.* */
    const char *journal_directory; /* made (0700) when missing; unused with MEMORY */
    enum nv_durability durability;
    uint64_t journal_max_bytes;
    uint32_t journal_segment_bytes; /* 64 MiB (0004-journal.md); smaller in tests */
    uint32_t journal_gather_us;     /* longest wait to make a group larger; 0: none */
    /* how it runs */
    unsigned shards;      /* 0: inline */
    uint64_t queue_bytes; /* of requests between the door and the journal; past it BUSY */
    /* What a shard takes of the account before it hands traces on; one trace at least. */
    uint64_t turn_bytes;
    /* What translating one trace may take beside its own bytes. */
    uint64_t work_bytes;
    /* Of traces from when they are gathered until they are JSON; borrowed. NULL: one of their own,
     * of twice work_bytes. */
    struct nv_account *account;
    /* memory of what was sent, for late spans: at most so many traces, so long */
    uint32_t sent_max;
    uint64_t sent_ttl_ms;
    /* replay; NULL: a journal that holds requests can't be opened (NV_ERR_CONFIG) */
    nv_assembly_decode *decode;
    void *decode_ctx;
    /* what becomes of a request that no longer decodes; NULL: it stays in the journal */
    nv_assembly_bury *bury;
    void *bury_ctx;
    /*
     * Asked before a trace is completed, on its shard's thread; false holds it where it is cheap,
     * in the journal, and asks again within 20 ms. NULL: always.
     */
    bool (*may_complete)(void *ctx);
    void *may_complete_ctx;
    const struct nv_file_ops *file_ops; /* NULL: the system's; tests inject faults */
};

/* The defaults of docs/configuration.md: MEMORY is not the default, so set a directory. */
void nv_assembly_config_init(struct nv_assembly_config *config);

/*
 * New assembly. `clock` and `completer` are copied (their ctx borrowed until free). Nothing runs
 * and no file is touched yet. NULL with `fail` set: NV_ERR_CONFIG, NV_ERR_NO_MEMORY.
 */
struct nv_assembly *nv_assembly_new(const struct nv_assembly_config *config,
                                    const struct nv_clock *clock,
                                    const struct nv_completer *completer, struct nv_fail *fail);
/*
 * Opens the journal, starts the threads and the replay of what was kept; requests may be accepted
 * when it returns, while the replay goes on (inline: it is done). Errors: NV_ERR_LOCKED (another
 * process uses the directory), NV_ERR_CONFIG (directory, newer format), NO_SPACE, IO, NO_MEMORY.
 */
enum nv_err nv_assembly_start(struct nv_assembly *assembly, struct nv_fail *fail) NV_MUST_USE;
/*
 * Stops accepting (NV_ERR_STOPPING), commits what was accepted, hands on what is complete, then
 * keeps or sends the rest by `on_stop`; waits at most `deadline_ns` (a duration). Afterwards the
 * completer is not called any more, but claims can still be settled. NV_ERR_TIMEOUT: not all was
 * handed on; it stays in the journal. Once.
 */
enum nv_err nv_assembly_stop(struct nv_assembly *assembly, uint64_t deadline_ns);
/*
 * After stop: is a thread still in a trace, long after the deadline? Then the completer may still
 * be at work, and free must not be called: end the process. What is not settled is in the journal.
 */
bool nv_assembly_is_stuck(const struct nv_assembly *assembly);
/*
 * Writes down what was settled, closes the journal, frees everything. Every claim must have been
 * settled or be given up (its trace is then sent again after a restart). NULL is allowed.
 */
void nv_assembly_free(struct nv_assembly *assembly);

/* The seams. New views by value; ctx is borrowed: valid until nv_assembly_free. */
struct nv_acceptor nv_assembly_acceptor(struct nv_assembly *assembly);
struct nv_settler nv_assembly_settler(struct nv_assembly *assembly);
/* NULL with NV_DURABILITY_MEMORY. Valid between start and free. Borrowed. */
const struct nv_store *nv_assembly_store(struct nv_assembly *assembly);

/*
 * Inline mode: does what is due by the clock, and writes down what was settled. Returns the
 * monotonic time of the next deadline, UINT64_MAX when nothing waits. Threaded mode: nothing to do,
 * returns UINT64_MAX.
 */
uint64_t nv_assembly_tick(struct nv_assembly *assembly);

/*
 * What later parts of a trace want to know of its first (nv_raw_trace.first_*). Views are copied,
 * each cut to 256 bytes. Only inside `complete`, for the trace being completed; part > 0: ignored.
 */
void nv_assembly_remember(struct nv_assembly *assembly, const struct nv_raw_trace *raw,
                          struct nv_str name, struct nv_str session, struct nv_str user);

/* What was learned of one service (docs/design/0003-completion.md). */
struct nv_service_facts {
    char name[128];          /* cut; may hold any bytes, NUL-terminated */
    bool distributed;        /* lately took part in traces of several services */
    bool logs;               /* its content lately came as log records */
    bool no_remote_parents;  /* its remote parents lately never came */
    uint64_t seen_ns_before; /* age of the last trace */
};

/* Counts for /status and gauges. */
struct nv_assembly_status {
    uint64_t open_traces;
    uint64_t held_spans;
    uint64_t held_bytes;       /* of span bytes, wherever they are */
    uint64_t memory_bytes;     /* of those and of their index, in memory */
    uint64_t oldest_age_ns;    /* since the first span of the oldest open trace */
    uint64_t claims;           /* traces handed on and not settled */
    bool replaying;            /* the replay of the start goes on */
    uint64_t replayed;         /* requests replayed so far */
    uint64_t journal_bytes;    /* of its files */
    uint64_t journal_records;  /* live */
    uint64_t journal_damaged;  /* records found damaged since the start */
    uint64_t journal_missing;  /* records that were there before the start and are gone */
    bool journal_exposed;      /* everybody can write its directory */
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
