/*
 * Python's repr and str of data, as JSON text: what emitters write who call str() where they
 * meant json.dumps(). Internal to the mapping.
 *
 *   {'a': None, 'b': (1, 'x')}                  {"a": null, "b": [1, "x"]}
 *   [HumanMessage(content='hi')]                [{"lc": 1, "id": ["HumanMessage"], "kwargs": ...}]
 *   {'usage': Usage(total=3)}                   {"usage": {"total": 3}}
 *   content='hi' name='f' tool_call_id='c'      {"content": "hi", "name": "f", ...}
 *
 * All is read in one pass, linear in the text, and judged strictly: text that is anything else
 * is refused and stays what it was. Results are in the arena. Any thread, as long as the arena
 * is used by one.
 */
#ifndef NV_MAPPING_CONTENT_PYTHON_REPR_H
#define NV_MAPPING_CONTENT_PYTHON_REPR_H

#include "base/arena.h"
#include "base/str.h"

enum nv_repr_what {
    NV_REPR_DATA,   /* dicts, lists, tuples, sets, strings, bytes, numbers, None, True, False */
    NV_REPR_OBJECTS /* and, inside of these, calls of constructors and enums */
};

/*
 * JSON text of the repr of a dict, list, set or tuple. Bytes become text where they are
 * printable, else base64. A message class (HumanMessage, AIMessageChunk, ...) becomes the form
 * in which LangChain's own serialiser writes it, so that its role is told; another constructor
 * the object of its keywords; what can't be data (<... object at 0x7f>) its own text. Errors:
 * NV_ERR_MALFORMED (something else), NV_ERR_NO_MEMORY.
 */
enum nv_err nv_python_repr_read(struct nv_arena *arena, struct nv_str text,
                                enum nv_repr_what what, struct nv_str *out) NV_MUST_USE;
/*
 * JSON text of the str() of a message as LangChain's models have it: `content=... NAME=...`,
 * at least two fields, separated by spaces. Errors: as above.
 */
enum nv_err nv_python_fields_read(struct nv_arena *arena, struct nv_str text,
                                  struct nv_str *out) NV_MUST_USE;

#endif
