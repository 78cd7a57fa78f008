/*
 * The settings of noveum/pipeline.h: the rows of the gateway's option table that an embedded
 * pipeline has a use for, and what is different there.
 */
#ifndef NV_GATEWAY_EMBED_SETTINGS_H
#define NV_GATEWAY_EMBED_SETTINGS_H

#include "gateway/config/options.h"

/* Settings of one pipeline. */
#define NV_EMBED_SETTINGS_MAX 256u

/*
 * Fills `options` from "key=value" texts (borrowed; NULL at the end; may be NULL) and nothing
 * else: neither environment nor files. NV_ERR_CONFIG with `fail`: unknown, of no use here, or
 * wrong; NV_ERR_LIMIT: more than NV_EMBED_SETTINGS_MAX; NV_ERR_NO_MEMORY. Release `options` in
 * any case.
 */
enum nv_err nv_embed_options(struct nv_options *options, const char *const *settings,
                             struct nv_fail *fail) NV_MUST_USE;

#endif
