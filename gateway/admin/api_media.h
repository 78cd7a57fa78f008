/*
 * Files of media.directory, for the page: pictures and sounds by the names that marks have.
 *
 *   [media: image/png, 69 bytes, sha256 57c5..., file NAME] ──/api/media?file=NAME──▶ bytes
 *
 * What was kept came from anywhere: a browser is told to run and guess nothing of it, and to
 * save it when it is looked at by itself.
 */
#ifndef NV_GATEWAY_ADMIN_API_MEDIA_H
#define NV_GATEWAY_ADMIN_API_MEDIA_H

#include "exporter/files/media_files.h"
#include "net/http/http_server.h"

/* Length of file `name`; 0: there is none. `files` NULL: there is no directory. Any thread. */
uint64_t nv_api_media_bytes(const struct nv_media_files *files, struct nv_str name);
/* Appends its bytes to `out`, with `fail`: NV_ERR_CONFIG (no name), NV_ERR_NOT_FOUND,
 * NV_ERR_IO, the buffer's errors. Waits for the disk. */
enum nv_err nv_api_media_read(const struct nv_media_files *files, struct nv_str name,
                              struct nv_buf *out, struct nv_fail *fail) NV_MUST_USE;
/* Makes the answer, with JSON's head, one with the head of a file. */
void nv_api_media_head(struct nv_http_reply *reply);

#endif
