/*
 * dlopen behind a lock. That a library is there is told by its name in the loader's folders:
 * to load it in order to know would cost what loading late saves.
 */
#include "base/late.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

/* The names of the folders that the loader looks in: some hundred bytes. */
#define FOLDERS_BYTES 16384

static enum nv_err load(const struct nv_late *late, struct nv_fail *fail)
{
    void *handle = dlopen(late->file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "%s is missing or can't be loaded (Debian: apt-get install %s)",
                           late->file, late->package);
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
    return is_seen(late->file) ? NV_OK : nv_late_load(late, fail);
}
