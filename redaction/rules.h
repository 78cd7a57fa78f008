/*
 * What a change of the stage is counted and told under: metrics, noveum.gateway.redacted,
 * `redact --dry-run`. The rules of secrets come first, under their own numbers; whatever else
 * takes something from a trace adds its rows behind them.
 */
#ifndef NV_REDACTION_RULES_H
#define NV_REDACTION_RULES_H

#include "redaction/secrets/rules.h"

/* X(id, name, what it is) */
#define NV_OTHER_RULES(X)                                                                      \
    X(STACK_TRACE, "stack-trace", "stack traces, left out or cut by `redaction.stack_traces`") \
    X(MEDIA, "media", "base64 of pictures, sounds and files, replaced by a mark")              \
    X(CONTENT, "content", "content, left out or cut by `mapping.content`")

enum nv_redaction_rule {
    NV_RULE_BEFORE_OTHERS = NV_SECRET_RULE_COUNT - 1,
#define NV_OTHER_RULE_ENUM(id, name, what) NV_RULE_##id,
    NV_OTHER_RULES(NV_OTHER_RULE_ENUM)
#undef NV_OTHER_RULE_ENUM
        NV_REDACTION_RULE_COUNT
};

#endif
