/*
 * Builder of small requests. Sizes are fixed: what does not fit is a mistake of the test.
 */
#include "otlp_build.h"

#include <check.h>
#include <stdlib.h>

#include "base/banned.h"

void nv_test_add(struct nv_test_message *message, uint32_t number, struct nv_str bytes)
{
    struct nv_buf buf;
    nv_buf_init(&buf, sizeof message->bytes);
    ck_assert_int_eq(nv_wire_put_bytes(&buf, number, bytes), NV_OK);
    ck_assert_uint_le(message->len + buf.len, sizeof message->bytes);
    memcpy(message->bytes + message->len, buf.bytes, buf.len);
    message->len += buf.len;
    nv_buf_release(&buf);
}

struct nv_str nv_test_view(const struct nv_test_message *message)
{
    return (struct nv_str){message->bytes, message->len};
}

struct nv_test_message nv_test_span(struct nv_str trace_id, struct nv_str span_id,
                                    struct nv_str more)
{
    struct nv_test_message span = {.len = 0};
    nv_test_add(&span, 1, trace_id);
    nv_test_add(&span, 2, span_id);
    ck_assert_uint_le(span.len + more.len, sizeof span.bytes);
    if (more.len > 0)
        memcpy(span.bytes + span.len, more.ptr, more.len);
    span.len += more.len;
    return span;
}

struct nv_test_message nv_test_request(struct nv_str span)
{
    struct nv_test_message scope = {.len = 0};
    struct nv_test_message resource = {.len = 0};
    struct nv_test_message request = {.len = 0};
    nv_test_add(&scope, 2, span);
    nv_test_add(&resource, 2, nv_test_view(&scope));
    nv_test_add(&request, 1, nv_test_view(&resource));
    return request;
}

struct nv_test_decoded nv_test_decode(enum nv_signal signal, enum nv_media media,
                                      struct nv_str bytes)
{
    struct nv_test_decoded decoded = {.err = NV_OK};
    char *copy = bytes.len > 0 ? malloc(bytes.len) : NULL; /* exact: sanitizers see overreads */
    if (bytes.len > 0) {
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, bytes.ptr, bytes.len);
    }
    decoded.err = nv_request_decode(&(struct nv_request_body){signal, media, copy, bytes.len},
                                    NULL, &decoded.result, &decoded.batch, &decoded.fail);
    ck_assert((decoded.err == NV_OK) == (decoded.batch != NULL));
    return decoded;
}
