/*
 * One accepted export request: checked OTLP protobuf and an index of the spans in it.
 *
 *   body   [ ExportTraceServiceRequest ...... Span ...... Span ........ ]   OTLP protobuf, owned
 *   groups [ 0: resource, scope | 1: ... ]        views into body, one for each ScopeSpans
 *   items  [ trace id, span id, parent, facts, group, offset+length of the Span ]  one a span
 *
 * This is what otlp/ hands to assembly/ and what the journal keeps. JSON has been transcoded,
 * gzip undone: the body is always the same protobuf (docs/design/0001-one-representation.md).
 * Every item has been walked to its end: depth, wire types, ids and lengths are sound; whoever
 * reads it later may trust it.
 */
#ifndef NV_MODEL_BATCH_H
#define NV_MODEL_BATCH_H

#include "base/str.h"

#define NV_TRACE_ID_BYTES 16
#define NV_SPAN_ID_BYTES 8

enum nv_signal { NV_SIGNAL_TRACES, NV_SIGNAL_LOGS };

/* Facts of an item that assembly needs, so that it decodes nothing. */
enum nv_item_flags {
    NV_ITEM_HAS_PARENT = 1u << 0,          /* parent_span_id is set and not zero */
    NV_ITEM_PARENT_KNOWN_REMOTE = 1u << 1, /* flags say: parent is remote (0x300) */
    NV_ITEM_PARENT_KNOWN_LOCAL = 1u << 2,  /* flags say: parent is not remote (0x100) */
    NV_ITEM_SERVER = 1u << 3,              /* span kind SERVER or CONSUMER */
    NV_ITEM_CLIENT = 1u << 4,              /* span kind CLIENT or PRODUCER */
    NV_ITEM_ERROR = 1u << 5,               /* status ERROR */
    /* of log records of coding agents that send no spans (model/agent_records.h) */
    NV_ITEM_RECORD = 1u << 6,  /* trace_id was derived: spans may be made of the record */
    NV_ITEM_MARK = 1u << 7,    /* likewise, but all it says is that spans tell of this work */
    NV_ITEM_TURNS = 1u << 8,   /* trace_id stands for a session, whose turns are traces */
    NV_ITEM_BEGINS = 1u << 9,  /* a turn begins */
    NV_ITEM_MAKES = 1u << 10,  /* becomes a span */
    NV_ITEM_DUE = 1u << 11,    /* another record of the turn is due */
    NV_ITEM_OPENS = 1u << 12,  /* one of the same span_id is due, */
    NV_ITEM_CLOSES = 1u << 13, /* which this is */
    /* a log record worth a span of its own, where none of its trace comes */
    NV_ITEM_EVALUATES = 1u << 14,
    /* nobody is to take it: it was sent before, or is another's; keeps its number */
    NV_ITEM_LEFT_OUT = 1u << 15
};

/* Are spans to be made of log records that have these flags together, and no span beside them?
 * Not where spans tell of the same work. */
static inline bool nv_item_flags_make(uint32_t flags)
{
    return (flags & (NV_ITEM_MAKES | NV_ITEM_MARK)) == NV_ITEM_MAKES ||
           (flags & NV_ITEM_EVALUATES) != 0;
}

/* A span of a traces request, or a log record of a logs request. */
struct nv_item {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    /* of a log record: zero when it names no span; with NV_ITEM_RECORD: of a tool's call */
    uint8_t span_id[NV_SPAN_ID_BYTES];
    /* zero without NV_ITEM_HAS_PARENT; zero for log records */
    uint8_t parent_id[NV_SPAN_ID_BYTES];
    uint32_t group;  /* index into groups */
    uint32_t flags;  /* enum nv_item_flags */
    uint32_t offset; /* of the Span or LogRecord message's bytes in body */
    uint32_t length;
    uint64_t start_ns; /* as sent; for log records the time */
    uint64_t end_ns;
};

/* What spans of one ScopeSpans (or log records of one ScopeLogs) share. All views into body. */
struct nv_group {
    struct nv_str resource; /* bytes of the Resource message, may be empty */
    struct nv_str scope;    /* bytes of the InstrumentationScope message, may be empty */
    struct nv_str resource_schema_url;
    struct nv_str scope_schema_url;
    struct nv_str service_name; /* resource attribute service.name, empty when absent */
};

struct nv_batch {
    enum nv_signal signal;
    char *body; /* owned, malloc'ed; at most 4 GiB - 1 */
    size_t body_len;
    /* header x-noveum-project, empty when absent; owned with the batch */
    struct nv_str project;
    uint64_t client;       /* stands for the network address that sent it; 0: not known */
    struct nv_item *items; /* malloc'ed, or behind the batch in its own block */
    uint32_t item_count;
    uint32_t items_inside;   /* so many have room there: nv_batch_new; else 0 */
    struct nv_group *groups; /* malloc'ed, or first_group: most requests have one */
    uint32_t group_count;
    struct nv_group first_group;
};

/* Longer than any backend's names of projects. Ours. */
#define NV_BATCH_PROJECT_MAX 256u

/* A new one without body, with room for so many items behind it in the same block: most
 * requests then ask the allocator once for both. NULL without memory; nv_batch_free. */
struct nv_batch *nv_batch_new(enum nv_signal signal, uint32_t items_inside);
/* That room, of items_inside; not initialized. Only for a batch of nv_batch_new. */
static inline struct nv_item *nv_batch_room_inside(struct nv_batch *batch)
{
    return (struct nv_item *)(void *)(batch + 1);
}
/*
 * Copies the header that names the batch's project. One that is empty or longer than
 * NV_BATCH_PROJECT_MAX is none, and the configured project stands in: spans are not lost over a
 * header. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_batch_set_project(struct nv_batch *batch, struct nv_str project) NV_MUST_USE;
/* Frees items and groups; there are none then. */
void nv_batch_drop_index(struct nv_batch *batch);
/* Frees a batch and all that it owns (malloc'ed: itself, body, project.ptr, items, groups). */
void nv_batch_free(struct nv_batch *batch);

#endif
