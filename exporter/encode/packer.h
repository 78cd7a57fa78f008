/*
 * Makes the bytes of a body's next attempt: its JSON, as it is or as gzip. What it takes to do
 * so is kept from one body to the next. One thread at a time.
 */
#ifndef NV_EXPORTER_ENCODE_PACKER_H
#define NV_EXPORTER_ENCODE_PACKER_H

#include "exporter/encode/compress.h"
#include "exporter/encode/pack.h"

struct nv_packer {
    int level;                        /* of gzip */
    struct nv_compressor *compressor; /* owned; made when first needed */
    struct nv_buf json, gzip;         /* of the body at work */
};

/* Readies one; allocates nothing. `level` 1..NV_GZIP_LEVEL_MAX. */
void nv_packer_init(struct nv_packer *packer, int level);
/* Frees what it holds; it may be used again. */
void nv_packer_release(struct nv_packer *packer);
/*
 * Writes `body->wire` anew, as gzip when `body->gzip`, with the timestamp `wall_ns`. Only reads
 * the body's traces. NV_ERR_NO_MEMORY, or the buffer's errors; the wire is empty then.
 */
enum nv_err nv_packer_pack(struct nv_packer *packer, struct nv_body *body,
                           uint64_t wall_ns) NV_MUST_USE;

#endif
