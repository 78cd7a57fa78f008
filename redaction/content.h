/*
 * How much content leaves: `mapping.content`, a list of policies.
 *
 *   POLICY          of all content: keys whose last part says so (content.c), and metadata
 *   KEY=POLICY      of the attributes of that key: `tool.output`, `llm.*`, `*.arguments`; or of
 *                   `metadata`, a trace's custom attributes
 *
 *   full            all of it
 *   truncate        texts are cut to 2,000 characters
 *   truncate:N      to N
 *   off             a mark is left
 *
 * Of a key the last policy that names it counts. What content says of a span (model, tokens,
 * names, counts) was read before and stays. Attributes of traces, spans and events are looked
 * at; those of resources, scopes and links are no content.
 */
#ifndef NV_REDACTION_CONTENT_H
#define NV_REDACTION_CONTENT_H

#include "redaction/told.h"

#define NV_CONTENT_RULES_MAX 16
#define NV_CONTENT_KEY_MAX 64
#define NV_CONTENT_LIMIT_DEFAULT 2000

enum nv_content_mode { NV_CONTENT_FULL, NV_CONTENT_TRUNCATE, NV_CONTENT_OFF };

struct nv_content_rule {
    char key[NV_CONTENT_KEY_MAX]; /* empty: all content; one `*` at its begin or end */
    uint8_t key_len;
    uint8_t mode;   /* enum nv_content_mode */
    uint32_t limit; /* of TRUNCATE, in characters */
};

/* Zero-initialised is full. */
struct nv_content_policy {
    struct nv_content_rule rules[NV_CONTENT_RULES_MAX];
    uint32_t count;
};

/* Adds what one item of the list says; NULL, or what is wrong with it (static). */
const char *nv_content_add(struct nv_content_policy *policy, struct nv_str item);
/* Cuts; what was is noted. A second time changes nothing. NV_ERR_NO_MEMORY: some may be
 * done. */
enum nv_err nv_content_apply(const struct nv_content_policy *policy, struct nv_trace *trace,
                             struct nv_redacted *redacted) NV_MUST_USE;

#endif
