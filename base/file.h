/*
 * Reads whole files into memory: bounded in bytes and, where the file may be a pipe, in time.
 */
#ifndef NV_BASE_FILE_H
#define NV_BASE_FILE_H

#include "base/buf.h"

/* How long a pipe that configures is waited for: at a reload that keeps SIGTERM waiting. */
#define NV_FILE_WAIT_MS 3000

/*
 * Appends the file at `path`, NUL bytes included. A pipe is waited for `wait_ms` for its writer
 * and for each of its pieces, -1: for ever. NV_ERR_CONFIG with `fail->what` that names the path
 * and why; NV_ERR_LIMIT past `max` bytes; the buffer's errors. Any thread.
 */
enum nv_err nv_file_read(const char *path, int wait_ms, size_t max, struct nv_buf *out,
                         struct nv_fail *fail) NV_MUST_USE;
/* The same of an open file; takes `fd`. `path` is for messages. */
enum nv_err nv_file_read_fd(int fd, const char *path, int wait_ms, size_t max,
                            struct nv_buf *out, struct nv_fail *fail) NV_MUST_USE;
/* NV_ERR_CONFIG for an open that failed: names the path and says what errno says. */
enum nv_err nv_file_cant_open(const char *path, struct nv_fail *fail) NV_MUST_USE;

#endif
