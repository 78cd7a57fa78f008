/*
 * Multipart bodies.
 *
 * The bytes are read straight into the body, so that there is one copy. A boundary must not
 * stand in them: it is random, and checked all the same, for a picture that held it could add
 * fields of its own.
 */
#include "exporter/media/form.h"

#include "base/clock.h"

#include <stdio.h>

#include "base/banned.h"

#define TRIES 8u

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
