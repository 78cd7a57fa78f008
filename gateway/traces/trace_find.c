/*
 * Ids as people type them: eight characters of a UUID, or of the hex that their own code
 * logged.
 *
 * Columns hold what was sent; dashes are taken out of both sides. All ids are looked at, 50,000
 * by default, which takes some milliseconds and needs no index of its own.
 */
#include "gateway/traces/trace_find.h"

#include <assert.h>
#include <ctype.h>

#include "base/banned.h"

/* Without dashes, in small letters; false: longer than an id. */
static bool plain_id(struct nv_str text, char out[NV_FIND_ID_BYTES + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '-')
            continue;
        if (len == NV_FIND_ID_BYTES)
            return false;
        out[len++] = (char)tolower((unsigned char)text.ptr[i]);
    }
    out[len] = '\0';
    return len > 0;
}

static void keep_id(struct nv_found_ids *out, struct nv_str id)
{
    if (out->count == NV_FIND_MAX || id.len > NV_FIND_ID_BYTES)
        return;
    memcpy(out->ids[out->count], id.ptr, id.len);
    out->ids[out->count++][id.len] = '\0';
}

/* Rows of `text`, whose parameter is the plain prefix: an id, and whether it is the whole. */
static enum nv_err collect(struct nv_sql *sql, const char *text, const char *prefix,
                           struct nv_found_ids *out)
{
    struct nv_sql_query *query = NULL;
    bool row = true, whole = false;
    *out = (struct nv_found_ids){0};
    enum nv_err err = nv_sql_prepare(sql, text, &query);
    if (err == NV_OK)
        nv_sql_bind_text(query, 1, nv_str_from(prefix));
    while (err == NV_OK && row && !whole) {
        err = nv_sql_step(query, &row);
        if (err != NV_OK || !row)
            break;
        whole = nv_sql_int(query, 1) != 0;
        if (whole)
            out->count = 0;
        keep_id(out, nv_sql_text(query, 0));
    }
    nv_sql_finish(query);
    return err;
}

enum nv_err nv_find_ids(struct nv_sql *sql, struct nv_str prefix, struct nv_found_ids *out)
{
    char plain[NV_FIND_ID_BYTES + 1];
    *out = (struct nv_found_ids){0};
    if (!plain_id(prefix, plain))
        return NV_OK;
    enum nv_err err = collect(
        sql,
        "SELECT trace_id,p=?1 FROM (SELECT trace_id,id,lower(replace(trace_id,'-','')) AS p "
        "FROM trace) WHERE substr(p,1,length(?1))=?1 ORDER BY p=?1 DESC,id LIMIT 5",
        plain, out);
    static_assert(NV_FIND_MAX == 5, "the statements say so too");
    if (err != NV_OK || out->count > 0)
        return err;
    return collect(
        sql,
        "SELECT trace_id,0 FROM trace WHERE substr(lower(source_id),1,length(?1))=?1 "
        "ORDER BY id LIMIT 5",
        plain, out);
}

enum nv_err nv_find_last(struct nv_sql *sql, int64_t *last)
{
    struct nv_sql_query *query = NULL;
    bool row = false;
    *last = 0;
    enum nv_err err = nv_sql_prepare(sql, "SELECT coalesce(max(id),0) FROM trace", &query);
    if (err == NV_OK)
        err = nv_sql_step(query, &row);
    if (err == NV_OK && row)
        *last = nv_sql_int(query, 0);
    nv_sql_finish(query);
    return err;
}

enum nv_err nv_find_each(struct nv_sql *sql, int64_t after, struct nv_str session,
                         nv_trace_visit *visit, void *ctx)
{
    struct nv_sql_query *query = NULL;
    bool row = true;
    enum nv_err err = nv_sql_prepare(
        sql,
        session.ptr ? "SELECT id,json FROM body WHERE id>?1 AND id IN (SELECT id "
                      "FROM trace WHERE session=?2) ORDER BY id"
                    : "SELECT id,json FROM body WHERE id>?1 ORDER BY id",
        &query);
    if (err == NV_OK) {
        nv_sql_bind_int(query, 1, after);
        if (session.ptr)
            nv_sql_bind_text(query, 2, session);
    }
    while (err == NV_OK && row) {
        err = nv_sql_step(query, &row);
        if (err == NV_OK && row && !visit(ctx, nv_sql_int(query, 0), nv_sql_text(query, 1)))
            break;
    }
    nv_sql_finish(query);
    return err;
}
