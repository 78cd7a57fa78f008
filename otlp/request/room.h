/*
 * Room in memory for what is made of a request: asked for before it is allocated, given back by
 * the owner of the request, all at once, when that is answered.
 */
#ifndef NV_OTLP_REQUEST_ROOM_H
#define NV_OTLP_REQUEST_ROOM_H

#include "base/error.h"

#include <stddef.h>

struct nv_room {
    size_t max; /* of one output, in bytes */
    /* NV_OK, or what to refuse the request with: NV_ERR_FULL, NV_ERR_BUSY. NULL: always
     * NV_OK. */
    enum nv_err (*take)(void *ctx, size_t bytes);
    void *ctx;
};

/* Asks for `bytes` more. `room` may be NULL: always NV_OK. */
static inline enum nv_err nv_room_ask(const struct nv_room *room, size_t bytes)
{
    return room == NULL || room->take == NULL ? NV_OK : room->take(room->ctx, bytes);
}

#endif
