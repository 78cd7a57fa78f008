/*
 * The small texts of gRPC's HTTP/2 mapping (grpc.github.io, PROTOCOL-HTTP2): timeouts,
 * messages, binary headers, and the prefix of a message.
 */
#ifndef NV_OTLP_GRPC_GRPC_TEXT_H
#define NV_OTLP_GRPC_GRPC_TEXT_H

#include "base/buf.h"

/* Bytes before each message: a flag and a length of 4 bytes, big endian. */
#define NV_GRPC_PREFIX_BYTES 5

/* "10S", "500m": 1 to 8 digits and one of H M S m u n. NV_ERR_MALFORMED otherwise. */
enum nv_err nv_grpc_parse_timeout(struct nv_str text, uint64_t *ns) NV_MUST_USE;
/* Appends `message`, as it may be shown (base/text/shown.h), as a value of grpc-message: all
 * but printable ASCII and '%' percent-encoded. Errors, here and below, are the buffer's. */
enum nv_err nv_grpc_put_message(struct nv_buf *buf, struct nv_str message);
/* Appends `bytes` as the value of a -bin header: base64 without padding. */
enum nv_err nv_grpc_put_binary(struct nv_buf *buf, struct nv_str bytes);
/* Appends the prefix of a message of `len` bytes, uncompressed, and the message. */
enum nv_err nv_grpc_put_frame(struct nv_buf *buf, struct nv_str message);
/* Reads a prefix: *compressed is the flag as it is, *len the length. */
void nv_grpc_parse_prefix(const uint8_t prefix[NV_GRPC_PREFIX_BYTES], uint8_t *compressed,
                          uint32_t *len);
/* "application/grpc", with "+proto" or parameters behind; in any case. Other codecs are not. */
bool nv_grpc_is_content_type(struct nv_str value);

#endif
