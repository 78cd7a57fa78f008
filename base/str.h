/*
 * Views on bytes. An nv_str never owns; whoever hands one out says how long it lives.
 *
 * Not terminated by NUL; may hold any bytes, NUL and invalid UTF-8 included. `ptr` may be NULL
 * only when `len` is 0.
 */
#ifndef NV_BASE_STR_H
#define NV_BASE_STR_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct nv_str {
    const char *ptr;
    size_t len;
};

/* View of a string literal, usable as an initialiser and as an expression. */
#define NV_STR(literal) ((struct nv_str){"" literal, sizeof(literal) - 1})
#define NV_STR_INIT(literal)                                                                   \
    {                                                                                          \
        "" literal, sizeof(literal) - 1                                                        \
    }
/* For printf's "%.*s". */
#define NV_STR_ARG(s) (int)(s).len, ((s).ptr ? (s).ptr : "")

/* View of a NUL-terminated string; NULL gives the empty view. Borrowed: lives as long as
 * `text`. */
struct nv_str nv_str_from(const char *text);
/* Same bytes? Inline, because in tables most differ in their lengths. */
static inline bool nv_str_eq(struct nv_str a, struct nv_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* Same bytes but for ASCII case? */
bool nv_str_ieq(struct nv_str a, struct nv_str b);
/* As memcmp, a shorter string before a longer one that it begins. */
int nv_str_cmp(struct nv_str a, struct nv_str b);
/* Does `s` begin with `prefix`? Everything begins with the empty view. */
bool nv_str_starts(struct nv_str s, struct nv_str prefix);
/* Does `s` end with `suffix`? */
bool nv_str_ends(struct nv_str s, struct nv_str suffix);
/* Offset of the first `needle` in `s`, or SIZE_MAX. An empty needle is found at 0. */
size_t nv_str_find(struct nv_str s, struct nv_str needle);
/* Offset of the first `c` in `s`, or SIZE_MAX. */
size_t nv_str_find_char(struct nv_str s, char c);
/* Bytes [from, from+len) of `s`, clamped to it. Borrowed from `s`. */
struct nv_str nv_str_slice(struct nv_str s, size_t from, size_t len);
/* nv_str_trim for what has white space at an end. Borrowed from `s`. */
struct nv_str nv_str_trim_any(struct nv_str s);
/* Without ASCII white space at both ends. Borrowed from `s`. Inline: nearly nothing has any. */
static inline struct nv_str nv_str_trim(struct nv_str s)
{
    if (s.len > 0 && (unsigned char)s.ptr[0] > ' ' && (unsigned char)s.ptr[s.len - 1] > ' ')
        return s;
    return nv_str_trim_any(s);
}
/* Seeded hash (XXH3; the seed is drawn once a process, so hash flooding needs luck). */
uint64_t nv_str_hash(struct nv_str s);
#define NV_HASH128_BYTES 16
/* Hash without a seed (XXH3, big-endian): the same in every process, for ids that must be. */
void nv_str_hash128(struct nv_str s, uint8_t out[NV_HASH128_BYTES]);
/* As seeded, of a number: for ids and indexes that clients choose. Another value than
 * nv_str_hash of its bytes. */
uint64_t nv_number_hash(uint64_t number);

/*
 * Whole of `s` as a decimal number: no sign but a leading '-', no space, no overflow.
 * NV_ERR_MALFORMED otherwise, `out` untouched.
 */
enum nv_err nv_str_to_int64(struct nv_str s, int64_t *out) NV_MUST_USE;
/* The same without a sign. Errors likewise. */
enum nv_err nv_str_to_uint64(struct nv_str s, uint64_t *out) NV_MUST_USE;
/* Whole of `s` as a JSON number or NaN, Infinity, -Infinity (locale-independent).
 * NV_ERR_MALFORMED otherwise, `out` untouched. */
enum nv_err nv_str_to_double(struct nv_str s, double *out) NV_MUST_USE;

#endif
