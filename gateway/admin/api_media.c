/*
 * Files of media, by their names.
 *
 * All are sent as bytes without a type: the mark in the trace says what a file is, and the page
 * makes a picture or a sound of it by that and by a list of its own. So whatever was sent to
 * this gateway as an image, no address of this origin is a document or a script.
 */
#include "gateway/admin/api_media.h"

#include "base/banned.h"

uint64_t nv_api_media_bytes(const struct nv_media_files *files, struct nv_str name)
{
    uint64_t bytes = 0;
    return files && nv_media_files_bytes(files, name, &bytes) == NV_OK ? bytes : 0;
}

enum nv_err nv_api_media_read(const struct nv_media_files *files, struct nv_str name,
                              struct nv_buf *out, struct nv_fail *fail)
{
    if (name.len == 0)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "which file? ask with file=");
    enum nv_err err = files ? nv_media_files_read(files, name, out) : NV_ERR_NOT_FOUND;
    if (err == NV_ERR_NOT_FOUND) {
        (void)nv_fail_set(fail, err, 0, "no file of media.directory is called so%s",
                          files ? ", or it is no longer kept" : ": it is not set");
    }
    return err;
}

void nv_api_media_head(struct nv_http_reply *reply)
{
    reply->content_type = NV_STR("application/octet-stream");
    reply->headers = NV_STR("Content-Disposition: attachment\r\n");
}
