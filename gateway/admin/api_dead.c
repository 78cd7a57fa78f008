/*
 * What the commands `dead retry` and `dead drop` do, with their words as JSON.
 *
 * A letter that stays is the asker's to mend (NV_ERR_CONFIG, 400): the gateway itself is well,
 * and what it says is why this one can't go.
 */
#include "gateway/admin/api_dead.h"

#include "base/json/json_member.h"
#include "base/limits.h"
#include "base/text/mask.h"

#include "base/banned.h"

enum nv_err nv_api_dead(const struct nv_admin_source *source, enum nv_dead_verb verb,
                        struct nv_str id, struct nv_buf *out, struct nv_fail *fail)
{
    const struct nv_dead_place place = {
        .store = source->store, .ctx = source->ctx, .retry = source->retry_dead};
    struct nv_dead_request request;
    struct nv_json_writer json;
    struct nv_buf said;
    if (nv_dead_parse(verb, id, &request) != NV_OK)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "which dead letter? ask with id=");
    if (!place.store)
        return nv_fail_set(fail, NV_ERR_NOT_FOUND, 0, "there are no dead letters here");
    nv_buf_init(&said, NV_CAP_API_LIST);
    enum nv_err err = nv_dead_run(&request, &place, &said);
    nv_mask_buf(&said);
    struct nv_str text = nv_str_trim(nv_buf_str(&said));
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    nv_json_put_text(&json, "said", text);
    nv_json_write_end_object(&json);
    if (err == NV_ERR_NOT_FOUND) {
        (void)nv_fail_set(fail, err, 0, "no dead letter has that id");
    } else if (err != NV_OK) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%.*s",
                          NV_STR_ARG(nv_str_slice(text, 0, 200)));
    }
    nv_buf_release(&said);
    return err == NV_OK || err == NV_ERR_NOT_FOUND ? err : NV_ERR_CONFIG;
}
