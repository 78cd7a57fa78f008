/*
 * The header of a WAV file (RIFF, WAVE) for samples that have none.
 */
#ifndef NV_EXPORTER_MEDIA_WAV_H
#define NV_EXPORTER_MEDIA_WAV_H

#include "model/media.h"

/* RIFF, fmt and the head of data. */
#define NV_WAV_HEADER_BYTES 44u

/* The header of `bytes` bytes of such samples; behind an odd number of them stands one more. */
void nv_wav_header(const struct nv_media_samples *samples, uint64_t bytes,
                   uint8_t out[NV_WAV_HEADER_BYTES]);

#endif
