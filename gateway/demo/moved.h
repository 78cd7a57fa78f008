/*
 * A captured request made one of now: its times moved, its trace ids made anew.
 *
 *   captured:  ──[ root [ child ] ]──────────────▶ time
 *   moved:                       ──[ root [ child ] ]now
 *
 * Times and ids have a fixed length in protobuf, so all is done in place.
 */
#ifndef NV_GATEWAY_DEMO_MOVED_H
#define NV_GATEWAY_DEMO_MOVED_H

#include "base/str.h"
#include "model/otlp_fields.h"

/* What trace ids are made with; the same bits for all of a request, so that links stay. */
struct nv_demo_salt {
    unsigned char bytes[16];
};

/*
 * Moves all times of the ExportTraceServiceRequest `body` (`len` bytes, changed in place) so
 * that the latest is `now_ns`, and makes each trace id another one by `salt`. NV_ERR_MALFORMED
 * and others of base/text/wire.h when it is none.
 */
enum nv_err nv_demo_move(char *body, size_t len, uint64_t now_ns,
                         const struct nv_demo_salt *salt) NV_MUST_USE;

#endif
