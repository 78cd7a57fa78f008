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

#endif
