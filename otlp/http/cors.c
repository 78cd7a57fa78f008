/*
 * Matching of a browser's Origin against the configured list.
 *
 * An Origin is "scheme://host[:port]" in lower case, or "null". Comparison is whole and exact,
 * so that neither a prefix (https://app.example.com.evil) nor a suffix
 * (https://evilexample.com) of an allowed origin passes; what a '*' stands for may hold host
 * and port characters only. "null" is matched by "*" alone. The list is short: it is walked as
 * text for each request that has an Origin.
 */
#include "otlp/http/cors.h"

#include <assert.h>

#include "base/banned.h"

/* The next entry of a comma-separated list, which is advanced; empty at the end. */
static struct nv_str next_entry(struct nv_str *list)
{
    size_t comma = nv_str_find_char(*list, ',');
    struct nv_str entry = nv_str_trim(nv_str_slice(*list, 0, comma));
    *list =
        comma == SIZE_MAX ? (struct nv_str){NULL, 0} : nv_str_slice(*list, comma + 1, SIZE_MAX);
    return entry;
}

static bool is_host_text(struct nv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                    c == ':';
        if (!fine)
            return false;
    }
    return s.len > 0;
}

static bool matches(struct nv_str pattern, struct nv_str origin)
{
    size_t star = nv_str_find_char(pattern, '*');
    assert(pattern.len > 0);
    if (star == SIZE_MAX)
        return nv_str_eq(pattern, origin);
    struct nv_str prefix = nv_str_slice(pattern, 0, star);
    struct nv_str suffix = nv_str_slice(pattern, star + 1, SIZE_MAX);
    if (prefix.len + suffix.len == 0)
        return true;
    return origin.len > prefix.len + suffix.len && nv_str_starts(origin, prefix) &&
           nv_str_ends(origin, suffix) &&
           is_host_text(nv_str_slice(origin, prefix.len, origin.len - prefix.len - suffix.len));
}

bool nv_cors_allows(struct nv_str list, struct nv_str origin)
{
    while (list.len > 0) {
        struct nv_str entry = next_entry(&list);
        if (entry.len > 0 && matches(entry, origin))
            return true;
    }
    return false;
}

static bool entry_valid(struct nv_str entry)
{
    if (nv_str_eq(entry, NV_STR("*")) || entry.len == 0)
        return true;
    size_t scheme = nv_str_find(entry, NV_STR("://"));
    size_t star = nv_str_find_char(entry, '*');
    if (scheme == SIZE_MAX || scheme == 0)
        return false;
    struct nv_str host = nv_str_slice(entry, scheme + 3, SIZE_MAX);
    bool second = star != SIZE_MAX &&
                  nv_str_find_char(nv_str_slice(entry, star + 1, SIZE_MAX), '*') != SIZE_MAX;
    /* A star before the host, a path or a trailing slash would never match or match too
     * much. */
    return host.len > 0 && nv_str_find_char(host, '/') == SIZE_MAX && !second &&
           (star == SIZE_MAX || star > scheme + 2);
}

bool nv_cors_list_valid(struct nv_str list)
{
    while (list.len > 0) {
        if (!entry_valid(next_entry(&list)))
            return false;
    }
    return true;
}
