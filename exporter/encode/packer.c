/*
 * From traces to the bytes of a request.
 *
 *   traces ──write──▶ json ──compress──▶ gzip ──copy──▶ body->wire
 *          ──────────compress──────────▶ gzip           (large ones, where they stand)
 *          ──write──▶ body->wire                        (without gzip)
 *
 * Pages of a fresh 4 MiB buffer cost as much as packing into it: the two buffers stay. What is
 * in flight holds the gzip alone, not the room that the compressor asks for, which is the
 * JSON's size.
 */
#include "exporter/encode/packer.h"

#include "base/limits.h"

#include "base/banned.h"

/* Bytes of an average trace from which on traces are compressed where they stand: three of
 * gzip's windows. Below it what igzip copies by itself costs more (docs/performance.md). */
#define IN_PLACE_MIN ((size_t)96 << 10)

void nv_packer_init(struct nv_packer *packer, int level)
{
    *packer = (struct nv_packer){.level = level};
    nv_buf_init(&packer->json, NV_CAP_RECORD);
    nv_buf_init(&packer->gzip, NV_CAP_RECORD);
}

void nv_packer_release(struct nv_packer *packer)
{
    nv_compressor_free(packer->compressor);
    nv_buf_release(&packer->json);
    nv_buf_release(&packer->gzip);
    packer->compressor = NULL;
}

/* False: they are small, or it can't be done: to be copied together. */
static bool compress_in_place(struct nv_packer *packer, const struct nv_body *body,
                              uint64_t wall_ns)
{
    char tail[NV_BODY_TAIL];

    if (body->traces.json_bytes / body->traces.count < IN_PLACE_MIN ||
        !nv_compress_begin(packer->compressor, nv_body_length_max(body), &packer->gzip))
        return false;
    nv_compress_piece(packer->compressor, nv_body_head);
    for (const struct nv_encoded *e = body->traces.first; e; e = e->next) {
        if (e != body->traces.first)
            nv_compress_piece(packer->compressor, NV_STR(","));
        nv_compress_piece(packer->compressor, nv_encoded_json(e));
    }
    nv_compress_piece(packer->compressor, nv_body_tail(wall_ns, tail));
    return nv_compress_end(packer->compressor, &packer->gzip);
}

static enum nv_err pack_gzip(struct nv_packer *packer, struct nv_body *body, uint64_t wall_ns)
{
    if (!packer->compressor)
        packer->compressor = nv_compressor_new(packer->level);
    if (!packer->compressor)
        return NV_ERR_NO_MEMORY;
    nv_buf_clear(&packer->json);
    nv_buf_clear(&packer->gzip);
    if (compress_in_place(packer, body, wall_ns))
        return nv_buf_append_str(&body->wire, nv_buf_str(&packer->gzip));
    enum nv_err err = nv_body_write(body, wall_ns, &packer->json);
    if (err == NV_OK)
        err = nv_compress_gzip(packer->compressor, nv_buf_str(&packer->json), &packer->gzip);
    return err != NV_OK ? err : nv_buf_append_str(&body->wire, nv_buf_str(&packer->gzip));
}

enum nv_err nv_packer_pack(struct nv_packer *packer, struct nv_body *body, uint64_t wall_ns)
{
    nv_buf_release(&body->wire);
    enum nv_err err = body->gzip ? pack_gzip(packer, body, wall_ns)
                                 : nv_body_write(body, wall_ns, &body->wire);
    if (err != NV_OK)
        nv_buf_release(&body->wire);
    return err;
}
