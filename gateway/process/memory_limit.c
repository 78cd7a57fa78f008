/*
 * The memory limit of the control group, versions 1 and 2.
 *
 *   /proc/self/cgroup   "0::/a/b"        ▸ <mount>/a/b/memory.max, <mount>/a/memory.max, ...
 *                       "4:memory:/a/b"  ▸ <mount>/memory/a/b/memory.limit_in_bytes, ...
 *
 * Every group on the way up is asked, because the least limit counts; and because inside a
 * container the path is often the host's, of which only the mount's root can be seen. Files
 * that are not there are passed over: a limit that can't be read is no reason not to start.
 * Deliberately not done: memory.high (a soft wish), and following a limit that changes while
 * the gateway runs (a reload tells of it).
 */
#include "gateway/process/memory_limit.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/banned.h"

#define PLACE_BYTES_MAX 4096

const struct nv_memory_places *nv_memory_places_system(void)
{
    static const struct nv_memory_places places = {"/proc/self/cgroup", "/sys/fs/cgroup"};
    return &places;
}

uint64_t nv_memory_machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_bytes <= 0)
        return UINT64_MAX;
    return (uint64_t)pages * (uint64_t)page_bytes;
}

/* The number in a file; UINT64_MAX for "max", for none and for no such file. */
static uint64_t read_number(const char *path)
{
    struct nv_buf text;
    uint64_t number = UINT64_MAX;
    nv_buf_init(&text, NV_CAP_SYSTEM_FILE);
    if (nv_file_read(path, -1, NV_CAP_SYSTEM_FILE, &text, NULL) != NV_OK ||
        nv_str_to_uint64(nv_str_trim(nv_buf_str(&text)), &number) != NV_OK)
        number = UINT64_MAX;
    nv_buf_release(&text);
    return number;
}

/* The least of `file` in the group `path` below `root` and in all above it. */
static uint64_t least_on_the_way_up(const char *root, struct nv_str path, const char *file)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char place[PLACE_BYTES_MAX];
        while (nv_str_ends(path, NV_STR("/")))
            path.len--;
        int len = snprintf(place, sizeof place, "%s%.*s/%s", root, NV_STR_ARG(path), file);
        uint64_t limit =
            len > 0 && (size_t)len < sizeof place ? read_number(place) : UINT64_MAX;
        least = limit < least ? limit : least;
        if (path.len == 0)
            return least;
        while (path.len > 0 && path.ptr[path.len - 1] != '/')
            path.len--;
    }
}

static bool lists_memory(struct nv_str controllers)
{
    while (controllers.len > 0) {
        size_t comma = nv_str_find_char(controllers, ',');
        if (nv_str_eq(nv_str_slice(controllers, 0, comma), NV_STR("memory")))
            return true;
        controllers =
            nv_str_slice(controllers, comma == SIZE_MAX ? comma : comma + 1, SIZE_MAX);
    }
    return false;
}

/* The limit that one line of the file speaks of. */
static uint64_t limit_of(const char *mount, struct nv_str line)
{
    size_t first = nv_str_find_char(line, ':');
    struct nv_str rest = nv_str_slice(line, first == SIZE_MAX ? first : first + 1, SIZE_MAX);
    size_t second = nv_str_find_char(rest, ':');
    if (second == SIZE_MAX)
        return UINT64_MAX;
    struct nv_str path = nv_str_slice(rest, second + 1, SIZE_MAX);
    if (second == 0)
        return least_on_the_way_up(mount, path, "memory.max");
    if (!lists_memory(nv_str_slice(rest, 0, second)))
        return UINT64_MAX;
    char root[PLACE_BYTES_MAX];
    int len = snprintf(root, sizeof root, "%s/memory", mount);
    if (len < 0 || (size_t)len >= sizeof root)
        return UINT64_MAX;
    return least_on_the_way_up(root, path, "memory.limit_in_bytes");
}

uint64_t nv_memory_limit(const struct nv_memory_places *places, uint64_t machine_bytes)
{
    struct nv_buf text;
    uint64_t least = UINT64_MAX;
    assert(places->groups != NULL && places->mount != NULL);
    nv_buf_init(&text, NV_CAP_SYSTEM_FILE);
    enum nv_err err = nv_file_read(places->groups, -1, NV_CAP_SYSTEM_FILE, &text, NULL);
    struct nv_str rest = err == NV_OK ? nv_buf_str(&text) : (struct nv_str){NULL, 0};
    while (rest.len > 0) {
        size_t end = nv_str_find_char(rest, '\n');
        uint64_t limit = limit_of(places->mount, nv_str_slice(rest, 0, end));
        least = limit < least ? limit : least;
        rest = nv_str_slice(rest, end == SIZE_MAX ? end : end + 1, SIZE_MAX);
    }
    nv_buf_release(&text);
    return least < machine_bytes ? least : 0;
}
