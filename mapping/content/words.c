/*
 * Words that conventions spell in different ways, and those that are no user's.
 *
 *   FinishReason.STOP, STOP, stop          ─▶ stop
 *   toolCalls, tool-calls, tool_call       ─▶ tool_calls
 *   generateText.doGenerate                ─▶ generate_text.do_generate ─▶ chat
 *
 * Which words mean the same, and which are no user's, is said in mapping/conventions/words.h.
 * Nearly every call chats and stops: these two are known at sight. Most other words are spelled
 * our way already: one look at their bytes says so.
 */
#include "mapping/content/words.h"
#include "mapping/conventions/words.h"

#include "base/banned.h"

/* Longer ones are no words of an enum. */
#define WORD_MAX 64u

struct synonym {
    struct nv_str word, means;
};

#define SYNONYM(told, meant) {NV_STR_INIT(told), NV_STR_INIT(meant)},
static const struct synonym reasons[] = {NV_FINISH_REASON_WORDS(SYNONYM)};
static const struct synonym operations[] = {NV_OPERATION_WORDS(SYNONYM)};
#undef SYNONYM

#define WORD(text) NV_STR_INIT(text),
static const struct nv_str internal_keys[] = {NV_INTERNAL_KEYS(WORD)};
static const struct nv_str step_tags[] = {NV_STEP_TAGS(WORD)};
static const struct nv_str internal_tags[] = {NV_INTERNAL_TAGS(WORD)};
#undef WORD

/* Is it spelled our way? *word: is it letters, digits and what joins them? */
static bool is_ours(struct nv_str text, bool *word)
{
    bool ours = true;
    *word = text.len > 0 && text.len <= WORD_MAX;
    for (size_t i = 0; *word && i < text.len; i++) {
        const char c = text.ptr[i];
        const bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        const bool other = (c >= 'A' && c <= 'Z') || c == '-' || c == '.';
        ours = ours && (small || c == '.');
        *word = small || other;
    }
    return ours;
}

/* toolCalls: tool_calls; MAX-TOKENS: max_tokens. */
static size_t respell(struct nv_str text, char out[2 * WORD_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const bool capital = c >= 'A' && c <= 'Z';
        const bool after_small = i > 0 && text.ptr[i - 1] >= 'a' && text.ptr[i - 1] <= 'z';
        if (capital && after_small)
            out[len++] = '_';
        out[len++] = capital ? (char)(c - 'A' + 'a') : c == '-' ? '_' : c;
    }
    return len;
}

static struct nv_str means(struct nv_str word, const struct synonym *synonyms, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nv_str_eq(synonyms[i].word, word))
            return synonyms[i].means;
    }
    return word;
}

static enum nv_err spell(struct nv_arena *arena, struct nv_str text,
                         const struct synonym *synonyms, size_t count, struct nv_str *out)
{
    char space[2 * WORD_MAX];
    bool word;
    *out = text;
    const bool ours = is_ours(text, &word);
    if (!word)
        return NV_OK;
    if (!ours)
        *out = (struct nv_str){space, respell(text, space)};
    const struct nv_str meant = means(*out, synonyms, count);
    if (meant.ptr != space) {
        *out = meant;
        return NV_OK;
    }
    *out = nv_arena_dup(arena, meant);
    return out->ptr ? NV_OK : NV_ERR_NO_MEMORY;
}

enum nv_err nv_word_finish(struct nv_arena *arena, struct nv_str word, struct nv_str *out)
{
    *out = word;
    if (nv_str_eq(word, NV_STR("stop")))
        return NV_OK;
    /* Python and protobuf print an enum's name before its member. */
    const size_t dot = nv_str_find_char(word, '.');
    if (dot != SIZE_MAX && nv_str_ends(nv_str_slice(word, 0, dot), NV_STR("Reason")))
        word = nv_str_slice(word, dot + 1, word.len);
    return spell(arena, word, reasons, sizeof reasons / sizeof reasons[0], out);
}

enum nv_err nv_word_operation(struct nv_arena *arena, struct nv_str word, struct nv_str *out)
{
    *out = word;
    if (nv_str_eq(word, NV_STR("chat")))
        return NV_OK;
    return spell(arena, word, operations, sizeof operations / sizeof operations[0], out);
}

enum nv_err nv_word_respell(struct nv_arena *arena, bool operation, struct nv_value *value,
                            bool *exact)
{
    if (value->type != NV_VALUE_STRING)
        return NV_OK;
    const struct nv_str told = value->as.string;
    enum nv_err err = operation ? nv_word_operation(arena, told, &value->as.string)
                                : nv_word_finish(arena, told, &value->as.string);
    *exact = *exact && nv_str_eq(told, value->as.string);
    return err;
}

/* ---- metadata ---------------------------------------------------------------------------- */

static bool begins_with_any(struct nv_str text, const struct nv_str *begins, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nv_str_starts(text, begins[i]))
            return true;
    }
    return false;
}

bool nv_word_is_internal(struct nv_str name, const struct nv_value *value)
{
    if (begins_with_any(name, internal_keys, sizeof internal_keys / sizeof internal_keys[0]))
        return true;
    if (!nv_str_eq(name, NV_STR("tags")) || value->type != NV_VALUE_STRING)
        return false;
    /* a list of tags as text, with a framework's steps in it */
    for (size_t i = 0; i < sizeof step_tags / sizeof step_tags[0]; i++) {
        if (nv_str_find(value->as.string, step_tags[i]) != SIZE_MAX)
            return true;
    }
    return false;
}

bool nv_word_is_internal_tag(struct nv_str tag)
{
    return begins_with_any(tag, step_tags, sizeof step_tags / sizeof step_tags[0]) ||
           begins_with_any(tag, internal_tags, sizeof internal_tags / sizeof internal_tags[0]);
}
