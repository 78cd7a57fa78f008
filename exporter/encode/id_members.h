/*
 * The members of a span that are the same for every span of a trace but for two ids: made once,
 * the ids are filled in for each.
 *
 *   span  "span_id":"................","trace_id":"T","parent_span_id":"................","name":
 *   otel  "trace_id":"S","span_id":"................","parent_span_id":"................","kind":
 *
 * For spans that have a parent, which most do. Internal to the encoder; one thread.
 */
#ifndef NV_EXPORTER_ENCODE_ID_MEMBERS_H
#define NV_EXPORTER_ENCODE_ID_MEMBERS_H

#include "base/json/json_write.h"
#include "model/trace.h"

#define NV_ID_MEMBERS_BYTES ((size_t)160)

struct nv_id_members {
    char text[NV_ID_MEMBERS_BYTES];
    size_t len;
    size_t span_id, parent_id; /* where their digits stand */
};

/* The members of a span itself; `trace_id` has at most 36 letters, digits and dashes. */
void nv_id_members_init_span(struct nv_id_members *members, struct nv_str trace_id);
/* Those of its "otel". */
void nv_id_members_init_otel(struct nv_id_members *members, struct nv_str trace_id);
/* Writes them with these ids, in an object that is open: the value of the last key is due. */
void nv_id_members_write(struct nv_id_members *members, struct nv_json_writer *json,
                         const uint8_t span_id[NV_SPAN_ID_BYTES],
                         const uint8_t parent_id[NV_SPAN_ID_BYTES]);

#endif
