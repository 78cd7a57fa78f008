/*
 * From a query string to a filter.
 *
 * Names that can be filtered by, ranges and orders are tables of gateway/traces/: what is added
 * there is a parameter here. A name that is none is refused and not passed over, because a
 * filter that silently did nothing would show what was not asked for.
 *
 *   ?search=refund&model=gpt-5&min_cost=0.1&sort=cost&order=desc&limit=50
 *     ├ search, source, sort, order, after, newer, limit     a row each of read_one
 *     ├ model, ...          the names of mentions            by their table
 *     └ min_cost, max_cost  the names of ranges              by their table
 *
 * In a filter the last value of a name that comes twice counts.
 */
#include "gateway/admin/api_query.h"

#include "base/text/utf8.h"

#include "base/banned.h"

/* ---- reading ----------------------------------------------------------------------------- */

/* -1: no digit. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A NUL would end the text for those behind who read it as a C string, and bytes that are no
 * UTF-8 match nothing that is stored. */
static enum nv_err decode(struct nv_arena *arena, struct nv_str text, struct nv_str *out)
{
    char *bytes = nv_arena_raw(arena, text.len + 1);
    size_t len = 0;
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        if (c == '%') {
            int high = i + 1 < text.len ? digit_of(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? digit_of(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return NV_ERR_MALFORMED;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return NV_ERR_MALFORMED;
        bytes[len++] = c;
    }
    *out = (struct nv_str){bytes, len};
    return nv_utf8_valid_prefix(*out) == len ? NV_OK : NV_ERR_MALFORMED;
}

/* A name without `=` has the empty value, as browsers' forms have it. */
static enum nv_err read_pair(struct nv_arena *arena, struct nv_str pair,
                             struct nv_api_query *out)
{
    size_t equals = nv_str_find_char(pair, '=');
    struct nv_str value = NV_STR("");
    if (out->count == NV_QUERY_PAIRS_MAX)
        return NV_ERR_LIMIT;
    if (equals != SIZE_MAX)
        value = nv_str_slice(pair, equals + 1, pair.len);
    enum nv_err err = decode(arena, nv_str_slice(pair, 0, equals), &out->names[out->count]);
    if (err == NV_OK)
        err = decode(arena, value, &out->values[out->count]);
    out->count += err == NV_OK;
    return err;
}

enum nv_err nv_api_query_read(struct nv_arena *arena, struct nv_str text,
                              struct nv_api_query *out)
{
    enum nv_err err = NV_OK;
    out->count = 0;
    while (text.len > 0 && err == NV_OK) {
        size_t end = nv_str_find_char(text, '&');
        struct nv_str pair = nv_str_slice(text, 0, end);
        if (pair.len > 0)
            err = read_pair(arena, pair, out);
        text = nv_str_slice(text, end == SIZE_MAX ? text.len : end + 1, text.len);
    }
    return err;
}

struct nv_str nv_api_query_get(const struct nv_api_query *query, const char *name)
{
    for (unsigned i = 0; i < query->count; i++) {
        if (nv_str_eq(query->names[i], nv_str_from(name)))
            return query->values[i];
    }
    return (struct nv_str){NULL, 0};
}

/* ---- the filter -------------------------------------------------------------------------- */

/* Names of parameters are those of the table of mentions, so that a kind that is added there
 * can be filtered by without a line here. */
static bool is_mention(struct nv_str name, struct nv_str value, struct nv_trace_filter *out)
{
    for (unsigned i = 0; i < NV_MENTION_COUNT; i++) {
        if (nv_str_eq(name, nv_mention_name((enum nv_mention_kind)i))) {
            out->names[i] = value;
            return true;
        }
    }
    return false;
}

/* `min_cost`, `max_cost`, ... False for min_ of something that has no range: it is then refused
 * as an unknown name, which is what it is. */
static bool is_range(struct nv_str name, struct nv_trace_filter *out,
                     struct nv_trace_range_ends **ends, bool *minimum)
{
    *minimum = nv_str_starts(name, NV_STR("min_"));
    if (!*minimum && !nv_str_starts(name, NV_STR("max_")))
        return false;
    for (unsigned i = 0; i < NV_TRACE_RANGE_COUNT; i++) {
        if (nv_str_eq(nv_str_slice(name, 4, name.len),
                      nv_trace_range_name((enum nv_trace_range)i))) {
            *ends = &out->ranges[i];
            return true;
        }
    }
    return false;
}

static enum nv_err read_range(struct nv_str value, struct nv_trace_range_ends *ends,
                              bool minimum)
{
    double number = 0;
    if (nv_str_to_double(value, &number) != NV_OK)
        return NV_ERR_CONFIG;
    *(minimum ? &ends->min : &ends->max) = number;
    *(minimum ? &ends->has_min : &ends->has_max) = true;
    return NV_OK;
}

static enum nv_err read_sort(struct nv_str value, struct nv_trace_filter *out)
{
    for (unsigned i = 0; i < NV_TRACE_SORT_COUNT; i++) {
        if (nv_str_eq(value, nv_trace_sort_name((enum nv_trace_sort)i))) {
            out->sort = (enum nv_trace_sort)i;
            return NV_OK;
        }
    }
    return NV_ERR_CONFIG;
}

static enum nv_err read_order(struct nv_str value, struct nv_trace_filter *out)
{
    out->ascending = nv_str_eq(value, NV_STR("asc"));
    return out->ascending || nv_str_eq(value, NV_STR("desc")) ? NV_OK : NV_ERR_CONFIG;
}

static enum nv_err read_limit(struct nv_str value, struct nv_trace_filter *out)
{
    uint64_t limit = 0;
    if (nv_str_to_uint64(value, &limit) != NV_OK || limit == 0 || limit > NV_TRACE_LIST_MAX)
        return NV_ERR_CONFIG;
    out->limit = (uint32_t)limit;
    return NV_OK;
}

static enum nv_err read_search(struct nv_str value, struct nv_trace_filter *out)
{
    out->search = value;
    return value.len <= NV_SEARCH_BYTES_MAX ? NV_OK : NV_ERR_CONFIG;
}

static enum nv_err read_source(struct nv_str value, struct nv_trace_filter *out)
{
    out->source_id = value;
    return NV_OK;
}

static enum nv_err read_cursor(struct nv_str value, struct nv_trace_filter *out)
{
    out->cursor = value;
    return NV_OK;
}

static enum nv_err read_newer(struct nv_str value, struct nv_trace_filter *out)
{
    return nv_str_to_int64(value, &out->newer_than) == NV_OK ? NV_OK : NV_ERR_CONFIG;
}

/* An unknown parameter is an error and not left aside: a filter with a typo would show all
 * traces and look as if it had found them. */
static enum nv_err read_one(struct nv_str name, struct nv_str value,
                            struct nv_trace_filter *out)
{
    static const struct {
        const char *name;
        enum nv_err (*read)(struct nv_str value, struct nv_trace_filter *out);
    } rows[] = {{"search", read_search}, {"source", read_source}, {"sort", read_sort},
                {"order", read_order},   {"after", read_cursor},  {"newer", read_newer},
                {"limit", read_limit}};
    struct nv_trace_range_ends *ends = NULL;
    bool minimum = false;
    if (is_mention(name, value, out))
        return NV_OK;
    if (is_range(name, out, &ends, &minimum))
        return read_range(value, ends, minimum);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (nv_str_eq(name, nv_str_from(rows[i].name)))
            return rows[i].read(value, out);
    }
    return NV_ERR_NOT_FOUND;
}

enum nv_err nv_api_query_filter(const struct nv_api_query *query, struct nv_trace_filter *out,
                                struct nv_fail *fail)
{
    *out = (struct nv_trace_filter){.limit = 0};
    for (unsigned i = 0; i < query->count; i++) {
        /* quoted short: both come from an address bar and may be of any length */
        struct nv_str name = query->names[i], value = query->values[i];
        enum nv_err err = read_one(name, value, out);
        if (err == NV_ERR_NOT_FOUND) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "no parameter \"%.*s\": docs/api.md",
                               NV_STR_ARG(nv_str_slice(name, 0, 40)));
        }
        if (err != NV_OK) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "\"%.*s\" can't be %.*s: docs/api.md",
                               NV_STR_ARG(nv_str_slice(value, 0, 40)),
                               NV_STR_ARG(nv_str_slice(name, 0, 40)));
        }
    }
    return NV_OK;
}
