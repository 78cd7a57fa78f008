/*
 * Words that conventions spell in different ways, and those that are no user's.
 */
#ifndef NV_MAPPING_CONTENT_WORDS_H
#define NV_MAPPING_CONTENT_WORDS_H

#include "base/arena.h"
#include "base/str.h"
#include "model/value.h"

/*
 * A finish reason in one spelling: small letters, words joined by underscores, no enum's name
 * before it; calls of tools are tool_calls. STOP, FinishReason.STOP: stop; tool-calls,
 * tool_call, toolCalls: tool_calls. The provider's own word stays (end_turn, max_tokens), and
 * what is no word is left as it is. `out` is borrowed, static or in the arena. Errors:
 * NV_ERR_NO_MEMORY.
 */
enum nv_err nv_word_finish(struct nv_arena *arena, struct nv_str word,
                           struct nv_str *out) NV_MUST_USE;
/*
 * The operation of a model call in one spelling: OpenTelemetry's names where frameworks have
 * others (generateText.doGenerate, llm_call: chat), else small letters and underscores. As
 * nv_word_finish.
 */
enum nv_err nv_word_operation(struct nv_arena *arena, struct nv_str word,
                              struct nv_str *out) NV_MUST_USE;
/*
 * One of the two on a value, where it is text. *exact becomes false when the word was spelled
 * in another way: its source stays then, as after any conversion. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_word_respell(struct nv_arena *arena, bool operation, struct nv_value *value,
                            bool *exact) NV_MUST_USE;
/* Is it metadata that a framework or a tracer writes for itself? */
bool nv_word_is_internal(struct nv_str name, const struct nv_value *value);
/* The same of a tag. */
bool nv_word_is_internal_tag(struct nv_str tag);

#endif
