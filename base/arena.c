/*
 * The arena: bump allocation in chunks that double.
 *
 *   arena.newest ──▶ [chunk 16K| used | free ] ──▶ [own chunk 300K] ──▶ [chunk 8K] ──▶ [chunk 4K]
 *
 * An allocation too large for the next chunk gets one of its own, linked behind the newest, so
 * that the free rest of the newest stays in use. Near the cap a chunk shrinks to what is left.
 * Under AddressSanitizer the free part is poisoned and every allocation is followed by a
 * poisoned gap, so that an overrun inside the arena is caught as one on the heap would be.
 * There is no way to free a single allocation: that is the point.
 */
#include "base/arena.h"
#include "base/asan.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef NV_ASAN
#define GAP 16
#else
#define GAP 0
#endif

#include "base/banned.h"

#define ALIGNMENT ((size_t)16)
#define CHUNK_FIRST ((size_t)4096)
#define CHUNK_EXPECTED ((size_t)64 * 1024)
#define CHUNK_LARGEST ((size_t)256 * 1024)

/* A multiple of ALIGNMENT long, so that what follows it is aligned. */
struct chunk {
    _Alignas(16) struct chunk *next;
    size_t capacity; /* bytes behind the header */
    size_t used;
};

struct nv_arena {
    struct chunk *newest;
    size_t next_size; /* of the next ordinary chunk, header included */
    size_t bytes;     /* of all chunks, headers included */
    size_t max_bytes;
    struct nv_account *account; /* borrowed; NULL: none */
    uint64_t charge;            /* given back to it */
    bool full;                  /* the cap refused an allocation */
};

static char *chunk_bytes(struct chunk *chunk)
{
    return (char *)(chunk + 1);
}

struct nv_arena *nv_arena_new(size_t max_bytes)
{
    struct nv_arena *arena = malloc(sizeof *arena);
    if (arena)
        *arena = (struct nv_arena){.next_size = CHUNK_FIRST, .max_bytes = max_bytes};
    return arena;
}

void nv_arena_expect(struct nv_arena *arena, size_t bytes)
{
    const size_t least =
        bytes < CHUNK_EXPECTED ? (bytes + ALIGNMENT) & ~(ALIGNMENT - 1) : CHUNK_EXPECTED;
    if (arena->next_size < least)
        arena->next_size = least;
}

static void chunk_free(struct chunk *chunk)
{
    nv_asan_show(chunk_bytes(chunk), chunk->capacity);
    free(chunk);
}

void nv_arena_free(struct nv_arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *chunk = arena->newest, *next; chunk; chunk = next) {
        next = chunk->next;
        chunk_free(chunk);
    }
    if (arena->account)
        nv_account_give(arena->account, arena->charge);
    free(arena);
}

void nv_arena_charge(struct nv_arena *arena, struct nv_account *account, uint64_t bytes)
{
    assert(arena->account == NULL);
    arena->account = account;
    arena->charge = bytes;
}

struct nv_arena_mark nv_arena_mark(const struct nv_arena *arena)
{
    struct chunk *newest = arena->newest;
    return (struct nv_arena_mark){.newest = newest,
                                  .second = newest != NULL ? newest->next : NULL,
                                  .used = newest != NULL ? newest->used : 0};
}

/* Frees the chunks from `from` to before `to`. */
static void free_range(struct nv_arena *arena, struct chunk *from, const struct chunk *to)
{
    while (from != to) {
        struct chunk *next = from->next;
        arena->bytes -= sizeof *from + from->capacity;
        chunk_free(from);
        from = next;
    }
}

void nv_arena_rewind(struct nv_arena *arena, struct nv_arena_mark mark)
{
    struct chunk *newest = mark.newest;
    free_range(arena, arena->newest, newest);
    arena->newest = newest;
    if (!newest)
        return;
    /* Chunks of their own were linked behind the newest of then. */
    free_range(arena, newest->next, mark.second);
    newest->next = mark.second;
    newest->used = mark.used;
    nv_asan_hide(chunk_bytes(newest) + newest->used, newest->capacity - newest->used);
}

void nv_arena_reset(struct nv_arena *arena)
{
    struct chunk *largest = NULL;
    for (struct chunk *chunk = arena->newest, *next; chunk; chunk = next) {
        next = chunk->next;
        if (!largest || chunk->capacity > largest->capacity) {
            if (largest)
                chunk_free(largest);
            largest = chunk;
        } else {
            chunk_free(chunk);
        }
    }
    arena->newest = largest;
    arena->bytes = 0;
    if (!largest)
        return;
    largest->next = NULL;
    largest->used = 0;
    nv_asan_hide(chunk_bytes(largest), largest->capacity);
    arena->bytes = sizeof *largest + largest->capacity;
}

/* New chunk of `size` bytes, header included; the caller has checked the cap. */
static struct chunk *chunk_new(struct nv_arena *arena, size_t size)
{
    assert(size >= sizeof(struct chunk) && size <= arena->max_bytes - arena->bytes);
    struct chunk *chunk = malloc(size);
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.capacity = size - sizeof *chunk};
    nv_asan_hide(chunk_bytes(chunk), chunk->capacity);
    arena->bytes += size;
    return chunk;
}

/* Chunk with room for `needed` bytes, linked in; NULL past the cap or without memory. Apart,
 * because most of what is asked for fits. */
static __attribute__((noinline)) struct chunk *add_chunk(struct nv_arena *arena, size_t needed)
{
    size_t left = arena->max_bytes - arena->bytes;
    if (left < sizeof(struct chunk) || needed > left - sizeof(struct chunk)) {
        arena->full = true;
        return NULL;
    }
    size_t least = needed + sizeof(struct chunk);
    bool own = least > arena->next_size;
    size_t size = own ? least : arena->next_size;
    struct chunk *chunk = chunk_new(arena, size < left ? size : left);
    if (!chunk)
        return NULL;
    if (own && arena->newest) {
        chunk->next = arena->newest->next;
        arena->newest->next = chunk;
        return chunk;
    }
    chunk->next = arena->newest;
    arena->newest = chunk;
    if (arena->next_size < CHUNK_LARGEST)
        arena->next_size *= 2;
    return chunk;
}

void *nv_arena_raw(struct nv_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t step = ((size + (ALIGNMENT - 1)) & ~(ALIGNMENT - 1)) + GAP;
    struct chunk *chunk = arena->newest;
    if (!chunk || step > chunk->capacity - chunk->used) {
        chunk = add_chunk(arena, step);
        if (!chunk)
            return NULL;
    }
    char *at = chunk_bytes(chunk) + chunk->used;
    chunk->used += step;
    assert(chunk->used <= chunk->capacity && ((uintptr_t)at & (ALIGNMENT - 1)) == 0);
    nv_asan_show(at, size);
    return at;
}

void *nv_arena_alloc(struct nv_arena *arena, size_t size)
{
    void *at = nv_arena_raw(arena, size);
    if (at && size > 0)
        memset(at, 0, size);
    return at;
}

void *nv_arena_array(struct nv_arena *arena, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return nv_arena_alloc(arena, bytes);
}

struct nv_str nv_arena_dup(struct nv_arena *arena, struct nv_str s)
{
    char *copy = nv_arena_raw(arena, s.len);
    if (copy && s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (struct nv_str){copy, s.len};
}

struct nv_str nv_arena_printf(struct nv_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length >= 0 ? nv_arena_raw(arena, (size_t)length + 1) : NULL;
    if (text)
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return (struct nv_str){text, text ? (size_t)length : 0};
}

bool nv_arena_is_full(const struct nv_arena *arena)
{
    return arena->full;
}

size_t nv_arena_bytes(const struct nv_arena *arena)
{
    return arena->bytes;
}
