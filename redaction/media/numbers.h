/*
 * Bytes as numbers: [137, 80, 78, 71, ...], or {"0": 137, "1": 80, ...} as browsers write them.
 */
#ifndef NV_REDACTION_MEDIA_NUMBERS_H
#define NV_REDACTION_MEDIA_NUMBERS_H

#include "model/value.h"
#include "redaction/media/types.h"

/* Fewer are no medium. */
#define NV_MEDIA_NUMBERS_MIN 24u

/* Does the list or map begin as bytes do? */
bool nv_media_may_be_numbers(const struct nv_value *value);
/*
 * *is: it is bytes, all of it, that begin as media do or are said to be some; *out then has them
 * as BYTES, new in the arena. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_media_numbers(struct nv_arena *arena, const struct nv_value *value,
                             const struct nv_media_said *said, struct nv_value *out,
                             bool *is) NV_MUST_USE;

#endif
