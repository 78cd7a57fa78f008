/*
 * The stage: what must not leave is taken out of a translated trace, before it is shown,
 * written or sent.
 *
 *   nv_redact ─▶ stack traces (stacks.h) ─▶ media (media/) ─▶ one walk over all texts (walk.h)
 *             ─▶ content (content.h)                            └─▶ a list of finders: secrets/,
 *                                                                   personal data (pii.h)
 *
 * What each took is noted (told.h), counted and listed in the trace.
 *
 * A finder is a struct nv_redaction_handler: it is given every text of every place (places.h),
 * and every value with its key. A further kind of data is a finder in the list of redact.c, its
 * rules in rules.h and its setting in the configuration below; the walk, what is told and the
 * callers stay as they are. Finders of a text run in the order of the list, each on what the
 * one before it left.
 *
 * In place; changed texts live in the trace's arena. Redacting twice changes nothing more. The
 * thread that owns the trace.
 */
#ifndef NV_REDACTION_REDACT_H
#define NV_REDACTION_REDACT_H

#include "base/buf.h"
#include "model/trace.h"
#include "redaction/content.h"
#include "redaction/media/media.h"
#include "redaction/pii.h"
#include "redaction/stacks.h"
#include "redaction/told.h"

/* As configured; zero-initialised takes out stack traces and nothing else. */
struct nv_redaction_config {
    bool secrets;
    enum nv_stack_traces stack_traces;
    struct nv_media_policy media;
    struct nv_content_policy content;
    struct nv_pii *pii; /* borrowed; NULL: personal data stays */
    bool uncounted;     /* only looked at: the counters of the process stay */
};

/*
 * Redacts. When anything was taken, the attribute noveum.gateway.redacted of the trace says by
 * which rules and under which keys (never a value), and the process's counters grow. `out`:
 * what was taken; NULL: nobody asks. NV_ERR_NO_MEMORY: some may be done, the trace must not
 * leave.
 */
enum nv_err nv_redact(const struct nv_redaction_config *config, struct nv_trace *trace,
                      struct nv_redacted *out) NV_MUST_USE;
/*
 * Text that is shown and belongs to no trace (names of agents and services, a report): what
 * traces don't show isn't shown in it either. Same text when it holds none. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_redact_text(const struct nv_redaction_config *config, struct nv_arena *arena,
                           struct nv_str *text) NV_MUST_USE;
/* The same of all that a buffer holds; without memory it is left failed, and holds nothing. */
void nv_redact_buf(const struct nv_redaction_config *config, struct nv_buf *buf);

#endif
