/*
 * A translated trace as the backend's JSON: docs/noveum-backend.md#traces, schema 2.0.
 *
 * Streams onto a buffer; allocates nothing but the buffer's growth. Any thread.
 */
#ifndef NV_EXPORTER_ENCODE_ENCODE_H
#define NV_EXPORTER_ENCODE_ENCODE_H

#include "base/buf.h"
#include "model/trace.h"

#define NV_TRACE_ID_TEXT_MAX 36

enum nv_trace_id_form {
    NV_TRACE_ID_UUID, /* 8-4-4-4-12 */
    NV_TRACE_ID_HEX   /* 32 digits */
};

/*
 * Appends one Trace object, within the buffer's cap: long texts and lists are cut and marked
 * where it would be larger. Errors: NV_ERR_LIMIT (larger even then), NV_ERR_NO_MEMORY,
 * NV_ERR_DEPTH.
 */
enum nv_err nv_encode_trace(struct nv_buf *buf, const struct nv_trace *trace,
                            enum nv_trace_id_form form) NV_MUST_USE;
/*
 * The same trace without its spans and attributes, status `error`, `reason` as status_message:
 * what is sent of a trace that can't be encoded (as the SDK does,
 * docs/noveum-backend.md#traces). Errors as above.
 */
enum nv_err nv_encode_stub(struct nv_buf *buf, const struct nv_trace *trace,
                           enum nv_trace_id_form form, const char *reason) NV_MUST_USE;

#endif
