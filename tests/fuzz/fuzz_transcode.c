/*
 * Any bytes as OTLP/JSON, of both signals.
 *
 * What the transcoder writes must be accepted by the walk, in one piece (nothing to merge), and
 * by protobuf-c. Written as JSON again by the oracle and transcoded once more, it must give the
 * very bytes that protobuf-c packs.
 */
#include "otlp/request/request.h"
#include "otlp/request/transcode.h"
#include "otlp/request/walk.h"

#include "otlp_oracle.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* False when the values are nested more deeply than the walk allows. */
static bool check_walk(enum nv_signal signal, const struct nv_buf *protobuf)
{
    struct nv_batch batch = {
        .signal = signal, .body = protobuf->bytes, .body_len = protobuf->len};
    struct nv_request_limits limits = {.depth_max = NV_REQUEST_DEPTH_MAX,
                                       .items_max = NV_REQUEST_ITEMS_MAX,
                                       .body_max_bytes = NV_REQUEST_BODY_MAX_BYTES};
    struct nv_request_result result = {0};
    struct nv_fail fail = {0};
    bool split = false;
    enum nv_err err = nv_walk_request(&batch, &limits, &result, &split, &fail);
    require(err == NV_OK || err == NV_ERR_DEPTH);
    require(!split);
    nv_batch_drop_index(&batch);
    return err == NV_OK;
}

static void check_round_trip(enum nv_signal signal, const struct nv_buf *protobuf)
{
    struct nv_buf packed, json, again;
    struct nv_fail fail = {0};
    uint64_t int_range = 0;
    ProtobufCMessage *message = nv_test_unpack(signal, nv_buf_str(protobuf));
    require(message != NULL);
    nv_buf_init(&packed, 16 << 20);
    nv_buf_init(&json, 64 << 20);
    nv_buf_init(&again, 16 << 20);
    nv_test_to_json(message, &json);
    nv_test_pack(message, &packed);
    require(nv_transcode(signal, nv_buf_str(&json), &again, &int_range, &fail) == NV_OK);
    require(int_range == 0);
    require(nv_str_eq(nv_buf_str(&packed), nv_buf_str(&again)));
    protobuf_c_message_free_unpacked(message, NULL);
    nv_buf_release(&packed);
    nv_buf_release(&json);
    nv_buf_release(&again);
}

static void check_signal(enum nv_signal signal, const uint8_t *data, size_t size)
{
    struct nv_buf protobuf;
    struct nv_fail fail = {0};
    uint64_t int_range = 0;
    char *json = malloc(size + 1);
    require(json != NULL);
    memcpy(json, data, size);
    nv_buf_init(&protobuf, 16 << 20);
    enum nv_err err =
        nv_transcode(signal, (struct nv_str){json, size}, &protobuf, &int_range, &fail);
    if (err == NV_OK) {
        if (check_walk(signal, &protobuf))
            check_round_trip(signal, &protobuf);
    } else {
        require(fail.code == err && fail.what[0] != '\0');
        require(nv_err_info(err)->http_status == 400);
    }
    nv_buf_release(&protobuf);
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_signal(NV_SIGNAL_TRACES, data, size);
    check_signal(NV_SIGNAL_LOGS, data, size);
    return 0;
}
