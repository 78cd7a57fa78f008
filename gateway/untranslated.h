/*
 * Dead letters of traces that could not be translated: their spans as one OTLP request again.
 */
#ifndef NV_GATEWAY_UNTRANSLATED_H
#define NV_GATEWAY_UNTRANSLATED_H

#include "model/store.h"
#include "model/trace.h"

/*
 * Appends an ExportTraceServiceRequest (protobuf) with the spans of `raw` (borrowed) under their
 * resources and scopes; log records are left out. Buffer's errors.
 */
enum nv_err nv_untranslated_write(const struct nv_raw_trace *raw, struct nv_buf *out);
/*
 * Puts that request into `store` (NULL: NV_ERR_NOT_FOUND) as a dead letter with the reason
 * `untranslatable`, `why` in words and the time `wall_ns`. The payload is {"otlp": base64}, because
 * dead letters are JSON. Errors as nv_store.put, the buffer's.
 */
enum nv_err nv_untranslated_put(const struct nv_store *store, const struct nv_raw_trace *raw,
                                enum nv_err why, uint64_t wall_ns);

#endif
