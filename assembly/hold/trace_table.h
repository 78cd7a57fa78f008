/*
 * The open traces of one shard: what is held of each, in as few bytes as can be.
 *
 *   table ─▶ nv_open_trace [ id, times, counts | held ]                     about 130 bytes
 *                                                │
 *   held ─▶ [ RUN r1 g0 n=3 | item | item | item | RUN r2 g1 n=1 | item ]   24 bytes each
 *
 * A run names the request and group that its items share, and holds one reference to the
 * request. Items are in the order they came. The bytes of spans are not here: request.h. One
 * thread.
 */
#ifndef NV_ASSEMBLY_HOLD_TRACE_TABLE_H
#define NV_ASSEMBLY_HOLD_TRACE_TABLE_H

#include "assembly/door/place.h"
#include "assembly/door/request.h"
#include "base/owner.h"
#include "base/tables/timers.h"

#include <stddef.h>

struct nv_held_run {
    struct nv_request *request;
    uint32_t group;
    uint32_t count;
    uint32_t before; /* place of the run before it in held; its own for the first */
    uint32_t unused;
};

union nv_held {
    struct nv_held_run run;
    struct nv_held_item item;
};

struct nv_open_trace {
    struct nv_timer timer; /* nv_open_trace_of leads back */
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint64_t first_ns; /* arrivals, monotonic */
    uint64_t last_ns;
    uint64_t bytes; /* of its items, wherever they are */
    union nv_held *held;
    uint32_t used; /* entries of held, runs included */
    uint32_t capacity;
    uint32_t last_run; /* its index in held */
    uint32_t item_count;
    uint32_t span_count;
    uint32_t group_bytes; /* of the groups they are of; UINT32_MAX for all that is more */
    uint32_t part;
    uint32_t first_ordinal; /* of the first item in the request of the first run */
    uint32_t last_ordinal;  /* likewise of the last */
    uint32_t record_flags;  /* enum nv_item_flags of its log records, all together */
    /* A part planned before a restart ends here; record_id 0: not planned. */
    struct nv_place until;
    bool late;      /* what it continues was sent: parents are not waited for */
    bool after_cut; /* that was because it was too large or too old */
    bool late_after_waiting;
    uint8_t tries; /* to gather it, that found no memory */
};

struct nv_trace_table {
    struct nv_owner owner;
    struct nv_index index;
    size_t bytes; /* of traces and what they hold, the index excluded */
};

/* Empty; allocates nothing. */
void nv_trace_table_init(struct nv_trace_table *table);
/* Frees the table; it must be empty. */
void nv_trace_table_release(struct nv_trace_table *table);
/* The open trace with that id, or NULL. Borrowed: until it is closed. */
struct nv_open_trace *nv_trace_table_find(const struct nv_trace_table *table,
                                          const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/* A new, empty open trace; NULL without memory. */
struct nv_open_trace *nv_trace_table_open(struct nv_trace_table *table,
                                          const uint8_t trace_id[NV_TRACE_ID_BYTES]);
/* Takes the trace out and frees it. Its requests' references are the caller's by then. */
void nv_trace_table_close(struct nv_trace_table *table, struct nv_open_trace *trace);

/*
 * Makes room for `items` more items of one request, so that adding them can't fail.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_open_trace_reserve(struct nv_trace_table *table, struct nv_open_trace *trace,
                                  uint32_t items) NV_MUST_USE;
/* Adds an item of `request` (a run takes a reference to it). Room must have been reserved. */
void nv_open_trace_add(struct nv_open_trace *trace, struct nv_request *request,
                       const struct nv_arrival *arrival, uint64_t now_ns);
/*
 * What an item of that group would add to the bytes of a trace besides its own: the group's,
 * and the resource's, unless one of the runs before it has them. How many runs are looked at is
 * bounded, so among many groups in turn one may be counted again.
 */
uint64_t nv_open_trace_group_bytes(const struct nv_open_trace *trace,
                                   const struct nv_shared_group *group);
/* First item of a trace with items. */
struct nv_place nv_open_trace_first(const struct nv_open_trace *trace);
/* Last item of one. */
struct nv_place nv_open_trace_last(const struct nv_open_trace *trace);

/* Are these log records of a coding agent, filed under a derived id, and no spans? */
static inline bool nv_open_trace_is_records(const struct nv_open_trace *trace)
{
    return trace->span_count == 0 &&
           (trace->record_flags & (NV_ITEM_RECORD | NV_ITEM_MARK)) != 0;
}

/* Are spans to be made of its log records? Of evaluations one is, where no span of their trace
 * came. */
static inline bool nv_open_trace_makes(const struct nv_open_trace *trace)
{
    return trace->span_count == 0 && nv_item_flags_make(trace->record_flags);
}

/* The trace that a timer of it belongs to. Borrowed. */
static inline struct nv_open_trace *nv_open_trace_of(struct nv_timer *timer)
{
    return (struct nv_open_trace *)(void *)((char *)timer -
                                            offsetof(struct nv_open_trace, timer));
}

/* Index in held of the run behind the one at `run`: an entry for the run itself, one an
 * item. */
static inline uint32_t nv_held_run_after(const struct nv_open_trace *trace, uint32_t run)
{
    return run + 1 + trace->held[run].run.count;
}

/* Where a walk over what is held stands. Starts zeroed; adding an item ends it. */
struct nv_held_cursor {
    uint32_t next;
    uint32_t left; /* items left in the run */
    struct nv_held_run *run;
};
/* The next item, in order of arrival, or NULL; `cursor->run` is the run it is in. Borrowed
 * until an item is added. */
struct nv_held_item *nv_held_next(const struct nv_open_trace *trace,
                                  struct nv_held_cursor *cursor);

#endif
