/*
 * A picture, a sound or a file that was inside a trace as base64: what it is, and where its
 * bytes still are until the trace's arena is freed.
 *
 *   redaction/media/ ──list in nv_trace──▶ exporter: record in the store ─▶ upload ─▶ released
 *
 * The trace holds a reference (image://<uuid>) or a mark in its place.
 */
#ifndef NV_MODEL_MEDIA_H
#define NV_MODEL_MEDIA_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define NV_MEDIA_UUID_BYTES 16
#define NV_MEDIA_HASH_BYTES 32
/* Of a MIME type; longer ones are none. */
#define NV_MEDIA_MIME_MAX 64

/* Of a uuid as text, with its NUL. */
#define NV_MEDIA_UUID_TEXT 37

enum nv_media_kind { NV_MEDIA_IMAGE, NV_MEDIA_AUDIO, NV_MEDIA_VIDEO, NV_MEDIA_FILE };

/* Of a sound without a header, what a header would say; rate 0: it has one, or is none. */
struct nv_media_samples {
    uint32_t rate; /* a second */
    uint8_t channels, bits;
    uint8_t tag; /* of WAV: 1 linear, 6 A-law, 7 mu-law */
};

/* Views of static text, or of the trace's. */
struct nv_media_type {
    struct nv_str mime;   /* lower case letters, digits, / + - . only */
    struct nv_str format; /* png, wav, ...: its part in a file's name; never empty */
    enum nv_media_kind kind;
    struct nv_media_samples samples;
};

/* What a sound is to its span; `type` of an upload. */
enum nv_media_use { NV_MEDIA_CONVERSATION, NV_MEDIA_STT, NV_MEDIA_TTS };

struct nv_medium {
    uint8_t uuid[NV_MEDIA_UUID_BYTES]; /* derived from the trace's id and the hash */
    uint8_t hash[NV_MEDIA_HASH_BYTES]; /* SHA-256 of the bytes */
    struct nv_media_type type;
    struct nv_str
        text;       /* base64 as base/text/base64_text.h reads it, or the bytes themselves */
    bool raw;       /* the bytes themselves */
    uint64_t bytes; /* decoded */
    uint32_t span;  /* the first that has it, an index into the trace's spans */
    enum nv_media_use use;
};

/* Of a medium's file in media.directory: its uuid, a dot, an ending; with its NUL. */
#define NV_MEDIA_FILE_NAME 48

/* Where media go that are not uploaded. Borrowed. */
struct nv_media_keeper {
    void *ctx;
    /*
     * Keeps the bytes of *medium (borrowed), whose uuid, type, text and length are set, and
     * writes its file's name. Any thread. On an error the medium becomes a mark without a name.
     */
    enum nv_err (*keep)(void *ctx, const struct nv_medium *medium,
                        char name[NV_MEDIA_FILE_NAME]);
};

/* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, ended by NUL. */
void nv_media_uuid_text(const uint8_t uuid[NV_MEDIA_UUID_BYTES], char out[NV_MEDIA_UUID_TEXT]);
/* "image", "audio", "video", "file". Static. */
const char *nv_media_kind_text(enum nv_media_kind kind);

#endif
