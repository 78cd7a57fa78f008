/*
 * Parts of a message's content, of every shape.
 *
 *   typed    {type: "text", content}  {type: "tool-call", toolCallId, ...}  {type: "thinking", ...}
 *   untyped  {text}  {functionCall: {...}}  {toolResult: {...}}             (Gemini, Bedrock)
 *            {toolRequest: {ref, ...}}  {reasoning}  {media: {url, ...}}    (Genkit)
 *   wrapped  {message_content: {...}}                                       (OpenInference)
 *
 * What a `type` means is one row of part_types. A part of no known type is kept as it came: new
 * types appear every month, and Phoenix and others lose them. Text with something beside it
 * (citations, cache marks) stays a part, plain text becomes the content string later.
 *
 * How sure one can be decides what is done with a list of objects that nobody announced:
 *
 *   SURE     says so itself: a known type, or Gemini's functionCall       one is enough
 *   LIKELY   looks like one: {text}, {type: "file"}                       all must be at least
 *   MAYBE    has a type of no table, or one object under one key          where no call is answered
 *   NONE     anything else, or a message                                  the list is data
 */
#include "base/meter.h"
#include "mapping/content/json_text.h"
#include "mapping/content/messages_build.h"

#include "base/banned.h"

/* What is done with a part. Types of many makers share a way, and only the way has code. */
enum part_kind {
    PART_UNKNOWN,
    PART_TEXT,
    PART_CALL,
    PART_ANSWER,
    PART_REASONING,
    PART_MEDIA,
    PART_OTHER /* known to be a part, kept as it is */
};

struct part_type {
    struct nv_str type;
    enum part_kind kind;
    struct nv_str media; /* canonical type of PART_MEDIA */
};

#define PART(type, kind)                                                                       \
    {                                                                                          \
        NV_STR_INIT(type), PART_##kind, NV_STR_INIT("")                                        \
    }
#define MEDIA(type, media)                                                                     \
    {                                                                                          \
        NV_STR_INIT(type), PART_MEDIA, NV_STR_INIT(media)                                      \
    }
/* Spelled as they come: one maker's tool_use is another's toolUse, and the same SDK changes its
 * mind between versions. A type is looked for among all of them, some fifty, because a part's
 * text costs far more than fifty comparisons of lengths. */
static const struct part_type part_types[] = {
    PART("text", TEXT),
    PART("tool_call", CALL),
    PART("tool_call_response", ANSWER),
    PART("tool_use", CALL),
    PART("tool_result", ANSWER),
    PART("toolUse", CALL),
    PART("toolResult", ANSWER),
    PART("tool-call", CALL),
    PART("tool-result", ANSWER),
    PART("function_call", CALL),
    PART("function_call_output", ANSWER),
    PART("mcp_approval_request", CALL),
    PART("input_text", TEXT),
    PART("output_text", TEXT),
    PART("summary_text", TEXT),
    PART("reasoning_text", REASONING),
    PART("reasoning", REASONING),
    PART("thinking", REASONING),
    PART("thought", REASONING),
    PART("redacted_thinking", OTHER),
    PART("refusal", OTHER),
    PART("server_tool_call", CALL),
    PART("server_tool_call_response", ANSWER),
    PART("server_tool_result", ANSWER),
    PART("tool-error", ANSWER),
    PART("search_result", OTHER),
    PART("resource", OTHER),
    PART("resource_link", OTHER),
    PART("tool_reference", OTHER),
    PART("compaction", OTHER),
    PART("step-start", OTHER),
    MEDIA("image", "image"),
    MEDIA("image_url", "image"),
    MEDIA("input_image", "image"),
    MEDIA("image-url", "image"),
    MEDIA("computer_screenshot", "image"),
    MEDIA("audio", "audio"),
    MEDIA("input_audio", "audio"),
    MEDIA("output_audio", "audio"),
    MEDIA("audio-url", "audio"),
    MEDIA("video", "video"),
    MEDIA("video_url", "video"),
    MEDIA("video-url", "video"),
    MEDIA("file", ""),
    MEDIA("input_file", "file"),
    MEDIA("document", "file"),
    MEDIA("document-url", "file"),
    MEDIA("blob", ""),
    MEDIA("uri", ""),
    MEDIA("media", ""),
    MEDIA("binary", ""),
    MEDIA("Buffer", ""),
};
#undef MEDIA

/* NULL both for no type and for one that nobody knows; who must tell them apart asks the
 * mask. */
static const struct part_type *part_type_of(const struct nv_members *members)
{
    const struct nv_str type = nv_members_text(members, NV_MEMBER_TYPE);
    if (type.len == 0)
        return NULL;
    for (size_t i = 0; i < sizeof part_types / sizeof part_types[0]; i++) {
        if (nv_str_eq(part_types[i].type, type))
            return &part_types[i];
    }
    /* Anthropic has a pair of them for each tool that its servers run, OpenAI for each that it
     * hosts (web_search_call, shell_call_output, ...). */
    static const struct part_type server[] = {PART("_tool_use", CALL),
                                              PART("_tool_result", ANSWER), PART("_call", CALL),
                                              PART("_call_output", ANSWER)};
    for (size_t i = 0; i < sizeof server / sizeof server[0]; i++) {
        if (nv_str_ends(type, server[i].type))
            return &server[i];
    }
    return NULL;
}
#undef PART

/* Media of Gemini and Bedrock stand under one of these keys, without a type. */
static const struct {
    struct nv_str key, media;
} media_keys[] = {
    {NV_STR_INIT("inlineData"), NV_STR_INIT("")},
    {NV_STR_INIT("inline_data"), NV_STR_INIT("")},
    {NV_STR_INIT("fileData"), NV_STR_INIT("")},
    {NV_STR_INIT("file_data"), NV_STR_INIT("")},
    {NV_STR_INIT("media"), NV_STR_INIT("")},
    {NV_STR_INIT("image"), NV_STR_INIT("image")},
    {NV_STR_INIT("document"), NV_STR_INIT("file")},
    {NV_STR_INIT("video"), NV_STR_INIT("video")},
    {NV_STR_INIT("audio"), NV_STR_INIT("audio")},
    {NV_STR_INIT("cachePoint"), NV_STR_INIT("-")},
    {NV_STR_INIT("json"), NV_STR_INIT("-")},
};

/* The canonical type of an untyped part of one member; "-" keeps it; NULL: no such part. */
static const struct nv_str *media_key(const struct nv_value *part)
{
    if (part->as.map.count != 1)
        return NULL;
    for (size_t i = 0; i < sizeof media_keys / sizeof media_keys[0]; i++) {
        if (nv_str_eq(part->as.map.items[0].key, media_keys[i].key))
            return &media_keys[i].media;
    }
    return NULL;
}

/* Vercel's lists of calls have no type: {toolCallId, toolName, args}. What has an answer in it
 * as well is the answer to that call, which repeats its arguments. */
static bool is_bare_call(const struct nv_members *members)
{
    const uint64_t call = NV_HAS(NAME) | NV_HAS(CALL_ID);
    const uint64_t not_call =
        NV_HAS(CONTENT) | NV_HAS(RESULT) | NV_HAS(OUTPUT) | NV_HAS(RESPONSE);
    return (members->mask & call) == call && (members->mask & not_call) == 0 &&
           (members->mask & (NV_HAS(ARGUMENTS) | NV_HAS(INPUT))) != 0;
}

/* A role, calls or a message inside make it a message, whatever type it bears: LangChain's
 * messages have types (human, ai), and parts of them never have roles. */
bool nv_message_is_part_of(const struct nv_value *value, const struct nv_members *members)
{
    if ((members->mask & (NV_HAS(ROLE) | NV_HAS(MESSAGE) | NV_HAS(TOOL_CALLS))) != 0)
        return false;
    if (part_type_of(members))
        return true;
    /* a type that is in no table: a part of some other shape, or a message of none */
    if ((members->mask & NV_HAS(TYPE)) != 0)
        return false;
    const uint64_t tells = NV_HAS(CALL) | NV_HAS(ANSWER) | NV_HAS(PART) |
                           NV_HAS(BEDROCK_REASONING) | NV_HAS(CODE) | NV_HAS(CODE_RESULT);
    if ((members->mask & tells) != 0)
        return (members->mask & NV_HAS(CONTENT)) == 0;
    if (members->mask == NV_HAS(TEXT) || members->mask == (NV_HAS(TEXT) | NV_HAS(THOUGHT)))
        return true;
    return is_bare_call(members) || media_key(value) != NULL;
}

bool nv_message_is_part(const struct nv_value *value)
{
    struct nv_members members;
    if (value->type != NV_VALUE_MAP)
        return false;
    nv_members_find(value, &members);
    return nv_message_is_part_of(value, &members);
}

/* A part beyond doubt: records of any kind may have a type `file`, or one text each. */
static bool is_sure_part(const struct nv_members *members)
{
    const struct part_type *type = part_type_of(members);
    if ((members->mask & NV_HAS(TYPE)) == 0)
        return (members->mask & (NV_HAS(CALL) | NV_HAS(ANSWER) | NV_HAS(PART))) != 0;
    if (!type || type->kind == PART_OTHER)
        return false;
    return type->kind != PART_MEDIA ||
           (type->media.len > 0 && !nv_str_eq(type->media, NV_STR("file")));
}

enum nv_part_look nv_message_part_look(const struct nv_value *item,
                                       const struct nv_members *members)
{
    const uint64_t message = NV_HAS(ROLE) | NV_HAS(MESSAGE) | NV_HAS(TOOL_CALLS);
    if (nv_message_is_part_of(item, members))
        return is_sure_part(members) ? NV_PART_SURE : NV_PART_LIKELY;
    if (item->type != NV_VALUE_MAP || (members->mask & message) != 0)
        return NV_PART_NONE;
    const bool maybe =
        nv_members_text(members, NV_MEMBER_TYPE).len > 0 ||
        (item->as.map.count == 1 && item->as.map.items[0].value.type == NV_VALUE_MAP);
    return maybe ? NV_PART_MAYBE : NV_PART_NONE;
}

/* The list is as sure as its least sure item, unless one says so itself: parts don't stand in
 * lists with other things, while records that look like parts do stand with each other. */
enum nv_part_look nv_message_parts_look(const struct nv_value *items, uint32_t count,
                                        bool texts)
{
    enum nv_part_look least = count > 0 ? NV_PART_SURE : NV_PART_NONE, most = NV_PART_NONE;
    (void)nv_meter_spend(count);
    for (uint32_t i = 0; i < count; i++) {
        enum nv_part_look look = NV_PART_LIKELY;
        if (!texts || items[i].type != NV_VALUE_STRING) {
            struct nv_members members;
            nv_members_find(&items[i], &members);
            look = nv_message_part_look(&items[i], &members);
        }
        if (look == NV_PART_NONE)
            return NV_PART_NONE;
        least = look < least ? look : least;
        most = look > most ? look : most;
    }
    return most == NV_PART_SURE ? most : least;
}

/* ---- typed parts ------------------------------------------------------------------------- */

/* Keeps `part` as {type, text, ...rest} when it says more than its text. */
static enum nv_err add_text(struct nv_message *message, const struct nv_value *part,
                            const struct nv_members *members)
{
    const uint64_t places = NV_HAS(TEXT) | NV_HAS(CONTENT) | NV_HAS(VALUE) | NV_HAS(DATA);
    const struct nv_value *text = nv_members_first(members, places);
    struct nv_attributes rest = {0};
    if (!text || text->type != NV_VALUE_STRING) {
        enum nv_err err =
            nv_members_rest(message->state->arena, part, members, NV_HAS(TYPE), &rest);
        if (err != NV_OK || rest.count == 0)
            return err;
        return nv_values_push(&message->parts, message->state->arena, *part);
    }
    struct nv_members taken = *members;
    taken.at[NV_MEMBER_TEXT] = taken.at[NV_MEMBER_CONTENT] = text;
    taken.at[NV_MEMBER_VALUE] = taken.at[NV_MEMBER_DATA] = text;
    enum nv_err err = nv_members_rest(message->state->arena, part, &taken,
                                      NV_HAS(TYPE) | places | NV_HAS(THOUGHT), &rest);
    if (err != NV_OK || rest.count == 0)
        return err != NV_OK ? err : nv_message_text(message, text->as.string);
    struct nv_attributes whole = {0};
    err = nv_attributes_add(&whole, message->state->arena, NV_STR("type"),
                            nv_value_string(NV_STR("text")));
    if (err == NV_OK)
        err = nv_attributes_add(&whole, message->state->arena, NV_STR("text"), *text);
    for (uint32_t i = 0; err == NV_OK && i < rest.count; i++) {
        err = nv_attributes_add(&whole, message->state->arena, rest.items[i].key,
                                rest.items[i].value);
    }
    if (err != NV_OK)
        return err;
    const struct nv_value kept = {.type = NV_VALUE_MAP, .as.map = {whole.items, whole.count}};
    return nv_values_push(&message->parts, message->state->arena, kept);
}

/* What a reasoning part said beside its text (signatures) is kept apart. */
static enum nv_err add_details(struct nv_message *message, const struct nv_attributes *rest)
{
    if (rest->count == 0)
        return NV_OK;
    const struct nv_value details = {.type = NV_VALUE_MAP,
                                     .as.map = {rest->items, rest->count}};
    return nv_values_push(&message->details, message->state->arena, details);
}

static enum nv_err add_reasoning(struct nv_message *message, const struct nv_value *part);

/* Thought is text, an object around text (Bedrock), or a list of them (OpenAI's summaries). */
static enum nv_err think(struct nv_message *message, const struct nv_value *value)
{
    if (value->type == NV_VALUE_MAP)
        return add_reasoning(message, value);
    if (value->type == NV_VALUE_ARRAY) {
        enum nv_err err = NV_OK;
        for (uint32_t i = 0; err == NV_OK && i < value->as.array.count; i++)
            err = think(message, &value->as.array.items[i]);
        return err;
    }
    struct nv_str text = {0};
    enum nv_err err =
        nv_value_empty(value) ? NV_OK : nv_json_text_of(message->state->arena, value, &text);
    return err != NV_OK ? err : nv_message_think(message, text);
}

/* All places are read, not the first: OpenAI has a summary beside the reasoning's own text, and
 * both are what the model thought. Recursion ends with the value's depth, which is capped where
 * values are read. */
static enum nv_err add_reasoning(struct nv_message *message, const struct nv_value *part)
{
    const uint64_t places =
        NV_HAS(REASONING) | NV_HAS(TEXT) | NV_HAS(CONTENT) | NV_HAS(SUMMARY) | NV_HAS(DATA);
    struct nv_members members;
    nv_members_find(part, &members);
    enum nv_err err = NV_OK;
    for (uint64_t left = members.mask & places; err == NV_OK && left != 0; left &= left - 1)
        err = think(message, members.at[__builtin_ctzll(left)]);
    struct nv_attributes rest = {0};
    if (err == NV_OK) {
        err = nv_members_rest(message->state->arena, part, &members,
                              places | NV_HAS(TYPE) | NV_HAS(THOUGHT), &rest);
    }
    return err != NV_OK ? err : add_details(message, &rest);
}

/* Vercel and the AI SDK wrap an answer's value as {type: json|text|..., value}. */
static const struct nv_value *unwrap_output(const struct nv_value *value)
{
    if (!value || value->type != NV_VALUE_MAP)
        return value;
    struct nv_members members;
    nv_members_find(value, &members);
    if (members.mask == (NV_HAS(TYPE) | NV_HAS(VALUE)) && value->as.map.count == 2)
        return nv_members_get(&members, NV_MEMBER_VALUE);
    return value;
}

/* An id alone is the call's when no call_id is there (Anthropic has tool_use_id, Gemini an id);
 * with both, the id is the answer's own and stays with the rest. Of several places the first is
 * the content and the others are kept beside it. An error is content too: it is what the model
 * was given to read. */
static enum nv_err add_answer(struct nv_message *message, const struct nv_value *part)
{
    const uint64_t places = NV_HAS(RESPONSE) | NV_HAS(RESULT) | NV_HAS(OUTPUT) |
                            NV_HAS(CONTENT) | NV_HAS(TEXT) | NV_HAS(DATA) | NV_HAS(VALUE);
    struct nv_members members;
    nv_members_find(part, &members);
    const struct nv_value *content = nv_members_first(&members, places);
    const struct nv_value *call_id = nv_members_get(&members, NV_MEMBER_CALL_ID);
    uint64_t used = NV_HAS(TYPE) | NV_HAS(NAME) | NV_HAS(CALL_ID);
    if (!content)
        content = nv_map_get(part, NV_STR("error"));
    if (!call_id) {
        call_id = nv_members_get(&members, NV_MEMBER_ID);
        used |= NV_HAS(ID);
    }
    for (uint64_t left = members.mask & places; left != 0; left &= left - 1) {
        const unsigned id = (unsigned)__builtin_ctzll(left);
        if (members.at[id] == content)
            used |= UINT64_C(1) << id;
    }
    struct nv_attributes rest = {0};
    enum nv_err err = nv_members_rest(message->state->arena, part, &members, used, &rest);
    if (err != NV_OK)
        return err;
    return nv_message_answer(message, call_id, nv_members_get(&members, NV_MEMBER_NAME),
                             unwrap_output(content), &rest);
}

static enum nv_err add_typed(struct nv_message *message, const struct nv_value *part,
                             const struct nv_members *members, const struct part_type *type)
{
    switch (type->kind) {
    case PART_TEXT:
        return add_text(message, part, members);
    case PART_CALL:
        return nv_message_content_call(message, part);
    case PART_ANSWER:
        return add_answer(message, part);
    case PART_REASONING:
        return add_reasoning(message, part);
    case PART_MEDIA:
        return nv_message_media(message, part, type->media);
    case PART_UNKNOWN:
    case PART_OTHER:
        break;
    }
    return nv_values_push(&message->parts, message->state->arena, *part);
}

/* ---- untyped parts ----------------------------------------------------------------------- */

/* Thought signatures and the like stand beside the one member that tells the part. */
static enum nv_err add_beside(struct nv_message *message, const struct nv_value *part,
                              const struct nv_members *members, uint64_t used)
{
    struct nv_attributes rest = {0};
    enum nv_err err = nv_members_rest(message->state->arena, part, members, used, &rest);
    return err != NV_OK ? err : add_details(message, &rest);
}

/* Gemini marks thoughts by a flag beside the text. */
static bool is_thought(const struct nv_members *members)
{
    const struct nv_value *thought = nv_members_get(members, NV_MEMBER_THOUGHT);
    return thought != NULL && thought->type == NV_VALUE_BOOL && thought->as.boolean;
}

/* Gemini runs code without an id: {executableCode: {language, code}}, LangChain writes
 * {executable_code: text, language}. Its tool is called code_execution there. */
static enum nv_err add_code(struct nv_message *message, const struct nv_value *part,
                            const struct nv_members *members)
{
    const struct nv_value name = nv_value_string(NV_STR("code_execution"));
    const struct nv_value *result = nv_members_get(members, NV_MEMBER_CODE_RESULT);
    const struct nv_value *code = nv_members_get(members, NV_MEMBER_CODE);
    const struct nv_value *inner = result ? result : code;
    const struct nv_value *id = inner->type == NV_VALUE_MAP
                                    ? nv_map_get(inner, NV_STR("id"))
                                    : nv_members_get(members, NV_MEMBER_ID);
    const uint64_t used = NV_HAS(TYPE) | NV_HAS(ID) | NV_HAS(CODE) | NV_HAS(CODE_RESULT);
    struct nv_attributes rest = {0};
    enum nv_err err = nv_members_rest(message->state->arena, part, members, used, &rest);
    if (err != NV_OK)
        return err;
    if (result)
        return nv_message_answer(message, id, &name, result, &rest);
    struct nv_attribute call[4] = {{NV_STR("type"), name},
                                   {NV_STR("name"), name},
                                   {NV_STR("arguments"), *code},
                                   {NV_STR("id"), id ? *id : nv_value_null()}};
    const struct nv_value whole = {.type = NV_VALUE_MAP, .as.map = {call, id ? 4 : 3}};
    err = nv_message_call(message, &whole);
    return err != NV_OK ? err : add_details(message, &rest);
}

static enum nv_err add_untyped(struct nv_message *message, const struct nv_value *part,
                               const struct nv_members *members)
{
    enum nv_err err = NV_OK;
    const struct nv_value *inner = nv_members_get(members, NV_MEMBER_CALL);
    if (inner) {
        err = nv_message_content_call(message, inner);
        return err != NV_OK
                   ? err
                   : add_beside(message, part, members, NV_HAS(CALL) | NV_HAS(THOUGHT));
    }
    inner = nv_members_get(members, NV_MEMBER_ANSWER);
    if (inner && inner->type == NV_VALUE_MAP)
        return add_answer(message, inner);
    inner = nv_members_get(members, NV_MEMBER_BEDROCK_REASONING);
    if (inner)
        return think(message, inner);
    const bool thinks = members->mask == NV_HAS(REASONING) && part->as.map.count == 1;
    if (thinks || is_thought(members))
        return add_reasoning(message, part);
    if ((members->mask & NV_HAS(TEXT)) != 0 && (members->mask & NV_HAS(TYPE)) == 0)
        return add_text(message, part, members);
    if (is_bare_call(members))
        return nv_message_call(message, part);
    if ((members->mask & (NV_HAS(CODE) | NV_HAS(CODE_RESULT))) != 0)
        return add_code(message, part, members);
    const struct nv_str *media = media_key(part);
    if (media && !nv_str_eq(*media, NV_STR("-")))
        return nv_message_media(message, part, *media);
    if (nv_media_is_bytes(part))
        return nv_message_media(message, part, NV_STR(""));
    return nv_values_push(&message->parts, message->state->arena, *part);
}

/* Past the depth a part becomes its own JSON as text: what is nested so deep is no content of a
 * conversation, and yet is not lost. */
enum nv_err nv_message_part(struct nv_message *message, const struct nv_value *part,
                            unsigned depth)
{
    if (part->type == NV_VALUE_STRING)
        return part->as.string.len > 0 ? nv_message_text(message, part->as.string) : NV_OK;
    if (part->type == NV_VALUE_NULL || nv_value_empty(part))
        return NV_OK;
    if (part->type != NV_VALUE_MAP || depth > NV_MESSAGES_DEPTH_MAX) {
        struct nv_str text;
        enum nv_err err = nv_json_text_of(message->state->arena, part, &text);
        return err != NV_OK ? err : nv_message_text(message, text);
    }
    struct nv_members members;
    nv_members_find(part, &members);
    const struct nv_value *inner = nv_members_get(&members, NV_MEMBER_PART);
    if (inner)
        return nv_message_part(message, inner, depth + 1);
    const struct part_type *type = part_type_of(&members);
    if (type)
        return add_typed(message, part, &members, type);
    return add_untyped(message, part, &members);
}

/* ---- content ----------------------------------------------------------------------------- */

/* Text that is the JSON of a list of parts (Traceloop and Strands write them so). A list of
 * objects is looked for before anything is parsed: most text that starts with a bracket is
 * Markdown, a citation or a log line. And a user's own JSON of records stays text: to be taken
 * apart its items must look like parts. */
static enum nv_err parts_in_text(struct nv_message *message, struct nv_str text,
                                 struct nv_value *out, bool *found)
{
    *found = false;
    const struct nv_str trimmed = nv_str_trim(text);
    if (trimmed.len < 4 || trimmed.ptr[0] != '[')
        return NV_OK;
    const struct nv_str behind = nv_str_trim(nv_str_slice(trimmed, 1, trimmed.len));
    if (behind.len == 0 || behind.ptr[0] != '{')
        return NV_OK;
    const struct nv_value in = nv_value_string(trimmed);
    enum nv_err err =
        nv_json_text_parse(message->state->arena, &in, 1, &message->state->truncated, out);
    if (err != NV_OK || out->type != NV_VALUE_ARRAY)
        return err;
    *found = nv_message_parts_look(out->as.array.items, out->as.array.count, false) >=
             NV_PART_LIKELY;
    return NV_OK;
}

enum nv_err nv_message_content(struct nv_message *message, const struct nv_value *content,
                               unsigned depth)
{
    struct nv_value parsed;
    enum nv_err err = NV_OK;
    if (content->type == NV_VALUE_STRING) {
        bool found = false;
        err = parts_in_text(message, content->as.string, &parsed, &found);
        if (err != NV_OK || !found)
            return err != NV_OK ? err : nv_message_part(message, content, depth);
        content = &parsed;
    } else if (content->type == NV_VALUE_JSON) {
        err = nv_json_text_parse(message->state->arena, content, 1, NULL, &parsed);
        if (err != NV_OK)
            return err;
        content = &parsed;
    }
    if (content->type != NV_VALUE_ARRAY)
        return nv_message_part(message, content, depth);
    for (uint32_t i = 0; err == NV_OK && i < content->as.array.count; i++)
        err = nv_message_part(message, &content->as.array.items[i], depth + 1);
    return err;
}

/* ---- answers of tools -------------------------------------------------------------------- */

enum nv_err nv_message_tool_content(struct nv_message *message, const struct nv_value *content,
                                    unsigned depth)
{
    /* What answers no call is what is left of a message, not what a tool gave. */
    const enum nv_part_look enough =
        message->call_id.type == NV_VALUE_NULL ? NV_PART_MAYBE : NV_PART_LIKELY;
    const bool parts =
        content->type == NV_VALUE_ARRAY &&
        nv_message_parts_look(content->as.array.items, content->as.array.count, true) >= enough;
    if (parts || content->type == NV_VALUE_STRING || nv_message_is_part(content) ||
        nv_media_is_bytes(content))
        return nv_message_content(message, content, depth);
    struct nv_str text;
    enum nv_err err = nv_json_text_of(message->state->arena, content, &text);
    return err != NV_OK ? err : nv_message_text(message, text);
}

enum nv_err nv_message_answer(struct nv_message *message, const struct nv_value *call_id,
                              const struct nv_value *name, const struct nv_value *content,
                              const struct nv_attributes *rest)
{
    enum nv_err err = nv_message_flush(message);
    if (err != NV_OK)
        return err;
    struct nv_message answer;
    nv_message_begin(&answer, message->state);
    answer.role = NV_STR("tool");
    if (call_id)
        answer.call_id = *call_id;
    if (name)
        answer.name = *name;
    answer.rest = *rest;
    message->answered = true;
    if (content)
        err = nv_message_tool_content(&answer, content, 1);
    return err != NV_OK ? err : nv_message_end(&answer);
}
