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

static enum nv_err read_query(const struct nv_api_query *query, enum nv_dead_verb verb,
                              struct nv_dead_request *request, struct nv_dead_slice *slice,
                              struct nv_fail *fail)
{
    struct nv_str after = nv_api_query_get(query, "after");
    struct nv_str last = nv_api_query_get(query, "last");
    if (nv_dead_parse(verb, nv_api_query_get(query, "id"), request) != NV_OK)
        return nv_fail_set(fail, NV_ERR_CONFIG, 0, "which dead letter? ask with id=");
    if ((after.ptr && nv_str_to_uint64(after, &slice->after) != NV_OK) ||
        (last.ptr && nv_str_to_uint64(last, &slice->last) != NV_OK)) {
        return nv_fail_set(fail, NV_ERR_CONFIG, 0,
                           "after and last are what the answer before said, 0 at first");
    }
    return NV_OK;
}

static void write_answer(struct nv_str said, const struct nv_dead_slice *slice,
                         struct nv_buf *out)
{
    struct nv_json_writer json;
    nv_json_write_init(&json, out);
    nv_json_write_begin_object(&json);
    nv_json_put_text(&json, "said", said);
    if (slice) {
        nv_json_put_uint(&json, "after", slice->after);
        nv_json_put_uint(&json, "last", slice->last);
        nv_json_put_uint(&json, "done", slice->done);
        nv_json_put_uint(&json, "left", slice->left);
    }
    nv_json_write_end_object(&json);
}

enum nv_err nv_api_dead(const struct nv_admin_source *source, enum nv_dead_verb verb,
                        const struct nv_api_query *query, struct nv_buf *out,
                        struct nv_fail *fail)
{
    const struct nv_dead_place place = {
        .store = source->store, .ctx = source->ctx, .retry = source->retry_dead};
    struct nv_dead_request request;
    struct nv_dead_slice slice = {0};
    struct nv_buf said;
    enum nv_err err = read_query(query, verb, &request, &slice, fail);
    if (err != NV_OK)
        return err;
    if (!place.store)
        return nv_fail_set(fail, NV_ERR_NOT_FOUND, 0, "there are no dead letters here");
    bool sliced = request.all && nv_api_query_get(query, "last").ptr;
    nv_buf_init(&said, NV_CAP_API_LIST);
    err = sliced ? nv_dead_run_slice(&request, &place, nv_clock_system(), &slice, &said)
                 : nv_dead_run(&request, &place, &said);
    nv_mask_buf(&said);
    struct nv_str text = nv_str_trim(nv_buf_str(&said));
    write_answer(text, sliced ? &slice : NULL, out);
    if (err == NV_ERR_NOT_FOUND) {
        (void)nv_fail_set(fail, err, 0, "no dead letter has that id");
    } else if (err != NV_OK) {
        (void)nv_fail_set(fail, NV_ERR_CONFIG, 0, "%.*s",
                          NV_STR_ARG(nv_str_slice(text, 0, 200)));
    }
    nv_buf_release(&said);
    return err == NV_OK || err == NV_ERR_NOT_FOUND ? err : NV_ERR_CONFIG;
}
