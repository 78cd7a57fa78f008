/*
 * Dead letters, as the page changes them: another try, or gone for good.
 */
#ifndef NV_GATEWAY_ADMIN_API_DEAD_H
#define NV_GATEWAY_ADMIN_API_DEAD_H

#include "gateway/admin/api_query.h"
#include "gateway/admin/source.h"
#include "gateway/dead/dead.h"

/*
 * Does it to letter `id` of the query, a number or "all", and appends {"said": a line a
 * letter}. With `after` and `last` beside "all" (0 and 0 at first) a slice of it
 * (nv_dead_run_slice), and the answer has `after` and `last` for the next one, `done` and
 * `left`. With `fail`: NV_ERR_CONFIG (no id, a number that is none, or why it stays),
 * NV_ERR_NOT_FOUND. Waits for the disk.
 */
enum nv_err nv_api_dead(const struct nv_admin_source *source, enum nv_dead_verb verb,
                        const struct nv_api_query *query, struct nv_buf *out,
                        struct nv_fail *fail) NV_MUST_USE;

#endif
