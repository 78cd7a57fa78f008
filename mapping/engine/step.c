/*
 * What steps have in common.
 *
 *   transform.c (table, structure, text) ─┬─▶ transform_number.c ──┬─▶ step.c
 *                                         └─▶ transform_content.c ─┘
 *
 * A file of its own, because the table of steps knows all files of steps and none of them may
 * know the table. What is here must not ask which step is running.
 */
#include "mapping/engine/transform_steps.h"

#include "base/banned.h"

/* Layers of JSON text in JSON text that are undone: SDKs that serialise what was serialised
 * send two, nobody was seen to send more. */
#define LAYERS 2

static bool looks_like_json(struct nv_str text)
{
    struct nv_str trimmed = nv_str_trim(text);
    return trimmed.len > 0 && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '[' ||
                               trimmed.ptr[0] == '"' || trimmed.ptr[0] == '(');
}

/* What is no JSON may be Python's repr of the same. */
static enum nv_err parse_repr(const struct nv_transform *transform, struct nv_str text,
                              enum nv_repr_what what, struct nv_value *out)
{
    struct nv_str json;
    enum nv_err err = nv_python_repr_read(transform->arena, text, what, &json);
    return err != NV_OK ? err : nv_value_from_json(transform->arena, json, NULL, out);
}

enum nv_err nv_step_parse(const struct nv_transform *transform, enum nv_repr_what what,
                          struct nv_transformed *io)
{
    for (unsigned layer = 0; layer < LAYERS; layer++) {
        bool text = io->value.type == NV_VALUE_STRING || io->value.type == NV_VALUE_JSON;
        if (!text || !looks_like_json(io->value.as.string))
            return NV_OK;
        struct nv_value parsed;
        enum nv_err err =
            nv_value_from_json(transform->arena, io->value.as.string, NULL, &parsed);
        if (err != NV_OK && err != NV_ERR_NO_MEMORY) {
            /* The text of the repr is another one, though it says the same. */
            err = parse_repr(transform, io->value.as.string, what, &parsed);
            io->exact = io->exact && err != NV_OK;
        }
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err != NV_OK)
            return NV_OK;
        if (nv_str_trim(io->value.as.string).ptr[0] == '"')
            io->exact = false; /* the quoted text is another text */
        io->value = parsed;
    }
    return NV_OK;
}
