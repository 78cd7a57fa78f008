/*
 * Numbers in a WAV header are little-endian (Multimedia Programming Interface 1.0, IBM and
 * Microsoft, 1991); lengths have 32 bits, which is more than an upload may have.
 *
 *   RIFF <36 + n> WAVE | fmt  <16> tag channels rate bytes/s bytes/frame bits | data <n> ...
 */
#include "exporter/media/wav.h"

#include <string.h>

#include "base/banned.h"

/* By shifts, so that the file is the same on a machine of any byte order. */
static uint8_t *put(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *out++ = (uint8_t)(value >> (8 * i));
    return out;
}

static uint8_t *put_name(uint8_t *out, const char name[4])
{
    memcpy(out, name, 4);
    return out + 4;
}

/*
 * Chunks are padded to an even length: RIFF's length counts the pad, data's does not. Whoever
 * writes the samples adds it (upload.c), since only there the whole file is in one buffer.
 */
void nv_wav_header(const struct nv_media_samples *samples, uint64_t bytes,
                   uint8_t out[NV_WAV_HEADER_BYTES])
{
    uint64_t frame = (uint64_t)samples->channels * samples->bits / 8;

    out = put_name(out, "RIFF");
    out = put(out, 36 + bytes + bytes % 2, 4);
    out = put_name(out, "WAVE");
    out = put_name(out, "fmt ");
    out = put(out, 16, 4);
    out = put(out, samples->tag, 2);
    out = put(out, samples->channels, 2);
    out = put(out, samples->rate, 4);
    out = put(out, samples->rate * frame, 4);
    out = put(out, frame, 2);
    out = put(out, samples->bits, 2);
    out = put_name(out, "data");
    (void)put(out, bytes, 4);
}
