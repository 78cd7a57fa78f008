/*
 * The stage: what must not leave is taken out of a translated trace, before it is shown,
 * written or sent.
 *
 *   nv_redact ─▶ one walk over all texts (walk.h) ─▶ secrets (secrets/) ─▶ counts, and a list
 *                                                                         in the trace itself
 *
 * Secrets are what docs/privacy.md lists: values under keys that name one, and texts that look
 * like one. In place; changed texts live in the trace's arena. Redacting twice changes nothing
 * more. The thread that owns the trace.
 */
#ifndef NV_REDACTION_REDACT_H
#define NV_REDACTION_REDACT_H

#include "base/buf.h"
#include "model/trace.h"
#include "redaction/secrets/rules.h"

/* Lines that are told one by one; further ones are only counted. */
#define NV_REDACTED_LINES_MAX 64

/* What a rule took at a place. */
struct nv_redacted_line {
    enum nv_secret_rule rule;
    const char *place; /* of places.h */
    struct nv_str key; /* the attribute, before it was redacted itself; empty: no list */
    uint64_t count;
};

struct nv_redacted {
    uint64_t total;
    uint64_t by_rule[NV_SECRET_RULE_COUNT];
    struct nv_redacted_line lines[NV_REDACTED_LINES_MAX]; /* no two alike */
    uint32_t line_count;
};

/*
 * Redacts. When anything was taken, the attribute noveum.gateway.redacted of the trace says by
 * which rules and under which keys (never a value), and the process's counters grow. `out`:
 * what was taken; NULL: nobody asks. NV_ERR_NO_MEMORY: some may be done, the trace must not
 * leave.
 */
enum nv_err nv_redact(struct nv_trace *trace, struct nv_redacted *out) NV_MUST_USE;
/*
 * Text that is shown and belongs to no trace (names of agents and services, a report): secrets
 * in it become ***. Same text when it holds none. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_redact_text(struct nv_arena *arena, struct nv_str *text) NV_MUST_USE;
/* The same of all that a buffer holds; without memory it is left failed, and holds nothing. */
void nv_redact_buf(struct nv_buf *buf);

/* A rule's name, as in metrics. */
const char *nv_redaction_rule_name(enum nv_secret_rule rule);
/* How often the rule took something since the start. Any thread. */
uint64_t nv_redaction_count(enum nv_secret_rule rule);

#endif
