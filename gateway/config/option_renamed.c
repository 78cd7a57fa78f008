/*
 * Old names of keys, looked up before the table of options is.
 *
 *   "assembly.old: 1" ─▶ row ─▶ "assembly.new", and a warning with place, name and version
 *
 * A warning each time and not once: it is read at a start and at a reload, by whoever can mend
 * it. The rows are given to the functions, so that they are tested while there are none.
 */
#include "gateway/config/option_renamed.h"

#include "base/log/log.h"

#include "base/banned.h"

const struct nv_renamed *nv_renamed_rows(void)
{
#define NV_RENAMED_ROW(old, now, since) {old, now, since},
    static const struct nv_renamed rows[] = {
        NV_RENAMED_TABLE(NV_RENAMED_ROW){NULL, NULL, NULL}};
#undef NV_RENAMED_ROW
    return rows;
}

const struct nv_renamed *nv_renamed_find(const struct nv_renamed *rows, struct nv_str path)
{
    for (; rows->old; rows++) {
        if (nv_str_eq(path, nv_str_from(rows->old)))
            return rows;
    }
    return NULL;
}

bool nv_renamed_is_section(const struct nv_renamed *rows, struct nv_str path)
{
    for (; rows->old; rows++) {
        struct nv_str old = nv_str_from(rows->old);
        if (path.len > 0 && old.len > path.len && nv_str_starts(old, path) &&
            old.ptr[path.len] == '.')
            return true;
    }
    return false;
}

struct nv_str nv_renamed_now(const struct nv_renamed *rows, struct nv_str path,
                             const char *where)
{
    const struct nv_renamed *row = nv_renamed_find(rows, path);
    if (!row)
        return path;
    NV_LOG(NV_LOG_WARN, "config", "%s is called %s since %s: rename it where=%s", row->old,
           row->now, row->since, where);
    return nv_str_from(row->now);
}
