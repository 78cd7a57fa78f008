/*
 * Spans in memory: a pool of slots that is never given back, and handles that outlive them.
 *
 *   free ──take──▶ being made ──open──▶ OPEN ──end──▶ ENDED (queued, sent) ──give──▶ free
 *                                        ▲ │
 *            nv_trace_span_lock(handle) ─┘ └─ inherited: belongs to the parent process
 *
 * A handle is a slot's number and the generation of its use, so that one which is old or made
 * up finds nothing. A slot keeps its buffers, up to a few KiB, for the next span: a program
 * that has warmed up allocates nothing. Slots are made 64 at a time, when needed.
 *
 * An OPEN slot is changed under its lock only; an ENDED one belongs to the sending thread.
 */
#ifndef NV_TRACE_POOL_H
#define NV_TRACE_POOL_H

#include "base/json/json_write.h"
#include "trace/state.h"

#include <pthread.h>

/* What is said as JSON in one attribute each. */
enum nv_trace_text_kind {
    NV_TRACE_TEXT_INPUT,        /* = NOVEUM_INPUT */
    NV_TRACE_TEXT_OUTPUT,       /* = NOVEUM_OUTPUT */
    NV_TRACE_TEXT_INSTRUCTIONS, /* = NOVEUM_INSTRUCTIONS */
    NV_TRACE_TEXT_TOOLS,
    NV_TRACE_TEXT_DOCUMENTS,
    NV_TRACE_TEXT_END
};

/* A JSON array that is being written; its last bracket comes when it is sent. */
struct nv_trace_json {
    struct nv_buf buf;
    struct nv_json_writer writer;
};

/* What a stream was like. */
struct nv_trace_stream {
    uint64_t first_ns, last_ns; /* wall clock; 0: nothing came */
    uint64_t chunks, tokens;
};

/* What the process has used: CPU time, resident memory. */
struct nv_trace_usage {
    uint64_t user_us, system_us, memory_bytes;
};

struct nv_trace_agent;
struct nv_trace_baggage;

enum nv_trace_span_state { NV_TRACE_SPAN_FREE, NV_TRACE_SPAN_OPEN, NV_TRACE_SPAN_ENDED };

struct nv_trace_span {
    pthread_mutex_t lock; /* of what is no atomic */
    enum nv_trace_span_state state;
    uint32_t generation, index;
    _Atomic uint32_t next;                /* in the list of free ones: index + 1 */
    const struct nv_trace_config *config; /* limits and hooks, of when it began */
    bool sampled;                         /* else it only carries its context */
    bool inherited;                       /* begun by the parent process */
    bool parent_remote, has_parent, named, failed, ok;
    noveum_kind kind;
    uint8_t trace_id[16], id[8], parent_id[8];
    uint64_t start_ns, start_mono_ns, end_ns; /* start_mono_ns 0: told afterwards */
    struct nv_buf name, status_message;
    struct nv_buf attributes;  /* fields of Span, encoded */
    uint64_t key_bits;         /* of the keys that were ever put there, two each */
    struct nv_buf rest;        /* events and links, encoded */
    struct nv_buf trace_state; /* of the context, for children too */
    struct nv_trace_json texts[NV_TRACE_TEXT_END];
    int message;                          /* the text with an open message, or -1 */
    size_t message_start;                 /* where it begins, to take it back */
    struct nv_json_writer message_writer; /* the writer at that time */
    struct nv_trace_stream stream;
    struct nv_trace_usage usage;      /* at its start, with the option `performance` */
    struct nv_trace_agent *agent;     /* whose run it is, or NULL */
    struct nv_trace_baggage *baggage; /* held, or NULL */
    uint32_t attribute_count, event_count, link_count;
    uint32_t attributes_dropped, events_dropped, links_dropped;
    size_t bytes; /* capacity of all its buffers, as it is counted in memory */
};

/* The handle that stands for a span which was dropped when it began. */
#define NV_TRACE_DROPPED UINT64_MAX

/*
 * A free slot, emptied, for nobody else to see: fill it, then nv_trace_span_open. NULL when
 * memory is refused or all slots are in use.
 */
struct nv_trace_span *nv_trace_span_take(void);
/* Shows it to the world; its handle. */
noveum_span nv_trace_span_open(struct nv_trace_span *span);
/* The open span of a handle, locked; NULL for every other handle. Counts nothing. */
struct nv_trace_span *nv_trace_span_lock(noveum_span handle);
/* Unlocks it. */
void nv_trace_span_unlock(struct nv_trace_span *span);
/* Its handle, while it is open. */
noveum_span nv_trace_span_handle(const struct nv_trace_span *span);
/* Gives a slot back that is ended, or was never opened. */
void nv_trace_span_give(struct nv_trace_span *span);
/* The slot of an index that nv_trace_span_take once gave. */
struct nv_trace_span *nv_trace_span_at(uint32_t index);
/* How many slots there are. */
uint32_t nv_trace_span_slots(void);

/*
 * Makes room for `extra` bytes in a buffer of the span. False, the buffer as it was: past the
 * span's or the process's limit, or memory is refused.
 */
bool nv_trace_span_room(struct nv_trace_span *span, struct nv_buf *buf, size_t extra);
/* Counts what a buffer has grown by since it had `before` bytes of capacity. */
void nv_trace_span_account(struct nv_trace_span *span, const struct nv_buf *buf, size_t before);
/* Bytes of all spans' buffers. */
size_t nv_trace_span_memory(void);

/* The lock that is taken when slots are made, around a fork. In the child, open spans become
 * inherited ones and all other slots free ones. */
void nv_trace_pool_before_fork(void);
void nv_trace_pool_after_fork_parent(void);
void nv_trace_pool_after_fork_child(void);

#endif
