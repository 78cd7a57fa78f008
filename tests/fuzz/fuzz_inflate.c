/*
 * Fuzzes the decompression glue: gzip, zlib and zstd with a small limit.
 *
 * The first byte chooses the coding. Checked besides memory safety: the limit holds, and
 * nothing is returned together with an error.
 */
#include "otlp/request/inflate.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT ((size_t)64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum nv_coding codings[] = {NV_CODING_GZIP, NV_CODING_DEFLATE, NV_CODING_ZSTD};
    if (size == 0)
        return 0;
    char *out = NULL;
    size_t len = 0;
    struct nv_fail fail = {.code = NV_OK};
    struct nv_str body = {(const char *)data + 1, size - 1};
    enum nv_err err = nv_inflate(codings[data[0] % 3], body, &(struct nv_room){.max = LIMIT},
                                 &out, &len, &fail);
    if (err == NV_OK ? len > LIMIT : (out || len != 0 || fail.code != err))
        abort();
    free(out);
    return 0;
}
