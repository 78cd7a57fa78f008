/*
 * Bytes as a list of numbers inside JSON text.
 *
 *   {"type":"Buffer","data":[137,80,78,71, ...]}    in a text, and in JSON text in it:
 *   {\"data\":[137,80,78,71, ...]}                  what takes its place has such quotes
 *
 * Found where a member's value stands, in lists there, or as the whole text; told by how the
 * bytes begin (types.h). Linear: no byte is read more than three times.
 */
#ifndef NV_REDACTION_MEDIA_LISTED_H
#define NV_REDACTION_MEDIA_LISTED_H

#include "base/arena.h"
#include "redaction/media/find.h"

/* Characters that stand before and behind what takes a list's place: a quote and the escapes
 * before it. Deeper JSON in JSON is not looked into. */
#define NV_MEDIA_QUOTE_MAX 16u

/*
 * The next list from `at` on that is a medium: *found, else false is in *is; found->text are
 * its bytes, new in the arena, and *quote what a string begins and ends with there (a view of
 * `text`, or static); from the second call on (`at` > 0) it has what the last one left there,
 * which holds for the other lists of a list. One that the text ends in is cut.
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_media_find_listed(struct nv_arena *arena, struct nv_str text, size_t at,
                                 struct nv_media_found *found, struct nv_str *quote,
                                 bool *is) NV_MUST_USE;

#endif
