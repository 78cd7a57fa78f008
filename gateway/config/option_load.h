/*
 * All sources of the configuration read into one struct nv_options.
 *
 *   default < noveum-trace.yaml < --config FILE < NOVEUM_* < NOVEUM_GATEWAY_* < --set
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_LOAD_H
#define NV_GATEWAY_CONFIG_OPTION_LOAD_H

#include "gateway/config/options.h"

/* Where to read from. All of it borrowed. */
struct nv_option_sources {
    const char *const *defaults; /* "KEY=VALUE" in the place of the table's: any source wins */
    size_t default_count;
    const char *config_file; /* --config; NULL: none */
    const char *const *sets; /* --set: "KEY=VALUE" each */
    size_t set_count;
    const char *const *environment; /* "NAME=value" each, NULL at the end */
    const char *directory;          /* where the SDK's files are looked for; NULL: not at all */
    uint64_t memory_limit_bytes;    /* of the control group; 0: none */
};

/*
 * Reads all sources, then nv_options_finish. NV_ERR_CONFIG with `fail`: what is wrong, path =
 * where it was written; NV_ERR_NO_MEMORY. Release `options` in any case.
 */
enum nv_err nv_options_load(struct nv_options *options, const struct nv_option_sources *sources,
                            struct nv_fail *fail) NV_MUST_USE;
/* NOVEUM_GATEWAY_RECEIVER_HTTP_LISTEN for receiver.http.listen. Buffer's errors. */
enum nv_err nv_option_variable(size_t id, struct nv_buf *out);

#endif
