/*
 * Dead letters in OTLP form: traces that could not be translated, their spans as one request again,
 * and journalled requests that no longer decode, as they are.
 */
#ifndef NV_GATEWAY_UNTRANSLATED_H
#define NV_GATEWAY_UNTRANSLATED_H

#include "assembly/assembly.h"
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
/*
 * Appends head and payload of the dead letter of a request that no longer decodes, with the reason
 * `untranslatable`: {"request": "traces" or "logs", "project": text, "otlp": base64 of its body};
 * project only when it has one. Buffers' errors.
 */
enum nv_err nv_undecoded_write(const struct nv_undecoded *request, uint64_t wall_ns,
                               struct nv_buf *head, struct nv_buf *payload);

#endif
