/*
 * dlopen behind a lock. That a library is there is told by its name in the loader's folders:
 * to load it in order to know would cost what loading late saves.
 */
#include "base/late.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

/* The names of the folders that the loader looks in: some hundred bytes. */
#define FOLDERS_BYTES 16384

/* A descriptor that is given up for the loader when connections have all others, -1: none. A
 * library is opened, mapped and closed before the next one, so one is enough. */
static atomic_int spare = -1;

static void set_aside(void)
{
    int none = -1, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !atomic_compare_exchange_strong(&spare, &none, fd))
        (void)close(fd);
}

static void *open_library(const char *file)
{
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    int fd = handle ? -1 : atomic_exchange(&spare, -1);
    if (fd < 0)
        return handle;
    (void)close(fd);
    handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    set_aside();
    return handle;
}

static enum nv_err load(const struct nv_late *late, struct nv_fail *fail)
{
    void *handle = open_library(late->file);
    if (!handle) {
        const char *why = dlerror();
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "%s is missing or can't be loaded (Debian: apt-get install %s): %s",
                           late->file, late->package, why ? why : "");
    }
    for (size_t i = 0; i < late->count; i++) {
        void *found = dlsym(handle, late->functions[i].name);
        if (!found) {
            return nv_fail_set(fail, NV_ERR_CONFIG, 0, "%s is another version: it has no %s",
                               late->file, late->functions[i].name);
        }
        *late->functions[i].to = found;
    }
    return NV_OK;
}

enum nv_err nv_late_load(struct nv_late *late, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    (void)pthread_mutex_lock(&late->lock);
    if (!late->loaded)
        err = load(late, fail);
    late->loaded = err == NV_OK;
    (void)pthread_mutex_unlock(&late->lock);
    return err;
}

static bool is_in_one_of(const Dl_serinfo *folders, const char *file)
{
    char path[PATH_MAX];
    for (unsigned i = 0; i < folders->dls_cnt; i++) {
        int n = snprintf(path, sizeof path, "%s/%s", folders->dls_serpath[i].dls_name, file);
        if (n > 0 && (size_t)n < sizeof path && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

/* False: not seen, which is not yet missing (ld.so.cache has folders that are not listed). */
static bool is_seen(const char *file)
{
    union {
        Dl_serinfo list;
        char bytes[FOLDERS_BYTES];
    } folders;
    void *self = dlopen(NULL, RTLD_LAZY);
    bool seen = self && dlinfo(self, RTLD_DI_SERINFOSIZE, &folders.list) == 0 &&
                folders.list.dls_size <= sizeof folders &&
                dlinfo(self, RTLD_DI_SERINFO, &folders.list) == 0 &&
                is_in_one_of(&folders.list, file);
    if (self)
        (void)dlclose(self);
    return seen;
}

enum nv_err nv_late_find(struct nv_late *late, struct nv_fail *fail)
{
    set_aside();
    return is_seen(late->file) ? NV_OK : nv_late_load(late, fail);
}
