/*
 * Steps on scalars, text and structure; those on messages and tools call their own files.
 *
 * One function a step, in one table indexed by the step's number: a row names steps, and the engine
 * runs them without knowing what they mean. Each function sees the value so far and replaces it. A
 * step that can't read its value says absent instead of failing, so that the next key in precedence
 * is asked (each field is decided on its own). `exact` starts true and is cleared by every step
 * whose result does not hold all of its input; the engine then keeps the source attribute.
 */
#include "mapping/transform.h"

#include "mapping/documents.h"
#include "mapping/messages.h"
#include "mapping/provider.h"
#include "mapping/tools.h"

#include <assert.h>
#include <math.h>

#include "base/banned.h"

typedef enum nv_err step_fn(const struct nv_transform *transform, const struct nv_step *step,
                            struct nv_transformed *io);

static enum nv_err absent(struct nv_transformed *io)
{
    io->value = nv_value_null();
    io->absent = true;
    return NV_OK;
}

static enum nv_err give(struct nv_transformed *io, struct nv_value value)
{
    io->value = value;
    return NV_OK;
}

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

static enum nv_err step_copy(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    (void)io;
    return NV_OK;
}

static enum nv_err step_text(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)step;
    if (io->value.type == NV_VALUE_ARRAY && io->value.as.array.count == 1) {
        io->exact = false;
        io->value = io->value.as.array.items[0];
    }
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    if (text.len == 0)
        return absent(io);
    if (!text.ptr)
        return NV_ERR_NO_MEMORY;
    io->exact =
        io->exact && io->value.type == NV_VALUE_STRING && nv_str_eq(text, io->value.as.string);
    return give(io, nv_value_string(text));
}

static enum nv_err step_lower(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    enum nv_err err = step_text(transform, step, io);
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
    return give(io, nv_value_string(copy));
}

/* A finite number from a native one or decimal text, quoted or not (trap 2). */
static bool as_double(const struct nv_value *value, double *out)
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

static enum nv_err step_int(const struct nv_transform *transform, const struct nv_step *step,
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
            return give(io, nv_value_int(integer));
    }
    if (!as_double(&io->value, &number) || number >= 9.2e18 || number <= -9.2e18)
        return absent(io);
    io->exact = io->exact && (double)(int64_t)number == number;
    return give(io, nv_value_int((int64_t)number));
}

static enum nv_err step_float(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    double number;
    if (io->value.type == NV_VALUE_INT)
        return NV_OK; /* a number all the same; JSON has one kind */
    if (!as_double(&io->value, &number))
        return absent(io);
    io->exact = io->exact && io->value.type == NV_VALUE_DOUBLE;
    return give(io, nv_value_double(number));
}

static enum nv_err step_bool(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)step;
    if (io->value.type == NV_VALUE_BOOL)
        return NV_OK;
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    bool yes = nv_str_ieq(text, NV_STR("true")) || nv_str_eq(text, NV_STR("1"));
    bool no = nv_str_ieq(text, NV_STR("false")) || nv_str_eq(text, NV_STR("0"));
    if (!yes && !no)
        return absent(io);
    io->exact = false;
    return give(io, nv_value_bool(yes));
}

/* ---- units --------------------------------------------------------------------------------- */

static enum nv_err scaled(struct nv_transformed *io, double factor)
{
    double number;
    if (!as_double(&io->value, &number) || number < 0)
        return absent(io);
    io->exact = false;
    return give(io, nv_value_double(number * factor));
}

static enum nv_err step_s2ms(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, 1e3);
}

static enum nv_err step_us2ms(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, 1e-3);
}

static enum nv_err step_ns2ms(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    return scaled(io, 1e-6);
}

static enum nv_err step_ms(const struct nv_transform *transform, const struct nv_step *step,
                           struct nv_transformed *io)
{
    return step_float(transform, step, io);
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
static enum nv_err step_since_start(const struct nv_transform *transform,
                                    const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    uint64_t moment;
    if (io->value.type != NV_VALUE_STRING)
        return absent(io);
    struct nv_str text = nv_str_trim(io->value.as.string);
    while (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\\'))
        text = nv_str_slice(text, 1, text.len);
    io->exact = false;
    if (!nv_time_parse(text, &moment) || moment < transform->start_ns)
        return absent(io);
    return give(io, nv_value_double((double)(moment - transform->start_ns) / 1e6));
}

/* ---- structure ----------------------------------------------------------------------------- */

static bool looks_like_json(struct nv_str text)
{
    struct nv_str trimmed = nv_str_trim(text);
    return trimmed.len > 0 &&
           (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '[' || trimmed.ptr[0] == '"');
}

/* Parses text in place of itself, two layers deep; text that is no JSON stays. */
static enum nv_err parse_json(const struct nv_transform *transform, struct nv_transformed *io)
{
    for (unsigned layer = 0; layer < 2; layer++) {
        bool text = io->value.type == NV_VALUE_STRING || io->value.type == NV_VALUE_JSON;
        if (!text || !looks_like_json(io->value.as.string))
            return NV_OK;
        struct nv_value parsed;
        enum nv_err err = nv_value_from_json(transform->arena, io->value.as.string, NULL, &parsed);
        if (err == NV_ERR_NO_MEMORY)
            return err;
        if (err)
            return NV_OK;
        if (nv_str_trim(io->value.as.string).ptr[0] == '"')
            io->exact = false; /* the quoted text is another text */
        io->value = parsed;
    }
    return NV_OK;
}

static enum nv_err step_json(const struct nv_transform *transform, const struct nv_step *step,
                             struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = parse_json(transform, io);
    if (!err && nv_value_absent(&io->value))
        return absent(io);
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

static enum nv_err step_array(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = parse_json(transform, io);
    if (err || io->value.type == NV_VALUE_ARRAY)
        return err;
    io->exact = false;
    if (nv_value_absent(&io->value))
        return absent(io);
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

static enum nv_err step_first(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = parse_json(transform, io);
    if (err)
        return err;
    if (io->value.type == NV_VALUE_ARRAY) {
        io->exact = false;
        if (io->value.as.array.count == 0)
            return absent(io);
        io->value = io->value.as.array.items[0];
    }
    return nv_value_absent(&io->value) ? absent(io) : NV_OK;
}

static enum nv_err step_member(const struct nv_transform *transform, const struct nv_step *step,
                               struct nv_transformed *io)
{
    struct nv_str path = step->argument;
    io->exact = false;
    while (path.len > 0) {
        enum nv_err err = parse_json(transform, io);
        if (err)
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
            return absent(io);
        io->value = *found;
    }
    return NV_OK;
}

static enum nv_err step_count(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    enum nv_err err = parse_json(transform, io);
    if (err)
        return err;
    io->exact = false;
    if (io->value.type == NV_VALUE_ARRAY)
        return give(io, nv_value_int(io->value.as.array.count));
    return io->value.type == NV_VALUE_MAP ? give(io, nv_value_int(1)) : absent(io);
}

/* Member `name` of each element; absent unless `all` of them (or at least one) have it. */
static enum nv_err pluck(const struct nv_transform *transform, struct nv_str name, bool all,
                         struct nv_transformed *io)
{
    io->exact = false;
    if (io->value.type != NV_VALUE_ARRAY)
        return absent(io);
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
            return absent(io);
    }
    if (used == 0)
        return absent(io);
    io->value.as.array.items = items;
    io->value.as.array.count = used;
    return NV_OK;
}

static enum nv_err step_scores(const struct nv_transform *transform, const struct nv_step *step,
                               struct nv_transformed *io)
{
    (void)step;
    return pluck(transform, NV_STR("score"), true, io);
}

static enum nv_err step_names(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    return pluck(transform, NV_STR("name"), false, io);
}

/* ---- text ---------------------------------------------------------------------------------- */

static enum nv_err step_const(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)transform;
    io->exact = false;
    return give(io, nv_value_string(step->argument));
}

/* Cuts the text at `marker` on the wanted side. */
static enum nv_err cut(struct nv_transformed *io, struct nv_str marker, bool after)
{
    io->exact = false;
    if (io->value.type != NV_VALUE_STRING)
        return absent(io);
    struct nv_str text = io->value.as.string;
    size_t at = nv_str_find(text, marker);
    if (at == SIZE_MAX)
        return absent(io);
    struct nv_str part =
        after ? nv_str_slice(text, at + marker.len, text.len) : nv_str_slice(text, 0, at);
    part = nv_str_trim(part);
    return part.len > 0 ? give(io, nv_value_string(part)) : absent(io);
}

static enum nv_err step_after(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)transform;
    return cut(io, step->argument, true);
}

static enum nv_err step_before(const struct nv_transform *transform, const struct nv_step *step,
                               struct nv_transformed *io)
{
    (void)transform;
    return cut(io, step->argument, false);
}

static enum nv_err step_between(const struct nv_transform *transform, const struct nv_step *step,
                                struct nv_transformed *io)
{
    (void)transform;
    size_t comma = nv_str_find_char(step->argument, ',');
    enum nv_err err = cut(io, nv_str_slice(step->argument, 0, comma), true);
    if (err || io->absent || comma == SIZE_MAX)
        return err;
    return cut(io, nv_str_slice(step->argument, comma + 1, step->argument.len), false);
}

static enum nv_err step_provider(const struct nv_transform *transform, const struct nv_step *step,
                                 struct nv_transformed *io)
{
    (void)step;
    struct nv_str text = nv_value_text(transform->arena, &io->value);
    struct nv_str name = nv_provider_normalise(transform->arena, text);
    if (name.len == 0)
        return absent(io);
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    io->exact =
        io->exact && io->value.type == NV_VALUE_STRING && nv_str_eq(name, io->value.as.string);
    return give(io, nv_value_string(name));
}

static enum nv_err step_vector_length(const struct nv_transform *transform,
                                      const struct nv_step *step, struct nv_transformed *io)
{
    return step_count(transform, step, io);
}

/* ---- messages, tools, documents ------------------------------------------------------------ */

static enum nv_err step_messages(const struct nv_transform *transform, const struct nv_step *step,
                                 struct nv_transformed *io)
{
    struct nv_messages messages;
    enum nv_messages_direction direction =
        nv_str_eq(step->argument, NV_STR("output")) ? NV_MESSAGES_OUTPUT : NV_MESSAGES_INPUT;
    enum nv_err err = nv_messages_normalise(transform->arena, &io->value, direction, &messages);
    if (err)
        return err;
    io->exact = io->exact && !messages.partial && !messages.truncated;
    if (messages.list.as.array.count == 0)
        return absent(io);
    return give(io, messages.list);
}

/* Every part of instructions is an object with a text: then the text alone says all of it. */
static bool plain_parts(const struct nv_value *value)
{
    if (value->type != NV_VALUE_ARRAY)
        return false;
    for (uint32_t i = 0; i < value->as.array.count; i++) {
        const struct nv_value *part = &value->as.array.items[i];
        if (part->type != NV_VALUE_MAP || part->as.map.count != 2 ||
            !nv_map_get(part, NV_STR("type")))
            return false;
    }
    return true;
}

static enum nv_err step_instructions(const struct nv_transform *transform,
                                     const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    struct nv_value source = io->value;
    enum nv_err err = nv_messages_instructions_text(transform->arena, &io->value, &text);
    if (err)
        return err;
    if (text.len == 0)
        return absent(io);
    bool same = source.type == NV_VALUE_STRING && nv_str_eq(source.as.string, text);
    if (!same) {
        err = parse_json(transform, io);
        if (err)
            return err;
        io->exact = io->exact && plain_parts(&io->value);
    }
    return give(io, nv_value_string(text));
}

static enum nv_err step_output_text(const struct nv_transform *transform,
                                    const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    io->exact = false;
    enum nv_err err = nv_messages_output_text(transform->arena, &io->value, &text);
    return err ? err : give(io, nv_value_string(text.ptr ? text : NV_STR("")));
}

static enum nv_err step_tool_calls(const struct nv_transform *transform, const struct nv_step *step,
                                   struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    io->exact = false;
    const struct nv_value *calls = nv_messages_tool_calls(&io->value);
    return calls ? give(io, *calls) : absent(io);
}

static enum nv_err step_finish_reason(const struct nv_transform *transform,
                                      const struct nv_step *step, struct nv_transformed *io)
{
    (void)transform;
    (void)step;
    io->exact = false;
    struct nv_str reason = nv_messages_finish_reason(&io->value);
    return reason.len > 0 ? give(io, nv_value_string(reason)) : absent(io);
}

static enum nv_err step_system_text(const struct nv_transform *transform,
                                    const struct nv_step *step, struct nv_transformed *io)
{
    (void)step;
    struct nv_str text;
    io->exact = false;
    enum nv_err err = nv_messages_system_text(transform->arena, &io->value, &text);
    if (err)
        return err;
    return text.len > 0 ? give(io, nv_value_string(text)) : absent(io);
}

static enum nv_err step_tools(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    struct nv_value tools;
    enum nv_err err = nv_tools_normalise(transform->arena, &io->value, &tools);
    if (err)
        return err;
    return tools.as.array.count > 0 ? give(io, tools) : absent(io);
}

static enum nv_err step_calls(const struct nv_transform *transform, const struct nv_step *step,
                              struct nv_transformed *io)
{
    (void)step;
    struct nv_value calls;
    enum nv_err err = nv_tool_calls_normalise(transform->arena, &io->value, &calls);
    if (err)
        return err;
    return calls.as.array.count > 0 ? give(io, calls) : absent(io);
}

static enum nv_err step_documents(const struct nv_transform *transform, const struct nv_step *step,
                                  struct nv_transformed *io)
{
    (void)step;
    struct nv_documents documents;
    enum nv_err err = nv_documents_normalise(transform->arena, &io->value, &documents);
    if (err)
        return err;
    io->exact = io->exact && !documents.partial;
    return documents.list.as.array.count > 0 ? give(io, documents.list) : absent(io);
}

/* ---- the table ----------------------------------------------------------------------------- */

static step_fn *const steps_table[NV_STEP_COUNT_ALL] = {
    [NV_STEP_COPY] = step_copy,
    [NV_STEP_TEXT] = step_text,
    [NV_STEP_LOWER] = step_lower,
    [NV_STEP_INT] = step_int,
    [NV_STEP_FLOAT] = step_float,
    [NV_STEP_BOOL] = step_bool,
    [NV_STEP_JSON] = step_json,
    [NV_STEP_ARRAY] = step_array,
    [NV_STEP_FIRST] = step_first,
    [NV_STEP_MEMBER] = step_member,
    [NV_STEP_S2MS] = step_s2ms,
    [NV_STEP_US2MS] = step_us2ms,
    [NV_STEP_NS2MS] = step_ns2ms,
    [NV_STEP_MS] = step_ms,
    [NV_STEP_SINCE_START] = step_since_start,
    [NV_STEP_PROVIDER] = step_provider,
    [NV_STEP_MESSAGES] = step_messages,
    [NV_STEP_INSTRUCTIONS] = step_instructions,
    [NV_STEP_OUTPUT_TEXT] = step_output_text,
    [NV_STEP_TOOL_CALLS] = step_tool_calls,
    [NV_STEP_FINISH_REASON] = step_finish_reason,
    [NV_STEP_SYSTEM_TEXT] = step_system_text,
    [NV_STEP_TOOLS] = step_tools,
    [NV_STEP_CALLS] = step_calls,
    [NV_STEP_DOCUMENTS] = step_documents,
    [NV_STEP_TREE] = step_copy,
    [NV_STEP_SCORES] = step_scores,
    [NV_STEP_COUNT] = step_count,
    [NV_STEP_NAMES] = step_names,
    [NV_STEP_CONST] = step_const,
    [NV_STEP_AFTER] = step_after,
    [NV_STEP_BEFORE] = step_before,
    [NV_STEP_BETWEEN] = step_between,
    [NV_STEP_SPREAD] = step_json, /* the engine spreads the object */
    [NV_STEP_VECTOR_LENGTH] = step_vector_length,
    [NV_STEP_KIND] = step_copy,
    [NV_STEP_KEEP] = step_copy,
    [NV_STEP_DROP] = step_copy};

enum nv_err nv_transform_run(const struct nv_transform *transform, const struct nv_step *steps,
                             unsigned count, const struct nv_value *in, struct nv_transformed *out)
{
    *out = (struct nv_transformed){.value = *in, .exact = true};
    if (nv_value_absent(in) && steps[0].op != NV_STEP_CONST)
        return absent(out);
    for (unsigned i = 0; i < count && !out->absent; i++) {
        assert(steps[i].op < NV_STEP_COUNT_ALL && steps_table[steps[i].op]);
        enum nv_err err = steps_table[steps[i].op](transform, &steps[i], out);
        if (err)
            return err;
    }
    return NV_OK;
}
