/*
 * Chat messages of every convention in one form.
 *
 *   [{role, content, name?, tool_call_id?, tool_calls?, reasoning?, finish_reason?, ...}]
 *
 *   role        system | developer | user | assistant | tool, or the source's own word
 *   content     a string when there is only text, else an ARRAY of parts {type, ...}
 *   tool_calls  [{id, type: "function", function: {name, arguments}}], arguments parsed JSON
 *   reasoning   text the model thought aloud
 *
 * What the source held besides (unknown parts, unknown members of a message) stays where it
 * was. Shapes are told apart message by message, because mixed lists exist (traps 6 to 9); the
 * shapes are listed in docs/mapping.md. Everything here is linear in the input, allocates only
 * in the arena and borrows strings from its input: results live as long as both. Any thread, as
 * long as the arena is used by one.
 */
#ifndef NV_MAPPING_CONTENT_MESSAGES_H
#define NV_MAPPING_CONTENT_MESSAGES_H

#include "model/value.h"

/* Most messages kept of one list; the rest goes into one last message, as JSON text. */
#define NV_MESSAGES_MAX 10000u

struct nv_said_messages; /* mapping/content/said_messages.h */

enum nv_messages_direction {
    NV_MESSAGES_INPUT, /* a bare string is the user's */
    NV_MESSAGES_OUTPUT /* a bare string is the assistant's */
};

struct nv_messages {
    struct nv_value list; /* ARRAY of MAPs in the form above; empty when nothing was said */
    const struct nv_value *failure; /* of an output: the object that says what went wrong
                                       instead of an answer; NULL: there is none */
    bool partial;   /* the source held more than messages (parameters, ids, usage): keep it */
    bool truncated; /* the source was JSON text that ends too early (trap 22) */
};

/*
 * Normalises `in`: JSON text or bare text (STRING), JSON, or a tree; a single message, a list,
 * lists of lists, or a request or response object of a provider around them. JSON in strings is
 * undone two levels deep. A value that says "absent" (nv_value_absent) gives an empty list.
 * Borrows `in`. Errors: NV_ERR_NO_MEMORY only; odd input is kept as text, never refused.
 */
enum nv_err nv_messages_normalise(struct nv_arena *arena, const struct nv_value *in,
                                  enum nv_messages_direction direction,
                                  struct nv_messages *out) NV_MUST_USE;
/* The same for one of several values of a trace: long texts that `said` (borrowed) has are not
 * read again, and new ones are put there, borrowed from `in` and the arena. */
enum nv_err nv_messages_normalise_again(struct nv_arena *arena, struct nv_said_messages *said,
                                        const struct nv_value *in,
                                        enum nv_messages_direction direction,
                                        struct nv_messages *out) NV_MUST_USE;

/* ---- what is derived from a canonical list (`messages` is nv_messages.list) -------------- */

/*
 * Text of choice 0: the first assistant message, or the last one when the list is a
 * conversation (other roles are in it), or all the pieces of an answer whose tools the provider
 * ran. Its text parts joined; empty when it only calls tools or there is none. `out` is
 * borrowed or in the arena. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_messages_output_text(struct nv_arena *arena, const struct nv_value *messages,
                                    struct nv_str *out) NV_MUST_USE;
/* Tool calls of choice 0: an ARRAY, borrowed or in the arena, or null when it has none. Errors:
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_tool_calls(struct nv_arena *arena, const struct nv_value *messages,
                                   struct nv_value *out) NV_MUST_USE;
/* Finish reason of choice 0 as the source spelled it; empty when it has none. Borrowed. */
struct nv_str nv_messages_finish_reason(const struct nv_value *messages);
/* Text of the leading system and developer messages, joined by an empty line; empty when there
 * is none. Borrowed or in the arena. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_system_text(struct nv_arena *arena, const struct nv_value *messages,
                                    struct nv_str *out) NV_MUST_USE;
/* Puts `text` (borrowed) as a system message first, unless a system or developer message is
 * there or `text` is empty. `messages` is replaced, the old array untouched. Errors:
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_add_system(struct nv_arena *arena, struct nv_value *messages,
                                   struct nv_str text) NV_MUST_USE;
/*
 * Text of system instructions in any shape: a bare string, parts ([{type, content}]), a
 * message, a list of them, a Gemini Content. Borrowed or in the arena. Errors:
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_messages_instructions_text(struct nv_arena *arena, const struct nv_value *in,
                                          struct nv_str *out) NV_MUST_USE;

#endif
