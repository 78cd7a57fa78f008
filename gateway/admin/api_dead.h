/*
 * Dead letters, as the page changes them: another try, or gone for good.
 */
#ifndef NV_GATEWAY_ADMIN_API_DEAD_H
#define NV_GATEWAY_ADMIN_API_DEAD_H

#include "gateway/admin/source.h"
#include "gateway/dead/dead.h"

/*
 * Does it to letter `id`, a number or "all", and appends {"said": a line a letter}. With
 * `fail`: NV_ERR_CONFIG (no id, or why it stays), NV_ERR_NOT_FOUND. Waits for the disk.
 */
enum nv_err nv_api_dead(const struct nv_admin_source *source, enum nv_dead_verb verb,
                        struct nv_str id, struct nv_buf *out, struct nv_fail *fail) NV_MUST_USE;

#endif
