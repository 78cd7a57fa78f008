/*
 * Stack traces of a translated trace, as `redaction.stack_traces` wants them.
 *
 *   off    none leaves, also none inside a message; types and messages do
 *   last   of each the innermost exception's NV_STACK_FRAMES_KEPT last frames (stack_text.h)
 *          once: what the span's exception has is not in its events and attributes too
 *   full   as they came, in events too, so that what was sent is all there
 */
#ifndef NV_REDACTION_STACKS_H
#define NV_REDACTION_STACKS_H

#include "redaction/told.h"

enum nv_stack_traces { NV_STACK_TRACES_OFF, NV_STACK_TRACES_LAST, NV_STACK_TRACES_FULL };

/* Takes out and cuts; what was is noted. A second time changes nothing. NV_ERR_NO_MEMORY: some
 * may be done. */
enum nv_err nv_stacks_apply(enum nv_stack_traces mode, struct nv_trace *trace,
                            struct nv_redacted *redacted) NV_MUST_USE;

#endif
