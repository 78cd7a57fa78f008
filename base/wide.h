/*
 * Vectors of 32 bytes where the processor has them (AVX2), beside those of 16 that every x86-64
 * has: for loops over long texts.
 *
 *   text ─▶ few bytes? ── yes ─▶ inline, 16 at a time
 *                └── no ─▶ nv_wide? ── yes ─▶ a function marked NV_WIDE_CODE
 *                              └── no ─▶ inline, 16 at a time
 *
 * Asked for by one flag that is set before main, and by no resolver of the linker's: those run
 * before a sanitizer is ready, and musl has none.
 */
#ifndef NV_BASE_WIDE_H
#define NV_BASE_WIDE_H

#include <stdbool.h>

/* NV_WIDE: compiled as part of libnoveum, which has base/wide.c; what is built of few sources
 * of base/ goes without. */
#if defined(__x86_64__) && defined(__SSE2__) && defined(NV_WIDE)
/* Compiled for AVX2: to be called when nv_wide says so. */
#define NV_WIDE_CODE __attribute__((target("avx2,bmi")))
/* Has the processor what NV_WIDE_CODE needs? Set once, when the program or the library is
 * loaded. Tests write it, while one thread runs. */
extern bool nv_wide;
#else
#define nv_wide false
#endif

#endif
