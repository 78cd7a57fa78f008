/*
 * How an assembly is set up, and what it is lent: the words that both of its rooms know.
 * Callers include assembly/assembly.h.
 */
#ifndef NV_ASSEMBLY_DOOR_CONFIG_H
#define NV_ASSEMBLY_DOOR_CONFIG_H

#include "assembly/door/place.h"
#include "base/account.h"
#include "base/buf.h"
#include "model/batch.h"

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

/* A part of a trace that has ended. By enum nv_signal: its first and last item among spans and
 * among log records; record_id 0: it had none. */
struct nv_upstream_part {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint32_t part;
    struct nv_place first[2], last[2];
};

/*
 * Where requests lie until they are settled, when that is not a journal of ours: a log that
 * somebody else keeps, read again from where it is not forgotten (nv_assembly_take). Called on
 * the thread that ticks.
 */
struct nv_upstream {
    void *ctx;
    /* A part was settled: it must not be sent again. */
    void (*settled)(void *ctx, const struct nv_upstream_part *part);
    /* Every trace with items of that request was settled; NULL: there is no upstream. Not
     * called for what was open at a stop. */
    void (*forgotten)(void *ctx, uint64_t record_id);
};

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
    bool journal_stay_encrypted;    /* the same, when encrypted records live at the start */
    bool journal_encrypt;           /* what is written from now on */
    const char *journal_key_file;   /* borrowed until it is started; NULL: none */
    bool journal_set_locked_aside;  /* start without what no key opens */
    uint32_t journal_gather_us;     /* longest wait to make a group larger; 0: none */
    struct nv_journal_reading
        *journal_reading; /* borrowed while it starts; NULL: nobody asks */
    /* how it runs */
    unsigned shards;      /* 0: inline */
    uint64_t queue_bytes; /* of requests between the door and the journal; past it BUSY */
    /* What a shard takes of the account before it hands traces on; one trace at least. */
    uint64_t turn_bytes;
    /* What translating one trace may take beside its own bytes. */
    uint64_t work_bytes;
    /* Of traces from when they are gathered until they are JSON; borrowed. NULL: one of their
     * own, of twice work_bytes. */
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
     * Asked before a trace is completed, on its shard's thread; false holds it where it is
     * cheap, in the journal, and asks again within 20 ms. NULL: always.
     */
    bool (*may_complete)(void *ctx);
    void *may_complete_ctx;
    struct nv_upstream upstream;        /* only with MEMORY and shards 0 */
    const struct nv_file_ops *file_ops; /* NULL: the system's; tests inject faults */
};

/* The defaults of docs/configuration.md: MEMORY is not the default, so set a directory. */
void nv_assembly_config_init(struct nv_assembly_config *config);

#endif
