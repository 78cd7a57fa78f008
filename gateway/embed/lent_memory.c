/*
 * malloc and its kin as libnoveum.so calls them: the allocator that the thread was lent, else
 * libc's. Linked into the shared library alone, with --wrap (CMakeLists.txt).
 *
 *   calloc(n, size) in any stage ──linker──▶ __wrap_calloc ─┬─lent──▶ allocate, zeroed
 *                                                           └─not──▶ __real_calloc
 *
 * By the linker and not by a macro or a function of our own: the stages read as they would
 * without an embedder, the gateway pays nothing, and no source can forget it. What libc
 * allocates itself (qsort's scratch) is not ours to give away; what it would hand us to free
 * (scandir, getline) only the journal asks for, which excludes an allocator (embed.c).
 *
 * A block goes back to where it came from, because a pipeline's blocks are made and freed
 * within its own calls only, and each lends the same allocator.
 */
#include "gateway/embed/lent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const bool nv_memory_is_wrapped = true;

/* The linker's names: what --wrap makes of a call, and what it makes of the function. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
void __wrap_free(void *block);

/* The caller's functions are promised a size above 0. */
static void *allocate(const noveum_allocator *lent, size_t size)
{
    return lent->allocate(lent->ctx, size > 0 ? size : 1);
}

void *__wrap_malloc(size_t size)
{
    const noveum_allocator *lent = nv_lent_allocator();
    return lent ? allocate(lent, size) : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    const noveum_allocator *lent = nv_lent_allocator();
    size_t bytes;
    if (!lent)
        return __real_calloc(count, size);
    void *block = __builtin_mul_overflow(count, size, &bytes) ? NULL : allocate(lent, bytes);
    if (block)
        memset(block, 0, bytes);
    return block;
}

void *__wrap_realloc(void *block, size_t size)
{
    const noveum_allocator *lent = nv_lent_allocator();
    if (!lent)
        return __real_realloc(block, size);
    return block ? lent->resize(lent->ctx, block, size > 0 ? size : 1) : allocate(lent, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : __wrap_realloc(block, bytes);
}

char *__wrap_strndup(const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    char *copy = __wrap_malloc(len + 1);
    if (copy) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

void __wrap_free(void *block)
{
    const noveum_allocator *lent = nv_lent_allocator();
    if (!lent)
        __real_free(block);
    else if (block)
        lent->release(lent->ctx, block);
}
