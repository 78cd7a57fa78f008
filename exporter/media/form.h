/*
 * The body of POST /v1/image and /v1/audio: multipart/form-data (RFC 7578), one file.
 *
 *   fields: traceId spanId image_uuid|audio_uuid timestamp format (type: stt, tts, conversation)
 *   file:   <uuid>.<format>, of its MIME type
 */
#ifndef NV_EXPORTER_MEDIA_FORM_H
#define NV_EXPORTER_MEDIA_FORM_H

#include "exporter/media/upload.h"

/* Of a boundary, with its NUL. */
#define NV_FORM_BOUNDARY 48

/*
 * Writes the body with the upload's bytes into `out`, whose bytes never hold the boundary that
 * is written to `boundary`; `random` is one that no client can guess. The buffer's errors,
 * nv_upload_read's.
 */
enum nv_err nv_form_write(const struct nv_upload *upload, const struct nv_store *store,
                          uint64_t random, char boundary[NV_FORM_BOUNDARY],
                          struct nv_buf *out) NV_MUST_USE;

#endif
