/*
 * Steps that give numbers, text of scalars and times.
 *
 *   "\"26\"", "26", 26 ─▶ 26      0 and "0" are values; what is no number is absent
 *   seconds, microseconds, nanoseconds ─▶ milliseconds, once, at the row
 *   an ISO time ─▶ milliseconds since the span's start
 *
 * Numbers come natively, as decimal text, or as text with JSON quotes around it (traps 2 and
 * 21). NaN and infinities say nothing. An integer stays an integer where a row asks for a
 * float: JSON has one kind of number, and the source can be left out.
 */
#include "mapping/engine/transform_steps.h"

#include "base/text/iso_time.h"
#include "model/scalar.h"

#include "base/banned.h"

/* Just inside of what an int64 holds: a double beyond it has no integer, and the conversion of
 * one is undefined. */
#define INTEGER_MAX 9.2e18
#define MS_PER_S 1e3
#define MS_PER_US 1e-3
#define MS_PER_NS 1e-6

/* ---- scalars ----------------------------------------------------------------------------- */

enum nv_err nv_step_copy(const struct nv_transform *transform, const struct nv_step *step,
                         struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    (void)io;
    return NV_OK;
}

enum nv_err nv_step_text(const struct nv_transform *transform, const struct nv_step *step,
                         struct nv_transformed *io)
{
    (void)step;
    if (io->value.type == NV_VALUE_ARRAY && io->value.as.array.count == 1) {
        io->exact = false;
        io->value = io->value.as.array.items[0];
    }
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    if (text.len == 0)
        return nv_step_absent(io);
    if (!text.ptr)
        return NV_ERR_NO_MEMORY;
    io->exact =
        io->exact && io->value.type == NV_VALUE_STRING && nv_str_eq(text, io->value.as.string);
    return nv_step_give(io, nv_value_string(text));
}

enum nv_err nv_step_lower(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    enum nv_err err = nv_step_text(transform, step, io);
    if (err != NV_OK || io->absent)
        return err;
    struct nv_str copy = nv_arena_dup(transform->arena, io->value.as.string);
    if (!copy.ptr)
        return NV_ERR_NO_MEMORY;
    char *bytes = (char *)(uintptr_t)copy.ptr; /* ours, just allocated */
    for (size_t i = 0; i < copy.len; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    }
    io->exact = false;
    return nv_step_give(io, nv_value_string(copy));
}

enum nv_err nv_step_int(const struct nv_transform *transform, const struct nv_step *step,
                        struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    if (io->value.type == NV_VALUE_INT)
        return NV_OK;
    double number;
    int64_t integer;
    if (io->value.type == NV_VALUE_STRING) {
        struct nv_str text = nv_str_trim(nv_scalar_unquoted(nv_str_trim(io->value.as.string)));
        io->exact = false;
        if (nv_str_to_int64(text, &integer) == NV_OK)
            return nv_step_give(io, nv_value_int(integer));
    }
    if (!nv_value_number(&io->value, &number) || number >= INTEGER_MAX ||
        number <= -INTEGER_MAX)
        return nv_step_absent(io);
    io->exact = io->exact && (double)(int64_t)number == number;
    return nv_step_give(io, nv_value_int((int64_t)number));
}

enum nv_err nv_step_float(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    double number;
    if (io->value.type == NV_VALUE_INT)
        return NV_OK; /* a number all the same; JSON has one kind */
    if (!nv_value_number(&io->value, &number))
        return nv_step_absent(io);
    io->exact = io->exact && io->value.type == NV_VALUE_DOUBLE;
    return nv_step_give(io, nv_value_double(number));
}

enum nv_err nv_step_bool(const struct nv_transform *transform, const struct nv_step *step,
                         struct nv_transformed *io)
{
    (void)step;
    if (io->value.type == NV_VALUE_BOOL)
        return NV_OK;
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    bool yes = nv_str_ieq(text, NV_STR("true")) || nv_str_eq(text, NV_STR("1"));
    bool no = nv_str_ieq(text, NV_STR("false")) || nv_str_eq(text, NV_STR("0"));
    if (!yes && !no)
        return nv_step_absent(io);
    io->exact = false;
    return nv_step_give(io, nv_value_bool(yes));
}

/* ---- units ------------------------------------------------------------------------------- */

static enum nv_err scaled(struct nv_transformed *io, double factor)
{
    double number;
    if (!nv_value_number(&io->value, &number) || number < 0)
        return nv_step_absent(io);
    io->exact = false;
    return nv_step_give(io, nv_value_double(number * factor));
}

enum nv_err nv_step_s2ms(const struct nv_transform *transform, const struct nv_step *step,
                         struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, MS_PER_S);
}

enum nv_err nv_step_us2ms(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, MS_PER_US);
}

enum nv_err nv_step_ns2ms(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, MS_PER_NS);
}

enum nv_err nv_step_ms(const struct nv_transform *transform, const struct nv_step *step,
                       struct nv_transformed *io)
{
    return nv_step_float(transform, step, io);
}

/* A moment in milliseconds since 1970; more than a day after the start it is something else. */
static enum nv_err give_epoch_ms(const struct nv_transform *transform,
                                 struct nv_transformed *io)
{
    const int64_t start_ms = (int64_t)(transform->start_ns / 1000000);
    const int64_t moment = io->value.as.integer;
    io->exact = false;
    /* The emitter's own clock cuts the start to milliseconds, too. */
    if (moment < start_ms || moment - start_ms > INT64_C(86400000))
        return nv_step_absent(io);
    const double since =
        (double)(moment - start_ms) - (double)(transform->start_ns % 1000000) / 1e6;
    return nv_step_give(io, nv_value_double(since < 0 ? 0 : since));
}

/* An ISO time, quoted up to twice (trap 21), minus the span's start. */
enum nv_err nv_step_since_start(const struct nv_transform *transform,
                                const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    uint64_t moment;
    if (io->value.type == NV_VALUE_INT)
        return give_epoch_ms(transform, io);
    if (io->value.type != NV_VALUE_STRING)
        return nv_step_absent(io);
    struct nv_str text = nv_str_trim(io->value.as.string);
    while (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\\'))
        text = nv_str_slice(text, 1, text.len);
    io->exact = false;
    if (!nv_iso_time_parse(text, &moment) || moment < transform->start_ns)
        return nv_step_absent(io);
    return nv_step_give(io, nv_value_double((double)(moment - transform->start_ns) / 1e6));
}

/* ---- sums -------------------------------------------------------------------------------- */

/* The sum of an object's numbers whose names start with `start`; false when it fits no
 * count. */
static bool sum_buckets(const struct nv_value *object, struct nv_str start, int64_t *sum)
{
    *sum = 0;
    for (uint32_t i = 0; i < object->as.map.count; i++) {
        const struct nv_attribute *bucket = &object->as.map.items[i];
        if (bucket->value.type == NV_VALUE_INT && nv_str_starts(bucket->key, start) &&
            __builtin_add_overflow(*sum, bucket->value.as.integer, sum))
            return false;
    }
    return true;
}

/* One side of a call in a usage object: the bucket of that very name, and all that start so. */
struct side {
    int64_t bare, sum;
};

static bool read_side(const struct nv_value *object, struct nv_str name, struct side *side)
{
    const struct nv_value *bare = nv_map_get(object, name);
    if (!bare || bare->type != NV_VALUE_INT || !sum_buckets(object, name, &side->sum))
        return false;
    side->bare = bare->as.integer;
    return side->sum >= side->bare && side->bare >= 0 && side->sum < INT64_MAX / 2;
}

/* Does a told total say that the bucket of the very name holds the others of its side? It does
 * when it is the sum of this one and of the other side, read either way, and not that of the
 * buckets. */
static bool total_says_inclusive(const struct nv_value *object, struct nv_str name)
{
    struct side side, other;
    const bool is_input = nv_str_eq(name, NV_STR("input"));
    const struct nv_value *total = nv_map_get(object, NV_STR("total"));
    if (!total || total->type != NV_VALUE_INT || !read_side(object, name, &side) ||
        !read_side(object, is_input ? NV_STR("output") : NV_STR("input"), &other))
        return false;
    const int64_t rest = total->as.integer - other.bare,
                  rest_of_sum = total->as.integer - other.sum;
    bool exclusive = side.sum == rest_of_sum || side.sum == rest;
    return !exclusive && (side.bare == rest || side.bare == rest_of_sum);
}

/* Buckets that exclude each other (`input`, `input_cached_tokens`, ...) make one number, unless
 * a total tells that they do not. Asked for only when the bucket of that very name is there:
 * other words mean whole numbers already. */
enum nv_err nv_step_sum_of(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    enum nv_err err = nv_step_parse(transform, NV_REPR_OBJECTS, io);
    if (err != NV_OK)
        return err;
    io->exact = false;
    const struct nv_value *bare =
        io->value.type == NV_VALUE_MAP ? nv_map_get(&io->value, step->argument) : NULL;
    int64_t sum;
    if (!bare || !sum_buckets(&io->value, step->argument, &sum))
        return nv_step_absent(io);
    if (total_says_inclusive(&io->value, step->argument))
        sum = bare->as.integer;
    return nv_step_give(io, nv_value_int(sum));
}
