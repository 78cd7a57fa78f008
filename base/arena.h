/*
 * Memory that is freed all at once: one arena for a request, one for a trace.
 *
 *   arena ──▶ chunk ──▶ chunk ──▶ chunk      each: [ header | used ... | free ]
 *             newest                          allocation bumps a pointer in the newest
 *
 * Chunks double from 4 KiB to 256 KiB; an allocation larger than a chunk gets its own. The sum
 * of all chunks never exceeds `max_bytes`. Everything is aligned to 16 bytes. One thread at a
 * time.
 */
#ifndef NV_BASE_ARENA_H
#define NV_BASE_ARENA_H

#include "base/account.h"
#include "base/str.h"

struct nv_arena;

/* New arena, or NULL without memory. `max_bytes` caps everything it will ever hold at once. */
struct nv_arena *nv_arena_new(size_t max_bytes);
/* Has the next chunk be of `bytes` where an ordinary one were smaller, for whoever knows about
 * how much is to come: one chunk costs less than those that double up to it. No more than 64
 * KiB are taken at a word. Nothing is allocated. */
void nv_arena_expect(struct nv_arena *arena, size_t bytes);
/* Frees the arena and all that was allocated from it. NULL is allowed. */
void nv_arena_free(struct nv_arena *arena);
/* Forgets all allocations, keeps the largest chunk for the next use. */
void nv_arena_reset(struct nv_arena *arena);
/* Zeroed memory, or NULL past the cap or without memory. `size` 0 gives a valid pointer. */
void *nv_arena_alloc(struct nv_arena *arena, size_t size) NV_MUST_USE;
/* As nv_arena_alloc for count * size, checked for overflow. */
void *nv_arena_array(struct nv_arena *arena, size_t count, size_t size) NV_MUST_USE;
/* As nv_arena_alloc, but not zeroed: for bytes written at once. */
void *nv_arena_raw(struct nv_arena *arena, size_t size) NV_MUST_USE;
/* Copy of `s` in the arena; its ptr is NULL (with s.len > 0) when there is no memory. */
struct nv_str nv_arena_dup(struct nv_arena *arena, struct nv_str s);
/* printf into the arena; ptr NULL when there is no memory. */
struct nv_str nv_arena_printf(struct nv_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Has nv_arena_free give `bytes` back to `account` (borrowed), from which they were taken. */
void nv_arena_charge(struct nv_arena *arena, struct nv_account *account, uint64_t bytes);

/* A state to come back to. */
struct nv_arena_mark {
    void *newest, *second;
    size_t used;
};

/* The state now. Valid until a rewind to an earlier one, a reset or the end. */
struct nv_arena_mark nv_arena_mark(const struct nv_arena *arena);
/* Frees all that was allocated since the mark. */
void nv_arena_rewind(struct nv_arena *arena, struct nv_arena_mark mark);
/* Was an allocation refused because of the cap, and not for want of memory? */
bool nv_arena_is_full(const struct nv_arena *arena);
/* Bytes of all chunks, for budgets. */
size_t nv_arena_bytes(const struct nv_arena *arena);

#endif
