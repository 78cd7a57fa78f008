/*
 * What stands around the text of a query, around what is embedded, and around a tool's input
 * and answer: taken off, whoever put it there.
 *
 *   query      {"query": "q"}  {"query_bundle": {"query_str": "q"}}  "\"q\""      ─▶ q
 *   texts      ["\"hi\""]  {"input": ["hi"]}                                      ─▶ ["hi"]
 *   arguments  {"input_str": "{'a': 1}", "tags": []}  {"input": "{'a': 1}"}       ─▶ {"a": 1}
 *   result     {"output": {lc, kwargs: {content, tool_call_id}}}  {type: tool, content}
 *              content='hi' name='f' tool_call_id='c'                             ─▶ hi
 *
 * A wrapper is told by its members, never by who sent it, and all of them must be known: an
 * answer that merely has a member of such a name stays as it is. Values are JSON text, Python's
 * repr or trees. Internal to the mapping; any thread, as long as the arena is used by one.
 */
#ifndef NV_MAPPING_CONTENT_WRAPPERS_H
#define NV_MAPPING_CONTENT_WRAPPERS_H

#include "model/value.h"

/*
 * Each gives what is inside of `in`, or `in` itself when nothing is around it; results borrow
 * from `in` or are in the arena. Errors: NV_ERR_NO_MEMORY.
 */
typedef enum nv_err nv_unwrap_fn(struct nv_arena *arena, const struct nv_value *in,
                                 struct nv_value *out);
nv_unwrap_fn nv_unwrap_query NV_MUST_USE;
nv_unwrap_fn nv_unwrap_texts NV_MUST_USE;
nv_unwrap_fn nv_unwrap_arguments NV_MUST_USE;
nv_unwrap_fn nv_unwrap_result NV_MUST_USE;

#endif
