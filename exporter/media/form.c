/*
 * Multipart bodies.
 *
 *   facts ──▶ fields, each behind --B ─┐
 *   facts ──▶ head of the file, --B ───┼──▶ one buffer, which is the body that is sent
 *   store ──▶ the file's bytes ────────┤
 *             --B-- ───────────────────┘
 *
 * The bytes are read straight into the body, so that there is one copy. A boundary must not
 * stand in them: it is random, and checked all the same, for a picture that held it could add
 * fields of its own.
 *
 * No value is quoted or encoded: each is one word of plain ASCII without quotes, which the
 * facts promise (upload.h): redaction lets no other types through (media/types.c), and
 * letter.c refuses what was changed on the disk.
 */
#include "exporter/media/form.h"

#include "base/clock.h"

#include <stdio.h>

#include "base/banned.h"

/*
 * Boundaries that are tried. With 64 random bits one is enough; what holds eight of them,
 * each with another end, was made by somebody who knows our numbers, and is refused.
 */
#define TRIES 8u

/*
 * The vendor's words, in the order of nv_media_use. A use that is out of range would read
 * past them: what comes from a disk is held to the enum where it is read.
 */
static const char *use_text(enum nv_media_use use)
{
    static const char *const texts[] = {"conversation", "stt", "tts"};

    return texts[use];
}

static void field(struct nv_buf *out, const char *boundary, const char *name, const char *value)
{
    (void)nv_buf_printf(out,
                        "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
                        boundary, name, value);
}

/*
 * Errors stay in the buffer and are seen at its next use: a check behind each part would hide
 * the form. The time is in seconds (docs/noveum-backend.md#media), made of integers: a double
 * has 53 bits, and nanoseconds since 1970 want 61.
 */
static void write_fields(const struct nv_upload_facts *facts, const char *boundary,
                         struct nv_buf *out)
{
    bool sound = facts->kind == NV_MEDIA_AUDIO;
    char seconds[32];

    (void)snprintf(seconds, sizeof seconds, "%llu.%06llu",
                   (unsigned long long)(facts->wall_ns / NV_NS_PER_S),
                   (unsigned long long)(facts->wall_ns % NV_NS_PER_S / 1000));
    field(out, boundary, "traceId", facts->trace_id);
    field(out, boundary, "spanId", facts->span_id);
    field(out, boundary, sound ? "audio_uuid" : "image_uuid", facts->uuid);
    field(out, boundary, "timestamp", seconds);
    field(out, boundary, "format", facts->format);
    if (sound)
        field(out, boundary, "type", use_text(facts->use));
    (void)nv_buf_printf(out,
                        "--%s\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"%s.%s\"\r\nContent-Type: %s\r\n\r\n",
                        boundary, facts->uuid, facts->format, facts->mime);
}

/*
 * The search is over the file's bytes alone. Of a client's the fields hold ids and a type that
 * it declared: hex has no `n` of the boundary's, and the type was declared before its random
 * bits were drawn. A try begins anew with the fields, since these hold the boundary, too; the
 * second reading of the store is paid only by who provoked it.
 */
enum nv_err nv_form_write(const struct nv_upload *upload, const struct nv_store *store,
                          uint64_t random, char boundary[NV_FORM_BOUNDARY], struct nv_buf *out)
{
    enum nv_err err;

    for (unsigned i = 0; i < TRIES; i++) {
        (void)snprintf(boundary, NV_FORM_BOUNDARY, "noveum-%016llx%02x",
                       (unsigned long long)random, i);
        nv_buf_clear(out);
        write_fields(&upload->facts, boundary, out);
        size_t from = out->len;
        err = nv_upload_read(upload, store, out);
        if (err != NV_OK)
            return err;
        struct nv_str bytes = nv_str_slice(nv_buf_str(out), from, SIZE_MAX);
        if (nv_str_find(bytes, nv_str_from(boundary)) == SIZE_MAX)
            return nv_buf_printf(out, "\r\n--%s--\r\n", boundary);
    }
    return NV_ERR_MALFORMED;
}
