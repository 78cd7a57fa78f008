/*
 * Fuzzes the HTTP/1.1 head parser and the chunk decoder.
 *
 * The first byte says where to cut. Checked besides memory safety: the verdict does not depend
 * on the cut, every view lies inside of the head, and what was accepted frames its body in one
 * way.
 */
#include "net/http/http1.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition))                                                                      \
            abort();                                                                           \
    } while (0)

static void check_views(const struct nv_http1_head *head, struct nv_str bytes)
{
    CHECK(head->length <= bytes.len && head->length <= NV_HTTP1_HEAD_BYTES_MAX);
    CHECK(head->method.offset + head->method.length <= head->length);
    CHECK(head->path.offset + head->path.length <= head->length);
    CHECK(head->query.offset + head->query.length <= head->length);
    CHECK(head->header_count <= NV_HTTP1_HEADERS_MAX);
    CHECK(head->status != 0 || !(head->chunked && head->has_length && head->keep_alive));
    for (size_t i = 0; i < head->header_count; i++) {
        struct nv_str name = nv_http1_view_str(bytes, head->headers[i].name);
        struct nv_str value = nv_http1_view_str(bytes, head->headers[i].value);
        CHECK(nv_http1_is_token(name));
        CHECK(nv_str_find_char(value, '\n') == SIZE_MAX);
        CHECK(nv_str_find_char(value, '\0') == SIZE_MAX);
    }
}

/* Decodes in pieces of `piece` bytes; returns verdict, length of the data and of the input. */
static enum nv_http1_verdict run_chunks(struct nv_str bytes, size_t piece, size_t *data_len,
                                        size_t *total)
{
    struct nv_http1_chunks chunks = {0};
    enum nv_http1_verdict verdict = NV_HTTP1_MORE;
    *data_len = *total = 0;
    while (verdict == NV_HTTP1_MORE && *total < bytes.len) {
        struct nv_str data;
        size_t used = 0;
        verdict =
            nv_http1_chunks_feed(&chunks, nv_str_slice(bytes, *total, piece), &used, &data);
        CHECK(used > 0 || verdict == NV_HTTP1_BAD);
        *data_len += data.len;
        *total += used;
    }
    return verdict;
}

static void check_chunks(struct nv_str bytes, size_t piece)
{
    size_t data_a, total_a, data_b, total_b;
    enum nv_http1_verdict a = run_chunks(bytes, bytes.len + 1, &data_a, &total_a);
    enum nv_http1_verdict b = run_chunks(bytes, piece, &data_b, &total_b);
    CHECK(a == b && data_a == data_b && total_a == total_b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nv_http1_head whole, cut;
    if (size == 0)
        return 0;
    struct nv_str bytes = {(const char *)data + 1, size - 1};
    nv_http1_head_init(&whole);
    enum nv_http1_verdict a = nv_http1_head_feed(&whole, bytes);
    nv_http1_head_init(&cut);
    enum nv_http1_verdict b = nv_http1_head_feed(&cut, nv_str_slice(bytes, 0, data[0]));
    if (b == NV_HTTP1_MORE)
        b = nv_http1_head_feed(&cut, bytes);
    CHECK(a == b && whole.status == cut.status && whole.length == cut.length);
    check_views(&whole, bytes);
    if (a == NV_HTTP1_DONE)
        bytes = nv_str_slice(bytes, whole.length, SIZE_MAX);
    check_chunks(bytes, data[0] % 7u + 1);
    return 0;
}
