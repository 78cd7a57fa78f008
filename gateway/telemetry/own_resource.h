/*
 * What the gateway's own metrics and spans have in common: the resource that says whose they
 * are, the scope that says what made them, and attributes.
 *
 *   Export...Request { resource_metrics | resource_spans {
 *       resource { service.name, service.version, service.instance.id }
 *       scope_metrics | scope_spans { scope { name, version } ...metrics | ...spans } } }
 *
 * Field numbers are the same in both requests (model/otlp_fields.h).
 */
#ifndef NV_GATEWAY_TELEMETRY_OWN_RESOURCE_H
#define NV_GATEWAY_TELEMETRY_OWN_RESOURCE_H

#include "base/buf.h"

/* Name of the scope, by which a gateway knows telemetry of itself or of another one. */
#define NV_OWN_SCOPE "ai.noveum.gateway"
/* A UUID with its terminator. */
#define NV_OWN_INSTANCE_BYTES 37

/* The fields of a request that are still open. */
struct nv_own_request {
    size_t group, scope;
};

/* A new random id (UUID version 4) for service.instance.id: of this run of the program. */
void nv_own_instance(char id[NV_OWN_INSTANCE_BYTES]);
/* Begins a request in the empty `buf` for `instance`: metrics or spans are appended next, as
 * field NV_OTLP_SCOPE_GROUP_ITEMS each. Errors are the buffer's. */
void nv_own_request_begin(struct nv_buf *buf, const char *instance, struct nv_own_request *out);
/* Ends it. Errors: the buffer's. */
enum nv_err nv_own_request_end(struct nv_buf *buf, const struct nv_own_request *request);
/* Appends an attribute with a text as field `number`. Errors are the buffer's. */
void nv_own_put_text(struct nv_buf *buf, uint32_t number, const char *key, struct nv_str value);
/* The same with a whole number. */
void nv_own_put_int(struct nv_buf *buf, uint32_t number, const char *key, uint64_t value);

#endif
