/*
 * Tool definitions and tool calls of every convention in one form each.
 *
 *   definitions  [{type: "function", name, description?, parameters?, ...}]
 *   call         {id?, type: "function", function: {name, arguments}}
 *
 * Accepted definitions: OpenAI chat (nested in `function`), OpenAI Responses (flat), Anthropic
 * (`input_schema`), Gemini (`functionDeclarations`), Bedrock (`toolSpec`, `inputSchema.json`),
 * OpenInference (`tool.json_schema`), Vercel (array of JSON texts, trap 21), a map from name to
 * definition, names alone. Members not named here are kept. Same lifetimes as messages.h.
 */
#ifndef NV_MAPPING_CONTENT_TOOLS_H
#define NV_MAPPING_CONTENT_TOOLS_H

#include "model/value.h"

/* Most definitions kept of one list; further ones are left out. */
#define NV_TOOLS_MAX 4096u

/*
 * Normalises tool definitions: JSON text (STRING or JSON) or a tree. `out` is an ARRAY, empty
 * when nothing in `in` looks like a tool; *partial says whether `in` held more than tools (a
 * request around them): keep it then. Borrows `in`. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_tools_normalise(struct nv_arena *arena, const struct nv_value *in,
                               struct nv_value *out, bool *partial) NV_MUST_USE;
/*
 * Normalises a list of tool calls or one call, of any shape the messages know (OpenAI,
 * Anthropic tool_use, Gemini functionCall, Bedrock toolUse, Vercel toolCallId, LangChain {name,
 * args, id}). `out` is an ARRAY. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_tool_calls_normalise(struct nv_arena *arena, const struct nv_value *in,
                                    struct nv_value *out) NV_MUST_USE;

#endif
