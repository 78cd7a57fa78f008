/*
 * JSON inside of text: undone where it is JSON, left alone where it is not. Internal to the
 * mapping.
 */
#ifndef NV_MAPPING_CONTENT_JSON_TEXT_H
#define NV_MAPPING_CONTENT_JSON_TEXT_H

#include "model/value.h"

/* How often JSON may be wrapped in JSON text (trap 21: twice is sent). */
#define NV_JSON_TEXT_LEVELS 2u

/*
 * A tree out of `in`. JSON values and text that starts with `{`, `[` or `"` (after white space)
 * are parsed, again when the result is such a text, at most `levels` times; Python's repr of a
 * dict or list is read too ({'a': None}), that of objects in them as well (python_repr.h). With
 * `truncated` not NULL, broken-off text is read as far as it goes and *truncated set to true
 * (never to false). Anything else gives `in` itself. Borrows `in`. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_json_text_parse(struct nv_arena *arena, const struct nv_value *in,
                               unsigned levels, bool *truncated,
                               struct nv_value *out) NV_MUST_USE;
/*
 * The fields of a message's str() (content='hi' name='f' ...) as a MAP; anything else gives
 * `in` itself. Borrows `in`. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_json_text_fields(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_value *out) NV_MUST_USE;
/*
 * Text of any value: a STRING as it is, everything else as JSON in the arena. Errors:
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_json_text_of(struct nv_arena *arena, const struct nv_value *in,
                            struct nv_str *out) NV_MUST_USE;

#endif
