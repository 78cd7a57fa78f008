/*
 * Memory that is ours and not in use, told to AddressSanitizer: touching it is an error, as if
 * it had been freed.
 *
 *   nv_asan_hide(at, size)   from now on nobody may read or write it
 *   nv_asan_show(at, size)   it is in use again
 *
 * For arenas and what is kept for its next use. Nothing in other builds. `at` is aligned to 8.
 * A pointer that stands in hidden memory keeps nothing reachable for LeakSanitizer. Any thread.
 */
#ifndef NV_BASE_ASAN_H
#define NV_BASE_ASAN_H

#if defined(__SANITIZE_ADDRESS__)
#define NV_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NV_ASAN 1
#endif
#endif

#ifdef NV_ASAN
#include <sanitizer/asan_interface.h>
#define nv_asan_hide(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define nv_asan_show(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define nv_asan_hide(at, size) ((void)(at), (void)(size))
#define nv_asan_show(at, size) ((void)(at), (void)(size))
#endif

#endif
