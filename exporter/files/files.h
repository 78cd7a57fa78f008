/*
 * Local mode: one JSON file a trace, as the SDK's dev mode writes them
 * (docs/noveum-backend.md#dev-files).
 *
 *   <directory>/<trace id>.json      directory 0700, file 0600, 2-space JSON
 */
#ifndef NV_EXPORTER_FILES_FILES_H
#define NV_EXPORTER_FILES_FILES_H

#include "base/buf.h"

struct nv_files;

/*
 * Opens the directory, which is created (its last part only) when it is not there. New; NULL
 * with `fail` (may be NULL) set: NV_ERR_IO (also when the path is a symlink), NV_ERR_NO_MEMORY.
 */
struct nv_files *nv_files_new(const char *directory, struct nv_fail *fail);
/* NULL is allowed. */
void nv_files_free(struct nv_files *files);
/*
 * Writes one trace's JSON (compact, valid) as a file of that id, replacing an older one whole.
 * Of the id only letters, digits, - and _ are used; "unknown" when none is left. One thread at
 * a time. Errors: NV_ERR_IO, NV_ERR_NO_SPACE, NV_ERR_NO_MEMORY.
 */
enum nv_err nv_files_write(struct nv_files *files, struct nv_str trace_id,
                           struct nv_str json) NV_MUST_USE;
/* Appends `json` (compact, valid) with line breaks and two spaces a level, and a last newline.
 * Errors are the buffer's. */
enum nv_err nv_json_indent(struct nv_buf *buf, struct nv_str json) NV_MUST_USE;

#endif
