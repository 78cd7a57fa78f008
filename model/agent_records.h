/*
 * Log records of coding agents that send no spans: whose they are, which turn of which session
 * they tell of, what each becomes (docs/design/0015-traces-of-log-records.md).
 *
 *   record ─▶ agent (scope, service) ─▶ event (name, condition) ─▶ role
 *          └▶ service, session, prompt ─▶ id of the trace          call ─▶ id of the span
 *
 * The tables are model/agent_records.inc. The door asks them to file a record (otlp/request/),
 * translation to make spans of them (mapping/engine/), so that both read a record alike. All of
 * it is pure: the same bytes give the same ids in another process and on another machine. Any
 * thread.
 */
#ifndef NV_MODEL_AGENT_RECORDS_H
#define NV_MODEL_AGENT_RECORDS_H

#include "model/batch.h"

/* What a record is of a turn's work. */
enum nv_record_role {
    NV_RECORD_EVENT,    /* something that happened in the turn: an event of the root */
    NV_RECORD_SKIP,     /* a sign of life (one delta of a stream): left out, counted unused */
    NV_RECORD_PART,     /* content of a model call: of the one that has begun, else the last */
    NV_RECORD_BEGIN,    /* a model call begins */
    NV_RECORD_DECISION, /* somebody allowed or refused the call of a tool */
    NV_RECORD_PROMPT,   /* the turn begins: its root */
    NV_RECORD_CALL,     /* a model call has ended: its span */
    NV_RECORD_TOOL      /* the call of a tool has ended: its span */
};

enum nv_record_traits {
    NV_RECORD_NONE = 0,
    NV_RECORD_DUE = 1u << 0,    /* the agent will send another record of this turn */
    NV_RECORD_OPENS = 1u << 1,  /* a TOOL of the same call is due */
    NV_RECORD_FAILED = 1u << 2, /* its span has failed */
};

enum nv_record_own { NV_RECORD_MARKS, NV_RECORD_JOINS };

struct nv_record_agent {
    struct nv_str name;
    struct nv_str scope, service, prefix;
    struct nv_str session, prompt;           /* attribute keys */
    struct nv_str span_session, span_prompt; /* the same on its spans */
    struct nv_str provider;
    enum nv_record_own own;
};

struct nv_record_event {
    unsigned agent; /* index of its agent */
    struct nv_str name, condition;
    enum nv_record_role role;
    struct nv_str span;           /* name */
    struct nv_str duration, call; /* attribute keys, may be empty */
    unsigned traits;              /* enum nv_record_traits */
};

/* A record as it was read: views into its bytes and into its resource's. */
struct nv_record {
    const struct nv_record_agent *agent;
    const struct nv_record_event *event;
    struct nv_str session, prompt, call; /* empty: not told */
};

/* Could a LogRecord (checked bytes) be an agent's at all? By its name alone, and quick. */
bool nv_record_is_candidate(struct nv_str bytes);
/* Is a LogRecord (checked bytes), of whomever, an evaluation? By its name. */
bool nv_record_is_evaluation(struct nv_str bytes);
/* The agent whose scope or service this is, static; NULL: none. `scope`: InstrumentationScope
 * bytes, borrowed during the call. */
const struct nv_record_agent *nv_record_agent_of(struct nv_str scope, struct nv_str service);
/* Reads a LogRecord of that agent. False: none of its events, or it names no session. */
bool nv_record_read(const struct nv_record_agent *agent, struct nv_str bytes,
                    struct nv_str resource, struct nv_record *out);
/* Reads session and prompt of a Span of that agent. False: it tells of no turn. */
bool nv_record_read_span(const struct nv_record_agent *agent, struct nv_str bytes,
                         struct nv_str resource, struct nv_record *out);
/*
 * The id under which what a record tells of is put together: a hash of service, session and
 * prompt id. Without a prompt id it stands for the session, whose turns have ids of their own
 * (nv_record_turn_id).
 */
void nv_record_trace_id(struct nv_str service, const struct nv_record *record,
                        uint8_t out[NV_TRACE_ID_BYTES]);
/* What a record says: a hash of its time and its attributes, the same for one that was JSON and
 * one that was protobuf. */
void nv_record_identity(struct nv_str bytes, uint8_t out[NV_HASH128_BYTES]);
/* The id of one turn of a session whose prompts have no ids: by the identity of its first
 * record. */
void nv_record_turn_id(const uint8_t session_id[NV_TRACE_ID_BYTES],
                       const uint8_t first[NV_HASH128_BYTES], uint8_t out[NV_TRACE_ID_BYTES]);
/* The id of a span of that trace, by what tells it from others (a call's id, the identity of a
 * record); never zero. */
void nv_record_span_id(const uint8_t trace_id[NV_TRACE_ID_BYTES], struct nv_str what,
                       uint8_t out[NV_SPAN_ID_BYTES]);
/* When it happened, in nanoseconds; else when it was seen; else 0. */
uint64_t nv_record_time(struct nv_str bytes);
/* The AnyValue's bytes of an attribute of a LogRecord, the last of that key; ptr NULL: none. */
struct nv_str nv_record_attribute(struct nv_str bytes, struct nv_str key);

#endif
