/*
 * A trace becomes what the queue, the outbox and the wire carry: its JSON behind a short
 * header.
 *
 *   nv_trace ─▶ [ header | JSON ]                       as it is, or cut to its cap
 *          └──▶ [ header | JSON of a stub ] and *why*   larger even so, or nested too deeply
 *
 * The trace's arena is freed only when its JSON stands: without memory it waits as it is and is
 * encoded later, so nothing is lost by a failed allocation.
 */
#include "exporter/encode/encode_whole.h"

#include <stdlib.h>

#include "base/banned.h"

/* Growing costs copies, so the first guess is what the spans of the thread's last trace took,
 * an eighth more, and what a piece of text asks for before it is known how much of it is
 * escaped (json_write.c); what is too much goes back (nv_encoded_take). */
#define ENCODE_LEAST_BYTES ((size_t)16 << 10)
#define ENCODE_GUESS_MAX ((size_t)1 << 20)
#define ENCODE_PIECE_BYTES ((size_t)28 << 10)

static _Thread_local size_t bytes_a_span;

static size_t guess(const struct nv_trace *trace, const struct nv_buf *text)
{
    size_t bytes = ENCODE_LEAST_BYTES;
    if (trace->span_count > 0 && bytes_a_span > bytes / trace->span_count) {
        bytes = bytes_a_span > ENCODE_GUESS_MAX / trace->span_count
                    ? ENCODE_GUESS_MAX
                    : bytes_a_span * trace->span_count;
    }
    bytes += bytes / 8 + ENCODE_PIECE_BYTES;
    return bytes < text->max ? bytes : text->max;
}

/* Header and JSON of a trace, or of what is sent in its place and then *why. */
static enum nv_err encode_into(struct nv_buf *text, enum nv_trace_id_form form,
                               const struct nv_trace *trace, const char **why)
{
    enum nv_err err = nv_buf_reserve(text, guess(trace, text));

    if (err == NV_OK)
        err = nv_encoded_begin(text);
    if (err == NV_OK)
        err = nv_encode_trace(text, trace, form);
    if (err != NV_ERR_LIMIT && err != NV_ERR_DEPTH)
        return err;
    *why = err == NV_ERR_DEPTH
               ? "nested too deeply"
               : "larger than exporter.noveum.max_trace_bytes even when its texts are cut";
    nv_buf_clear(text);
    err = nv_encoded_begin(text);
    return err != NV_OK ? err : nv_encode_stub(text, trace, form, *why);
}

struct nv_encoded *nv_encode_whole(const struct nv_trace *trace, enum nv_trace_id_form form,
                                   size_t max_bytes)
{
    struct nv_encoded *encoded = NULL;
    const char *why = NULL;
    struct nv_buf text;

    nv_buf_init(&text, max_bytes > ENCODE_LEAST_BYTES ? max_bytes : ENCODE_LEAST_BYTES);
    if (encode_into(&text, form, trace, &why) == NV_OK) {
        if (trace->span_count > 0)
            bytes_a_span = text.len / trace->span_count;
        encoded = nv_encoded_take(&text, trace->span_count);
    }
    nv_buf_release(&text);
    if (!encoded)
        return NULL;
    encoded->why = why;
    encoded->dead = NV_DEAD_TOO_LARGE;
    encoded->claim = trace->claim;
    return encoded;
}
