/*
 * Bytes as numbers. A list of numbers may be an embedding or a histogram: what it begins with
 * decides, before the rest is read.
 */
#include "redaction/media/numbers.h"

#include "base/meter.h"

#include "base/banned.h"

static uint32_t count_of(const struct nv_value *value)
{
    return value->type == NV_VALUE_ARRAY ? value->as.array.count : value->as.map.count;
}

/* The byte at `i`, or -1. */
static int byte_at(const struct nv_value *value, uint32_t i)
{
    const struct nv_value *item;
    if (value->type == NV_VALUE_MAP) {
        const struct nv_attribute *member = &value->as.map.items[i];
        int64_t number;
        if (nv_str_to_int64(member->key, &number) != NV_OK || number != (int64_t)i)
            return -1;
        item = &member->value;
    } else {
        item = &value->as.array.items[i];
    }
    bool is = item->type == NV_VALUE_INT && item->as.integer >= 0 && item->as.integer <= 255;
    return is ? (int)item->as.integer : -1;
}

bool nv_media_may_be_numbers(const struct nv_value *value)
{
    return count_of(value) >= NV_MEDIA_NUMBERS_MIN && byte_at(value, 0) >= 0 &&
           byte_at(value, 1) >= 0;
}

/* The first `count` bytes; false: not all of them are some. */
static bool read_bytes(const struct nv_value *value, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int byte = byte_at(value, i);
        if (byte < 0)
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

enum nv_err nv_media_numbers(struct nv_arena *arena, const struct nv_value *value,
                             const struct nv_media_said *said, struct nv_value *out, bool *is)
{
    uint8_t head[NV_MEDIA_HEAD_MAX];
    struct nv_media_type type;
    uint32_t count = count_of(value);
    *is = read_bytes(value, head, sizeof head) &&
          nv_media_type_of((struct nv_str){(const char *)head, sizeof head}, said, &type);
    if (!*is)
        return NV_OK;
    (void)nv_meter_spend(count / 8);
    uint8_t *bytes = nv_arena_raw(arena, count);
    if (!bytes)
        return NV_ERR_NO_MEMORY;
    *is = read_bytes(value, bytes, count);
    out->type = NV_VALUE_BYTES;
    out->as.string = (struct nv_str){(const char *)bytes, count};
    return NV_OK;
}
