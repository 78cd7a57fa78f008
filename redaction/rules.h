/*
 * What a change of the stage is counted and told under: metrics, noveum.gateway.redacted,
 * `redact --dry-run`. The rules of secrets come first, under their own numbers; whatever else
 * takes something from a trace adds its rows behind them; labels of personal data come last.
 */
#ifndef NV_REDACTION_RULES_H
#define NV_REDACTION_RULES_H

#include "redaction/personal/patterns.h"
#include "redaction/secrets/rules.h"

/* X(id, name, what it is) */
#define NV_OTHER_RULES(X)                                                                      \
    X(STACK_TRACE, "stack-trace", "stack traces, left out or cut by `redaction.stack_traces`") \
    X(MEDIA, "media", "base64 of pictures, sounds and files, replaced by a mark")              \
    X(CONTENT, "content", "content, left out or cut by `mapping.content`")                     \
    X(PII_CUSTOM, "pii-custom", "what a pattern of `redaction.patterns` found")                \
    X(PII_KEY, "pii-key", "values of keys that `redaction.pii_keys` drops or hashes")

enum nv_redaction_rule {
    NV_RULE_BEFORE_OTHERS = NV_SECRET_RULE_COUNT - 1,
#define NV_OTHER_RULE_ENUM(id, name, what) NV_RULE_##id,
    NV_OTHER_RULES(NV_OTHER_RULE_ENUM)
#undef NV_OTHER_RULE_ENUM
#define NV_PERSONAL_RULE_ENUM(id, label, name, what) NV_RULE_PII_##id,
        NV_PERSONAL_LABELS(NV_PERSONAL_RULE_ENUM)
#undef NV_PERSONAL_RULE_ENUM
            NV_REDACTION_RULE_COUNT
};

/* That of a built-in label of personal data. */
#define NV_RULE_OF_LABEL(label) (NV_RULE_PII_EMAIL + (unsigned)(label))

#endif
