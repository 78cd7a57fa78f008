/*
 * One pass over the text, one metric open at a time.
 *
 *   HELP ─ remembered ─▶ TYPE ─ opens ─▶ sample, sample, ... ─▶ next HELP or the end ─ closes
 *                                          each a data point
 *
 * The text is read, not the tables behind it, so that what is pushed is what is scraped: a
 * metric that somebody adds is in both, under one name and with one value. It is read once an
 * interval, a few hundred lines.
 *
 * Lines of a histogram come as buckets, sum, count, for one set of labels after the other; its
 * point is written when the count ends it.
 */
#include "gateway/telemetry/own_metrics.h"

#include "base/text/wire.h"
#include "model/otlp_fields.h"

#include "base/banned.h"

/* Buckets of one histogram: what is past it is in the last one. */
#define BUCKETS_MAX 64

enum kind { NONE, GAUGE, SUM, HISTOGRAM };

struct writing {
    struct nv_buf *out;
    const struct nv_own_times *times;
    struct nv_str help;
    struct nv_str name; /* of the open metric */
    enum kind kind;     /* NONE: none is open */
    size_t metric, data;
    double bounds[BUCKETS_MAX];
    uint64_t below[BUCKETS_MAX + 1]; /* counted up to each bound, the last: all */
    size_t buckets;
    double sum;
};

/* ---- pieces of a line -------------------------------------------------------------------- */

static struct nv_str take_line(struct nv_str *rest)
{
    size_t end = nv_str_find_char(*rest, '\n');
    struct nv_str line = nv_str_slice(*rest, 0, end);
    *rest = nv_str_slice(*rest, end == SIZE_MAX ? rest->len : end + 1, SIZE_MAX);
    return line;
}

static struct nv_str take_word(struct nv_str *line)
{
    size_t end = nv_str_find_char(*line, ' ');
    struct nv_str word = nv_str_slice(*line, 0, end);
    *line = nv_str_slice(*line, end == SIZE_MAX ? line->len : end + 1, SIZE_MAX);
    return word;
}

/* The next `key="value"`; the value is as it stands there, with its escapes. */
static bool take_label(struct nv_str *labels, struct nv_str *key, struct nv_str *value)
{
    size_t equals = nv_str_find_char(*labels, '=');
    if (equals == SIZE_MAX || equals + 1 >= labels->len || labels->ptr[equals + 1] != '"')
        return false;
    size_t end = equals + 2;
    while (end < labels->len && labels->ptr[end] != '"')
        end += labels->ptr[end] == '\\' ? 2 : 1;
    *key = nv_str_slice(*labels, 0, equals);
    *value = nv_str_slice(*labels, equals + 2, end - equals - 2);
    /* behind the quote, and behind the comma if there is one */
    *labels = nv_str_slice(*labels, end + 2, SIZE_MAX);
    return true;
}

/* name{labels} value */
struct sample {
    struct nv_str name, labels, value;
};

static struct sample read_sample(struct nv_str line)
{
    size_t open = nv_str_find_char(line, '{');
    size_t close = line.len;
    struct sample sample = {.name = line};
    if (open != SIZE_MAX) {
        while (close > open && line.ptr[close - 1] != '}')
            close--;
        if (close == open)
            return sample;
        sample.name = nv_str_slice(line, 0, open);
        sample.labels = nv_str_slice(line, open + 1, close - open - 2);
        sample.value = nv_str_trim(nv_str_slice(line, close, SIZE_MAX));
        return sample;
    }
    sample.name = take_word(&line);
    sample.value = nv_str_trim(line);
    return sample;
}

/* ---- points ------------------------------------------------------------------------------ */

/* A value's escapes are those of the text format: \\, \" and \n. */
static void put_unescaped(struct nv_buf *out, struct nv_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' && i + 1 < value.len) {
            c = value.ptr[++i];
            c = c == 'n' ? '\n' : c;
        }
        (void)nv_buf_append_char(out, c);
    }
}

static void put_labels(struct nv_buf *out, uint32_t number, struct nv_str labels)
{
    struct nv_str key, value;
    while (take_label(&labels, &key, &value)) {
        if (nv_str_eq(key, NV_STR("le")))
            continue;
        size_t pair = nv_wire_begin(out, number);
        (void)nv_wire_put_bytes(out, NV_OTLP_PAIR_KEY, key);
        size_t any = nv_wire_begin(out, NV_OTLP_PAIR_VALUE);
        size_t text = nv_wire_begin(out, NV_OTLP_ANY_STRING);
        put_unescaped(out, value);
        (void)nv_wire_end(out, text);
        (void)nv_wire_end(out, any);
        (void)nv_wire_end(out, pair);
    }
}

static void put_times(const struct writing *writing)
{
    if (writing->kind != GAUGE)
        (void)nv_wire_put_fixed64(writing->out, NV_OTLP_POINT_START, writing->times->start_ns);
    (void)nv_wire_put_fixed64(writing->out, NV_OTLP_POINT_TIME, writing->times->now_ns);
}

static void put_number(struct writing *writing, const struct sample *sample)
{
    int64_t whole = 0;
    double real = 0;
    bool is_whole = nv_str_to_int64(sample->value, &whole) == NV_OK;
    if (!is_whole && nv_str_to_double(sample->value, &real) != NV_OK)
        return;
    size_t point = nv_wire_begin(writing->out, NV_OTLP_DATA_POINTS);
    put_times(writing);
    if (is_whole)
        (void)nv_wire_put_fixed64(writing->out, NV_OTLP_POINT_INT, (uint64_t)whole);
    else
        (void)nv_wire_put_double(writing->out, NV_OTLP_POINT_DOUBLE, real);
    put_labels(writing->out, NV_OTLP_POINT_ATTRIBUTES, sample->labels);
    (void)nv_wire_end(writing->out, point);
}

/* ---- histograms -------------------------------------------------------------------------- */

static void put_histogram(struct writing *writing, struct nv_str labels, uint64_t count)
{
    struct nv_buf *out = writing->out;
    size_t point = nv_wire_begin(out, NV_OTLP_DATA_POINTS);
    uint64_t before = 0;
    put_times(writing);
    (void)nv_wire_put_fixed64(out, NV_OTLP_HISTOGRAM_POINT_COUNT, count);
    (void)nv_wire_put_double(out, NV_OTLP_HISTOGRAM_POINT_SUM, writing->sum);
    writing->below[writing->buckets] = count;
    size_t counts = nv_wire_begin(out, NV_OTLP_HISTOGRAM_POINT_BUCKETS);
    for (size_t i = 0; i <= writing->buckets; i++) {
        uint64_t own = htole64(writing->below[i] - before);
        before = writing->below[i];
        (void)nv_buf_append(out, &own, sizeof own);
    }
    (void)nv_wire_end(out, counts);
    size_t bounds = nv_wire_begin(out, NV_OTLP_HISTOGRAM_POINT_BOUNDS);
    for (size_t i = 0; i < writing->buckets; i++) {
        uint64_t bits;
        memcpy(&bits, &writing->bounds[i], sizeof bits);
        bits = htole64(bits);
        (void)nv_buf_append(out, &bits, sizeof bits);
    }
    (void)nv_wire_end(out, bounds);
    put_labels(out, NV_OTLP_HISTOGRAM_POINT_ATTRIBUTES, labels);
    (void)nv_wire_end(out, point);
    writing->buckets = 0;
}

static void note_bucket(struct writing *writing, struct nv_str labels, uint64_t count)
{
    struct nv_str key, value;
    double bound;
    while (take_label(&labels, &key, &value)) {
        /* +Inf is the count */
        if (!nv_str_eq(key, NV_STR("le")) || writing->buckets == BUCKETS_MAX ||
            nv_str_eq(value, NV_STR("+Inf")) || nv_str_to_double(value, &bound) != NV_OK)
            continue;
        writing->below[writing->buckets] = count;
        writing->bounds[writing->buckets++] = bound;
    }
}

static void read_histogram(struct writing *writing, const struct sample *sample)
{
    uint64_t count = 0;
    bool counts = nv_str_to_uint64(sample->value, &count) == NV_OK;
    if (counts && nv_str_ends(sample->name, NV_STR("_bucket")))
        note_bucket(writing, sample->labels, count);
    else if (counts && nv_str_ends(sample->name, NV_STR("_count")))
        put_histogram(writing, sample->labels, count);
    else if (nv_str_to_double(sample->value, &writing->sum) != NV_OK)
        writing->sum = 0;
}

/* ---- metrics ----------------------------------------------------------------------------- */

/* By UCUM, as OTLP has them; empty: the name has none. */
static struct nv_str unit_of(struct nv_str name)
{
    if (nv_str_ends(name, NV_STR("_total")))
        name.len -= sizeof "_total" - 1;
    if (nv_str_ends(name, NV_STR("_bytes")))
        return NV_STR("By");
    if (nv_str_ends(name, NV_STR("_seconds")))
        return NV_STR("s");
    return NV_STR("");
}

static void close_metric(struct writing *writing)
{
    if (writing->kind == NONE)
        return;
    if (writing->kind != GAUGE) {
        (void)nv_wire_put_uint(writing->out, NV_OTLP_DATA_TEMPORALITY,
                               NV_OTLP_TEMPORALITY_CUMULATIVE);
    }
    if (writing->kind == SUM)
        (void)nv_wire_put_uint(writing->out, NV_OTLP_SUM_MONOTONIC, 1);
    (void)nv_wire_end(writing->out, writing->data);
    (void)nv_wire_end(writing->out, writing->metric);
    writing->kind = NONE;
}

static void open_metric(struct writing *writing, struct nv_str name, struct nv_str type)
{
    static const struct {
        const char *type;
        enum kind kind;
        uint32_t number;
    } kinds[] = {{"gauge", GAUGE, NV_OTLP_METRIC_GAUGE},
                 {"counter", SUM, NV_OTLP_METRIC_SUM},
                 {"histogram", HISTOGRAM, NV_OTLP_METRIC_HISTOGRAM}};
    struct nv_str unit = unit_of(name);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!nv_str_eq(type, nv_str_from(kinds[i].type)))
            continue;
        writing->kind = kinds[i].kind;
        writing->name = name;
        writing->metric = nv_wire_begin(writing->out, NV_OTLP_SCOPE_GROUP_ITEMS);
        (void)nv_wire_put_bytes(writing->out, NV_OTLP_METRIC_NAME, name);
        (void)nv_wire_put_bytes(writing->out, NV_OTLP_METRIC_DESCRIPTION, writing->help);
        if (unit.len > 0)
            (void)nv_wire_put_bytes(writing->out, NV_OTLP_METRIC_UNIT, unit);
        writing->data = nv_wire_begin(writing->out, kinds[i].number);
    }
}

static void read_comment(struct writing *writing, struct nv_str line)
{
    (void)take_word(&line);
    struct nv_str what = take_word(&line);
    struct nv_str name = take_word(&line);
    if (nv_str_eq(what, NV_STR("HELP"))) {
        close_metric(writing);
        writing->help = line;
    } else if (nv_str_eq(what, NV_STR("TYPE"))) {
        close_metric(writing);
        open_metric(writing, name, line);
        writing->help = NV_STR("");
    }
}

enum nv_err nv_own_metrics_write(struct nv_str text, const struct nv_own_times *times,
                                 struct nv_buf *out)
{
    struct writing writing = {.out = out, .times = times, .kind = NONE};
    while (text.len > 0) {
        struct nv_str line = take_line(&text);
        if (nv_str_starts(line, NV_STR("#"))) {
            read_comment(&writing, line);
            continue;
        }
        struct sample sample = read_sample(line);
        if (writing.kind == HISTOGRAM && nv_str_starts(sample.name, writing.name))
            read_histogram(&writing, &sample);
        else if (writing.kind != NONE && nv_str_eq(sample.name, writing.name))
            put_number(&writing, &sample);
    }
    close_metric(&writing);
    return out->failed;
}
