/*
 * The file that noveum-trace for Python and TypeScript is configured by, as keys and texts:
 *
 *   transport:                       "transport.timeout" ─▶ "5"
 *     timeout: 5        ─▶           "project"           ─▶ "shop"
 *   project: "shop"
 *
 * JSON, or as much of YAML as such files are written in: mappings by indentation, plain and
 * quoted texts, comments. Lists are passed over, since no setting that is read here is one.
 * Anything else is an error that names the line, not a guess.
 */
#ifndef NV_TRACE_CONFIG_FILE_H
#define NV_TRACE_CONFIG_FILE_H

#include "base/buf.h"

#define NV_TRACE_FILE_WHY_SIZE 200

struct nv_trace_file {
    struct nv_buf pairs; /* key, NUL, text, NUL, and so on; empty: there is no file */
};

/*
 * Reads `path`, or with NULL the first of the SDK's names that is in the working directory
 * (noveum-trace.yaml, .yml, .json, then the same hidden). NV_OK, also when none of them is
 * there; NV_ERR_MALFORMED: can't be opened, is no file, larger than 64 KiB, not understood;
 * `why` says where and why. NV_ERR_NO_MEMORY. Released by nv_trace_file_release in every case.
 */
enum nv_err nv_trace_file_read(struct nv_trace_file *file, const char *path,
                               char why[NV_TRACE_FILE_WHY_SIZE]) NV_MUST_USE;
/* Frees it. */
void nv_trace_file_release(struct nv_trace_file *file);
/* The text of a key, NULL where the file says nothing or an empty text. Borrowed. */
const char *nv_trace_file_get(const struct nv_trace_file *file, const char *key);

/* What nv_trace_file_read does with the text of a file, JSON or YAML; `why` is without its
 * name. */
enum nv_err nv_trace_file_parse(struct nv_trace_file *file, struct nv_str text, bool json,
                                char why[NV_TRACE_FILE_WHY_SIZE]) NV_MUST_USE;

#endif
