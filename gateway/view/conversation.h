/*
 * What a person said to an agent and what it answered, read from the spans of a trace.
 */
#ifndef NV_GATEWAY_VIEW_CONVERSATION_H
#define NV_GATEWAY_VIEW_CONVERSATION_H

#include "model/trace.h"

/* Empty: not told. Borrowed from the attributes, or from the arena of the call. */
struct nv_conversation {
    struct nv_str question; /* the last text of a user in the first model call */
    struct nv_str answer;   /* the text of the last model call that has one */
};

/* Appends the tool calls of a model, `name(arguments), name(arguments)`; what is none, as JSON.
 * Errors stay in the buffer, which holds what went in before. */
void nv_conversation_calls(const struct nv_value *calls, struct nv_arena *arena,
                           struct nv_buf *out);
/* Reads one model call, in the order of spans; messages that are JSON text are read into
 * `arena`. */
void nv_conversation_add(struct nv_conversation *talk, struct nv_arena *arena,
                         const struct nv_attributes *call);
/* Fills in from the root's own input and output what no model call told. */
void nv_conversation_end(struct nv_conversation *talk, struct nv_arena *arena,
                         const struct nv_attributes *root);
/* All of a trace at once. */
void nv_conversation_read(struct nv_conversation *talk, struct nv_arena *arena,
                          const struct nv_trace *trace);

#endif
