/*
 * How media are named in texts: their uuids, in the five groups of RFC 9562, and their kinds.
 *
 * Both stand in references (image://<uuid>), in the list that a span has of its pictures, and
 * in what is sent beside a medium.
 */
#include "model/media.h"

#include "base/text/text.h"

#include "base/banned.h"

void nv_media_uuid_text(const uint8_t uuid[NV_MEDIA_UUID_BYTES], char out[NV_MEDIA_UUID_TEXT])
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6};
    for (size_t i = 0; i < sizeof groups; i++) {
        nv_hex_encode(uuid, groups[i], out);
        uuid += groups[i];
        out += 2 * groups[i];
        *out++ = i + 1 < sizeof groups ? '-' : '\0';
    }
}

const char *nv_media_kind_text(enum nv_media_kind kind)
{
    static const char *const texts[] = {"image", "audio", "video", "file"};
    return texts[kind];
}
