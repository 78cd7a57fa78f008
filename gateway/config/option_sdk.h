/*
 * The configuration of Noveum's own SDK, taken over as it is: its environment variables and its
 * noveum-trace.yaml|yml|json (docs/noveum-backend.md#sdk-configuration).
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_SDK_H
#define NV_GATEWAY_CONFIG_OPTION_SDK_H

#include "gateway/config/options.h"

/*
 * Sets what the NOVEUM_* variables of `environment` ("NAME=value" lines, NULL at the end) say.
 * Empty variables count as not set; variables that mean nothing here are left alone.
 * NV_ERR_CONFIG with `fail` (path = the variable's name); NV_ERR_NO_MEMORY.
 */
enum nv_err nv_sdk_environment(struct nv_options *options, const char *const *environment,
                               struct nv_fail *fail) NV_MUST_USE;
/*
 * Reads the first of noveum-trace.yaml, .yml, .json and the same with a leading dot in
 * `directory` that exists. Keys that mean nothing to a gateway (tracing.capture_errors) are
 * passed over: the file is the SDK's. NV_OK also when there is none. NV_ERR_CONFIG with `fail`;
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_sdk_file(struct nv_options *options, const char *directory,
                        struct nv_fail *fail) NV_MUST_USE;
/* The variable of the table that `name` may be a misspelling of, or NULL: none is near, or the
 * SDK has one of that name. Static. */
const char *nv_sdk_near_variable(struct nv_str name);
/* The variable of the SDK that feeds the option, or NULL. Static. For the documentation. */
const char *nv_sdk_variable(size_t id);
/* The key of the SDK's file that feeds the option, or NULL. Static. For the documentation. */
const char *nv_sdk_key(size_t id);

#endif
