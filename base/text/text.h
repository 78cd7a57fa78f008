/* Small text codecs: hex and base64. All lengths in bytes; no allocation. */
#ifndef NV_BASE_TEXT_TEXT_H
#define NV_BASE_TEXT_TEXT_H

#include "base/buf.h"

/* Lower-case hex of `len` bytes into `out` (2 * len characters, no NUL). */
void nv_hex_encode(const uint8_t *bytes, size_t len, char *out);
/* `hex` (2 * len digits, any case) into `len` bytes. NV_ERR_MALFORMED on other lengths or
 * characters. */
enum nv_err nv_hex_decode(struct nv_str hex, uint8_t *out, size_t len) NV_MUST_USE;
/* The 16 bytes of an id of 32 digits, as OTLP has it or with the dashes of a UUID: up to four,
 * wherever. Errors as nv_hex_decode. */
enum nv_err nv_hex_decode_uuid(struct nv_str text, uint8_t out[16]) NV_MUST_USE;
/* Padded standard base64 of `bytes` appended to `buf`. Errors are the buffer's. */
enum nv_err nv_base64_encode(struct nv_buf *buf, struct nv_str bytes);
/*
 * Decodes standard or URL-safe base64, padded or not (proto3 JSON mapping), appended to `buf`.
 * NV_ERR_MALFORMED on any other character or an impossible length.
 */
enum nv_err nv_base64_decode(struct nv_buf *buf, struct nv_str text) NV_MUST_USE;

#endif
