/*
 * From traces to the bytes of a request.
 *
 *   traces ──write──▶ json ──compress──▶ gzip ──copy──▶ body->wire
 *          ──write──▶ body->wire                        (without gzip)
 *
 * Pages of a fresh 4 MiB buffer cost as much as packing into it: the two buffers stay. What is
 * in flight holds the gzip alone, not the room that the compressor asks for, which is the
 * JSON's size.
 */
#include "exporter/encode/packer.h"

#include "base/limits.h"

#include "base/banned.h"

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

static enum nv_err pack_gzip(struct nv_packer *packer, struct nv_body *body, uint64_t wall_ns)
{
    if (!packer->compressor)
        packer->compressor = nv_compressor_new(packer->level);
    if (!packer->compressor)
        return NV_ERR_NO_MEMORY;
    nv_buf_clear(&packer->json);
    nv_buf_clear(&packer->gzip);
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
