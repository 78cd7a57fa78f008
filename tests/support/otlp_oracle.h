/*
 * The second opinion on OTLP: protobuf-c decodes, its descriptors drive everything else.
 *
 * Independent of otlp/: another decoder, another table (tests/proto/otlp.proto), jansson for
 * JSON. protobuf-c recurses without bound, so it is only asked about bytes that are known to be
 * flat enough.
 */
#ifndef NV_TESTS_SUPPORT_OTLP_ORACLE_H
#define NV_TESTS_SUPPORT_OTLP_ORACLE_H

#include "base/buf.h"
#include "model/batch.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

/* The request as protobuf-c reads it, or NULL when it refuses. New:
 * protobuf_c_message_free_unpacked. */
ProtobufCMessage *nv_test_unpack(enum nv_signal signal, struct nv_str body);

/*
 * Does `json`, read as OTLP/JSON, say what `message` says? Both ways: no field of either is
 * missed; names unknown to OTLP are passed over. Otherwise `why` tells the first difference.
 */
bool nv_test_same_as_json(const ProtobufCMessage *message, const json_t *json, char *why,
                          size_t why_size);

/* Appends `message` as OTLP/JSON. Strings that are not UTF-8 are written as they are. */
void nv_test_to_json(const ProtobufCMessage *message, struct nv_buf *out);

/* Appends the canonical encoding of `message` without fields that the descriptors do not
 * know. */
void nv_test_pack(ProtobufCMessage *message, struct nv_buf *out);

/* Calls `visit` for every Span or LogRecord, in the order of scope_spans, then library
 * spans. */
void nv_test_each_item(const ProtobufCMessage *request,
                       void (*visit)(void *ctx, const ProtobufCMessage *item), void *ctx);

#endif
