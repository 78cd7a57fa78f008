/*
 * Which values say nothing.
 *
 *   value ─▶ first byte (absent.h, inline) ─▶ no disguise begins so ─▶ a value
 *                                          └▶ read here ─▶ without white space and quotes ─▶ table
 *
 * Instrumentations write "N/A", "{}" or their own mark of redaction where there is nothing to
 * send; taken for a value it would win over a key that does say something. The table is one
 * macro, of which both the texts here and the bits of the first bytes are made, so that they
 * can't part.
 */
#include "model/absent.h"

#include <assert.h>

#include "base/banned.h"

/* The longest text of the table: anything longer is no disguise and is not compared. */
#define DISGUISE_MAX (sizeof "<not serializable>" - 1)
static_assert(DISGUISE_MAX + 2 <= NV_ABSENT_BYTES_MAX, "two quotes may stand around it");

bool nv_value_absent_text(const struct nv_value *value)
{
#define DISGUISE(first, text) NV_STR_INIT(text),
    static const struct nv_str disguises[] = {NV_ABSENT_TABLE(DISGUISE)};
#undef DISGUISE
#define FITS(first, text) static_assert(sizeof(text) - 1 <= DISGUISE_MAX, text);
    NV_ABSENT_TABLE(FITS)
#undef FITS
    if (nv_value_empty(value))
        return true;
    if (value->type != NV_VALUE_STRING && value->type != NV_VALUE_JSON)
        return false;
    struct nv_str text = nv_str_trim(value->as.string);
    /* MLflow and Langfuse put quotes around their texts, these included. */
    if (text.len > 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = nv_str_slice(text, 1, text.len - 2);
    if (text.len > DISGUISE_MAX)
        return false;
    for (size_t i = 0; i < sizeof disguises / sizeof disguises[0]; i++) {
        if (nv_str_eq(text, disguises[i]))
            return true;
    }
    return text.len == 0;
}
