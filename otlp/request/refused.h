/*
 * The requests that were refused last: who sent them, and why. For people who look, in memory
 * alone: a ring, the oldest goes first.
 *
 *   nv_refusal_note ──keep──▶ [ ▸ ▸ ▸ ]   one line for the same reason of the same sender
 *                               └──read──▶ the newest first
 */
#ifndef NV_OTLP_REQUEST_REFUSED_H
#define NV_OTLP_REQUEST_REFUSED_H

#include "base/str.h"

#include <stddef.h>

/* Lines that are kept. */
#define NV_REFUSED_KEPT_MAX 100u

struct nv_refused {
    uint64_t wall_ns, first_wall_ns; /* of the last and of the first of `count` */
    uint64_t count;
    char protocol[8], reason[24];
    char sender[160], message[400]; /* cut; any bytes but NUL, valid UTF-8 is not promised */
};

/* Keeps one, and returns how often the same was kept by now: 1 for the first. All borrowed,
 * foreign text allowed. Any thread. */
uint64_t nv_refused_keep(const char *protocol, const char *reason, struct nv_str sender,
                         struct nv_str message);
/* Up to `max` lines into `out`, the newest first; returns how many. Any thread. */
size_t nv_refused_read(struct nv_refused *out, size_t max);

#endif
