/*
 * What was taken from a trace, by rule and place: gathered while it is redacted, then counted
 * for the process and listed in the trace itself. Never a value.
 */
#ifndef NV_REDACTION_TOLD_H
#define NV_REDACTION_TOLD_H

#include "model/trace.h"
#include "redaction/rules.h"
#include "redaction/walk.h"

/* Lines that are told one by one; further ones are only counted. */
#define NV_REDACTED_LINES_MAX 64

/* What a rule took at a place. */
struct nv_redacted_line {
    unsigned rule;     /* enum nv_secret_rule, enum nv_redaction_rule */
    const char *place; /* of places.h */
    struct nv_str key; /* the attribute, before it was redacted itself; empty: no list */
    uint64_t count;
};

struct nv_redacted {
    bool uncounted; /* a look at what is counted when it leaves; set behind nv_redacted_init */
    uint64_t total;
    uint64_t by_rule[NV_REDACTION_RULE_COUNT];
    struct nv_redacted_line lines[NV_REDACTED_LINES_MAX]; /* no two alike */
    uint32_t line_count;
};

/* Nothing was taken yet. */
void nv_redacted_init(struct nv_redacted *redacted);
/* `rule` took `count` things there. The key is borrowed until nv_redacted_tell. */
void nv_redacted_note(struct nv_redacted *redacted, unsigned rule,
                      const struct nv_text_place *place, uint64_t count);
/*
 * Counts for the process, and sets the trace's noveum.gateway.redacted when anything was taken:
 * a list of "RULE KEY", or "RULE PLACE" where there is no key. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_redacted_tell(const struct nv_redacted *redacted,
                             struct nv_trace *trace) NV_MUST_USE;

/* A rule's name, as in metrics. Static. */
const char *nv_redaction_rule_name(unsigned rule);
/* How often the rule took something since the start. Any thread. */
uint64_t nv_redaction_count(unsigned rule);

#endif
