/*
 * Content that stands outside a span's attributes: in its span events and in log records.
 *
 *   span events ─┐                        ┌─ gen_ai.input.messages      [messages, any shape]
 *   log records ─┴─▶ nv_content_collect ──┼─ gen_ai.output.messages
 *                    rules: conventions/  ├─ gen_ai.system_instructions, gen_ai.tool.definitions
 *                    events.rules         └─ any attribute that an event carries for its span
 *
 * The result is a list of virtual source attributes under source keys: they go through the same
 * rows and the same precedence as attributes, one step behind an attribute of the same key
 * (trap 10: attributes win, events and logs only fill holes). Events stay
 * events too. Several events of one name are merged (Strands sends one a direction, trap 10);
 * log records are ordered by time first.
 */
#ifndef NV_MAPPING_ENGINE_CONTENT_H
#define NV_MAPPING_ENGINE_CONTENT_H

#include "mapping/engine/logs.h"
#include "model/trace.h"

struct nv_content_source {
    const struct nv_event *events; /* the span's, in source order */
    uint32_t event_count;
    const struct nv_log *logs; /* records that name the span, any order */
    uint32_t log_count;
    /* an execute_tool span: its tool.message is input, its choice output (11) */
    bool tool_span;
};

struct nv_content_item {
    struct nv_str key; /* a source key, for example gen_ai.input.messages */
    struct nv_value value;
    bool from_log; /* else from a span event, which goes before logs */
};

struct nv_content {
    struct nv_content_item *items; /* in the arena; each key at most once a carrier */
    uint32_t count;
};

/* Collects. Borrows everything. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_content_collect(struct nv_arena *arena, const struct nv_content_source *source,
                               struct nv_content *out) NV_MUST_USE;

/* What rows take of a log record for its span. */
struct nv_content_taken {
    bool body;       /* the body as a whole */
    bool attributes; /* the attributes as a whole, but for labels */
    bool mapped;     /* attributes, and members of the body, that rows of tables map */
    bool members;    /* those that nv_content_takes says */
};

/* Of a record; `tool_span` as in nv_content_source. Borrows. */
struct nv_content_taken nv_content_taken_of(const struct nv_log *log, bool tool_span);
/* Does a row take this attribute, or (of) this member of the body, of records of that name? */
bool nv_content_takes(struct nv_str name, bool tool_span, struct nv_str key);
/* An attribute that says what kind of event it is: no part of its body. */
bool nv_content_labels(struct nv_str key);
/* Is a record of that name an evaluation? */
bool nv_content_is_evaluation(struct nv_str name);

#endif
