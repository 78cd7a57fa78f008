/*
 * Media for tests of the exporter: traces that hold some, as redaction leaves them.
 */
#ifndef NV_TESTS_SUPPORT_MEDIA_KIT_H
#define NV_TESTS_SUPPORT_MEDIA_KIT_H

#include "exporter_rig.h"

/* A picture of 6 bytes, "foobar"; another number is another uuid and hash. */
struct nv_medium kit_medium(uint8_t number, enum nv_media_kind kind);
/* "image://" or "audio://" and the uuid of that number. Static until the next call. */
const char *kit_reference(uint8_t number, enum nv_media_kind kind);
/* The rig's next trace with these media, its span's attribute `picture` referring to each; told
 * to the ledger, the caller's. */
struct nv_trace *kit_trace(struct nv_rig *rig, const struct nv_medium *media, uint32_t count);
/* The same, consumed. */
void kit_consume(struct nv_rig *rig, const struct nv_medium *media, uint32_t count);

#endif
