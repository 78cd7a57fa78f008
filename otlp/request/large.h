/*
 * Items that are too large for where they go: set aside one by one, so that the rest of the
 * request is kept (partial success).
 *
 *   request of one item = resource + scope + item + tags and lengths around them
 */
#ifndef NV_OTLP_REQUEST_LARGE_H
#define NV_OTLP_REQUEST_LARGE_H

#include "otlp/request/request.h"

/*
 * Takes the items out of `batch` which alone would make a request of more than
 * `item_bytes_max`; `result` has them as rejected (NV_REJECT_TOO_LARGE), its message names the
 * first. Their groups stay. Any thread.
 */
void nv_large_set_aside(struct nv_batch *batch, size_t item_bytes_max,
                        struct nv_request_result *result);
/* Bytes of a request with an item of `length` alone, at most. */
size_t nv_large_bytes(const struct nv_group *group, size_t length);

#endif
