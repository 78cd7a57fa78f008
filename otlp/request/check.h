/*
 * Is this an OTLP message? Checks the bytes of one, with all that is inside, against the table.
 *
 * Known fields must have the wire type of the table, nothing may be cut off, values may be
 * nested only so deep. Unknown fields and groups are passed over. Strings that are not UTF-8
 * are counted, not refused (docs/otlp.md#rules-of-the-walk, 4). Nothing is allocated; recursion
 * is bounded by the depth.
 */
#ifndef NV_OTLP_REQUEST_CHECK_H
#define NV_OTLP_REQUEST_CHECK_H

#include "otlp/request/schema.h"

struct nv_check {
    const char *body; /* the whole request, borrowed: offsets are counted from here */
    unsigned depth_max;
    uint64_t invalid_utf8; /* strings found so far that are not UTF-8 */
    struct nv_fail *fail;  /* borrowed, never NULL; what failed and where */
};

/*
 * Checks one field that was just read, of the message `id`, and all inside it. `depth` is the
 * number of AnyValues around it. NV_ERR_MALFORMED, NV_ERR_TRUNCATED, NV_ERR_DEPTH.
 */
enum nv_err nv_check_field(struct nv_check *check, enum nv_message_id id,
                           const struct nv_wire_field *field, unsigned depth) NV_MUST_USE;

/*
 * Moves `wire` behind the KeyValues in field `number` (below 16) that stand there one after the
 * other and of which there is nothing to tell: a key and one string, number or bool, all
 * right. The first that is not so is left to be read and checked as any field. No AnyValue may
 * be around them.
 */
void nv_check_pass_pairs(const struct nv_check *check, struct nv_wire *wire, uint32_t number);

/* Checks a whole message. Errors as nv_check_field, with check->fail set. */
enum nv_err nv_check_message(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                             unsigned depth) NV_MUST_USE;

/*
 * Records `err` in check->fail, once, and puts the field of message `id` (`bytes`) that starts
 * at `at` in front of the path there; every message around it does so in turn. Returns `err`.
 */
enum nv_err nv_check_blame(struct nv_check *check, enum nv_message_id id, struct nv_str bytes,
                           const char *at, enum nv_err err);

/*
 * Puts `head` (a field's name, at most 100 bytes) and a dot in front of fail->path. What does
 * not fit falls off at the end: the outer part of a path is worth more than the inner.
 */
void nv_path_prepend(struct nv_fail *fail, const char *head);

#endif
