/*
 * The directory that files are written to: held open, everything relative to it, so that it
 * can't be swapped under us.
 */
#ifndef NV_EXPORTER_FILES_DIRECTORY_H
#define NV_EXPORTER_FILES_DIRECTORY_H

#include "base/error.h"
#include "base/str.h"

/*
 * Opens the directory, which is made with mode 0700 (its last part only) when it is not there.
 * A descriptor that the caller closes; -1 with `fail` (may be NULL) set: NV_ERR_IO (also when
 * the path is a symlink), naming `option`. One that its group or everybody can write is warned
 * of in the log.
 */
int nv_directory_open(const char *path, const char *option, struct nv_fail *fail);
/* The error of an errno: NV_ERR_NO_SPACE, NV_ERR_IO. */
enum nv_err nv_directory_error(int code) NV_MUST_USE;
/* Writes all of it. Errors as above. */
enum nv_err nv_directory_write(int fd, struct nv_str bytes) NV_MUST_USE;

#endif
