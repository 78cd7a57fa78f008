/*
 * The hash of long texts with AVX2 (base/wide.h). Internal to base: base/str.h has the hash.
 */
#ifndef NV_BASE_HASH_WIDE_H
#define NV_BASE_HASH_WIDE_H

#include "base/wide.h"

#include <stddef.h>
#include <stdint.h>

/* gcc's pragma reaches what is included, clang's attribute does not. */
#if defined(NV_WIDE_CODE) && !defined(__clang__)
#define NV_HASH_WIDE
/* XXH3 of 64 bits, the same as elsewhere for any length. To be called when nv_wide is set. */
uint64_t nv_hash_wide(const void *bytes, size_t len, uint64_t seed);
#endif

#endif
