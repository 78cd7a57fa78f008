/*
 * Steps on text and structure, and the table of all steps.
 *
 *   row "json member(usage.total) int"
 *
 *   value ─▶ steps_table[JSON] ─▶ [MEMBER] ─▶ [INT] ─▶ value, exact?
 *                 └──── absent ────┴──────────┴─▶ the next key in precedence
 *
 * One function a step, in one table indexed by the step's number: a row names steps, and the
 * engine runs them without knowing what they mean. Each function sees the value so far and
 * replaces it. A step that can't read its value says absent instead of failing, so that the
 * next key in precedence is asked (each field is decided on its own). `exact` starts true and
 * is cleared by every step whose result does not hold all of its input; the engine then keeps
 * the source attribute.
 */
#include "mapping/engine/transform_steps.h"

#include "mapping/prices/provider.h"
#include "model/absent.h"
#include "model/scalar.h"

#include <assert.h>

#include "base/banned.h"

/* ---- structure --------------------------------------------------------------------------- */

enum nv_err nv_step_json(const struct nv_transform *transform, const struct nv_step *step,
                         struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = nv_step_parse(transform, NV_REPR_DATA, io);
    if (err == NV_OK && nv_value_absent(&io->value))
        return nv_step_absent(io);
    return err;
}

/* Comma-separated text as an array of trimmed words. */
static enum nv_err split_words(const struct nv_transform *transform, struct nv_str text,
                               struct nv_value *out)
{
    uint32_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    struct nv_value *items = nv_arena_array(transform->arena, count, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    uint32_t used = 0;
    for (size_t pos = 0; pos <= text.len;) {
        struct nv_str rest = nv_str_slice(text, pos, text.len);
        size_t comma = nv_str_find_char(rest, ',');
        items[used++] = nv_value_string(nv_str_trim(nv_str_slice(rest, 0, comma)));
        pos = comma == SIZE_MAX ? text.len + 1 : pos + comma + 1;
    }
    *out = (struct nv_value){.type = NV_VALUE_ARRAY};
    out->as.array.items = items;
    out->as.array.count = used;
    return NV_OK;
}

/* One value is a list of one: emitters that have one stop sequence write it bare. */
enum nv_err nv_step_array(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = nv_step_parse(transform, NV_REPR_DATA, io);
    if (err != NV_OK || io->value.type == NV_VALUE_ARRAY)
        return err;
    io->exact = false;
    if (nv_value_absent(&io->value))
        return nv_step_absent(io);
    if (io->value.type == NV_VALUE_STRING)
        return split_words(transform, io->value.as.string, &io->value);
    struct nv_value *item = nv_arena_alloc(transform->arena, sizeof *item);
    if (!item)
        return NV_ERR_NO_MEMORY;
    *item = io->value;
    io->value = (struct nv_value){.type = NV_VALUE_ARRAY};
    io->value.as.array.items = item;
    io->value.as.array.count = 1;
    return NV_OK;
}

enum nv_err nv_step_first(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = nv_step_parse(transform, NV_REPR_DATA, io);
    if (err != NV_OK)
        return err;
    if (io->value.type == NV_VALUE_ARRAY) {
        io->exact = false;
        if (io->value.as.array.count == 0)
            return nv_step_absent(io);
        io->value = io->value.as.array.items[0];
    }
    return nv_value_absent(&io->value) ? nv_step_absent(io) : NV_OK;
}

/* Each level may be JSON text again, so it is parsed as it is entered; a number is an index
 * where there is a list. One member of an object never holds all of it, hence not exact. */
enum nv_err nv_step_member(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    struct nv_str path = step->argument;
    io->exact = false;
    while (path.len > 0) {
        enum nv_err err = nv_step_parse(transform, NV_REPR_OBJECTS, io);
        if (err != NV_OK)
            return err;
        size_t dot = nv_str_find_char(path, '.');
        struct nv_str name = nv_str_slice(path, 0, dot);
        path = dot == SIZE_MAX ? NV_STR("") : nv_str_slice(path, dot + 1, path.len);
        const struct nv_value *found =
            io->value.type == NV_VALUE_MAP ? nv_map_get(&io->value, name) : NULL;
        int64_t index;
        if (io->value.type == NV_VALUE_ARRAY && nv_str_to_int64(name, &index) == NV_OK &&
            index >= 0 && index < io->value.as.array.count)
            found = &io->value.as.array.items[index];
        if (!found || nv_value_absent(found))
            return nv_step_absent(io);
        io->value = *found;
    }
    return NV_OK;
}

enum nv_err nv_step_count(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = nv_step_parse(transform, NV_REPR_OBJECTS, io);
    if (err != NV_OK)
        return err;
    io->exact = false;
    if (io->value.type == NV_VALUE_ARRAY)
        return nv_step_give(io, nv_value_int(io->value.as.array.count));
    return io->value.type == NV_VALUE_MAP ? nv_step_give(io, nv_value_int(1))
                                          : nv_step_absent(io);
}

/* Member `name` of each element; absent unless `all` of them (or at least one) have it. */
static enum nv_err pluck(const struct nv_transform *transform, struct nv_str name, bool all,
                         struct nv_transformed *io)
{
    io->exact = false;
    if (io->value.type != NV_VALUE_ARRAY)
        return nv_step_absent(io);
    const struct nv_array *list = &io->value.as.array;
    struct nv_value *items = nv_arena_array(transform->arena, list->count, sizeof *items);
    if (!items)
        return NV_ERR_NO_MEMORY;
    uint32_t used = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct nv_value *member =
            list->items[i].type == NV_VALUE_MAP ? nv_map_get(&list->items[i], name) : NULL;
        if (member && member->type != NV_VALUE_NULL)
            items[used++] = *member;
        else if (all)
            return nv_step_absent(io);
    }
    if (used == 0)
        return nv_step_absent(io);
    io->value.as.array.items = items;
    io->value.as.array.count = used;
    return NV_OK;
}

enum nv_err nv_step_scores(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    (void)step;
    return pluck(transform, NV_STR("score"), true, io);
}

enum nv_err nv_step_names(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)step;
    return pluck(transform, NV_STR("name"), false, io);
}

/* ---- text -------------------------------------------------------------------------------- */

enum nv_err nv_step_const(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    io->exact = false;
    return nv_step_give(io, nv_value_string(step->argument));
}

/* Cuts the text at `marker` on the wanted side. */
static enum nv_err cut(struct nv_transformed *io, struct nv_str marker, bool after)
{
    io->exact = false;
    if (io->value.type != NV_VALUE_STRING)
        return nv_step_absent(io);
    struct nv_str text = io->value.as.string;
    size_t at = nv_str_find(text, marker);
    if (at == SIZE_MAX)
        return nv_step_absent(io);
    struct nv_str part =
        after ? nv_str_slice(text, at + marker.len, text.len) : nv_str_slice(text, 0, at);
    part = nv_str_trim(part);
    return part.len > 0 ? nv_step_give(io, nv_value_string(part)) : nv_step_absent(io);
}

enum nv_err nv_step_after(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    return cut(io, step->argument, true);
}

enum nv_err nv_step_before(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    (void)transform;
    return cut(io, step->argument, false);
}

enum nv_err nv_step_between(const struct nv_transform *transform, const struct nv_step *step,
                            struct nv_transformed *io)
{
    (void)transform;
    size_t comma = nv_str_find_char(step->argument, ',');
    enum nv_err err = cut(io, nv_str_slice(step->argument, 0, comma), true);
    if (err != NV_OK || io->absent || comma == SIZE_MAX)
        return err;
    return cut(io, nv_str_slice(step->argument, comma + 1, step->argument.len), false);
}

enum nv_err nv_step_provider(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)step;
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    /* the spans of a trace name the same provider: normalising once is enough for most of
     * them */
    struct nv_provider_memo *memo = transform->provider_memo;
    bool known = memo && memo->text.ptr && nv_str_eq(memo->text, text);
    struct nv_str name = known ? memo->name : nv_provider_normalise(transform->arena, text);
    if (memo && !known)
        *memo = (struct nv_provider_memo){text, name};
    if (name.len == 0)
        return nv_step_absent(io);
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    io->exact =
        io->exact && io->value.type == NV_VALUE_STRING && nv_str_eq(name, io->value.as.string);
    return nv_step_give(io, nv_value_string(name));
}

static enum nv_err give_guess(struct nv_transformed *io, struct nv_str name)
{
    io->exact = false;
    return name.len > 0 ? nv_step_give(io, nv_value_string(name)) : nv_step_absent(io);
}

enum nv_err nv_step_model_provider(const struct nv_transform *transform,
                                   const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    return give_guess(io, nv_provider_of_model(nv_value_text(transform->arena, &io->value)));
}

enum nv_err nv_step_host_provider(const struct nv_transform *transform,
                                  const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    return give_guess(io, nv_provider_of_host(nv_value_text(transform->arena, &io->value)));
}

/* ---- the table --------------------------------------------------------------------------- */

/* Steps that the engine itself acts upon (KIND, KEEP, DROP, TREE) leave the value as it is. */
static nv_step_fn *const steps_table[NV_STEP_COUNT_ALL] = {
    [NV_STEP_COPY] = nv_step_copy,
    [NV_STEP_TEXT] = nv_step_text,
    [NV_STEP_LOWER] = nv_step_lower,
    [NV_STEP_INT] = nv_step_int,
    [NV_STEP_FLOAT] = nv_step_float,
    [NV_STEP_BOOL] = nv_step_bool,
    [NV_STEP_JSON] = nv_step_json,
    [NV_STEP_ARRAY] = nv_step_array,
    [NV_STEP_FIRST] = nv_step_first,
    [NV_STEP_MEMBER] = nv_step_member,
    [NV_STEP_SUM_OF] = nv_step_sum_of,
    [NV_STEP_S2MS] = nv_step_s2ms,
    [NV_STEP_US2MS] = nv_step_us2ms,
    [NV_STEP_NS2MS] = nv_step_ns2ms,
    [NV_STEP_MS] = nv_step_ms,
    [NV_STEP_SINCE_START] = nv_step_since_start,
    [NV_STEP_PROVIDER] = nv_step_provider,
    [NV_STEP_MODEL_PROVIDER] = nv_step_model_provider,
    [NV_STEP_HOST_PROVIDER] = nv_step_host_provider,
    [NV_STEP_MESSAGES] = nv_step_messages,
    [NV_STEP_INSTRUCTIONS] = nv_step_instructions,
    [NV_STEP_OUTPUT_TEXT] = nv_step_output_text,
    [NV_STEP_TOOL_CALLS] = nv_step_tool_calls,
    [NV_STEP_FINISH_REASON] = nv_step_finish_reason,
    [NV_STEP_SYSTEM_TEXT] = nv_step_system_text,
    [NV_STEP_TOOLS] = nv_step_tools,
    [NV_STEP_CALLS] = nv_step_calls,
    [NV_STEP_DOCUMENTS] = nv_step_documents,
    [NV_STEP_EVALUATIONS] = nv_step_evaluations,
    [NV_STEP_TREE] = nv_step_copy,
    [NV_STEP_SCORES] = nv_step_scores,
    [NV_STEP_COUNT] = nv_step_count,
    [NV_STEP_NAMES] = nv_step_names,
    [NV_STEP_QUERY] = nv_step_unwrap,
    [NV_STEP_TEXTS] = nv_step_unwrap,
    [NV_STEP_ARGUMENTS] = nv_step_unwrap,
    [NV_STEP_RESULT] = nv_step_unwrap,
    [NV_STEP_CONST] = nv_step_const,
    [NV_STEP_AFTER] = nv_step_after,
    [NV_STEP_BEFORE] = nv_step_before,
    [NV_STEP_BETWEEN] = nv_step_between,
    [NV_STEP_SPREAD] = nv_step_json, /* the engine spreads the object */
    [NV_STEP_VECTOR_LENGTH] = nv_step_count,
    [NV_STEP_KIND] = nv_step_copy,
    [NV_STEP_KEEP] = nv_step_copy,
    [NV_STEP_DROP] = nv_step_copy};

enum nv_err nv_transform_run(const struct nv_transform *transform, const struct nv_step *steps,
                             unsigned count, const struct nv_value *in,
                             struct nv_transformed *out)
{
    *out = (struct nv_transformed){.value = *in, .exact = true};
    /* a constant needs no value, only the key's presence */
    if (nv_value_absent(in) && steps[0].op != NV_STEP_CONST)
        return nv_step_absent(out);
    for (unsigned i = 0; i < count && !out->absent; i++) {
        assert(steps[i].op < NV_STEP_COUNT_ALL && steps_table[steps[i].op]);
        enum nv_err err = steps_table[steps[i].op](transform, &steps[i], out);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}
