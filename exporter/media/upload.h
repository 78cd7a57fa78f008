/*
 * A medium on its way to the backend: who it is, and where its bytes wait.
 *
 *   nv_medium of a trace ──decode──▶ record in the store [ head: one line | the bytes ]
 *                                        │ a restart finds it
 *                                        ▼
 *   nv_upload  [ facts | record's id ]   bytes are read back only to be sent
 *
 * Without a store the bytes wait in memory, NV_CAP_UPLOADS of all uploads together. Made by the
 * thread that owns the trace, then the sender's alone.
 */
#ifndef NV_EXPORTER_MEDIA_UPLOAD_H
#define NV_EXPORTER_MEDIA_UPLOAD_H

#include "base/buf.h"
#include "exporter/encode/encode.h"
#include "model/media.h"
#include "model/store.h"
#include "model/trace.h"

enum nv_upload_state {
    NV_UPLOAD_PENDING,
    NV_UPLOAD_DELIVERED,
    NV_UPLOAD_MARKED /* it will not be at the backend: a mark stands for it */
};

/*
 * What is sent beside the bytes, and what a mark says: of the bytes that are kept, which are a
 * WAV file where the medium was samples without a header. Texts are plain ASCII, ended by NUL.
 */
struct nv_upload_facts {
    char uuid[NV_MEDIA_UUID_TEXT];
    char trace_id[NV_MEDIA_UUID_TEXT]; /* as the trace is sent: uuid or hex */
    char span_id[2 * NV_SPAN_ID_BYTES + 1];
    char mime[NV_MEDIA_MIME_MAX + 1];
    char format[NV_MEDIA_MIME_MAX + 1];
    char hash[2 * NV_MEDIA_HASH_BYTES + 1];
    enum nv_media_kind kind; /* IMAGE or AUDIO */
    enum nv_media_use use;
    uint64_t wall_ns; /* of its span's start */
    uint64_t bytes;
};

struct nv_upload {
    struct nv_upload *next; /* of the list it is in */
    struct nv_upload_facts facts;
    enum nv_upload_state state;
    uint32_t refs;   /* traces that wait for it, and the list of those to be sent */
    uint64_t record; /* in the store; 0: `memory` has the bytes */
    char *memory;
    uint64_t due_ns, first_try_ns;
    uint32_t attempt;
    bool loaded;        /* an earlier run left it */
    struct nv_buf wire; /* the request, while it is in flight */
    void *owner;        /* the sender, while it is in flight */
};

/*
 * New, with the medium's bytes in the store, or (store NULL) in memory; one reference.
 * NV_ERR_NO_MEMORY, NV_ERR_FULL (memory's cap), the store's errors.
 */
enum nv_err nv_upload_new(const struct nv_store *store, const struct nv_trace *trace,
                          const struct nv_medium *medium, enum nv_trace_id_form form,
                          struct nv_upload **out) NV_MUST_USE;
/* New, of one whose bytes can't be kept: a mark stands for it from the start. One reference.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_upload_new_marked(const struct nv_trace *trace, const struct nv_medium *medium,
                                 enum nv_trace_id_form form,
                                 struct nv_upload **out) NV_MUST_USE;
/*
 * New, of facts and bytes that are known, in the store (not NULL); one reference. The store's
 * errors, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_upload_restore(const struct nv_store *store, const struct nv_upload_facts *facts,
                              struct nv_str bytes, struct nv_upload **out) NV_MUST_USE;
/* SHA-256 of bytes as text. False: there is none, for want of memory. */
bool nv_upload_hash(struct nv_str bytes, char out[2 * NV_MEDIA_HASH_BYTES + 1]) NV_MUST_USE;
/* One reference more; gives `upload`. */
struct nv_upload *nv_upload_ref(struct nv_upload *upload);
/* One reference less; frees it with the last. Its record stays. NULL is allowed. */
void nv_upload_unref(struct nv_upload *upload);
/* Its bytes are wanted no more: releases the record, or the memory. */
void nv_upload_forget(struct nv_upload *upload, const struct nv_store *store);
/* Appends its bytes. The store's errors, the buffer's. */
enum nv_err nv_upload_read(const struct nv_upload *upload, const struct nv_store *store,
                           struct nv_buf *out) NV_MUST_USE;
/*
 * The uploads that an earlier run left in the store, new, each with one reference, in front of
 * *list. Heads that can't be read are left where they are. The store's errors,
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_upload_load(const struct nv_store *store, struct nv_upload **list) NV_MUST_USE;

#endif
