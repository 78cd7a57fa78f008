/*
 * Any bytes as a protobuf request, of both signals.
 *
 * What is accepted must be readable by protobuf-c too, with the same items, unless it uses what
 * protobuf-c does not know (groups, over-long tags and lengths); every view in the batch must
 * lie inside the body; walking the accepted body once more must change nothing. protobuf-c
 * recurses without bound, so it only sees what the walk has found to be flat enough.
 */
#include "otlp/request/request.h"
#include "otlp/request/schema.h"

#include "otlp_oracle.h"

#include <stdlib.h>

#include "base/banned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static struct nv_batch *decode(enum nv_signal signal, const void *data, size_t size,
                               struct nv_request_result *result)
{
    struct nv_batch *batch = NULL;
    struct nv_fail fail = {0};
    char *body = size > 0 ? malloc(size) : NULL;
    if (size > 0) {
        require(body != NULL);
        memcpy(body, data, size);
    }
    enum nv_err err =
        nv_request_decode(&(struct nv_request_body){signal, NV_MEDIA_PROTOBUF, body, size},
                          NULL, result, &batch, &fail);
    require((err == NV_OK) == (batch != NULL));
    require(err == NV_OK || (fail.code == err && fail.what[0] != '\0'));
    return batch;
}

static void check_view(const struct nv_batch *batch, struct nv_str view)
{
    require(view.len == 0 ||
            (view.ptr >= batch->body && view.ptr + view.len <= batch->body + batch->body_len));
}

static void check_views(const struct nv_batch *batch)
{
    for (uint32_t i = 0; i < batch->item_count; i++) {
        require(batch->items[i].group < batch->group_count);
        require((uint64_t)batch->items[i].offset + batch->items[i].length <= batch->body_len);
    }
    for (uint32_t i = 0; i < batch->group_count; i++) {
        check_view(batch, batch->groups[i].resource);
        check_view(batch, batch->groups[i].scope);
        check_view(batch, batch->groups[i].resource_schema_url);
        check_view(batch, batch->groups[i].scope_schema_url);
        check_view(batch, batch->groups[i].service_name);
    }
}

/* One message in two pieces: protobuf-c cannot join them when neither sets a member of its
 * oneof. `seen` has a bit for each number so far. */
static bool is_second_piece(const struct nv_proto_field *known, uint64_t *seen)
{
    uint64_t bit = UINT64_C(1) << (known->number & 63);
    bool second = !known->repeated && (*seen & bit) != 0;
    *seen |= bit;
    return second;
}

/* Does the message hold what protobuf-c refuses although the format allows it? */
static bool is_unusual(enum nv_message_id id, struct nv_str bytes)
{
    struct nv_wire wire = nv_wire_read(bytes);
    struct nv_wire_field field;
    uint64_t seen = 0;
    for (const char *at = wire.pos; nv_wire_next(&wire, &field) == NV_OK; at = wire.pos) {
        const struct nv_proto_field *known = nv_schema_field(nv_schema(id), field.number);
        size_t head = (size_t)(wire.pos - at);
        if (field.type == NV_WIRE_GROUP)
            return true;
        if (field.type == NV_WIRE_BYTES)
            head -= field.bytes.len;
        if (head > 10)
            return true;
        for (size_t i = 4; i < head; i++) { /* a tag or length of more than four bytes */
            if ((at[i] & 0x80) != 0 && (at[i - 1] & 0x80) != 0)
                return true;
        }
        if (known && known->type == NV_PROTO_MESSAGE &&
            (is_second_piece(known, &seen) ||
             is_unusual((enum nv_message_id)known->of, field.bytes)))
            return true;
    }
    return false;
}

static void count_item(void *ctx, const ProtobufCMessage *item)
{
    (void)item;
    ++*(uint64_t *)ctx;
}

static void compare(const struct nv_batch *batch, const struct nv_request_result *result)
{
    struct nv_str body = {batch->body, batch->body_len};
    ProtobufCMessage *message = nv_test_unpack(batch->signal, body);
    uint64_t items = 0;
    if (!message) {
        require(is_unusual(nv_schema_request(batch->signal), body));
        return;
    }
    nv_test_each_item(message, count_item, &items);
    require(items == result->accepted + result->rejected);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void check_signal(enum nv_signal signal, const uint8_t *data, size_t size)
{
    struct nv_request_result result, again;
    struct nv_batch *batch = decode(signal, data, size, &result);
    if (!batch)
        return;
    check_views(batch);
    require(result.accepted == batch->item_count + result.log_records_unused);
    compare(batch, &result);
    struct nv_batch *second = decode(signal, batch->body, batch->body_len, &again);
    require(second != NULL && second->item_count == batch->item_count);
    require(second->group_count == batch->group_count && again.rejected == result.rejected);
    nv_batch_free(second);
    nv_batch_free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_signal(NV_SIGNAL_TRACES, data, size);
    check_signal(NV_SIGNAL_LOGS, data, size);
    return 0;
}
