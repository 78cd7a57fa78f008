/*
 * Steps that give numbers, text of scalars and times.
 *
 *   "\"26\"", "26", 26 ─▶ 26      0 and "0" are values; what is no number is absent
 *   seconds, microseconds, nanoseconds ─▶ milliseconds, once, at the row
 *   an ISO time ─▶ milliseconds since the span's start
 *
 * Numbers come natively, as decimal text, or as text with JSON quotes around it (traps 2 and 21).
 * NaN and infinities say nothing. An integer stays an integer where a row asks for a float: JSON
 * has one kind of number, and the source can be left out.
 */
#include "mapping/engine/transform_steps.h"

#include <assert.h>
#include <math.h>

#include "base/banned.h"

/* ---- scalars ------------------------------------------------------------------------------- */

/* `s` without one pair of JSON quotes around it. */
static struct nv_str unquoted(struct nv_str s)
{
    bool quoted = s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"';
    return quoted ? nv_str_slice(s, 1, s.len - 2) : s;
}

struct nv_str nv_value_text(struct nv_arena *arena, const struct nv_value *value)
{
    switch (value->type) {
    case NV_VALUE_STRING: {
        struct nv_str inner = unquoted(value->as.string);
        bool escaped =
            inner.len != value->as.string.len && memchr(inner.ptr, '\\', inner.len) != NULL;
        return escaped ? nv_json_unescape(arena, inner, true) : inner;
    }
    case NV_VALUE_INT:
        return nv_arena_printf(arena, "%lld", (long long)value->as.integer);
    case NV_VALUE_DOUBLE:
        return nv_arena_printf(arena, "%.17g", value->as.number);
    case NV_VALUE_BOOL:
        return value->as.boolean ? NV_STR("true") : NV_STR("false");
    default:
        return NV_STR("");
    }
}

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
    if (err || io->absent)
        return err;
    struct nv_str copy = nv_arena_dup(transform->arena, io->value.as.string);
    if (!copy.ptr)
        return NV_ERR_NO_MEMORY;
    char *bytes = (char *)(uintptr_t)copy.ptr; /* ours, just allocated */
    for (size_t i = 0; i < copy.len; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    io->exact = false;
    return nv_step_give(io, nv_value_string(copy));
}

/* A finite number from a native one or decimal text, quoted or not (trap 2). */
bool nv_value_number(const struct nv_value *value, double *out)
{
    switch (value->type) {
    case NV_VALUE_INT:
        *out = (double)value->as.integer;
        return true;
    case NV_VALUE_DOUBLE:
        *out = value->as.number;
        return isfinite(value->as.number) != 0;
    case NV_VALUE_STRING: {
        struct nv_str text = nv_str_trim(unquoted(nv_str_trim(value->as.string)));
        return nv_str_to_double(text, out) == NV_OK && isfinite(*out);
    }
    default:
        return false;
    }
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
        struct nv_str text = nv_str_trim(unquoted(nv_str_trim(io->value.as.string)));
        io->exact = false;
        if (nv_str_to_int64(text, &integer) == NV_OK)
            return nv_step_give(io, nv_value_int(integer));
    }
    if (!nv_value_number(&io->value, &number) || number >= 9.2e18 || number <= -9.2e18)
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

/* ---- units --------------------------------------------------------------------------------- */

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
    return scaled(io, 1e3);
}

enum nv_err nv_step_us2ms(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, 1e-3);
}

enum nv_err nv_step_ns2ms(const struct nv_transform *transform, const struct nv_step *step,
                          struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, 1e-6);
}

enum nv_err nv_step_ms(const struct nv_transform *transform, const struct nv_step *step,
                       struct nv_transformed *io)
{
    return nv_step_float(transform, step, io);
}

/* Two or more digits at `pos`; advances. */
static bool digits_at(struct nv_str text, size_t *pos, unsigned count, uint32_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < count; i++, (*pos)++) {
        if (*pos >= text.len || text.ptr[*pos] < '0' || text.ptr[*pos] > '9')
            return false;
        *out = *out * 10 + (uint32_t)(text.ptr[*pos] - '0');
    }
    return true;
}

static bool char_at(struct nv_str text, size_t *pos, char c)
{
    return *pos < text.len && text.ptr[(*pos)++] == c;
}

/* Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant's days_from_civil). */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

/* `.digits` as nanoseconds. */
static uint64_t fraction_ns(struct nv_str text, size_t *pos)
{
    uint64_t ns = 0, unit = 100000000;
    if (*pos >= text.len || text.ptr[*pos] != '.')
        return 0;
    for ((*pos)++; *pos < text.len && text.ptr[*pos] >= '0' && text.ptr[*pos] <= '9'; (*pos)++) {
        ns += unit * (uint64_t)(text.ptr[*pos] - '0');
        unit /= 10;
    }
    return ns;
}

bool nv_time_parse(struct nv_str text, uint64_t *ns)
{
    uint32_t year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0;
    size_t pos = 0;
    bool date = digits_at(text, &pos, 4, &year) && char_at(text, &pos, '-') &&
                digits_at(text, &pos, 2, &month) && char_at(text, &pos, '-') &&
                digits_at(text, &pos, 2, &day);
    if (!date || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || pos >= text.len ||
        (text.ptr[pos] != 'T' && text.ptr[pos] != ' '))
        return false;
    pos++;
    if (!digits_at(text, &pos, 2, &hour) || !char_at(text, &pos, ':') ||
        !digits_at(text, &pos, 2, &minute) || !char_at(text, &pos, ':') ||
        !digits_at(text, &pos, 2, &second) || hour > 24 || minute > 59 || second > 60)
        return false;
    uint64_t fraction = fraction_ns(text, &pos);
    int64_t zone = 0;
    if (pos < text.len && (text.ptr[pos] == '+' || text.ptr[pos] == '-')) {
        int64_t sign = text.ptr[pos++] == '+' ? 1 : -1;
        if (!digits_at(text, &pos, 2, &zone_hour) || !char_at(text, &pos, ':') ||
            !digits_at(text, &pos, 2, &zone_minute))
            return false;
        zone = sign * ((int64_t)zone_hour * 3600 + (int64_t)zone_minute * 60);
    }
    int64_t seconds = days_from_civil(year, month, day) * 86400 + (int64_t)hour * 3600 +
                      (int64_t)minute * 60 + second - zone;
    if (seconds < 0)
        return false;
    *ns = (uint64_t)seconds * UINT64_C(1000000000) + fraction;
    return true;
}

/* An ISO time, quoted up to twice (trap 21), minus the span's start. */
enum nv_err nv_step_since_start(const struct nv_transform *transform, const struct nv_step *step,
                                struct nv_transformed *io)
{
    (void)step;
    uint64_t moment;
    if (io->value.type != NV_VALUE_STRING)
        return nv_step_absent(io);
    struct nv_str text = nv_str_trim(io->value.as.string);
    while (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\\'))
        text = nv_str_slice(text, 1, text.len);
    io->exact = false;
    if (!nv_time_parse(text, &moment) || moment < transform->start_ns)
        return nv_step_absent(io);
    return nv_step_give(io, nv_value_double((double)(moment - transform->start_ns) / 1e6));
}

/* ---- sums ---------------------------------------------------------------------------------- */

/* The sum of an object's numbers whose names start with `start`; false when it fits no count. */
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

/* Does a told total say that the bucket of the very name holds the others of its side? It does when
 * it is the sum of this one and of the other side, read either way, and not that of the buckets. */
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

/* Buckets that exclude each other (`input`, `input_cached_tokens`, ...) make one number, unless a
 * total tells that they do not. Asked for only when the bucket of that very name is there: other
 * words mean whole numbers already. */
enum nv_err nv_step_sum_of(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    enum nv_err err = nv_step_parse(transform, io);
    if (err)
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
