/*
 * Messages, tools and documents: lists that go into one attribute each, as JSON text in the
 * form of OpenTelemetry's semantic conventions for generative AI (1.37 and later).
 *
 *   messages      [{"role","parts":[{"type":"text","content"}, ...],"finish_reason"}]
 *   instructions  [{"type":"text","content"}]
 *   tools         [{"type":"function","name","description","parameters"}]
 *   documents     [{"id","score","content"}]
 *
 * All functions take a span that is locked and sampled. A message that does not fit is taken
 * back whole and counted; the last bracket of a list is written when it is sent.
 */
#ifndef NV_TRACE_TEXTS_H
#define NV_TRACE_TEXTS_H

#include "trace/pool.h"

/* The attribute that a list goes into. Static. */
const char *nv_trace_text_key(enum nv_trace_text_kind kind);
/* Opens a message; one that is open is closed before. */
void nv_trace_message_begin(struct nv_trace_span *span, enum nv_trace_text_kind kind,
                            struct nv_str role);
/* Closes the open message, if there is one. */
void nv_trace_message_end(struct nv_trace_span *span, struct nv_str finish_reason);

/* A member of a part or an item: text, or JSON where the text is JSON, or bytes. */
struct nv_trace_member {
    const char *key;
    struct nv_str text; /* ptr NULL: left out */
    enum {
        NV_TRACE_PLAIN,
        NV_TRACE_CONTENT,
        NV_TRACE_JSON,
        NV_TRACE_BYTES,
        NV_TRACE_NUMBER
    } as;
    double number;
};
/* Writes a part into the open message: its type and members. False: none is open. CONTENT and
 * JSON go through redact, and are left out where content is not wanted. */
bool nv_trace_part(struct nv_trace_span *span, const char *type,
                   const struct nv_trace_member *members, size_t count);
/* Writes an item of tools or documents; `type` may be NULL. */
void nv_trace_item(struct nv_trace_span *span, enum nv_trace_text_kind kind, const char *type,
                   const struct nv_trace_member *members, size_t count);
/* Is `text` a whole JSON value? */
bool nv_trace_is_json(struct nv_str text);

#endif
