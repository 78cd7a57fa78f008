/*
 * The failing allocator: one atomic counter and a window [first, last] of allocations that
 * fail.
 *
 *   allocation number   1 2 3 4 5 6 ...
 *   fail_nth(3)             x
 *   fail_from(3)            x x x x ...
 *
 * The __wrap_ and __real_ names are the linker's (--wrap). Interposing malloc for the whole
 * process was rejected: it fights with AddressSanitizer, and libraries that abort without
 * memory would end the test.
 */
#include "oom.h"

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/banned.h"

static _Atomic(unsigned long) count;
static _Atomic(unsigned long) first = ULONG_MAX;
static _Atomic(unsigned long) last;
static atomic_bool failed;
static _Thread_local unsigned long here;

static void arm(unsigned long from, unsigned long to)
{
    atomic_store(&first, ULONG_MAX);
    atomic_store(&count, 0);
    atomic_store(&failed, false);
    atomic_store(&last, to);
    atomic_store(&first, from);
}

void oom_fail_nth(unsigned long n)
{
    arm(n, n);
}

void oom_fail_from(unsigned long n)
{
    arm(n, ULONG_MAX);
}

void oom_count_only(void)
{
    arm(ULONG_MAX, 0);
}

bool oom_end(void)
{
    atomic_store(&first, ULONG_MAX);
    atomic_store(&last, 0);
    return atomic_load(&failed);
}

unsigned long oom_count(void)
{
    return atomic_load(&count);
}

unsigned long oom_count_here(void)
{
    return here;
}

static bool fails(void)
{
    here++;
    unsigned long n = atomic_fetch_add(&count, 1) + 1;
    if (n < atomic_load(&first) || n > atomic_load(&last))
        return false;
    atomic_store(&failed, true);
    return true;
}

/* The linker's names; nothing else declares them. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_reallocarray(void *at, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t max);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_reallocarray(void *at, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return fails() ? NULL : __real_realloc(at, size);
}

void *__wrap_reallocarray(void *at, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(at, n, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t max)
{
    return fails() ? NULL : __real_strndup(text, max);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}
