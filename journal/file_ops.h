/*
 * The file operations of the journal as a table, so that tests can make each of them fail.
 *
 * Same meaning as the system calls of the same names, and the same errno; nothing retries here.
 */
#ifndef NV_JOURNAL_FILE_OPS_H
#define NV_JOURNAL_FILE_OPS_H

#include <sys/types.h>
#include <sys/uio.h>

struct nv_file_ops {
    void *ctx;
    int (*open)(void *ctx, const char *path, int flags, mode_t mode);
    int (*close)(void *ctx, int fd);
    ssize_t (*pwritev)(void *ctx, int fd, const struct iovec *parts, int count, off_t offset);
    ssize_t (*pread)(void *ctx, int fd, void *bytes, size_t len, off_t offset);
    int (*fdatasync)(void *ctx, int fd);
    int (*fsync)(void *ctx, int fd); /* of directories */
    /* Makes room; returns an errno value as posix_fallocate does. */
    int (*fallocate)(void *ctx, int fd, off_t offset, off_t len);
    int (*rename)(void *ctx, const char *from, const char *to);
    int (*unlink)(void *ctx, const char *path);
};

/* The system's. Borrowed, static. */
const struct nv_file_ops *nv_file_ops_system(void);

#endif
