/*
 * A trace on its way out: raw as assembly completes it, then translated as the exporter encodes
 * it.
 *
 *   nv_raw_trace ──mapping──▶ nv_trace ──exporter──▶ JSON
 *     bytes of spans            spans with Noveum attributes
 *     and log records           project, identity, otel block
 *
 * Both live in one arena, which the nv_trace takes over; spans' strings point into the raw
 * bytes.
 */
#ifndef NV_MODEL_TRACE_H
#define NV_MODEL_TRACE_H

#include "model/batch.h"
#include "model/media.h"
#include "model/value.h"

/* Who is told when all of this has an end: assembly's (opaque elsewhere); one a trace or
 * part. */
struct nv_claim;

/* ---- raw --------------------------------------------------------------------------------- */

struct nv_raw_item {
    struct nv_str bytes; /* Span or LogRecord message, checked (model/batch.h) */
    uint32_t group;      /* index into groups */
    enum nv_signal signal;
};

/* Why a trace was sent with something missing; shown as noveum.gateway.incomplete. */
enum nv_incomplete {
    NV_COMPLETE,
    NV_INCOMPLETE_ROOT,    /* the root never came */
    NV_INCOMPLETE_PARENT,  /* a parent never came */
    NV_INCOMPLETE_CUT,     /* a cap on spans, bytes or age was reached; further parts follow */
    NV_INCOMPLETE_SHUTDOWN /* sent as it was at a stop */
};

struct nv_raw_trace {
    struct nv_arena *arena;              /* owns everything here, the struct itself included */
    uint8_t trace_id[NV_TRACE_ID_BYTES]; /* as the client sent it */
    uint32_t part; /* 0 first; n = n-th linked part (late spans, cut traces) */
    enum nv_incomplete incomplete;
    uint64_t first_ns,
        last_ns;              /* arrival of its first and last item, monotonic; 0: not known */
    const char *waited_for;   /* static: why it waited at last (nv_wait_name); NULL: no wait
                                 * ended, or it is made again after a restart */
    struct nv_str first_name; /* of part 0's trace, when part > 0 and it is known; else empty */
    struct nv_str first_session; /* session and user of part 0, likewise */
    struct nv_str first_user;
    struct nv_str project; /* from the request header, else empty */
    struct nv_raw_item *items;
    uint32_t item_count;
    uint32_t span_count; /* items that are spans: what the ledger counts */
    bool of_records;     /* log records of a coding agent: spans are made of them first */
    bool is_turn;        /* trace_id stands for its session: turn_id is the trace's */
    uint8_t turn_id[NV_TRACE_ID_BYTES]; /* set when its spans are made */
    struct nv_group *groups;
    uint32_t group_count;
    struct nv_claim *claim; /* travels with the trace; settled by the exporter */
};

/* ---- translated -------------------------------------------------------------------------- */

enum nv_status { NV_STATUS_OK, NV_STATUS_ERROR, NV_STATUS_TIMEOUT };
enum nv_status_code { NV_STATUS_CODE_UNSET, NV_STATUS_CODE_OK, NV_STATUS_CODE_ERROR };
enum nv_span_kind { /* OTLP's SpanKind */
                    NV_SPAN_KIND_UNSPECIFIED,
                    NV_SPAN_KIND_INTERNAL,
                    NV_SPAN_KIND_SERVER,
                    NV_SPAN_KIND_CLIENT,
                    NV_SPAN_KIND_PRODUCER,
                    NV_SPAN_KIND_CONSUMER
};

struct nv_event {
    struct nv_str name; /* never empty after translation */
    uint64_t time_ns;
    struct nv_attributes attributes;
};

struct nv_link {
    uint8_t trace_id[NV_TRACE_ID_BYTES];
    uint8_t span_id[NV_SPAN_ID_BYTES];
    struct nv_attributes attributes;
};

/* What spans share; one for each nv_group. */
struct nv_origin {
    struct nv_attributes resource;
    struct nv_str scope_name;
    struct nv_str scope_version;
    struct nv_attributes scope_attributes;
    struct nv_str schema_url;
    struct nv_str service_name;
};

/* How a span named itself and its parent, where that could not stay. */
struct nv_source_ids {
    uint8_t span_id[NV_SPAN_ID_BYTES];
    uint8_t parent_id[NV_SPAN_ID_BYTES];
    bool has_parent;
};

struct nv_span {
    uint8_t span_id[NV_SPAN_ID_BYTES];
    uint8_t parent_id[NV_SPAN_ID_BYTES];
    bool has_parent;
    const struct nv_source_ids *source_ids; /* NULL: the two above are as sent */
    struct nv_str source_name;              /* as sent, may be empty: otel.name */
    struct nv_str name;                     /* Noveum's, never empty */
    uint64_t start_ns;
    uint64_t end_ns;     /* >= start_ns after translation */
    int32_t kind;        /* enum nv_span_kind, open: unknown numbers pass */
    int32_t status_code; /* enum nv_status_code, open */
    struct nv_str source_status_message;
    enum nv_status status;        /* Noveum's */
    struct nv_str status_message; /* ptr NULL: null */
    uint32_t flags;
    struct nv_str trace_state;
    uint32_t dropped_attributes, dropped_events, dropped_links;
    const struct nv_origin *origin;
    struct nv_attributes attributes; /* Noveum's, as they are sent */
    struct nv_event *events;
    uint32_t event_count;
    struct nv_link *links;
    uint32_t link_count;
    bool has_exception;
    struct nv_str exception_type, exception_message, exception_stacktrace;
};

/* Spans that were received and do not go out, which whoever takes the trace moves in the
 * ledger: they only announced one of `spans`, a row of the user's names them, or they are no
 * part of the AI work; and the log records that named them. */
struct nv_left_out {
    uint32_t placeholders, by_rule, not_ai, log_records;
};

struct nv_trace {
    struct nv_arena *arena;              /* owns everything here, the struct itself included */
    uint8_t trace_id[NV_TRACE_ID_BYTES]; /* the id it is sent under (derived for part > 0) */
    uint8_t source_trace_id[NV_TRACE_ID_BYTES]; /* the id the client used: otel.trace_id */
    struct nv_str name;                         /* never empty */
    uint64_t start_ns, end_ns;
    enum nv_status status;
    struct nv_str status_message; /* ptr NULL: null */
    uint32_t error_count;
    struct nv_str project, environment; /* never empty */
    struct nv_str service_version;      /* empty: left out */
    struct nv_attributes attributes;
    struct nv_str user_id, session_id, request_id; /* ptr NULL: null */
    struct nv_attributes tags, custom_attributes;
    const struct nv_origin *origin; /* the root's: its resource is the trace's */
    struct nv_span *spans; /* by start time, parents before children at the same time */
    uint32_t span_count;   /* 0: all are left out */
    struct nv_left_out left_out;
    /* where its values come from, as JSON (mapping/engine/report.h); empty: nobody asked */
    struct nv_str explained;
    bool untranslated;       /* its spans are as they came: they cost too much to translate */
    struct nv_medium *media; /* taken out of it, to be uploaded; in the arena */
    uint32_t media_count;
    struct nv_claim *claim;
    struct nv_trace *next; /* for lists of whoever owns it */
};

#endif
