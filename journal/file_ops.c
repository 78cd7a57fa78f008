/*
 * The system's file operations behind the table of file_ops.h.
 *
 * Nothing but the calls: what to do about EINTR, short writes and errors is the journal's
 * business and is tested there, through tables whose operations fail.
 */
#include "journal/file_ops.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "base/banned.h"

static int sys_open(void *ctx, const char *path, int flags, mode_t mode)
{
    (void)ctx;
    return open(path, flags, mode);
}

static int sys_close(void *ctx, int fd)
{
    (void)ctx;
    return close(fd);
}

static ssize_t sys_pwritev(void *ctx, int fd, const struct iovec *parts, int count,
                           off_t offset)
{
    (void)ctx;
    return pwritev(fd, parts, count, offset);
}

static ssize_t sys_pread(void *ctx, int fd, void *bytes, size_t len, off_t offset)
{
    (void)ctx;
    return pread(fd, bytes, len, offset);
}

static int sys_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

static int sys_fsync(void *ctx, int fd)
{
    (void)ctx;
    return fsync(fd);
}

static int sys_fallocate(void *ctx, int fd, off_t offset, off_t len)
{
    (void)ctx;
    return posix_fallocate(fd, offset, len);
}

static int sys_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return rename(from, to);
}

static int sys_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return unlink(path);
}

const struct nv_file_ops *nv_file_ops_system(void)
{
    static const struct nv_file_ops ops = {.open = sys_open,
                                           .close = sys_close,
                                           .pwritev = sys_pwritev,
                                           .pread = sys_pread,
                                           .fdatasync = sys_fdatasync,
                                           .fsync = sys_fsync,
                                           .fallocate = sys_fallocate,
                                           .rename = sys_rename,
                                           .unlink = sys_unlink};
    return &ops;
}
