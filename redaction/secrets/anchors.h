/*
 * Which runs of bytes need not go through the automaton (shapes.h): short ones in which no
 * three bytes begin or end an anchor that fits in them.
 *
 *   run of 16 to 39 bytes ─▶ anchors of forms that are no longer ─▶ three bytes of each, by the
 *   halves of their bits ─▶ sixteen places at once: is an anchor of one of eight sets there?
 *
 * The automaton takes a step a byte, each of which waits for the one before it and reads a
 * table of 180 KB; this reads 96 bytes, and the anchors of a set where one of it may be. It
 * says yes too often, never no too often: what else a form demands is not asked. Most forms are
 * longer than most runs, so that few anchors are left for them. Built from the table of forms;
 * without AVX2 it always says yes. Any thread once it is built.
 */
#ifndef NV_REDACTION_SECRETS_ANCHORS_H
#define NV_REDACTION_SECRETS_ANCHORS_H

#include "redaction/secrets/shapes.h"

/* Runs of other lengths go through the automaton. */
#define NV_ANCHORS_RUN_MIN 16u
#define NV_ANCHORS_RUN_MAX 39u

/*
 * Adds the anchor of a form of which at least `len` bytes stand in one run, at least `behind`
 * of them behind the anchor. While the automaton is built.
 */
void nv_anchors_add(const struct nv_shape *shape, size_t len, size_t behind);
/* May a form be found whose anchor is in the bytes [from, to) of the text, a run or what is
 * left of one? */
bool nv_anchors_may_be(struct nv_str text, size_t from, size_t to);

#endif
