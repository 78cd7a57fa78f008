/*
 * Held traces as the page shows them: translated as far as they have come, and why they wait.
 *
 *   look ──▶ raw copy ──translate, redact, encode──▶ JSON ──summary──▶ a row as in the list
 *
 * What is shown went through the same stages as what leaves, so that no more is seen of a trace
 * that is held than of one that was sent. Nothing of it is counted or noted.
 */
#ifndef NV_GATEWAY_ADMIN_HELD_VIEW_H
#define NV_GATEWAY_ADMIN_HELD_VIEW_H

#include "base/limits.h"
#include "gateway/admin/source.h"

/* Held traces that one answer lists, the newest; and of which the content is shown. */
#define NV_HELD_LISTED_MAX 50u
#define NV_HELD_SHOWN_BYTES NV_CAP_KIB(512)

/* {"held": [row with "wait"...], "open_traces": n}. The buffer's errors, NV_ERR_NO_MEMORY. */
enum nv_err nv_held_list_write(const struct nv_admin_source *source,
                               struct nv_buf *out) NV_MUST_USE;
/* A number that changes when anything of what is held does; never 0, and exact in JSON. */
uint64_t nv_held_mark(const struct nv_admin_source *source);
/*
 * {"wait": {...}, "trace": JSON as in nv_look_trace, or null when there is no room to show it
 * now}; both null: it is not held. `id` in hex, with or without dashes. The buffer's errors.
 */
enum nv_err nv_held_trace_write(const struct nv_admin_source *source, struct nv_str id,
                                struct nv_buf *out) NV_MUST_USE;

#endif
