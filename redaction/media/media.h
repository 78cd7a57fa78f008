/*
 * Media: base64 of pictures, sounds, videos and files is taken out of a translated trace.
 *
 *   attributes, messages in them, texts ──find.h──▶ type, length, hash
 *        │ the same hash again: the same medium
 *        ├─ MARKER  "[media: image/png, 70 bytes, sha256 4355a4...]" in its place
 *        └─ UPLOAD  "image://<uuid>", and a row in the trace's list of media; what the backend
 *                   has no place for (videos, files), what is cut, too large or one too many: a
 *                   mark
 *   with a keeper: whole ones that are not uploaded go to it, and their mark names the file
 *
 * Looked at: attributes of the trace, its spans and events, at any depth, JSON in texts and
 * bytes too; messages of statuses and exceptions. References by http stay as they are. In
 * place, new texts in the trace's arena; a second time changes nothing.
 */
#ifndef NV_REDACTION_MEDIA_MEDIA_H
#define NV_REDACTION_MEDIA_MEDIA_H

#include "model/trace.h"

/* Different ones of a trace that are uploaded; further ones become marks. */
#define NV_MEDIA_UPLOADS_MAX 1000u
/* Different ones of a trace that become files; further ones become marks without a name. */
#define NV_MEDIA_KEPT_MAX 1000u

enum nv_media_mode { NV_MEDIA_KEEP, NV_MEDIA_MARKER, NV_MEDIA_UPLOAD };

/* Zero-initialised keeps all. */
struct nv_media_policy {
    enum nv_media_mode mode;
    uint64_t bytes_max;                   /* of one that is uploaded or kept, decoded */
    const struct nv_media_keeper *keeper; /* borrowed; NULL: marks only */
};

/* Told of each mark: where it is (a place of redaction/places.h) and under which key, empty if
 * in no list. */
struct nv_media_teller {
    void *ctx;
    void (*marked)(void *ctx, const char *place, struct nv_str key);
};

/*
 * Takes media out. The teller (borrowed for the call) hears of marks; UPLOAD lists the rest in
 * the trace and names them in `llm.input.image_uuids`, `llm.input.image_count`,
 * `stt.audio_uuid` and `tts.audio_uuid` of their spans. NV_ERR_NO_MEMORY: some may be done, the
 * trace must not leave.
 */
enum nv_err nv_media_apply(const struct nv_media_policy *policy, struct nv_trace *trace,
                           const struct nv_media_teller *teller) NV_MUST_USE;

#endif
