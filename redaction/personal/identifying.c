/*
 * The SDK's pattern by hand, from the end of the key: a word, or a word with `no`, `num` or
 * `number` behind it and at most one `_` or `-` between. Before the word the key begins, or
 * there is a separator: `telephone` says nothing.
 */
#include "redaction/personal/identifying.h"

#include "base/banned.h"

static struct nv_str without_end(struct nv_str key, struct nv_str end)
{
    size_t rest = key.len > end.len ? key.len - end.len : 0;
    if (rest == 0 || !nv_str_ieq(nv_str_slice(key, rest, end.len), end))
        return key;
    return nv_str_slice(key, 0, rest);
}

/* (?:^|[._-])(?:phone|...)$ */
static bool ends_in_word(struct nv_str key)
{
    static const struct nv_str words[] = {NV_STR_INIT("phone"),   NV_STR_INIT("mobile"),
                                          NV_STR_INIT("aadhaar"), NV_STR_INIT("card"),
                                          NV_STR_INIT("account"), NV_STR_INIT("ssn"),
                                          NV_STR_INIT("pan")};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t rest = key.len >= words[i].len ? key.len - words[i].len : SIZE_MAX;
        if (rest != SIZE_MAX && nv_str_ieq(nv_str_slice(key, rest, words[i].len), words[i]) &&
            (rest == 0 || strchr("._-", key.ptr[rest - 1])))
            return true;
    }
    return false;
}

bool nv_personal_is_identifying(struct nv_str key)
{
    static const struct nv_str ends[] = {NV_STR_INIT("no"), NV_STR_INIT("num"),
                                         NV_STR_INIT("number")};
    if (ends_in_word(key))
        return true;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct nv_str rest = without_end(key, ends[i]);
        if (rest.len == key.len)
            continue;
        struct nv_str solid = rest;
        if (rest.len > 0 && strchr("_-", rest.ptr[rest.len - 1]))
            solid = nv_str_slice(rest, 0, rest.len - 1);
        if (ends_in_word(rest) || ends_in_word(solid))
            return true;
    }
    return false;
}
