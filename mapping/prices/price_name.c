/*
 * Names that gateways, clouds and clients put around a model's own.
 *
 *   model as sent                            names, the most exact first         sellers
 *   openrouter/anthropic/claude-sonnet-4.5 ─▶ itself,                             openrouter,
 *                                             anthropic/claude-sonnet-4.5,        anthropic
 *                                             claude-sonnet-4.5
 *   bedrock/us.anthropic.claude-x-v1:0     ─▶ ..., us.anthropic.claude-x-v1,      bedrock
 *                                             claude-x
 *   google-gla:models/gemini-2.5-pro       ─▶ ..., gemini-2.5-pro                 google
 *
 * What stands in front names who sells it, so each such word is asked as a provider. Only forms
 * are taken off that don't change the price: a fine-tuned model (`ft:`) and a free variant
 * (`:free`) keep theirs, for a cost is never invented.
 */
#include "mapping/prices/price_name.h"

#include "mapping/prices/provider.h"

#include "base/banned.h"

#define OPENROUTER "openrouter/"
/* Names that the last word of a model's gives: itself, without version, region, date. Words in
 * front leave them their room. */
#define LAST_FORMS 6

static bool all_digits(struct nv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

/* `gemini-2.5-flash-001`: what Google calls a stable version, at the price of the model. */
static bool is_numbered(struct nv_str name)
{
    return nv_str_starts(name, NV_STR("gemini-")) && name.len > 11 &&
           name.ptr[name.len - 4] == '-' && name.ptr[name.len - 3] == '0' &&
           all_digits(nv_str_slice(name, name.len - 3, 3));
}

/* `name-20240806`, `name@20240806`, `name-2024-08-06`, `name-latest` or `gemini-x-001` without
 * its end. */
static struct nv_str without_date(struct nv_str name)
{
    if (is_numbered(name))
        return nv_str_slice(name, 0, name.len - 4);
    if (nv_str_ends(name, NV_STR("-latest")) || nv_str_ends(name, NV_STR("@latest")))
        return nv_str_slice(name, 0, name.len - 7);
    if (name.len > 9 && (name.ptr[name.len - 9] == '-' || name.ptr[name.len - 9] == '@') &&
        all_digits(nv_str_slice(name, name.len - 8, 8)))
        return nv_str_slice(name, 0, name.len - 9);
    if (name.len > 11 && name.ptr[name.len - 11] == '-' && name.ptr[name.len - 6] == '-' &&
        name.ptr[name.len - 3] == '-' && all_digits(nv_str_slice(name, name.len - 10, 4)))
        return nv_str_slice(name, 0, name.len - 11);
    return name;
}

/* Makers whose models have one name at Bedrock, behind region and maker, and at their own
 * API. */
static const struct nv_str makers[] = {NV_STR_INIT("anthropic.")};
/* The longest region is `global.`. */
#define REGION_MAX 8

/* `us.anthropic.claude-x` without its region and maker. */
static struct nv_str without_region(struct nv_str name)
{
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        size_t at = nv_str_find(name, makers[i]);
        if (at <= REGION_MAX)
            return nv_str_slice(name, at + makers[i].len, name.len);
    }
    return name;
}

/* Without `-v1:0` at the end of Bedrock's names, or what else stands behind a colon. */
static struct nv_str without_version(struct nv_str name)
{
    size_t colon = nv_str_find_char(name, ':');
    struct nv_str head = nv_str_slice(name, 0, colon);
    if (colon == SIZE_MAX)
        return name;
    if (head.len > 3 && head.ptr[head.len - 3] == '-' && head.ptr[head.len - 2] == 'v')
        return nv_str_slice(head, 0, head.len - 3);
    return head;
}

static void add_name(struct nv_price_names *out, struct nv_str name)
{
    for (unsigned i = 0; i < out->count; i++) {
        if (nv_str_eq(out->names[i], name))
            return;
    }
    if (out->count < NV_PRICE_NAMES_MAX && name.len > 0)
        out->names[out->count++] = name;
}

static void add_seller(struct nv_price_names *out, struct nv_str seller)
{
    seller = nv_provider_seller(seller);
    for (unsigned i = 0; i < out->seller_count; i++) {
        if (nv_str_eq(out->sellers[i], seller))
            return;
    }
    if (out->seller_count < NV_PRICE_SELLERS_MAX && seller.len > 0)
        out->sellers[out->seller_count++] = seller;
}

/* Length of a word in front that names a seller: `anthropic` of `anthropic:x`, `azure` of
 * `azure/x`; SIZE_MAX when there is none. */
static size_t front(struct nv_str name)
{
    size_t slash = nv_str_find_char(name, '/');
    size_t colon = nv_str_find_char(name, ':');
    if (slash < colon || colon == SIZE_MAX)
        return slash;
    for (size_t i = 0; i < colon; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || c == '-' || c == '_'))
            return slash;
    }
    return colon;
}

void nv_price_names_make(struct nv_str model, struct nv_str provider,
                         struct nv_price_names *out)
{
    struct nv_str last = model;
    out->count = out->seller_count = 0;
    add_name(out, model);
    add_seller(out, provider);
    if (nv_str_ends(model, NV_STR(":free"))) { /* nobody but who gives it away has its price */
        add_seller(out, NV_STR("openrouter"));
        if (nv_str_starts(model, NV_STR(OPENROUTER)))
            add_name(out, nv_str_slice(model, sizeof OPENROUTER - 1, model.len));
        return;
    }
    if (!nv_str_starts(model, NV_STR("ft:"))) {
        for (size_t end; (end = front(last)) != SIZE_MAX;) {
            add_seller(out, nv_provider_normalise(NULL, nv_str_slice(last, 0, end)));
            last = nv_str_slice(last, end + 1, last.len);
            if (out->count < NV_PRICE_NAMES_MAX - LAST_FORMS)
                add_name(out, last);
        }
        struct nv_str bare = without_version(without_region(last));
        add_name(out, last);
        add_name(out, without_version(last));
        add_name(out, bare);
        add_name(out, without_date(last));
        add_name(out, without_date(bare));
    }
    add_seller(out, nv_provider_of_model(model));
    add_seller(out, nv_provider_of_model(out->names[out->count - 1]));
}
