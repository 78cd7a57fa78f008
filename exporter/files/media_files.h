/*
 * Media that are not uploaded, as files (media.directory).
 *
 *   medium ─▶ .writing-<n>.tmp ─▶ <directory>/<uuid>.<ending>    directory 0700, file 0600
 *                                   │ past media.directory_max_files, _max_bytes, _max_age_ms
 *                                   ▼
 *                                 removed, the oldest first
 *
 * The uuid is the medium's, so a replay writes none twice. The ending is that of the type by a
 * table of known ones, else `bin`: nothing that a browser would run is called so. Files of
 * other names in the directory are left alone. Any thread.
 */
#ifndef NV_EXPORTER_FILES_MEDIA_FILES_H
#define NV_EXPORTER_FILES_MEDIA_FILES_H

#include "base/buf.h"
#include "base/clock.h"
#include "model/media.h"

struct nv_media_files;

struct nv_media_files_config {
    const char *directory;
    uint32_t files_max; /* at least 1 */
    uint64_t bytes_max; /* of all of them */
    uint64_t age_ms;    /* 0: none goes for its age */
    bool sync;          /* each is on the disk before its name is told */
};

/*
 * Opens the directory as nv_directory_open does, and counts what an earlier run left in it,
 * where files past the limits are removed. Copies the configuration but for the path, which is
 * not needed any more; borrows the clock. New; NULL with `fail` set: NV_ERR_IO,
 * NV_ERR_NO_MEMORY, NV_ERR_LIMIT (more files in it than NV_CAP_MEDIA_SCAN has room for).
 */
struct nv_media_files *nv_media_files_new(const struct nv_media_files_config *config,
                                          const struct nv_clock *clock, struct nv_fail *fail);
/* NULL is allowed. The files stay. */
void nv_media_files_free(struct nv_media_files *files);
/*
 * As the keeper of redaction: borrowed from `files`. Errors: NV_ERR_NO_SPACE, NV_ERR_IO,
 * NV_ERR_MALFORMED (fewer bytes than it says), NV_ERR_LIMIT (larger than all may be together).
 * Counts each file and each failure, and logs when they begin and end.
 */
const struct nv_media_keeper *nv_media_files_keeper(const struct nv_media_files *files);
/* Length of file `name`, as a mark names it. NV_ERR_NOT_FOUND: no name of ours, or it is gone;
 * NV_ERR_IO. */
enum nv_err nv_media_files_bytes(const struct nv_media_files *files, struct nv_str name,
                                 uint64_t *bytes) NV_MUST_USE;
/* Appends the bytes of it to `out`. Errors as above, and the buffer's. */
enum nv_err nv_media_files_read(const struct nv_media_files *files, struct nv_str name,
                                struct nv_buf *out) NV_MUST_USE;
/*
 * Removes what is too old, a bounded number at a time. Nanoseconds until it is to be called
 * again; UINT64_MAX: nothing will be too old before another one is written.
 */
uint64_t nv_media_files_expire(struct nv_media_files *files);

#endif
