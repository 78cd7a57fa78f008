/*
 * What one span's counts mean: input with its cached tokens, output with its reasoning, and a
 * total.
 *
 *   told: input, output, total, cached, written, reasoning, tools' prompts
 *     ├─ a row knows its source ─▶ apart (llm.exclusive_input_tokens, llm.exclusive_output_tokens)
 *     ├─ more parts than whole ──▶ apart: what is no part of the count has been counted beside it
 *     └─ a told total ───────────▶ the reading whose sum it is, the plainest first
 *
 * Emitters disagree whether a count holds its parts (trap 1), and the same emitter changes its
 * mind from version to version. So no name of an emitter decides here: a total that a provider
 * told is the best witness, impossible counts the next, and a table's word stands for those
 * which tell neither. What the source told stays beside what was made of it, under `.source`.
 */
#include "mapping/settle/tokens.h"

#include "mapping/prices/provider.h"

#include <assert.h>

#include "base/banned.h"

/* Counts above this are nonsense: then nothing is concluded from them, and no sum overflows. */
#define COUNT_MAX (INT64_MAX / 16)

/* What a count leaves out. */
enum apart {
    APART_READ = 1,   /* tokens read from a cache */
    APART_WRITE = 2,  /* tokens written to one */
    APART_TOOLS = 4,  /* prompts of tools that the provider ran */
    APART_REASON = 8, /* reasoning, of the output */
    APART_CACHE = APART_READ | APART_WRITE
};

/* All readings of a span's counts, the plainest first: the first that makes the told total. */
static const unsigned readings[] = {0,
                                    APART_REASON,
                                    APART_CACHE,
                                    APART_TOOLS,
                                    APART_TOOLS | APART_REASON,
                                    APART_CACHE | APART_REASON,
                                    APART_READ,
                                    APART_WRITE,
                                    APART_CACHE | APART_TOOLS,
                                    APART_CACHE | APART_TOOLS | APART_REASON};

struct counts {
    int64_t input, output, total;
    int64_t read, written, tools, reasoning;
    bool has_input, has_output, has_total;
    unsigned sure;   /* enum apart: left out without a doubt */
    unsigned likely; /* left out, unless the total says that it is not */
};

static bool number(const struct nv_span_work *work, enum nv_known_field field, int64_t *out)
{
    const struct nv_value *value = nv_work_get(work, field);
    if (!value || value->type != NV_VALUE_INT)
        return false;
    *out = value->as.integer;
    return true;
}

static bool sane(const struct counts *c)
{
    const int64_t all[] = {c->input,   c->output, c->total,    c->read,
                           c->written, c->tools,  c->reasoning};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] < 0 || all[i] > COUNT_MAX)
            return false;
    }
    return true;
}

static bool always_inclusive(const struct nv_span_work *work)
{
    const struct nv_value *provider = nv_work_get(work, NV_FIELD_PROVIDER);
    return provider && provider->type == NV_VALUE_STRING &&
           nv_provider_counts_cached(provider->as.string);
}

/* Keeps what the source told of a count beside what becomes of it. */
static enum nv_err keep_told(struct nv_translation *t, struct nv_span_work *work,
                             enum nv_known_field field, int64_t told)
{
    struct nv_str name =
        nv_arena_printf(t->arena, "%.*s.source", NV_STR_ARG(t->rules->fields[field].name));
    if (!name.ptr)
        return NV_ERR_NO_MEMORY;
    if (nv_attributes_get(&work->span->attributes, name))
        return NV_OK;
    return nv_attributes_add(&work->span->attributes, t->arena, name, nv_value_int(told));
}

static enum nv_err replace(struct nv_translation *t, struct nv_span_work *work,
                           enum nv_known_field field, int64_t count)
{
    int64_t told;
    bool has = number(work, field, &told);
    if (has && told == count)
        return NV_OK;
    enum nv_err err = has ? keep_told(t, work, field, told) : NV_OK;
    return err != NV_OK ? err : nv_work_set(t, work, field, nv_value_int(count));
}

/* ---- evidence ---------------------------------------------------------------------------- */

/* Input as a row tells it that knows its source to leave cached tokens out. */
static enum nv_err read_exclusive_input(struct nv_translation *t, struct nv_span_work *work,
                                        struct counts *c)
{
    const struct nv_told_count exclusive = work->exclusive_input;
    if (!exclusive.told)
        return NV_OK;
    if (c->has_input && c->input != exclusive.count) /* another key tells them whole */
        return keep_told(t, work, NV_FIELD_INPUT_TOKENS, exclusive.count);
    if (!c->has_input && c->read + c->written != 0) {
        enum nv_err err = keep_told(t, work, NV_FIELD_INPUT_TOKENS, exclusive.count);
        if (err != NV_OK)
            return err;
    }
    c->input = exclusive.count;
    c->has_input = true;
    c->sure |= APART_CACHE;
    return NV_OK;
}

/* Output as Gemini counts it, its candidates: without thoughts. Another key may tell the same,
 * the whole, or (old ADK) the total of input and output in its place. */
static void read_exclusive_output(const struct nv_span_work *work, struct counts *c)
{
    const int64_t exclusive = work->exclusive_output.count;
    if (!work->exclusive_output.told)
        return;
    bool holds_total = c->has_total && c->output == c->total && c->input > 0;
    if (c->has_output && c->output != exclusive && !holds_total)
        return; /* another key tells it whole */
    c->output = exclusive;
    c->has_output = true;
    c->likely |= APART_REASON;
}

/* Cache writes told by their life only (LangChain's `ephemeral_5m_input_tokens` beside 0). */
static enum nv_err sum_writes(struct nv_translation *t, struct nv_span_work *work,
                              struct counts *c)
{
    int64_t short_lived = 0, long_lived = 0;
    bool told = number(work, NV_FIELD_CACHE_CREATION_5M, &short_lived);
    told = number(work, NV_FIELD_CACHE_CREATION_1H, &long_lived) || told;
    if (!told || short_lived < 0 || long_lived < 0 || short_lived > COUNT_MAX ||
        long_lived > COUNT_MAX || short_lived + long_lived <= c->written)
        return NV_OK;
    enum nv_err err = NV_OK;
    if (c->written > 0)
        err = keep_told(t, work, NV_FIELD_CACHE_CREATION_TOKENS, c->written);
    if (err != NV_OK)
        return err;
    c->written = short_lived + long_lived;
    return nv_work_set(t, work, NV_FIELD_CACHE_CREATION_TOKENS, nv_value_int(c->written));
}

static enum nv_err read_counts(struct nv_translation *t, struct nv_span_work *work,
                               struct counts *c)
{
    *c = (struct counts){0};
    c->has_input = number(work, NV_FIELD_INPUT_TOKENS, &c->input);
    c->has_output = number(work, NV_FIELD_OUTPUT_TOKENS, &c->output);
    c->has_total = number(work, NV_FIELD_TOTAL_TOKENS, &c->total);
    (void)number(work, NV_FIELD_CACHE_READ_TOKENS, &c->read);
    (void)number(work, NV_FIELD_CACHE_CREATION_TOKENS, &c->written);
    (void)number(work, NV_FIELD_TOOL_PROMPT_TOKENS, &c->tools);
    (void)number(work, NV_FIELD_REASONING_TOKENS, &c->reasoning);
    enum nv_err err = sum_writes(t, work, c);
    if (err != NV_OK)
        return err;
    if (!sane(c))
        return NV_OK;
    err = read_exclusive_input(t, work, c);
    if (err != NV_OK)
        return err;
    read_exclusive_output(work, c);
    /* An output that is the total, though there was input: the rest is the output. */
    if (c->has_total && c->has_output && c->has_input && c->output == c->total &&
        c->input > 0 && c->total > c->input + c->tools && c->total <= COUNT_MAX)
        c->output = c->total - c->input - c->tools;
    return NV_OK;
}

/* ---- decision ---------------------------------------------------------------------------- */

static int64_t input_of(const struct counts *c, unsigned apart)
{
    return c->input + (apart & APART_READ ? c->read : 0) +
           (apart & APART_WRITE ? c->written : 0) + (apart & APART_TOOLS ? c->tools : 0);
}

static int64_t output_of(const struct counts *c, unsigned apart)
{
    return c->output + (apart & APART_REASON ? c->reasoning : 0);
}

/* What the counts leave out. */
static unsigned decide(const struct counts *c)
{
    for (size_t i = 0; c->has_total && c->has_input && c->has_output &&
                       i < sizeof readings / sizeof *readings;
         i++) {
        if ((readings[i] & c->sure) == c->sure &&
            input_of(c, readings[i]) + output_of(c, readings[i]) == c->total)
            return readings[i];
    }
    return c->sure | c->likely;
}

/* Parts that are more than their whole can be no part of it. */
static void see_impossible(const struct nv_span_work *work, struct counts *c)
{
    if (c->has_input && c->read + c->written > c->input && !always_inclusive(work))
        c->sure |= APART_CACHE;
    if (c->has_output && c->reasoning > c->output)
        c->sure |= APART_REASON;
}

/* An embedding has no output: its total is its input. */
static enum nv_err settle_embedding(struct nv_translation *t, struct nv_span_work *work,
                                    const struct counts *c)
{
    if (c->has_output || c->has_input == c->has_total)
        return NV_OK;
    return nv_work_set(t, work, c->has_input ? NV_FIELD_TOTAL_TOKENS : NV_FIELD_INPUT_TOKENS,
                       nv_value_int(c->has_input ? c->input : c->total));
}

/* Most spans are no calls. */
static bool tells_nothing(const struct nv_span_work *work)
{
    static const enum nv_known_field all[] = {
        NV_FIELD_INPUT_TOKENS,      NV_FIELD_OUTPUT_TOKENS,         NV_FIELD_TOTAL_TOKENS,
        NV_FIELD_CACHE_READ_TOKENS, NV_FIELD_CACHE_CREATION_TOKENS, NV_FIELD_CACHE_CREATION_5M,
        NV_FIELD_CACHE_CREATION_1H, NV_FIELD_TOOL_PROMPT_TOKENS,    NV_FIELD_REASONING_TOKENS};
    uint32_t any = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        any |= work->at[all[i]];
    return any == 0 && !work->exclusive_input.told && !work->exclusive_output.told;
}

enum nv_err nv_tokens_settle(struct nv_translation *t, struct nv_span_work *work)
{
    struct counts c;
    if (tells_nothing(work))
        return NV_OK;
    enum nv_err err = read_counts(t, work, &c);
    if (err != NV_OK)
        return err;
    if (!sane(&c)) {
        return work->exclusive_input.told
                   ? keep_told(t, work, NV_FIELD_INPUT_TOKENS, work->exclusive_input.count)
                   : NV_OK;
    }
    if (work->kind == NV_KIND_EMBEDDING)
        return settle_embedding(t, work, &c);
    see_impossible(work, &c);
    const unsigned apart = decide(&c);
    const int64_t input = input_of(&c, apart), output = output_of(&c, apart);
    if (c.has_input)
        err = replace(t, work, NV_FIELD_INPUT_TOKENS, input);
    if (err == NV_OK && c.has_output)
        err = replace(t, work, NV_FIELD_OUTPUT_TOKENS, output);
    /* Absent, or too small to hold both. */
    bool wanting = !c.has_total || c.total < input + output;
    if (err == NV_OK && c.has_input && c.has_output && wanting)
        err = replace(t, work, NV_FIELD_TOTAL_TOKENS, input + output);
    return err;
}

/* ---- two spans of one call --------------------------------------------------------------- */

static int64_t cached_of(const struct nv_span_work *work)
{
    int64_t read = 0, written = 0;
    (void)number(work, NV_FIELD_CACHE_READ_TOKENS, &read);
    (void)number(work, NV_FIELD_CACHE_CREATION_TOKENS, &written);
    bool sane_counts = read >= 0 && written >= 0 && read <= COUNT_MAX && written <= COUNT_MAX;
    return sane_counts ? read + written : 0;
}

bool nv_tokens_include(const struct nv_span_work *inclusive, const struct nv_span_work *other)
{
    int64_t whole, part;
    if (!number(inclusive, NV_FIELD_INPUT_TOKENS, &whole) ||
        !number(other, NV_FIELD_INPUT_TOKENS, &part) || part < 0 || whole <= part ||
        whole > COUNT_MAX)
        return false;
    return whole - part == cached_of(inclusive) || whole - part == cached_of(other);
}

enum nv_err nv_tokens_adopt(struct nv_translation *t, struct nv_span_work *call,
                            const struct nv_span_work *inclusive)
{
    static const enum nv_known_field cached[] = {NV_FIELD_CACHE_READ_TOKENS,
                                                 NV_FIELD_CACHE_CREATION_TOKENS};
    int64_t whole = 0, output = 0, total = 0;
    (void)number(inclusive, NV_FIELD_INPUT_TOKENS, &whole);
    enum nv_err err = replace(t, call, NV_FIELD_INPUT_TOKENS, whole);
    for (size_t i = 0; err == NV_OK && i < sizeof cached / sizeof *cached; i++) {
        const struct nv_value *told = nv_work_get(inclusive, cached[i]);
        if (told && !nv_work_get(call, cached[i]))
            err = nv_work_set(t, call, cached[i], *told);
    }
    bool wanting = number(call, NV_FIELD_OUTPUT_TOKENS, &output) && output >= 0 &&
                   output <= COUNT_MAX &&
                   (!number(call, NV_FIELD_TOTAL_TOKENS, &total) || total < whole + output);
    return err != NV_OK || !wanting ? err
                                    : replace(t, call, NV_FIELD_TOTAL_TOKENS, whole + output);
}

bool nv_tokens_exceed(const struct nv_span_work *agent, const struct nv_span_work *call)
{
    int64_t all_in, all_out, in, out;
    return number(agent, NV_FIELD_INPUT_TOKENS, &all_in) &&
           number(agent, NV_FIELD_OUTPUT_TOKENS, &all_out) &&
           number(call, NV_FIELD_INPUT_TOKENS, &in) &&
           number(call, NV_FIELD_OUTPUT_TOKENS, &out) && in >= 0 && out >= 0 && all_in >= in &&
           all_out >= out && (all_in > in || all_out > out) && all_in <= COUNT_MAX &&
           all_out <= COUNT_MAX;
}

enum nv_err nv_tokens_take(struct nv_translation *t, struct nv_span_work *call,
                           const struct nv_span_work *agent)
{
    static const enum nv_known_field all[] = {
        NV_FIELD_INPUT_TOKENS,          NV_FIELD_OUTPUT_TOKENS,
        NV_FIELD_TOTAL_TOKENS,          NV_FIELD_CACHE_READ_TOKENS,
        NV_FIELD_CACHE_CREATION_TOKENS, NV_FIELD_CACHED_INPUT_TOKENS,
        NV_FIELD_REASONING_TOKENS};
    enum nv_err err = NV_OK;
    for (size_t i = 0; err == NV_OK && i < sizeof all / sizeof *all; i++) {
        int64_t count;
        if (number(agent, all[i], &count))
            err = replace(t, call, all[i], count);
    }
    return err;
}
