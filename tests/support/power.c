/*
 * The model of power.h.
 *
 * A subset of what is pending is drawn in one of four moods, because a fair coin a sector
 * hardly ever makes the states that hurt: all but one lost, all but one there, all, none.
 */
#include "power.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

uint32_t power_draw(struct power *power, uint32_t below)
{
    power->random = power->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(power->random >> 33) % below;
}

static const char *name_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

static struct power_entry *entry_of(struct power *power, const char *path)
{
    const char *name = name_of(path);
    for (int i = 0; i < power->entry_count; i++) {
        if (strcmp(power->entries[i].name, name) == 0)
            return &power->entries[i];
    }
    ck_assert_int_lt(power->entry_count, POWER_NAMES_MAX);
    struct power_entry *entry = &power->entries[power->entry_count++];
    *entry = (struct power_entry){.file = -1};
    snprintf(entry->name, sizeof entry->name, "%s", name);
    return entry;
}

static int file_now(const struct power_entry *entry)
{
    return entry->later_count > 0 ? entry->later[entry->later_count - 1] : entry->file;
}

static void set_entry(struct power_entry *entry, int file)
{
    ck_assert_int_lt(entry->later_count, 8);
    entry->later[entry->later_count++] = file;
}

static void add_change(struct power *power, int fd, bool length, size_t offset,
                       const void *bytes, size_t len)
{
    struct power_file *file = &power->files[power->of_fd[fd]];
    if (file->change_count == file->change_capacity) {
        file->change_capacity = file->change_capacity * 2 + 16;
        file->changes = realloc(file->changes, file->change_capacity * sizeof *file->changes);
    }
    struct power_change change = {.length = length, .offset = offset, .len = len};
    if (!length) {
        change.bytes = malloc(len);
        memcpy(change.bytes, bytes, len);
    }
    file->changes[file->change_count++] = change;
}

static bool read_mark(const struct power *power, uint8_t mark[64])
{
    char path[128];
    snprintf(path, sizeof path, "%s/lock", power->directory);
    int fd = open(path, O_RDONLY);
    bool there = fd >= 0 && pread(fd, mark, 64, 0) == 64;
    if (fd >= 0)
        close(fd);
    return there;
}

/* The mark is written past the table of operations: what the dead wrote is undone
 * afterwards. */
void power_kill(struct power *power)
{
    power->dead = true;
    power->has_last_mark = read_mark(power, power->last_mark);
}

void power_revive(struct power *power)
{
    char path[128];
    snprintf(path, sizeof path, "%s/lock", power->directory);
    int fd = power->has_last_mark ? open(path, O_WRONLY) : -1;
    if (fd >= 0) {
        ck_assert_int_eq(pwrite(fd, power->last_mark, 64, 0), 64);
        close(fd);
    }
    power->dead = false;
}

static void keep_mark(struct power *power)
{
    uint8_t mark[64];
    bool there = read_mark(power, mark);
    int last = power->mark_count - 1;
    if (!there || (last >= 0 && memcmp(power->marks[last % POWER_MARKS_MAX], mark, 64) == 0))
        return;
    memcpy(power->marks[power->mark_count++ % POWER_MARKS_MAX], mark, 64);
}

static void changed(struct power *power)
{
    keep_mark(power);
    if (power->boundary)
        power->boundary(power->ctx);
}

/* ---- operations -------------------------------------------------------------------------- */

static bool is_dead(const struct power *power)
{
    errno = power->dead ? EIO : errno;
    return power->dead;
}

static int power_open(void *ctx, const char *path, int flags, mode_t mode)
{
    struct power *power = ctx;
    if (is_dead(power))
        return -1;
    int fd = open(path, flags, mode);
    if (fd < 0)
        return fd;
    ck_assert_int_lt(fd, 1024);
    struct power_entry *entry = entry_of(power, path);
    bool made = file_now(entry) < 0;
    if (made) {
        ck_assert_int_lt(power->file_count, POWER_FILES_MAX);
        set_entry(entry, power->file_count++);
    }
    power->of_fd[fd] = file_now(entry);
    if (!made && flags & O_TRUNC)
        add_change(power, fd, true, 0, NULL, 0);
    if (made)
        changed(power);
    return fd;
}

static int power_close(void *ctx, int fd)
{
    ((struct power *)ctx)->of_fd[fd] = -1;
    return close(fd);
}

static ssize_t power_pwritev(void *ctx, int fd, const struct iovec *parts, int count,
                             off_t offset)
{
    struct power *power = ctx;
    if (is_dead(power))
        return -1;
    size_t at = (size_t)offset;
    for (int i = 0; i < count; i++) {
        add_change(power, fd, false, at, parts[i].iov_base, parts[i].iov_len);
        at += parts[i].iov_len;
    }
    ssize_t n = pwritev(fd, parts, count, offset);
    ck_assert_int_eq(n, (ssize_t)(at - (size_t)offset));
    changed(power);
    return n;
}

static ssize_t power_pread(void *ctx, int fd, void *bytes, size_t len, off_t offset)
{
    (void)ctx;
    return pread(fd, bytes, len, offset);
}

static void grow(uint8_t **bytes, size_t *len, size_t to)
{
    if (to <= *len)
        return;
    *bytes = realloc(*bytes, to);
    memset(*bytes + *len, 0, to - *len);
    *len = to;
}

static void apply(uint8_t **bytes, size_t *len, const struct power_change *change)
{
    if (change->length && change->len < *len)
        *len = change->len;
    else if (change->length)
        grow(bytes, len, change->len);
    if (change->length)
        return;
    grow(bytes, len, change->offset + change->len);
    memcpy(*bytes + change->offset, change->bytes, change->len);
}

static void make_certain(struct power_file *file)
{
    for (size_t i = 0; i < file->change_count; i++) {
        file->changes[i].certain = !file->changes[i].limbo;
        if (file->limbo)
            continue;
        apply(&file->bytes, &file->len, &file->changes[i]);
        free(file->changes[i].bytes);
    }
    file->change_count = file->limbo ? file->change_count : 0;
}

static int power_fdatasync(void *ctx, int fd)
{
    struct power *power = ctx;
    struct power_file *file = &power->files[power->of_fd[fd]];
    if (is_dead(power))
        return -1;
    if (power->fail_sync >= 0 && power->fail_sync-- == 0) {
        for (size_t i = 0; i < file->change_count; i++)
            file->changes[i].limbo = !file->changes[i].certain;
        file->limbo = file->change_count > 0;
        if (power->fatal)
            power_kill(power);
        errno = EIO;
        return -1;
    }
    changed(power); /* just before it has its effect */
    make_certain(file);
    changed(power);
    return 0;
}

static int power_fsync(void *ctx, int fd)
{
    struct power *power = ctx;
    (void)fd;
    if (is_dead(power))
        return -1;
    for (int i = 0; i < power->entry_count; i++) {
        power->entries[i].file = file_now(&power->entries[i]);
        power->entries[i].later_count = 0;
    }
    changed(power);
    return 0;
}

static int power_fallocate(void *ctx, int fd, off_t offset, off_t len)
{
    if (is_dead(ctx))
        return EIO;
    add_change(ctx, fd, true, 0, NULL, (size_t)(offset + len));
    int error = posix_fallocate(fd, offset, len);
    changed(ctx);
    return error;
}

static int power_rename(void *ctx, const char *from, const char *to)
{
    struct power *power = ctx;
    if (is_dead(power))
        return -1;
    int file = file_now(entry_of(power, from));
    set_entry(entry_of(power, from), -1);
    set_entry(entry_of(power, to), file);
    int result = rename(from, to);
    changed(power);
    return result;
}

static int power_unlink(void *ctx, const char *path)
{
    if (is_dead(ctx))
        return -1;
    set_entry(entry_of(ctx, path), -1);
    int result = unlink(path);
    changed(ctx);
    return result;
}

/* ---- states ------------------------------------------------------------------------------ */

enum mood { NONE, ALL, HALF, ALL_BUT_ONE, ONE };

/* Is the i-th of `count` things there? `one` is the exception. */
static bool is_there(struct power *power, enum mood mood, size_t i, size_t one)
{
    if (mood == HALF)
        return power_draw(power, 2);
    return mood == ALL || (mood == ALL_BUT_ONE && i != one) || (mood == ONE && i == one);
}

static void apply_sectors(struct power *power, enum mood mood, size_t sector,
                          const struct power_change *change, uint8_t **bytes, size_t *len)
{
    size_t first = change->offset / sector;
    size_t last = (change->offset + change->len - 1) / sector;
    size_t one = first + power_draw(power, (uint32_t)(last - first + 1));
    for (size_t i = first; i <= last; i++) {
        size_t from = i * sector > change->offset ? i * sector : change->offset;
        size_t end = change->offset + change->len;
        size_t to = (i + 1) * sector < end ? (i + 1) * sector : end;
        struct power_change part = {
            .offset = from, .len = to - from, .bytes = change->bytes + (from - change->offset)};
        if (is_there(power, mood, i, one))
            apply(bytes, len, &part);
    }
}

static void make_file(struct power *power, int number, const char *name)
{
    const struct power_file *file = &power->files[number];
    size_t sector = power_draw(power, 2) ? 512 : 4096;
    enum mood mood = (enum mood)power_draw(power, 5);
    size_t one = file->change_count ? power_draw(power, (uint32_t)file->change_count) : 0;
    size_t len = file->len;
    uint8_t *bytes = malloc(len + 1);
    memcpy(bytes, file->bytes ? file->bytes : bytes, len);
    for (size_t i = 0; i < file->change_count; i++) {
        const struct power_change *change = &file->changes[i];
        if (!change->certain && !is_there(power, mood, i, one) && power_draw(power, 4) > 0)
            continue;
        if (change->certain || change->length || change->len == 0)
            apply(&bytes, &len, change);
        else
            apply_sectors(power, (enum mood)power_draw(power, 5), sector, change, &bytes, &len);
    }
    char path[128];
    snprintf(path, sizeof path, "%s/%s", power->state, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, bytes, len, 0), (ssize_t)len);
    close(fd);
    free(bytes);
}

static void make_lock(struct power *power)
{
    char path[128];
    int kept = power->mark_count < POWER_MARKS_MAX ? power->mark_count : POWER_MARKS_MAX;
    if (kept == 0 || power_draw(power, 4) == 0)
        return;
    snprintf(path, sizeof path, "%s/lock", power->state);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(pwrite(fd, power->marks[power_draw(power, (uint32_t)kept)], 64, 0), 64);
    close(fd);
}

void power_make_state(struct power *power)
{
    enum mood mood = (enum mood)power_draw(power, 5);
    size_t one = power->entry_count ? power_draw(power, (uint32_t)power->entry_count) : 0;
    for (int i = 0; i < power->entry_count; i++) {
        const struct power_entry *entry = &power->entries[i];
        int file = entry->file;
        if (entry->later_count > 0 && is_there(power, mood, (size_t)i, one))
            file = entry->later[power_draw(power, (uint32_t)entry->later_count)];
        if (file >= 0)
            make_file(power, file, entry->name);
    }
    make_lock(power);
}

void power_empty(const char *directory)
{
    DIR *dir = opendir(directory);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
}

static void make_place(char *place, size_t size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(place, size, "%s/noveum-power-XXXXXX", base);
    ck_assert_ptr_nonnull(mkdtemp(place));
}

void power_init(struct power *power, uint64_t seed)
{
    memset(power, 0, sizeof *power);
    power->random = seed * 2654435761u + 1;
    power->fail_sync = -1;
    memset(power->of_fd, -1, sizeof power->of_fd);
    make_place(power->directory, sizeof power->directory);
    make_place(power->state, sizeof power->state);
    power->ops = (struct nv_file_ops){.ctx = power,
                                      .open = power_open,
                                      .close = power_close,
                                      .pwritev = power_pwritev,
                                      .pread = power_pread,
                                      .fdatasync = power_fdatasync,
                                      .fsync = power_fsync,
                                      .fallocate = power_fallocate,
                                      .rename = power_rename,
                                      .unlink = power_unlink};
}

void power_release(struct power *power)
{
    for (int i = 0; i < power->file_count; i++) {
        for (size_t j = 0; j < power->files[i].change_count; j++)
            free(power->files[i].changes[j].bytes);
        free(power->files[i].changes);
        free(power->files[i].bytes);
    }
    power_empty(power->directory);
    power_empty(power->state);
    rmdir(power->directory);
    rmdir(power->state);
}
