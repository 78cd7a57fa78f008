/*
 * From the bytes of a request to a checked batch.
 *
 * The body is never copied: protobuf stays in the buffer it was received in, JSON is written
 * once as protobuf and then walked like any other. The second walk over what the transcoder has
 * just written is wanted: one judge of ids, depth and UTF-8 for every way in, and no way past
 * it.
 */
#include "otlp/request/request.h"

#include "otlp/request/batch_index.h"
#include "otlp/request/large.h"
#include "otlp/request/merge.h"
#include "otlp/request/transcode.h"
#include "otlp/request/walk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/* Protobuf of a JSON text can be longer than the text only where numbers are negative. */
#define TRANSCODED_SPARE_BYTES 64

static struct nv_request_limits effective_limits(const struct nv_request_limits *limits)
{
    struct nv_request_limits all = {0};
    if (limits)
        all = *limits;
    if (all.depth_max == 0 || all.depth_max > NV_REQUEST_DEPTH_MAX)
        all.depth_max = NV_REQUEST_DEPTH_MAX;
    if (all.items_max == 0 || all.items_max > NV_REQUEST_ITEMS_MAX)
        all.items_max = NV_REQUEST_ITEMS_MAX;
    if (all.body_max_bytes == 0 || all.body_max_bytes > NV_REQUEST_BODY_MAX_BYTES)
        all.body_max_bytes = NV_REQUEST_BODY_MAX_BYTES;
    return all;
}

/* Puts the contents of `buf` in the place of the batch's body. */
static void replace_body(struct nv_batch *batch, struct nv_buf *buf)
{
    free(batch->body);
    batch->body_len = nv_buf_take(buf, &batch->body);
}

static enum nv_err transcode_body(struct nv_batch *batch,
                                  const struct nv_request_limits *limits,
                                  struct nv_request_result *result, struct nv_fail *fail)
{
    struct nv_buf protobuf;
    nv_buf_init(&protobuf, limits->body_max_bytes);
    enum nv_err err = nv_room_ask(limits->room, batch->body_len);
    size_t guess = batch->body_len / 2 + TRANSCODED_SPARE_BYTES;
    if (err == NV_OK && guess < limits->body_max_bytes)
        (void)nv_buf_reserve(&protobuf, guess);
    if (err == NV_OK) {
        err = nv_transcode(batch->signal, (struct nv_str){batch->body, batch->body_len},
                           &protobuf, &result->int_range, fail);
    }
    if (err == NV_OK)
        replace_body(batch, &protobuf);
    nv_buf_release(&protobuf);
    return err;
}

/* Rewrites a body whose resources or scopes came in pieces and walks it again. */
static enum nv_err merge_body(struct nv_batch *batch, const struct nv_request_limits *limits,
                              struct nv_request_result *result, struct nv_fail *fail)
{
    struct nv_buf merged;
    bool split = false;
    nv_batch_drop_index(batch);
    nv_buf_init(&merged, limits->body_max_bytes);
    enum nv_err err = nv_room_ask(limits->room, batch->body_len);
    if (err == NV_OK) {
        err = nv_merge_split(batch->signal, (struct nv_str){batch->body, batch->body_len},
                             &merged);
    }
    if (err == NV_OK) {
        replace_body(batch, &merged);
        *result = (struct nv_request_result){0};
        err = nv_walk_request(batch, limits, result, &split, fail);
        assert(err != NV_OK || !split);
    }
    nv_buf_release(&merged);
    return err;
}

static enum nv_err fill_batch(struct nv_batch *batch, enum nv_media media,
                              const struct nv_request_limits *limits,
                              struct nv_request_result *result, struct nv_fail *fail)
{
    enum nv_err err = NV_OK;
    bool split = false;
    if (media == NV_MEDIA_JSON)
        err = transcode_body(batch, limits, result, fail);
    if (err == NV_OK && batch->body_len > limits->body_max_bytes)
        err = NV_ERR_TOO_LARGE;
    if (err == NV_OK)
        err = nv_walk_request(batch, limits, result, &split, fail);
    if (err == NV_OK && split) /* never after JSON: the transcoder writes each field once */
        err = merge_body(batch, limits, result, fail);
    if (err == NV_OK && limits->item_bytes_max > 0)
        nv_large_set_aside(batch, limits->item_bytes_max, result);
    return err == NV_ERR_LIMIT ? NV_ERR_TOO_LARGE : err;
}

static void warn(struct nv_request_result *result)
{
    size_t len = strlen(result->message);
    if (result->int_range > 0) {
        (void)snprintf(result->message + len, sizeof result->message - len,
                       "%s%" PRIu64 " integers outside int64 became doubles",
                       len > 0 ? "; " : "", result->int_range);
    }
}

enum nv_err nv_request_decode(const struct nv_request_body *request,
                              const struct nv_request_limits *limits,
                              struct nv_request_result *result, struct nv_batch **out,
                              struct nv_fail *fail)
{
    struct nv_request_limits all = effective_limits(limits);
    struct nv_fail unwanted = {0};
    if (!fail)
        fail = &unwanted;
    assert(request->bytes != NULL || request->len == 0);
    *out = NULL;
    *result = (struct nv_request_result){0};
    struct nv_batch *batch = nv_batch_new(request->signal, nv_batch_index_inside(request->len));
    if (!batch) {
        free(request->bytes);
        return nv_fail_set(fail, NV_ERR_NO_MEMORY, 0, "no memory for a batch");
    }
    batch->body = request->bytes;
    batch->body_len = request->len;
    enum nv_err err = fill_batch(batch, request->media, &all, result, fail);
    if (err != NV_OK) {
        nv_batch_free(batch);
        return nv_fail_set(fail, err, 0, "%s", nv_err_info(err)->text);
    }
    warn(result);
    *out = batch;
    return NV_OK;
}
