/*
 * Secrets masked as the vendor's SDK masks them (docs/noveum-backend.md#secrets): on a
 * translated trace, before it is shown or encoded.
 *
 *   key ends in api_key, password, access_token ...      the whole value becomes "***"
 *   text holds sk-..., AKIA..., AIza..., ghp_..., Bearer ...  that word becomes ***
 *   text holds `password: x`, `"api_key": "x y"`, `access_token=x`   x becomes ***
 */
#ifndef NV_REDACTION_SECRETS_H
#define NV_REDACTION_SECRETS_H

#include "model/trace.h"

/*
 * Masks attributes of trace, spans, events, links, resources and scopes, status and exception
 * texts, nested values and JSON texts included. In place; changed texts live in the trace's
 * arena. Masking twice changes nothing more. NV_ERR_NO_MEMORY: some may be masked, the trace
 * must not leave. Any thread that owns the trace.
 */
enum nv_err nv_secrets_mask(struct nv_trace *trace) NV_MUST_USE;

/* ---- parts, for tests -------------------------------------------------------------------- */

/* Does the last part of `key` name a secret? */
bool nv_secrets_is_key(struct nv_str key);
/*
 * `text` with its secrets masked: itself when it holds none (the usual case, no allocation),
 * else a new text in the arena; ptr NULL without memory.
 */
struct nv_str nv_secrets_mask_text(struct nv_arena *arena, struct nv_str text);

#endif
