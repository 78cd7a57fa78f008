/*
 * A library that is loaded when it is first needed, and of it the functions that are used.
 *
 *   start           the program's own libraries: what an idle gateway holds in memory
 *   first need ───▶ dlopen ──▶ a table of pointers, for the life of the process
 *
 * Never unloaded: what it has begun (threads, handlers at exit) may outlive whoever needed it.
 */
#ifndef NV_BASE_LATE_H
#define NV_BASE_LATE_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* A function and the pointer that is to hold it. */
struct nv_late_function {
    const char *name;
    void **to;
};

/* A library. `functions` are `count`; all but `lock` and `loaded` is constant. */
struct nv_late {
    const char *file;    /* "libcurl.so.4" */
    const char *package; /* Debian's, for who has to install it */
    const struct nv_late_function *functions;
    size_t count;
    pthread_mutex_t lock; /* of loaded and of the pointers while they are set */
    bool loaded;
};

/*
 * Sets the pointers, unless they are. They may be used by whoever this was NV_OK for, without
 * the lock. NV_ERR_CONFIG with `fail` (may be NULL): there is no such file, or it has not all
 * of the functions; some may be set then, and the next call tries again. Any thread.
 */
enum nv_err nv_late_load(struct nv_late *late, struct nv_fail *fail) NV_MUST_USE;
/*
 * Would the loader find it? Looks where the loader looks, without loading what lies there; what
 * it does not see so, it loads. Sets a descriptor aside, one for all libraries, with which they
 * can be loaded when there is no other. NV_ERR_CONFIG with `fail` as above. Any thread.
 */
enum nv_err nv_late_find(struct nv_late *late, struct nv_fail *fail) NV_MUST_USE;

#endif
