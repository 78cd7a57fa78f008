/*
 * Options of the gateway's own telemetry that need each other, and headers that can't be sent.
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_TELEMETRY_H
#define NV_GATEWAY_CONFIG_OPTION_TELEMETRY_H

#include "gateway/config/options.h"

/*
 * Checks telemetry.*: headers that are none, or over plain http to others; a certificate
 * without its key. NV_ERR_CONFIG with `fail` (may be NULL) that names the key, never a header's
 * value. Nothing is checked while telemetry.otlp.endpoint is not set.
 */
enum nv_err nv_options_check_telemetry(const struct nv_options *options,
                                       struct nv_fail *fail) NV_MUST_USE;

#endif
