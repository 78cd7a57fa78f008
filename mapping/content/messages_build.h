/*
 * A message under construction, and the list it goes into. Internal to the messages_*.c files.
 *
 *   any shape ─▶ nv_message {role, parts, calls, reasoning, ...} ─▶ one or more canonical MAPs
 *
 * What the values, members and texts that are given to them point to is borrowed until the
 * arena goes: what was gathered points there. Handlers put what they find into the message;
 * nv_message_end writes the canonical form: members in a fixed order, text alone as a string. A
 * tool's answer inside a message becomes a message of its own, in place (several may stand in
 * one message, trap 9).
 */
#ifndef NV_MAPPING_CONTENT_MESSAGES_BUILD_H
#define NV_MAPPING_CONTENT_MESSAGES_BUILD_H

#include "mapping/content/members.h"
#include "mapping/content/messages.h"
#include "mapping/content/said_messages.h"
#include "mapping/content/values.h"

/* Nesting of lists and wrappers followed; deeper values are kept as JSON text. */
#define NV_MESSAGES_DEPTH_MAX 16u

struct nv_messages_state;

/* What shapes call to go on with what they hold: the walk of messages.c, which knows them. */
struct nv_messages_walk {
    /* One value of any shape into the list. Errors: NV_ERR_NO_MEMORY. */
    enum nv_err (*visit)(struct nv_messages_state *state, const struct nv_value *value,
                         unsigned depth);
    /* As nv_messages_instructions_text. */
    enum nv_err (*instructions)(struct nv_arena *arena, const struct nv_value *in,
                                struct nv_str *out);
};

/* One normalisation in progress. */
struct nv_messages_state {
    struct nv_arena *arena;
    const struct nv_messages_walk *walk; /* static */
    enum nv_messages_direction direction;
    struct nv_values list;          /* canonical MAPs */
    struct nv_values over;          /* what is past NV_MESSAGES_MAX */
    struct nv_said_messages *said;  /* borrowed, or NULL */
    const struct nv_value *failure; /* as nv_messages.failure */
    bool partial;
    bool truncated;
};

struct nv_message {
    struct nv_messages_state *state;
    struct nv_str role;        /* canonical, or empty: the direction's */
    struct nv_values parts;    /* {type, ...} MAPs; plain text as STRING */
    struct nv_values calls;    /* canonical tool calls */
    struct nv_values thoughts; /* STRINGs */
    struct nv_values details;  /* what thoughts said beside their text (signatures): MAPs */
    struct nv_value name, call_id, finish; /* NULL when not there */
    struct nv_attributes rest;
    struct nv_values listed; /* those calls that stood in a list of their own, beside content */
    uint32_t repeats;        /* calls in content that were one of these, */
    uint64_t paired;         /* by name and arguments: bits of which */
    bool answered;           /* a tool's answer was written for it */
    uint32_t written; /* where its last piece that is no answer stands in the list, plus 1 */
};

/* Starts a message of `state` (borrowed until nv_message_end). */
void nv_message_begin(struct nv_message *message, struct nv_messages_state *state);
/* Writes what was gathered, if anything was or if nothing was written for it yet. Errors:
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_message_end(struct nv_message *message) NV_MUST_USE;
/* Writes what was gathered as a piece of the message, if anything was; its role stays, and its
 * finish reason, which is that of the last piece. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_flush(struct nv_message *message) NV_MUST_USE;
/* Adds text (borrowed until the arena goes) to the content. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_text(struct nv_message *message, struct nv_str text) NV_MUST_USE;
/* Adds a line of thought (borrowed likewise). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_think(struct nv_message *message, struct nv_str text) NV_MUST_USE;
/* Adds one tool call, or a list of them, of any shape (messages_calls.c), its texts borrowed
 * likewise. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_call(struct nv_message *message,
                            const struct nv_value *call) NV_MUST_USE;
/* The same of a call (borrowed likewise) that stands in content: when it is one of
 * message->listed, told by its id or, where one has none, by name and arguments, the fuller
 * of both stays. An image that the call made becomes a part. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_content_call(struct nv_message *message,
                                    const struct nv_value *call) NV_MUST_USE;
/* The calls from number `first` on stood in a list of their own, and may stand in content,
 * too. */
void nv_message_calls_listed(struct nv_message *message, uint32_t first);
/* Writes a tool's answer as a message of its own, what came before it first. `content` is any
 * value, `rest` what else the answer said. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_answer(struct nv_message *message, const struct nv_value *call_id,
                              const struct nv_value *name, const struct nv_value *content,
                              const struct nv_attributes *rest) NV_MUST_USE;
/* Adds content of any shape: text, a part, a list of parts, JSON text of such. Errors:
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_message_content(struct nv_message *message, const struct nv_value *content,
                               unsigned depth) NV_MUST_USE;
/* As nv_message_content, but what is no text and no list of parts becomes JSON text: the result
 * of a tool. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_tool_content(struct nv_message *message, const struct nv_value *content,
                                    unsigned depth) NV_MUST_USE;
/* Puts all that a message object says into `message`; role and finish stay when they are set
 * (messages_fill.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_fill(struct nv_message *message, const struct nv_value *object,
                            const struct nv_members *members, unsigned depth) NV_MUST_USE;
/* Takes a finish reason, or a list of one, unless there is one already. False: `finish` is NULL
 * or says something else, and is not expressed. */
bool nv_message_fill_finish(struct nv_message *message, const struct nv_value *finish);
/* Takes the finish reason inside of response_metadata or generation_info; *used: that was all
 * of it. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_fill_info(struct nv_message *message, const struct nv_members *outer,
                                 bool *used) NV_MUST_USE;
/* Adds one part (messages_parts.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_part(struct nv_message *message, const struct nv_value *part,
                            unsigned depth) NV_MUST_USE;
/* Does `value` look like a part (of a list of parts) rather than like a message? */
bool nv_message_is_part(const struct nv_value *value);
/* The same of a MAP whose members (borrowed) are known. */
bool nv_message_is_part_of(const struct nv_value *value, const struct nv_members *members);
/* How sure it is that an item of a list is a part. */
enum nv_part_look {
    NV_PART_NONE,
    NV_PART_MAYBE,  /* of a type that is not known (yet) */
    NV_PART_LIKELY, /* but other records look like it, too */
    NV_PART_SURE
};

/* The look of `item`, whose members (borrowed) are known. */
enum nv_part_look nv_message_part_look(const struct nv_value *item,
                                       const struct nv_members *members);
/* The look of a list: the best of its items when that is sure (of one message all are parts),
 * else the worst. With `texts` some may be bare text. */
enum nv_part_look nv_message_parts_look(const struct nv_value *items, uint32_t count,
                                        bool texts);
/*
 * An assistant's message that is nothing but a call told in text (tool_call_id, and content
 * {"name", "arguments"}): *out becomes the call, else null. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_message_told_call(struct nv_messages_state *state,
                                 const struct nv_members *members,
                                 struct nv_value *out) NV_MUST_USE;

/*
 * Puts the choices among the items (those that say an `index`) into its order, each to a place
 * where one stood; *items is replaced, the old array untouched (messages_choices.c). Errors:
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_message_choices(struct nv_arena *arena, const struct nv_value **items,
                               uint32_t count) NV_MUST_USE;
/* The message that a choice holds as JSON text, or `text` itself when it is none
 * (messages_choices.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_in_text(struct nv_message *message, const struct nv_value *text,
                               struct nv_value *out) NV_MUST_USE;
/* Appends a finished message (its texts borrowed likewise) to the list. Errors:
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_push(struct nv_messages_state *state,
                             struct nv_value message) NV_MUST_USE;
/* The role that a word of any convention means (human, ai, model, MessageRole.USER, ...):
 * canonical where it is known, else the word. Borrowed. */
struct nv_str nv_messages_role(struct nv_str word);
/* Is `word` one that names a role? */
bool nv_messages_is_role(struct nv_str word);
/* Readies an empty normalisation; `arena` is borrowed for its life (messages.c). */
void nv_messages_open(struct nv_messages_state *state, struct nv_arena *arena,
                      enum nv_messages_direction direction);
/* One value of any shape into the list (messages.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_visit(struct nv_messages_state *state, const struct nv_value *value,
                              unsigned depth) NV_MUST_USE;
/*
 * One object, whose members (borrowed) are known, into the list by the table of shapes
 * (messages_shapes.c). *known is false, and nothing was written, when it is no message of any
 * shape. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_messages_object(struct nv_messages_state *state, const struct nv_value *object,
                               const struct nv_members *members, unsigned depth,
                               bool *known) NV_MUST_USE;
/*
 * A whole list of plain messages from its JSON text (messages_plain.c). *done is false, and
 * `state` as it was, when the text is anything else. Errors: NV_ERR_NO_MEMORY.
 */
enum nv_err nv_messages_plain_list(struct nv_messages_state *state, struct nv_str text,
                                   bool *done) NV_MUST_USE;
/* Texts of all messages of a canonical list, joined by an empty line (messages_derive.c). `out`
 * is borrowed or in the arena. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_texts(struct nv_arena *arena, const struct nv_value *messages,
                              struct nv_str *out) NV_MUST_USE;
/* The text of any value as a message of the direction's role. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_messages_plain(struct nv_messages_state *state,
                              const struct nv_value *value) NV_MUST_USE;
/* Adds a part of media, of any shape; what was said in it (a transcript) is text
 * (messages_media.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_media(struct nv_message *message, const struct nv_value *part,
                             struct nv_str type) NV_MUST_USE;
/* Adds what a model said aloud: OpenAI's {audio: {id, data, transcript}} instead of content,
 * Gemini's transcript beside the sound. *used gets the members that were expressed
 * (messages_media.c). Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_message_said(struct nv_message *message, const struct nv_members *members,
                            uint64_t *used) NV_MUST_USE;
/* Is it bytes as JavaScript serialises them: {"0": 137, "1": 80} or {"type": "Buffer", "data":
 * [137, 80]} (messages_media.c)? */
bool nv_media_is_bytes(const struct nv_value *value);
/* Parts and messages from a MAP of media members (messages_media.c): {type, mime_type?, url?,
 * data?, ...}; bytes as numbers become base64. Errors: NV_ERR_NO_MEMORY. */
enum nv_err nv_media_part(struct nv_arena *arena, const struct nv_value *part,
                          struct nv_str type, struct nv_value *out) NV_MUST_USE;

#endif
