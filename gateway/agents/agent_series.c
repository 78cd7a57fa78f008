/*
 * The series of agents: three maps from label texts to numbers.
 *
 *   fact ─▶ labels, as they are written: service_name="a",gen_ai_agent_name="b" ─▶ series
 *                                                      └ the map's key
 *
 * Keyed by the written text, two names that look alike on /metrics cannot make two samples of
 * one series, which Prometheus would refuse. Series are never taken away, so a scrape copies
 * the numbers under the lock and writes without it: no trace waits for a slow text. The agent
 * `_other` is there from the start, and so are its tools and models `_other`: they need no
 * memory when there is none. Numbers stop at the largest rather than wrap.
 */
#include "gateway/agents/agent_series.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log/log.h"
#include "base/tables/hash_map.h"
#include "base/text/shown.h"
#include "base/text/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define OTHER "_other"
/* `,gen_ai_request_model=""` and such, and each byte of the value escaped. */
#define LABEL_ROOM (2 * NV_AGENT_LABEL_BYTES + 32)
#define LABELS_ROOM (3 * LABEL_ROOM)
/* Seconds that a run may take to be counted in a bucket: every second of the boundaries that
 * OpenTelemetry's conventions give gen_ai.client.operation.duration, and three beyond, because
 * an agent takes longer than a call. */
#define BUCKETS 8
static const char *const bucket_names[BUCKETS] = {"0.16",  "0.64",   "2.56",   "10.24",
                                                  "40.96", "163.84", "655.36", "+Inf"};
static const uint64_t bucket_ns[BUCKETS] = {
    160 * NV_NS_PER_MS,   640 * NV_NS_PER_MS,    2560 * NV_NS_PER_MS,   10240 * NV_NS_PER_MS,
    40960 * NV_NS_PER_MS, 163840 * NV_NS_PER_MS, 655360 * NV_NS_PER_MS, UINT64_MAX};

enum family { AGENTS, TOOLS, MODELS, FAMILIES };

#define AS_ENUM(id, name, labels, type, help) id,
enum agent_number { NV_AGENT_METRICS(AS_ENUM) NV_AGENT_NUMBERS };
enum tool_number { NV_AGENT_TOOL_METRICS(AS_ENUM) NV_AGENT_TOOL_NUMBERS };
enum model_number { NV_AGENT_MODEL_METRICS(AS_ENUM) NV_AGENT_MODEL_NUMBERS };
#undef AS_ENUM

struct row {
    const char *name, *labels, *type, *help;
};

#define AS_ROW(id, name, labels, type, help) {name, labels, type, help},
static const struct row agent_rows[] = {NV_AGENT_METRICS(AS_ROW)};
static const struct row tool_rows[] = {NV_AGENT_TOOL_METRICS(AS_ROW)};
static const struct row model_rows[] = {NV_AGENT_MODEL_METRICS(AS_ROW)};
#undef AS_ROW

static const struct {
    const struct row *rows;
    unsigned count;
    const char *label; /* the third; NULL: none */
    uint32_t per_agent;
} families[FAMILIES] = {
    [AGENTS] = {agent_rows, NV_AGENT_NUMBERS, NULL, 1},
    [TOOLS] = {tool_rows, NV_AGENT_TOOL_NUMBERS, "gen_ai_tool_name", NV_AGENT_TOOL_SERIES},
    [MODELS] = {model_rows, NV_AGENT_MODEL_NUMBERS, "gen_ai_request_model",
                NV_AGENT_MODEL_SERIES}};

/* Lines of an agent: its own, those of its tools and models, `_other` of both. */
#define AGENT_LINES                                                                            \
    (NV_AGENT_NUMBERS + BUCKETS + 2 + (NV_AGENT_TOOL_SERIES + 1) * NV_AGENT_TOOL_NUMBERS +     \
     (NV_AGENT_MODEL_SERIES + 1) * NV_AGENT_MODEL_NUMBERS)
static_assert((size_t)(NV_AGENT_SERIES_MAX + 1) * AGENT_LINES * (LABELS_ROOM + 128) <
                  NV_CAP_AGENT_METRICS,
              "all series fit into the answer");

struct numbers {
    uint64_t of[NV_AGENT_NUMBERS];
    uint64_t buckets[BUCKETS]; /* of agents; each for itself, not added up */
};

struct series {
    struct numbers numbers;
    UT_hash_handle hh;
    uint32_t labels_len;
    char labels[];
};

struct labels {
    size_t len;
    char text[LABELS_ROOM];
};

struct table {
    struct series *map;
    struct series *other; /* of the agent _other, in the map */
    uint32_t count, max;  /* but for those that are _other */
};

struct nv_agent_series {
    pthread_mutex_t lock; /* of the tables */
    struct table tables[FAMILIES];
};

static_assert((int)NV_AGENT_TOOL_NUMBERS <= (int)NV_AGENT_NUMBERS &&
                  (int)NV_AGENT_MODEL_NUMBERS <= (int)NV_AGENT_NUMBERS,
              "numbers of all families fit");

/* ---- labels ------------------------------------------------------------------------------ */

static void put(struct labels *labels, struct nv_str text)
{
    assert(labels->len + text.len <= sizeof labels->text);
    if (text.len > 0)
        memcpy(labels->text + labels->len, text.ptr, text.len);
    labels->len += text.len;
}

/* A piece is all shown; of what has a meaning within quotes there is `\` and `"` left. */
static void put_escaped(struct labels *labels, struct nv_str piece)
{
    if (!memchr(piece.ptr, '"', piece.len) && !memchr(piece.ptr, '\\', piece.len)) {
        put(labels, piece);
        return;
    }
    for (size_t i = 0; i < piece.len; i++) {
        if (piece.ptr[i] == '"' || piece.ptr[i] == '\\')
            put(labels, NV_STR("\\"));
        put(labels, (struct nv_str){piece.ptr + i, 1});
    }
}

/* Cut by its bytes first, so that of a long name no more is looked at, and then by what is
 * shown of it: a byte that can't be shown becomes several. */
static void put_value(struct labels *labels, struct nv_str value)
{
    char escape[NV_SHOWN_ESCAPE_SIZE];
    size_t room = NV_AGENT_LABEL_BYTES;
    value = nv_str_slice(value, 0, nv_utf8_cut(value, room));
    while (value.len > 0 && room > 0) {
        struct nv_str piece = nv_shown_next(&value, NV_SHOWN_LINE, escape);
        piece = nv_str_slice(piece, 0, nv_utf8_cut(piece, room));
        put_escaped(labels, piece);
        room -= piece.len;
        if (piece.len == 0)
            return;
    }
}

static void put_label(struct labels *labels, const char *name, struct nv_str value)
{
    if (labels->len > 0)
        put(labels, NV_STR(","));
    put(labels, nv_str_from(name));
    put(labels, NV_STR("=\""));
    put_value(labels, value);
    put(labels, NV_STR("\""));
}

static void put_agent(struct labels *labels, struct nv_str service, struct nv_str agent)
{
    labels->len = 0;
    put_label(labels, "service_name", service);
    put_label(labels, "gen_ai_agent_name", agent);
}

/* ---- series ------------------------------------------------------------------------------ */

static struct series *find(const struct table *table, const struct labels *labels)
{
    struct series *found = NULL;
    HASH_FIND(hh, table->map, labels->text, labels->len, found);
    return found;
}

static struct series *add(struct table *table, const struct labels *labels)
{
    struct series *one = calloc(1, sizeof *one + labels->len);
    if (!one)
        return NULL;
    memcpy(one->labels, labels->text, labels->len);
    one->labels_len = (uint32_t)labels->len;
    HASH_ADD_KEYPTR(hh, table->map, one->labels, one->labels_len, one);
    if (!nv_hash_added(one, hh)) {
        free(one);
        return NULL;
    }
    return one;
}

/* The series of these labels, made when it is new; NULL: there is no room for it. */
static struct series *touch(struct table *table, const struct labels *labels)
{
    struct series *known = find(table, labels);
    if (known || table->count == table->max)
        return known;
    known = add(table, labels);
    table->count += known != NULL;
    return known;
}

/* A tool or model of the agent that `agent` names, or all of its that have none of their own.
 * Those are one for each agent at most, so they are not counted. `agent` is as before then. */
static struct series *touch_third(struct table *table, const char *label, struct labels *agent,
                                  struct nv_str value)
{
    size_t len = agent->len;
    put_label(agent, label, value);
    struct series *one =
        nv_str_eq(value, NV_STR(OTHER)) ? find(table, agent) : touch(table, agent);
    if (!one) {
        agent->len = len;
        put_label(agent, label, NV_STR(OTHER));
        one = find(table, agent);
        if (!one)
            one = add(table, agent);
    }
    agent->len = len;
    return one ? one : table->other;
}

static bool make_other(struct nv_agent_series *series)
{
    struct labels labels;
    for (unsigned family = 0; family < FAMILIES; family++) {
        struct table *table = &series->tables[family];
        put_agent(&labels, NV_STR(OTHER), NV_STR(OTHER));
        if (families[family].label)
            put_label(&labels, families[family].label, NV_STR(OTHER));
        table->other = add(table, &labels);
        if (!table->other)
            return false;
    }
    return true;
}

static void free_table(struct table *table)
{
    while (table->map) {
        struct series *first = table->map;
        HASH_DEL(table->map, first);
        free(first);
    }
}

struct nv_agent_series *nv_agent_series_new(uint32_t agents_max)
{
    assert(agents_max > 0 && agents_max <= NV_AGENT_SERIES_MAX);
    struct nv_agent_series *series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    if (pthread_mutex_init(&series->lock, NULL) != 0) {
        free(series);
        return NULL;
    }
    for (unsigned family = 0; family < FAMILIES; family++)
        series->tables[family].max = agents_max * families[family].per_agent;
    if (!make_other(series)) {
        nv_agent_series_free(series);
        return NULL;
    }
    return series;
}

void nv_agent_series_free(struct nv_agent_series *series)
{
    if (!series)
        return;
    for (unsigned family = 0; family < FAMILIES; family++)
        free_table(&series->tables[family]);
    (void)pthread_mutex_destroy(&series->lock);
    free(series);
}

/* ---- adding ------------------------------------------------------------------------------ */

static void count(struct series *one, unsigned number, uint64_t value)
{
    uint64_t *sum = &one->numbers.of[number];
    *sum = *sum > UINT64_MAX - value ? UINT64_MAX : *sum + value;
}

/* The last boundary is the largest number there is, so the search ends. Buckets are added up
 * when they are written: a run touches one. */
static void count_run(struct series *one, const struct nv_agent_fact *fact)
{
    unsigned bucket = 0;
    while (fact->duration_ns > bucket_ns[bucket])
        bucket++;
    one->numbers.buckets[bucket]++;
    count(one, NV_AGENT_RUNS, 1);
    count(one, NV_AGENT_RUN_ERRORS, fact->failed);
    count(one, NV_AGENT_RUN_SECONDS, fact->duration_ns);
}

static void count_agent(struct series *one, const struct nv_agent_fact *fact)
{
    count(one, NV_AGENT_SPANS, 1);
    count(one, NV_AGENT_SPAN_ERRORS, fact->failed);
    count(one, NV_AGENT_INPUT_TOKENS, fact->input_tokens);
    count(one, NV_AGENT_OUTPUT_TOKENS, fact->output_tokens);
    count(one, NV_AGENT_CACHED_TOKENS, fact->cached_tokens);
    count(one, NV_AGENT_REASONING_TOKENS, fact->reasoning_tokens);
    count(one, NV_AGENT_COST, fact->cost_nano_usd);
    if (fact->run)
        count_run(one, fact);
}

static void count_tool(struct series *one, const struct nv_agent_fact *fact)
{
    count(one, NV_AGENT_TOOL_CALLS, 1);
    count(one, NV_AGENT_TOOL_ERRORS, fact->failed);
    count(one, NV_AGENT_TOOL_SECONDS, fact->duration_ns);
}

static void count_model(struct series *one, const struct nv_agent_fact *fact)
{
    count(one, NV_AGENT_MODEL_CALLS, 1);
    count(one, NV_AGENT_MODEL_ERRORS, fact->failed);
    count(one, NV_AGENT_MODEL_SECONDS, fact->duration_ns);
    count(one, NV_AGENT_MODEL_INPUT_TOKENS, fact->input_tokens);
    count(one, NV_AGENT_MODEL_OUTPUT_TOKENS, fact->output_tokens);
    count(one, NV_AGENT_MODEL_COST, fact->cost_nano_usd);
}

/* What was found for a span: the next one of its trace is mostly of the same agent and model,
 * and is spared labels and look-ups. Borrowed; under the lock, which it does not outlive. */
struct found {
    struct nv_str service, agent;
    struct labels labels; /* of them, or of _other */
    struct series *series;
    struct {
        struct nv_str value;
        struct series *series; /* NULL: none yet of this agent */
    } third[FAMILIES];
};

static void find_agent(struct nv_agent_series *series, const struct nv_agent_fact *fact,
                       struct found *found)
{
    if (found->series && nv_str_eq(found->service, fact->service) &&
        nv_str_eq(found->agent, fact->agent))
        return;
    found->service = fact->service;
    found->agent = fact->agent;
    found->third[TOOLS].series = found->third[MODELS].series = NULL;
    put_agent(&found->labels, fact->service, fact->agent);
    found->series = touch(&series->tables[AGENTS], &found->labels);
    if (!found->series) {
        put_agent(&found->labels, NV_STR(OTHER), NV_STR(OTHER));
        found->series = series->tables[AGENTS].other;
    }
}

static struct series *find_third(struct nv_agent_series *series, enum family family,
                                 struct nv_str value, struct found *found)
{
    struct series **one = &found->third[family].series;
    if (!*one || !nv_str_eq(found->third[family].value, value)) {
        found->third[family].value = value;
        *one =
            touch_third(&series->tables[family], families[family].label, &found->labels, value);
    }
    return *one;
}

static void add_locked(struct nv_agent_series *series, const struct nv_agent_fact *fact,
                       struct found *found)
{
    find_agent(series, fact, found);
    count_agent(found->series, fact);
    if (fact->tool.ptr)
        count_tool(find_third(series, TOOLS, fact->tool, found), fact);
    if (fact->model.ptr)
        count_model(find_third(series, MODELS, fact->model, found), fact);
}

void nv_agent_series_add(struct nv_agent_series *series, const struct nv_agent_fact *list,
                         uint32_t count)
{
    struct found found;
    found.series = NULL;
    pthread_mutex_lock(&series->lock);
    for (uint32_t i = 0; i < count; i++)
        add_locked(series, &list[i], &found);
    pthread_mutex_unlock(&series->lock);
}

/* So many spans at a time under the lock, which a scrape waits for. */
#define FACTS 32u

/*
 * Without memory for who is whose the spans count all the same, as those of the agent "", none
 * of them as a run: sums of tokens and of cost over all agents stay what they are.
 */
void nv_agent_series_add_trace(struct nv_agent_series *series, const struct nv_trace *trace)
{
    struct nv_agent_facts facts;
    struct nv_agent_fact list[FACTS];
    uint32_t count = 0;
    if (nv_agent_facts_begin(&facts, trace) != NV_OK)
        NV_LOG(NV_LOG_DEBUG, "gateway", "no memory to tell whose the spans of a trace are");
    for (uint32_t i = 0; i < trace->span_count; i++) {
        nv_agent_facts_read(&facts, i, &list[count++]);
        if (count == FACTS || i + 1 == trace->span_count) {
            nv_agent_series_add(series, list, count);
            count = 0;
        }
    }
    nv_agent_facts_release(&facts);
}

/* ---- text -------------------------------------------------------------------------------- */

/* Of one family, as they were under the lock. */
struct copy {
    const struct series **list; /* their labels never change */
    struct numbers *numbers;
    uint32_t count;
};

static bool copy_table(const struct table *table, struct copy *out)
{
    const uint32_t count = HASH_COUNT(table->map);
    *out = (struct copy){.list = calloc(count + 1u, sizeof(struct series *)),
                         .numbers = calloc(count + 1u, sizeof *out->numbers)};
    if (!out->list || !out->numbers)
        return false;
    for (const struct series *one = table->map; one; one = one->hh.next) {
        out->list[out->count] = one;
        out->numbers[out->count++] = one->numbers;
    }
    return true;
}

static void free_copy(struct copy *copy)
{
    free((void *)copy->list);
    free(copy->numbers);
}

/* `name{labels,more} ` */
static void write_name(struct nv_buf *buf, const char *name, const char *end,
                       const struct series *one, const char *more)
{
    (void)nv_buf_append_str(buf, nv_str_from(name));
    (void)nv_buf_append_str(buf, nv_str_from(end));
    (void)nv_buf_append_char(buf, '{');
    (void)nv_buf_append(buf, one->labels, one->labels_len);
    if (*more != '\0')
        (void)nv_buf_append_char(buf, ',');
    (void)nv_buf_append_str(buf, nv_str_from(more));
    (void)nv_buf_append_str(buf, NV_STR("} "));
}

/* By integers: of a sum of nanoseconds a double would lose the last ones after some months. */
static void write_number(struct nv_buf *buf, uint64_t number, bool billionths)
{
    if (billionths) {
        (void)nv_buf_printf(buf, "%" PRIu64 ".%09" PRIu64 "\n", number / NV_NS_PER_S,
                            number % NV_NS_PER_S);
    } else {
        (void)nv_buf_printf(buf, "%" PRIu64 "\n", number);
    }
}

static void write_histogram(struct nv_buf *buf, const char *name, const struct series *one,
                            const struct numbers *numbers)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        char le[24];
        sum += numbers->buckets[i];
        (void)snprintf(le, sizeof le, "le=\"%s\"", bucket_names[i]);
        write_name(buf, name, "_bucket", one, le);
        write_number(buf, sum, false);
    }
    write_name(buf, name, "_sum", one, "");
    write_number(buf, numbers->of[NV_AGENT_RUN_SECONDS], true);
    write_name(buf, name, "_count", one, "");
    write_number(buf, sum, false);
}

static bool in_billionths(const char *name)
{
    return nv_str_ends(nv_str_from(name), NV_STR("_seconds_total")) ||
           nv_str_ends(nv_str_from(name), NV_STR("_usd_total"));
}

/* Rows of one name stand together in the table and become one metric. */
static void write_row(struct nv_buf *buf, const struct copy *copy, const struct row *rows,
                      unsigned number)
{
    const struct row *row = &rows[number];
    if (number == 0 || strcmp(rows[number - 1].name, row->name) != 0) {
        (void)nv_buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help,
                            row->name, row->type);
    }
    for (uint32_t i = 0; i < copy->count; i++) {
        if (strcmp(row->type, "histogram") == 0) {
            write_histogram(buf, row->name, copy->list[i], &copy->numbers[i]);
        } else {
            write_name(buf, row->name, "", copy->list[i], row->labels);
            write_number(buf, copy->numbers[i].of[number], in_billionths(row->name));
        }
    }
}

enum nv_err nv_agent_series_write(struct nv_agent_series *series, struct nv_buf *buf)
{
    struct copy copies[FAMILIES] = {{0}};
    bool whole = true;
    pthread_mutex_lock(&series->lock);
    for (unsigned family = 0; whole && family < FAMILIES; family++)
        whole = copy_table(&series->tables[family], &copies[family]);
    pthread_mutex_unlock(&series->lock);
    for (unsigned family = 0; whole && family < FAMILIES; family++) {
        for (unsigned number = 0; number < families[family].count; number++)
            write_row(buf, &copies[family], families[family].rows, number);
    }
    for (unsigned family = 0; family < FAMILIES; family++)
        free_copy(&copies[family]);
    return whole ? buf->failed : NV_ERR_NO_MEMORY;
}
