/*
 * Cutting content: texts to a number of characters, values to a mark.
 *
 *   "a long te…[cut: 1204 characters, sha256 9f86d081884c7d65]"     cut to 9 characters
 *   "[cut: 1204 characters, sha256 9f86d081884c7d65]"               the whole value
 *
 * The mark says how long the text was, and the begin of the SHA-256 of its bytes, so that equal
 * ones can be told. Characters are code points; what is no UTF-8 counts as one each.
 */
#ifndef NV_REDACTION_CONTENT_CUT_H
#define NV_REDACTION_CONTENT_CUT_H

#include "model/value.h"

/*
 * Cuts every text inside the value to `limit` characters; JSON text is read first, so that it
 * stays JSON; bytes that are more than that become a mark. Never inside a character, nor inside
 * an escape of JSON or a pair of them, as texts may be JSON themselves. *changed: something was
 * cut. What was cut before stays as it is. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_content_cut(struct nv_arena *arena, struct nv_value *value, size_t limit,
                           bool *changed) NV_MUST_USE;
/*
 * Puts a mark in place of a text, a list or an object that is not empty; of the latter it says
 * the length of their JSON. Likewise.
 */
enum nv_err nv_content_mark(struct nv_arena *arena, struct nv_value *value,
                            bool *changed) NV_MUST_USE;

#endif
