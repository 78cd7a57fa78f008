/*
 * Under which names, and at whom, a model may stand in the price table.
 */
#ifndef NV_MAPPING_PRICES_PRICE_NAME_H
#define NV_MAPPING_PRICES_PRICE_NAME_H

#include "base/str.h"

enum { NV_PRICE_NAME_BYTES_MAX = 256, NV_PRICE_NAMES_MAX = 12, NV_PRICE_SELLERS_MAX = 6 };

struct nv_price_names {
    struct nv_str names[NV_PRICE_NAMES_MAX], sellers[NV_PRICE_SELLERS_MAX];
    unsigned count, seller_count;
};

/*
 * The names of a model in lower case, the most exact first, and the providers to ask, the
 * span's own first (`provider` as nv_provider_normalise gives it, may be empty). Parts of
 * `model` and `provider` are borrowed.
 */
void nv_price_names_make(struct nv_str model, struct nv_str provider,
                         struct nv_price_names *out);

#endif
