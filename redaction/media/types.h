/*
 * What bytes are: by how they begin, else by what was said of them.
 *
 *   89 50 4e 47 0d 0a 1a 0a ─▶ image/png, whatever was declared
 *   ff fb ..                ─▶ audio/mpeg, when a sound was declared: two bytes prove nothing
 *   <!DOCTYPE html ..       ─▶ text/html, when a picture was declared
 *   anything                ─▶ as declared, when anything was
 *   anything, "pcm16"       ─▶ samples without a header: rate and channels as declared beside
 *
 * The signatures are those of the WHATWG's MIME Sniffing Standard (section 6), of the file
 * formats' own descriptions where it has none, and declared names are those of the messages of
 * providers (`format: "pcm16"`).
 */
#ifndef NV_REDACTION_MEDIA_TYPES_H
#define NV_REDACTION_MEDIA_TYPES_H

#include "model/media.h"

/* Bytes that a signature looks at, at most. */
#define NV_MEDIA_HEAD_MAX 15u

/* Digits in a declared type; one with more is none. What is declared goes into forms and dead
 * letters, where nobody looks for keys and telephone numbers any more. */
#define NV_MEDIA_MIME_DIGITS_MAX 6u

/* What was said of bytes; all empty: nothing. Borrowed. */
struct nv_media_said {
    struct nv_str mime;   /* image/png, with parameters or without */
    struct nv_str format; /* png, pcm16 */
    struct nv_str kind;   /* image, input_audio, file, ... */
    uint32_t rate;        /* of samples, a second; 0: not said, as channels */
    uint32_t channels;
};

/* Of samples without a header: what is believed, and what is taken where nothing is said. */
#define NV_MEDIA_RATE_MIN 1000u
#define NV_MEDIA_RATE_MAX 384000u
#define NV_MEDIA_CHANNELS_MAX 8u

/*
 * The type of bytes that begin so (NV_MEDIA_HEAD_MAX of them, or all). False: neither they nor
 * what was said tell. The type's views are static, or `said`'s.
 */
bool nv_media_type_of(struct nv_str head, const struct nv_media_said *said,
                      struct nv_media_type *out);

#endif
