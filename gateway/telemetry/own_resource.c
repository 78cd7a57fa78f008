/*
 * The envelope of the gateway's own telemetry.
 *
 * The instance id is drawn at each start, as the Collector and the SDKs do it: counters begin
 * at 0 then, and two gateways on one host stay apart without being told so. Nothing here comes
 * from a client.
 */
#include "gateway/telemetry/own_resource.h"

#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/banned.h"

void nv_own_instance(char id[NV_OWN_INSTANCE_BYTES])
{
    uint8_t bytes[16] = {0};
    /* 16 bytes come whole or, before the kernel has any, not at all: zeros are an id too */
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes)
        memset(bytes, 0, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    size_t len = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        len += (size_t)snprintf(id + len, NV_OWN_INSTANCE_BYTES - len, "%s%02x", dash,
                                (unsigned)bytes[i]);
    }
}

void nv_own_put_text(struct nv_buf *buf, uint32_t number, const char *key, struct nv_str value)
{
    size_t pair = nv_wire_begin(buf, number);
    (void)nv_wire_put_bytes(buf, NV_OTLP_PAIR_KEY, nv_str_from(key));
    size_t any = nv_wire_begin(buf, NV_OTLP_PAIR_VALUE);
    (void)nv_wire_put_bytes(buf, NV_OTLP_ANY_STRING, value);
    (void)nv_wire_end(buf, any);
    (void)nv_wire_end(buf, pair);
}

void nv_own_put_int(struct nv_buf *buf, uint32_t number, const char *key, uint64_t value)
{
    size_t pair = nv_wire_begin(buf, number);
    (void)nv_wire_put_bytes(buf, NV_OTLP_PAIR_KEY, nv_str_from(key));
    size_t any = nv_wire_begin(buf, NV_OTLP_PAIR_VALUE);
    (void)nv_wire_put_uint(buf, NV_OTLP_ANY_INT, value);
    (void)nv_wire_end(buf, any);
    (void)nv_wire_end(buf, pair);
}

void nv_own_request_begin(struct nv_buf *buf, const char *instance, struct nv_own_request *out)
{
    out->group = nv_wire_begin(buf, NV_OTLP_REQUEST_GROUPS);
    size_t resource = nv_wire_begin(buf, NV_OTLP_RESOURCE_GROUP_RESOURCE);
    nv_own_put_text(buf, NV_OTLP_RESOURCE_ATTRIBUTES, "service.name", NV_STR("noveum-gateway"));
    nv_own_put_text(buf, NV_OTLP_RESOURCE_ATTRIBUTES, "service.version",
                    NV_STR(NOVEUM_VERSION));
    nv_own_put_text(buf, NV_OTLP_RESOURCE_ATTRIBUTES, "service.instance.id",
                    nv_str_from(instance));
    (void)nv_wire_end(buf, resource);
    out->scope = nv_wire_begin(buf, NV_OTLP_RESOURCE_GROUP_SCOPES);
    size_t scope = nv_wire_begin(buf, NV_OTLP_SCOPE_GROUP_SCOPE);
    (void)nv_wire_put_bytes(buf, NV_OTLP_SCOPE_NAME, NV_STR(NV_OWN_SCOPE));
    (void)nv_wire_put_bytes(buf, NV_OTLP_SCOPE_VERSION, NV_STR(NOVEUM_VERSION));
    (void)nv_wire_end(buf, scope);
}

enum nv_err nv_own_request_end(struct nv_buf *buf, const struct nv_own_request *request)
{
    (void)nv_wire_end(buf, request->scope);
    (void)nv_wire_end(buf, request->group);
    return buf->failed;
}
