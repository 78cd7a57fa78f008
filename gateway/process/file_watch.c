/*
 * Watching by looking, every few seconds.
 *
 *   look: signs of now ──differ from those in force?── and equal those of the last look ──▶ changed
 *
 * A certificate and its key are two files and are rarely replaced at one moment; between two
 * looks that see the same, whoever writes them is done. What still does not fit is refused by
 * the reload, which keeps what was in force, and the next change is seen again.
 */
#include "gateway/process/file_watch.h"

#include "base/str.h"

#include <assert.h>
#include <sys/stat.h>

#include "base/banned.h"

/* 0: no such file. Follows links; a swapped link shows another inode. */
static uint64_t sign_of(const char *path)
{
    struct stat state;

    if (!path || path[0] == '\0' || stat(path, &state) != 0)
        return 0;
    uint64_t facts[] = {(uint64_t)state.st_dev, (uint64_t)state.st_ino, (uint64_t)state.st_size,
                        (uint64_t)state.st_mtim.tv_sec, (uint64_t)state.st_mtim.tv_nsec};
    uint64_t sign = nv_str_hash((struct nv_str){(const char *)facts, sizeof facts});

    return sign != 0 ? sign : 1;
}

void nv_file_watch_init(struct nv_file_watch *watch, const char *const paths[NV_FILE_WATCH_MAX])
{
    assert(watch != NULL && paths != NULL);
    for (size_t i = 0; i < NV_FILE_WATCH_MAX; i++)
        watch->signs[i] = watch->seen[i] = sign_of(paths[i]);
}

bool nv_file_watch_look(struct nv_file_watch *watch, const char *const paths[NV_FILE_WATCH_MAX])
{
    bool changed = false, steady = true;

    for (size_t i = 0; i < NV_FILE_WATCH_MAX; i++) {
        uint64_t sign = sign_of(paths[i]);

        steady = steady && sign == watch->seen[i] && (sign != 0 || watch->signs[i] == 0);
        changed = changed || sign != watch->signs[i];
        watch->seen[i] = sign;
    }
    if (!changed || !steady)
        return false;
    memcpy(watch->signs, watch->seen, sizeof watch->signs);
    return true;
}
