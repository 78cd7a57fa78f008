/*
 * Failures by their words (failure.h).
 *
 *   object ─┬─ isError, is_error: true                            MCP, Anthropic's tool answers
 *           ├─ status failed; or another with an error inside     response objects
 *           ├─ status error beside a call's id, or of a tool      LangChain, Strands
 *           ├─ type error, error-text, error-json                 Anthropic, Vercel AI SDK
 *           ├─ jsonrpc with an error                              JSON-RPC
 *           └─ nothing but an error                               everybody
 *
 * A tool may use the word "status" for what it looked up, so that alone says nothing.
 */
#include "mapping/content/failure.h"
#include "model/absent.h"

#include "base/banned.h"

/* Wrappers around an answer: {"toolResult": {...}}, {"kwargs": {"status": ...}}. */
#define DEPTH_MAX 3u
/* Members that an object which only holds an error may have, empty ones among them. */
#define ONLY_MAX 12u
/* Elements of a list that are looked at: tools answer with one or a few. */
#define ELEMENTS_MAX 64u

static struct nv_str text_of(const struct nv_value *value)
{
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

static struct nv_str member_text(const struct nv_value *map, struct nv_str key)
{
    return text_of(nv_map_get(map, key));
}

static bool is_true(const struct nv_value *value)
{
    return value && (value->type == NV_VALUE_BOOL ? value->as.boolean
                                                  : nv_str_ieq(text_of(value), NV_STR("true")));
}

static bool is_there(const struct nv_value *value)
{
    return value && !nv_value_absent(value) &&
           (value->type != NV_VALUE_BOOL || value->as.boolean);
}

/* The members that tell; borrowed, NULL: not there. */
struct told {
    const struct nv_value *error, *flag, *jsonrpc, *wrapped;
    struct nv_str status, type, object;
    bool answers_call; /* a tool's answer to a call of a model */
    bool error_words;  /* a member is called an error */
};

enum member { ERROR, FLAG, JSONRPC, WRAPPED, STATUS, TYPE, ROLE, OBJECT, CALL_ID };

/* By the lengths of the words, so that most members cost a look or two. */
static const struct {
    struct nv_str word;
    enum member member;
} members[] = {
    {NV_STR_INIT("type"), TYPE},           {NV_STR_INIT("role"), ROLE},
    {NV_STR_INIT("error"), ERROR},         {NV_STR_INIT("status"), STATUS},
    {NV_STR_INIT("object"), OBJECT},       {NV_STR_INIT("result"), WRAPPED},
    {NV_STR_INIT("output"), WRAPPED},      {NV_STR_INIT("kwargs"), WRAPPED},
    {NV_STR_INIT("isError"), FLAG},        {NV_STR_INIT("jsonrpc"), JSONRPC},
    {NV_STR_INIT("is_error"), FLAG},       {NV_STR_INIT("response"), WRAPPED},
    {NV_STR_INIT("toolUseId"), CALL_ID},   {NV_STR_INIT("toolResult"), WRAPPED},
    {NV_STR_INIT("tool_use_id"), CALL_ID}, {NV_STR_INIT("tool_call_id"), CALL_ID},
};

static void tell_member(struct told *told, enum member member, const struct nv_value *value)
{
    switch (member) {
    case ERROR:
        told->error = is_there(value) ? value : told->error;
        break;
    case FLAG:
        told->flag = value;
        break;
    case JSONRPC:
        told->jsonrpc = value;
        break;
    case WRAPPED:
        told->wrapped = value;
        break;
    case STATUS:
        told->status = text_of(value);
        break;
    case OBJECT:
        told->object = text_of(value);
        break;
    case TYPE:
        told->type = text_of(value);
        told->answers_call = told->answers_call || nv_str_eq(told->type, NV_STR("tool"));
        break;
    case ROLE:
        told->answers_call = told->answers_call || nv_str_eq(text_of(value), NV_STR("tool"));
        break;
    case CALL_ID:
        told->answers_call = true;
        break;
    }
}

static void tell(struct told *told, const struct nv_attribute *member)
{
    const struct nv_str key = member->key;
    told->error_words = told->error_words || nv_str_starts(key, NV_STR("error"));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (members[i].word.len > key.len)
            return;
        if (nv_str_eq(members[i].word, key)) {
            tell_member(told, members[i].member, &member->value);
            return;
        }
    }
}

/* The first text in a list of parts, or the text itself. */
static struct nv_str first_text(const struct nv_value *content)
{
    if (content && content->type == NV_VALUE_ARRAY && content->as.array.count > 0)
        content = &content->as.array.items[0];
    return content && content->type == NV_VALUE_MAP ? member_text(content, NV_STR("text"))
                                                    : text_of(content);
}

static struct nv_str message_of(const struct nv_value *map, const struct nv_value *error)
{
    const struct nv_str texts[] = {error && error->type == NV_VALUE_MAP
                                       ? member_text(error, NV_STR("message"))
                                       : text_of(error),
                                   member_text(map, NV_STR("error_message")),
                                   member_text(map, NV_STR("errorMessage")),
                                   member_text(map, NV_STR("message")),
                                   first_text(nv_map_get(map, NV_STR("content"))),
                                   text_of(nv_map_get(map, NV_STR("value")))};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].len > 0)
            return texts[i];
    }
    return NV_STR("");
}

static bool says_failed(struct nv_str status)
{
    return nv_str_eq(status, NV_STR("error")) || nv_str_eq(status, NV_STR("failed")) ||
           nv_str_eq(status, NV_STR("failure"));
}

/* Does the object hold nothing but what went wrong? */
static bool only_error(const struct nv_value *map, struct nv_str status)
{
    enum { ERROR_WORDS = 5 };
    static const struct nv_str words[] = {
        NV_STR_INIT("error"),      NV_STR_INIT("error_code"),   NV_STR_INIT("error_message"),
        NV_STR_INIT("errorCode"),  NV_STR_INIT("errorMessage"), /* these are errors */
        NV_STR_INIT("error_type"), NV_STR_INIT("request_id"),   NV_STR_INIT("status_code"),
        NV_STR_INIT("message"),    NV_STR_INIT("details"),      NV_STR_INIT("code")};
    bool error = false;
    for (uint32_t i = 0; i < map->as.map.count; i++) {
        const struct nv_attribute *member = &map->as.map.items[i];
        size_t word = 0;
        while (word < sizeof words / sizeof *words && !nv_str_eq(words[word], member->key))
            word++;
        if (!is_there(&member->value) ||
            (nv_str_eq(member->key, NV_STR("status")) && says_failed(status)))
            continue;
        if (word == sizeof words / sizeof *words)
            return false;
        error = error || word < ERROR_WORDS;
    }
    return error;
}

static bool is_failure(const struct told *told)
{
    const bool response = told->error || nv_str_eq(told->object, NV_STR("response"));
    if (is_true(told->flag) || (response && nv_str_eq(told->status, NV_STR("failed"))) ||
        (told->answers_call && nv_str_eq(told->status, NV_STR("error"))) ||
        nv_str_eq(told->type, NV_STR("error-text")) ||
        nv_str_eq(told->type, NV_STR("error-json")))
        return true;
    return told->error && (told->jsonrpc || nv_str_eq(told->type, NV_STR("error")) ||
                           nv_str_eq(told->status, NV_STR("incomplete")));
}

static struct nv_failure look(const struct nv_value *value, unsigned depth)
{
    struct nv_failure found = {false, NV_STR("")};
    if (depth == DEPTH_MAX)
        return found;
    if (value->type == NV_VALUE_ARRAY) {
        for (uint32_t i = 0; i < value->as.array.count && i < ELEMENTS_MAX && !found.failed;
             i++)
            found = look(&value->as.array.items[i], depth + 1);
        return found;
    }
    if (value->type != NV_VALUE_MAP)
        return found;
    struct told told = {.error = NULL};
    for (uint32_t i = 0; i < value->as.map.count; i++)
        tell(&told, &value->as.map.items[i]);
    /* an object of some members is more than an error */
    const bool may = told.error_words && value->as.map.count <= ONLY_MAX;
    if (is_failure(&told) || (may && only_error(value, told.status)))
        return (struct nv_failure){true, message_of(value, told.error)};
    return told.wrapped && told.wrapped->type == NV_VALUE_MAP ? look(told.wrapped, depth + 1)
                                                              : found;
}

struct nv_failure nv_failure_of(const struct nv_value *result)
{
    return look(result, 0);
}

bool nv_failure_may(struct nv_str text)
{
    return nv_str_find(text, NV_STR("rror")) != SIZE_MAX ||
           nv_str_find(text, NV_STR("failed")) != SIZE_MAX;
}
