/*
 * The kit of journal_kit.h.
 *
 * The operations go to the system unless they are told to fail, so that what a test finds
 * afterwards is what a disk would hold.
 */
#include "journal_kit.h"
#include "journal/crc32c.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool journal_kit_encrypted;

static bool fails(struct journal_kit *kit, enum fail_op op)
{
    if (kit->op != op)
        return false;
    int call = kit->calls++;
    if (call < kit->fail_at || call >= kit->fail_at + kit->fail_times)
        return false;
    errno = kit->error;
    return true;
}

static void crash(struct journal_kit *kit)
{
    if (kit->witness)
        _exit(pwrite(kit->witness_fd, kit->witness, kit->witness_len, 0) < 0 ? 1 : 77);
    _exit(77);
}

/* Exits at even points before the call, at odd ones after it. */
static void crash_before(struct journal_kit *kit)
{
    if (kit->crash_at >= 0 && kit->any_calls++ == kit->crash_at / 2 && kit->crash_at % 2 == 0)
        crash(kit);
}

static void crash_after(struct journal_kit *kit)
{
    if (kit->crash_at >= 0 && kit->any_calls - 1 == kit->crash_at / 2 && kit->crash_at % 2 == 1)
        crash(kit);
}

static int kit_open(void *ctx, const char *path, int flags, mode_t mode)
{
    if (fails(ctx, FAIL_OPEN))
        return -1;
    crash_before(ctx);
    int fd = open(path, flags, mode);
    crash_after(ctx);
    return fd;
}

static int kit_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

static ssize_t kit_pwritev(void *ctx, int fd, const struct iovec *parts, int count,
                           off_t offset)
{
    struct journal_kit *kit = ctx;
    if (fails(kit, FAIL_PWRITEV)) {
        kit->failed_fd = fd;
        return -1;
    }
    crash_before(kit);
    ssize_t n;
    if (fails(kit, FAIL_PWRITEV_SHORT)) {
        size_t len = parts[0].iov_len > 1 ? parts[0].iov_len - 1 : parts[0].iov_len;
        n = pwrite(fd, parts[0].iov_base, len, offset);
    } else {
        n = pwritev(fd, parts, count, offset);
    }
    crash_after(kit);
    return n;
}

static ssize_t kit_pread(void *ctx, int fd, void *bytes, size_t len, off_t offset)
{
    if (fails(ctx, FAIL_PREAD_SHORT) && len > 1)
        len /= 2;
    return pread(fd, bytes, len, offset);
}

static int kit_fdatasync(void *ctx, int fd)
{
    struct journal_kit *kit = ctx;
    if (fails(kit, FAIL_FDATASYNC)) {
        kit->failed_fd = fd;
        return -1;
    }
    crash_before(kit);
    kit->synced_fd = fd;
    int result = fdatasync(fd);
    crash_after(kit);
    return result;
}

static int kit_fsync(void *ctx, int fd)
{
    if (fails(ctx, FAIL_FSYNC))
        return -1;
    crash_before(ctx);
    int result = fsync(fd);
    crash_after(ctx);
    return result;
}

static uint64_t used_bytes(const struct journal_kit *kit)
{
    uint64_t used = 0;
    DIR *dir = opendir(kit->directory);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        struct stat stat;
        if (fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(stat.st_mode))
            used += (uint64_t)stat.st_size;
    }
    closedir(dir);
    return used;
}

static int kit_fallocate(void *ctx, int fd, off_t offset, off_t len)
{
    struct journal_kit *kit = ctx;
    if (fails(kit, FAIL_FALLOCATE))
        return kit->error;
    if (kit->disk_bytes > 0 && used_bytes(kit) + (uint64_t)len > kit->disk_bytes)
        return ENOSPC;
    crash_before(kit);
    int result = posix_fallocate(fd, offset, len);
    crash_after(kit);
    return result;
}

static int kit_rename(void *ctx, const char *from, const char *to)
{
    crash_before(ctx);
    int result = rename(from, to);
    crash_after(ctx);
    return result;
}

static int kit_unlink(void *ctx, const char *path)
{
    if (fails(ctx, FAIL_UNLINK))
        return -1;
    crash_before(ctx);
    int result = unlink(path);
    crash_after(ctx);
    return result;
}

void journal_kit_init(struct journal_kit *kit)
{
    memset(kit, 0, sizeof *kit);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(kit->directory, sizeof kit->directory, "%s/noveum-journal-XXXXXX", base);
    ck_assert_ptr_nonnull(mkdtemp(kit->directory));
    kit->ops =
        (struct nv_file_ops){kit,           kit_open,  kit_close,     kit_pwritev, kit_pread,
                             kit_fdatasync, kit_fsync, kit_fallocate, kit_rename,  kit_unlink};
    kit->config = (struct nv_journal_config){.directory = kit->directory,
                                             .sync = true,
                                             .max_bytes = 1 << 30,
                                             .segment_bytes = 64 << 10,
                                             .ops = &kit->ops,
                                             .encrypt = journal_kit_encrypted};
    kit->crash_at = -1;
}

void journal_kit_open(struct journal_kit *kit)
{
    struct nv_fail fail = {0};
    enum nv_err err = nv_journal_open(&kit->config, &kit->journal, &fail);
    ck_assert_msg(err == NV_OK, "open: %s", fail.what);
}

void journal_kit_close(struct journal_kit *kit)
{
    nv_journal_close(kit->journal);
    kit->journal = NULL;
}

void journal_kit_reopen(struct journal_kit *kit)
{
    journal_kit_close(kit);
    journal_kit_open(kit);
}

static void each_file(struct journal_kit *kit, const char *prefix,
                      void (*visit)(const char *path, unsigned), unsigned arg)
{
    DIR *dir = opendir(kit->directory);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[512];
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", kit->directory, entry->d_name);
        visit(path, arg);
    }
    closedir(dir);
}

static void remove_file(const char *path, unsigned key_too)
{
    if (key_too || strcmp(strrchr(path, '/'), "/key") != 0)
        unlink(path);
}

void journal_kit_clear(struct journal_kit *kit)
{
    journal_kit_close(kit);
    kit->op = FAIL_NOTHING;
    each_file(kit, "", remove_file, 0);
}

void journal_kit_release(struct journal_kit *kit)
{
    journal_kit_clear(kit);
    journal_kit_remove(kit);
}

void journal_kit_remove(struct journal_kit *kit)
{
    each_file(kit, "", remove_file, 1);
    rmdir(kit->directory);
}

uint64_t journal_kit_put(struct journal_kit *kit, enum nv_record_kind kind, const char *body)
{
    struct nv_journal_put put = {.kind = kind, .head = NV_STR("hd"), .body = nv_str_from(body)};
    enum nv_err err = nv_journal_commit(kit->journal, &put, 1, true);
    ck_assert_int_eq(err, NV_OK);
    return put.id;
}

void journal_kit_expect(struct journal_kit *kit, uint64_t id, const char *body)
{
    struct nv_buf bytes;
    nv_buf_init(&bytes, 1 << 24);
    enum nv_err err = nv_journal_read_record(kit->journal, id, NULL, NULL, &bytes);
    ck_assert_msg(err == NV_OK, "record %llu: %s", (unsigned long long)id,
                  nv_err_info(err)->text);
    ck_assert_uint_eq(bytes.len, strlen(body));
    ck_assert(memcmp(bytes.bytes ? bytes.bytes : "", body, bytes.len) == 0);
    nv_buf_release(&bytes);
}

void journal_kit_fail(struct journal_kit *kit, enum fail_op op, int at, int times, int error)
{
    kit->op = op;
    kit->fail_at = at;
    kit->fail_times = times;
    kit->error = error;
    kit->calls = 0;
}

bool journal_kit_failed(struct journal_kit *kit)
{
    bool failed = kit->op != FAIL_NOTHING && kit->calls > kit->fail_at;
    kit->op = FAIL_NOTHING;
    return failed;
}

static void set_format(const char *path, unsigned format)
{
    unsigned char bytes[64];
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(pread(fd, bytes, sizeof bytes, 0), sizeof bytes);
    bytes[8] = (unsigned char)format;
    uint32_t crc = nv_crc32c(nv_crc32c(0, bytes, 12), bytes + 16, sizeof bytes - 16);
    for (int i = 0; i < 4; i++)
        bytes[12 + i] = (unsigned char)(crc >> (8 * i));
    ck_assert_int_eq(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
    close(fd);
}

void journal_kit_set_format(struct journal_kit *kit, unsigned format)
{
    each_file(kit, "journal-", set_format, format);
}

const char *journal_kit_path(const struct journal_kit *kit, const char *name)
{
    static char path[2][128];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", kit->directory, name);
    return path[turn];
}

void journal_kit_write(const struct journal_kit *kit, const char *name, const char *text)
{
    int fd = open(journal_kit_path(kit, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

struct nv_journal_report journal_kit_check(const struct journal_kit *kit)
{
    struct nv_buf out;
    struct nv_journal_report report;
    nv_buf_init(&out, 1 << 20);
    ck_assert_int_eq(
        nv_journal_check(&(struct nv_journal_look){.directory = kit->directory, .list = true},
                         &out, &report, NULL),
        NV_OK);
    nv_buf_release(&out);
    return report;
}

void journal_kit_file(struct journal_kit *kit, const char *name, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", kit->directory, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < size; i++)
        fputc('f', file);
    fclose(file);
}
