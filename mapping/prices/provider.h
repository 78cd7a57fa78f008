/* Provider names of every spelling in one (trap 17), and frameworks told apart. */
#ifndef NV_MAPPING_PRICES_PROVIDER_H
#define NV_MAPPING_PRICES_PROVIDER_H

#include "base/arena.h"

/*
 * Noveum's name of a provider (openai, anthropic, google, bedrock, ...). Empty when `name` is a
 * framework (trap 17) or an address, which says nothing of the provider. Other names come in
 * lower case, cut at the first dot. Static, borrowed from `name`, or in the arena; ptr NULL
 * without memory.
 */
struct nv_str nv_provider_normalise(struct nv_arena *arena, struct nv_str name);
/*
 * Do the counts of this provider (normalised) always include cached tokens in the input? Others
 * tell them apart, or it depends on who tells.
 */
bool nv_provider_counts_cached(struct nv_str provider);
/* What the price table calls a provider of this name in lower case. Static, or borrowed. */
struct nv_str nv_provider_seller(struct nv_str name);
/*
 * Who makes or serves a model, from its id: a `provider/` prefix, else its name (gpt-, claude-,
 * ...). Empty when nothing is known. Static.
 */
struct nv_str nv_provider_of_model(struct nv_str model);
/* Who answers at a host (api.openai.com, *.openai.azure.com, bedrock-runtime.*). Static; or
 * empty.
 */
struct nv_str nv_provider_of_host(struct nv_str host);

#endif
