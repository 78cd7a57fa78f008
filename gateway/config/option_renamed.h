/*
 * Keys that had another name in a version that was released: the old one is understood, with a
 * notice, so that an upgrade needs no new configuration (docs/upgrading.md).
 */
#ifndef NV_GATEWAY_CONFIG_OPTION_RENAMED_H
#define NV_GATEWAY_CONFIG_OPTION_RENAMED_H

#include "base/str.h"

/* RENAMED(old, new, version that renamed it): a row for each. None yet: all keys of 0.1.0 are
 * called as they were, which tests/unit/gateway/config/test_option_renamed.c holds. */
#define NV_RENAMED_TABLE(RENAMED)

struct nv_renamed {
    const char *old, *now, *since; /* old NULL: the end */
};

/* The table, by its end. Static. */
const struct nv_renamed *nv_renamed_rows(void);
/* The row whose old name is `path`, or NULL. Static. */
const struct nv_renamed *nv_renamed_find(const struct nv_renamed *rows, struct nv_str path);
/* Is `path` a section that only old names have? */
bool nv_renamed_is_section(const struct nv_renamed *rows, struct nv_str path);
/* The name that a key has now: `path` itself, unless it is an old one; then the log says so,
 * with `where` it was written. Borrowed from `path`, or static. */
struct nv_str nv_renamed_now(const struct nv_renamed *rows, struct nv_str path,
                             const char *where);

#endif
