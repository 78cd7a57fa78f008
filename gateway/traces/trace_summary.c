/*
 * A trace's row, read from its JSON in one walk over the spans.
 *
 *   parse ▸ notes of the spans, by id ▸ walk: kind, model, agent, numbers, question, answer
 *
 * What a span costs is told by the same function as the terminal's (gateway/view/), so that the
 * page and the terminal agree. A model call counts for the agent that it names, else for the
 * nearest one above it. Numbers stand at the span that made them and nowhere twice: sums of
 * parents have keys of their own.
 *
 * Why read back what was just encoded: the row is made of the bytes that go out, so the page
 * shows what the backend gets, also of a trace that was translated by an older version and is
 * read from the disk. One parse a trace is far less than its translation was.
 *
 *   unknown is -1 in numbers of a row, empty in its texts: a trace that tells no tokens is not a
 *   trace of 0 tokens, and the page leaves the cell empty
 */
#include "gateway/traces/trace_summary.h"

#include "base/json/json_read.h"
#include "base/tables/index.h"
#include "base/text/iso_time.h"
#include "base/text/utf8.h"
#include "gateway/traces/summary_text.h"
#include "gateway/view/conversation.h"
#include "gateway/view/terminal_facts.h"

#include <assert.h>

#include "base/banned.h"

/* A chain of parents is followed so far: longer ones are circles, or nobody's. */
#define ANCESTORS_MAX 200u
/* Of an edge: what is told beyond it is nobody's count. */
#define COUNT_MAX 1000000u

struct span_note {
    struct nv_str id, parent, agent;
    const struct nv_value *value;
    struct nv_attributes attributes;
};

struct walk {
    struct nv_trace_summary *out;
    struct span_note *notes;
    uint32_t count;
    struct nv_index by_id;
    struct nv_texts *texts;
    struct nv_conversation talk;
    struct nv_arena *arena;
};

struct nv_str nv_mention_name(enum nv_mention_kind kind)
{
#define MENTION_NAME(id, name) [id] = NV_STR_INIT(name),
    static const struct nv_str names[NV_MENTION_COUNT] = {NV_MENTION_TABLE(MENTION_NAME)};
#undef MENTION_NAME
    assert((unsigned)kind < NV_MENTION_COUNT);
    return names[kind];
}

/* ---- members ----------------------------------------------------------------------------- */

static struct nv_str text_of(const struct nv_value *map, const char *key)
{
    const struct nv_value *value = nv_map_get(map, nv_str_from(key));
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* JSON has one kind of number: 12.0 may come back as an integer. */
static double number_of(const struct nv_value *value, double otherwise)
{
    if (value && value->type == NV_VALUE_DOUBLE)
        return value->as.number;
    return value && value->type == NV_VALUE_INT ? (double)value->as.integer : otherwise;
}

static struct nv_str attribute_text(const struct span_note *note, const char *key)
{
    const struct nv_value *value = nv_attributes_get(&note->attributes, nv_str_from(key));
    return value && value->type == NV_VALUE_STRING ? value->as.string : NV_STR("");
}

/* Cut between characters, since half of one would make the row's text invalid UTF-8. */
static struct nv_str shortened(struct nv_str text)
{
    text = nv_str_trim(text);
    return nv_str_slice(text, 0, nv_utf8_cut(text, NV_SUMMARY_TEXT_MAX));
}

static bool is_error(const struct nv_value *span)
{
    struct nv_str status = text_of(span, "status");
    return nv_str_eq(status, NV_STR("error")) || nv_str_eq(status, NV_STR("timeout"));
}

/* ---- mentions ---------------------------------------------------------------------------- */

/* By a walk: NV_MENTIONS_OF_KIND_MAX is small, and a trace names a handful of models, agents
 * and tools. What is named beyond it is missing in filters, never in the trace. */
static struct nv_mention *mention(struct nv_trace_summary *out, enum nv_mention_kind kind,
                                  struct nv_str name)
{
    if (name.len == 0)
        return NULL;
    for (uint32_t i = 0; i < out->mention_count; i++) {
        if (out->mentions[i].kind == kind && nv_str_eq(out->mentions[i].name, name))
            return &out->mentions[i];
    }
    if (out->mentions_of[kind] == NV_MENTIONS_OF_KIND_MAX)
        return NULL;
    out->mentions_of[kind]++;
    struct nv_mention *one = &out->mentions[out->mention_count++];
    *one = (struct nv_mention){
        .kind = kind, .name = name, .input_tokens = -1, .output_tokens = -1, .cost = -1.0};
    return one;
}

/* The first known value turns -1 into a sum. Counts are a client's and may be anything: they
 * stop at the largest number rather than wrap into a negative one, which would read as
 * unknown. */
static void add_known(int64_t *sum, int64_t value)
{
    int64_t total = 0;
    if (value < 0)
        return;
    if (__builtin_add_overflow(*sum < 0 ? 0 : *sum, value, &total))
        total = INT64_MAX;
    *sum = total;
}

static void add_facts(struct nv_mention *one, const struct nv_span_facts *facts,
                      const struct nv_value *span)
{
    if (!one)
        return;
    one->calls++;
    one->errors += is_error(span);
    one->duration_ms += number_of(nv_map_get(span, NV_STR("duration_ms")), 0.0);
    add_known(&one->input_tokens, facts->input_tokens);
    add_known(&one->output_tokens, facts->output_tokens);
    if (facts->cost >= 0.0)
        one->cost = (one->cost > 0.0 ? one->cost : 0.0) + facts->cost;
}

/* ---- spans by id ------------------------------------------------------------------------- */

static bool has_id(const void *item, const void *key)
{
    const struct span_note *note = item;
    const struct nv_str *id = key;
    return nv_str_eq(note->id, *id);
}

static const struct span_note *parent_of(const struct walk *walk, const struct span_note *note)
{
    if (note->parent.len == 0)
        return NULL;
    return nv_index_find(&walk->by_id, nv_str_hash(note->parent), has_id, &note->parent);
}

static enum nv_err note_spans(struct walk *walk, const struct nv_array *spans)
{
    for (uint32_t i = 0; i < spans->count; i++) {
        const struct nv_value *span = &spans->items[i];
        struct span_note *note = &walk->notes[walk->count];
        if (span->type != NV_VALUE_MAP)
            continue;
        const struct nv_value *attributes = nv_map_get(span, NV_STR("attributes"));
        *note = (struct span_note){.id = text_of(span, "span_id"),
                                   .parent = text_of(span, "parent_span_id"),
                                   .value = span};
        if (attributes && attributes->type == NV_VALUE_MAP) {
            note->attributes = (struct nv_attributes){.items = attributes->as.map.items,
                                                      .count = attributes->as.map.count};
        }
        note->agent = attribute_text(note, "agent.name");
        walk->count++;
        uint64_t hash = nv_str_hash(note->id);
        /* two spans of one id: both have rows, the first is whose children they are */
        if (nv_index_find(&walk->by_id, hash, has_id, &note->id))
            continue;
        enum nv_err err = nv_index_add(&walk->by_id, hash, note);
        if (err != NV_OK)
            return err;
    }
    return NV_OK;
}

/* A call made by a tool of an agent is the agent's, though only the span above the tool names
 * it. */
static struct nv_str agent_of(const struct walk *walk, const struct span_note *note)
{
    for (unsigned i = 0; note && i < ANCESTORS_MAX; i++) {
        if (note->agent.len > 0)
            return note->agent;
        note = parent_of(walk, note);
    }
    return NV_STR("");
}

/* ---- the walk ---------------------------------------------------------------------------- */

/* The first question and the last answer: what the trace was asked, and what came of it. Calls
 * in between talk to tools and to themselves. */
static void look_at_call(struct walk *walk, const struct span_note *note)
{
    struct nv_trace_summary *out = walk->out;
    double first = number_of(
        nv_attributes_get(&note->attributes, NV_STR("llm.time_to_first_token_ms")), -1.0);
    if (out->first_token_ms < 0.0)
        out->first_token_ms = first;
    nv_conversation_add(&walk->talk, walk->arena, &note->attributes);
}

static void add_numbers(struct nv_trace_summary *out, const struct nv_span_facts *facts)
{
    add_known(&out->input_tokens, facts->input_tokens);
    add_known(&out->output_tokens, facts->output_tokens);
    if (facts->cost >= 0.0)
        out->cost = (out->cost > 0.0 ? out->cost : 0.0) + facts->cost;
}

/* Who called whom, of the graph that translation has put on the root. */
static void mention_edges(struct walk *walk, const struct span_note *note)
{
    const struct nv_value *edges =
        nv_attributes_get(&note->attributes, NV_STR("agent_graph.connections"));
    const uint32_t count = edges && edges->type == NV_VALUE_ARRAY ? edges->as.array.count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct nv_value *edge = &edges->as.array.items[i];
        if (edge->type != NV_VALUE_MAP)
            continue;
        struct nv_mention *one =
            mention(walk->out, NV_MENTION_EDGE,
                    nv_summary_edge_name(walk->arena, text_of(edge, "from"),
                                         text_of(edge, "to"), text_of(edge, "type")));
        double times = number_of(nv_map_get(edge, NV_STR("count")), 1.0);
        if (one)
            one->calls += times >= 1.0 && times <= (double)COUNT_MAX ? (uint32_t)times : 1;
    }
}

static void look_at_span(struct walk *walk, const struct span_note *note)
{
    struct nv_trace_summary *out = walk->out;
    const struct nv_span span = {.attributes = note->attributes};
    struct nv_span_facts facts;
    nv_span_facts_read(&span, &facts);
    struct nv_str kind = nv_str_from(facts.kind);
    /* the kind of a trace is that of its root, which tells an agent's run from a lone call */
    if (note->parent.len == 0 && out->kind.len == 0)
        out->kind = kind;
    add_numbers(out, &facts);
    add_facts(mention(out, NV_MENTION_MODEL, facts.model), &facts, note->value);
    add_facts(mention(out, NV_MENTION_AGENT, agent_of(walk, note)), &facts, note->value);
    add_facts(mention(out, NV_MENTION_TOOL, attribute_text(note, "tool.name")), &facts,
              note->value);
    mention_edges(walk, note);
    if (nv_str_eq(kind, NV_STR("llm")))
        look_at_call(walk, note);
    if (out->model.len == 0)
        out->model = facts.model;
}

/* What literal search looks through: everything that a person could have seen on the page of
 * the trace. Keys are not in it, or each search for "input" would find all. */
static void collect_texts(struct walk *walk, const struct span_note *note)
{
    static const char *const members[] = {"events", "exception"};
    nv_texts_add(walk->texts, text_of(note->value, "name"));
    nv_texts_add(walk->texts, text_of(note->value, "status_message"));
    for (uint32_t i = 0; i < note->attributes.count; i++)
        nv_texts_add_value(walk->texts, &note->attributes.items[i].value);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct nv_value *member = nv_map_get(note->value, nv_str_from(members[i]));
        if (member)
            nv_texts_add_value(walk->texts, member);
    }
}

static void walk_spans(struct walk *walk)
{
    for (uint32_t i = 0; i < walk->count; i++) {
        look_at_span(walk, &walk->notes[i]);
        collect_texts(walk, &walk->notes[i]);
    }
    if (walk->count > 0)
        nv_conversation_end(&walk->talk, walk->arena, &walk->notes[0].attributes);
    walk->out->question = shortened(walk->talk.question);
    walk->out->answer = shortened(walk->talk.answer);
}

/* ---- the trace --------------------------------------------------------------------------- */

/* The exporter has summed spans and errors for the trace already; they are taken, not counted
 * again, so that the list and the backend agree. */
static void read_head(const struct nv_value *trace, struct nv_trace_summary *out)
{
    const struct nv_value *metadata = nv_map_get(trace, NV_STR("metadata"));
    const struct nv_value *otel = nv_map_get(trace, NV_STR("otel"));
    const struct nv_value *resource = NULL;
    uint64_t start_ns = 0;
    (void)nv_iso_time_parse(text_of(trace, "start_time"), &start_ns);
    out->start_us = (int64_t)(start_ns / 1000);
    out->duration_ms = number_of(nv_map_get(trace, NV_STR("duration_ms")), 0.0);
    out->trace_id = text_of(trace, "trace_id");
    out->name = text_of(trace, "name");
    out->status = text_of(trace, "status");
    out->status_message = text_of(trace, "status_message");
    out->span_count = (uint32_t)number_of(nv_map_get(trace, NV_STR("span_count")), 0.0);
    out->error_count = (uint32_t)number_of(nv_map_get(trace, NV_STR("error_count")), 0.0);
    if (metadata && metadata->type == NV_VALUE_MAP) {
        out->session = text_of(metadata, "session_id");
        out->user = text_of(metadata, "user_id");
    }
    if (otel && otel->type == NV_VALUE_MAP) {
        out->source_id = text_of(otel, "trace_id");
        resource = nv_map_get(otel, NV_STR("resource"));
    }
    if (resource && resource->type == NV_VALUE_MAP)
        out->service = text_of(resource, "service.name");
}

/* What a trace has one of (a session, a user) gets the numbers of the whole trace. */
static void mention_once(struct nv_trace_summary *out, enum nv_mention_kind kind,
                         struct nv_str name)
{
    struct nv_mention *one = mention(out, kind, name);
    if (!one)
        return;
    one->calls = 1;
    one->errors = out->error_count > 0;
    one->input_tokens = out->input_tokens;
    one->output_tokens = out->output_tokens;
    one->cost = out->cost;
    one->duration_ms = out->duration_ms;
}

static void mention_trace(const struct nv_value *trace, struct nv_trace_summary *out)
{
    if (out->kind.len == 0)
        out->kind = NV_STR("span");
    mention_once(out, NV_MENTION_SERVICE, out->service);
    mention_once(out, NV_MENTION_SESSION, out->session);
    mention_once(out, NV_MENTION_USER, out->user);
    mention_once(out, NV_MENTION_PROJECT, text_of(trace, "project"));
    mention_once(out, NV_MENTION_ENVIRONMENT, text_of(trace, "environment"));
    mention_once(out, NV_MENTION_STATUS, out->error_count > 0 ? NV_STR("error") : out->status);
    mention_once(out, NV_MENTION_KIND, out->kind);
}

/* ---- conventions ------------------------------------------------------------------------- */

/* ["won","gen_ai.request.model","otel_genai.rules:40"], behind its bracket: the file's name
 * without its end. Other elements name none. */
static struct nv_str convention_of(struct nv_json_reader *reader)
{
    struct nv_str texts[3] = {{NULL, 0}};
    unsigned count = 0;
    for (enum nv_json_token token = nv_json_next(reader); token == NV_JSON_STRING;
         token = nv_json_next(reader)) {
        if (count < 3)
            texts[count++] = reader->raw;
    }
    bool counts = count == 3 &&
                  (nv_str_eq(texts[0], NV_STR("won")) || nv_str_eq(texts[0], NV_STR("took")));
    size_t end = nv_str_find(texts[2], NV_STR(".rules:"));
    return counts && end != SIZE_MAX ? nv_str_slice(texts[2], 0, end) : NV_STR("");
}

void nv_trace_summary_explain(struct nv_trace_summary *out, struct nv_str explained)
{
    struct nv_json_reader reader;
    out->explained = explained;
    nv_json_read_init(&reader, explained, 2);
    if (nv_json_next(&reader) != NV_JSON_ARRAY_BEGIN)
        return;
    while (nv_json_next(&reader) == NV_JSON_ARRAY_BEGIN) {
        struct nv_mention *one = mention(out, NV_MENTION_CONVENTION, convention_of(&reader));
        if (one)
            one->calls++;
    }
}

enum nv_err nv_trace_summary_read(struct nv_arena *arena, struct nv_str json,
                                  struct nv_trace_summary *out, struct nv_buf *text)
{
    struct nv_value trace;
    struct walk walk = {.out = out, .arena = arena};
    *out = (struct nv_trace_summary){
        .input_tokens = -1, .output_tokens = -1, .cost = -1.0, .first_token_ms = -1.0};
    enum nv_err err = nv_value_from_json(arena, json, NULL, &trace);
    if (err != NV_OK || trace.type != NV_VALUE_MAP)
        return err != NV_OK ? err : NV_ERR_MALFORMED;
    const struct nv_value *spans = nv_map_get(&trace, NV_STR("spans"));
    uint32_t count = spans && spans->type == NV_VALUE_ARRAY ? spans->as.array.count : 0;
    read_head(&trace, out);
    /* one more than none, since an array of nothing is NULL, which reads as out of memory */
    walk.notes = nv_arena_array(arena, count + 1u, sizeof *walk.notes);
    walk.texts = nv_arena_alloc(arena, sizeof *walk.texts);
    if (!walk.notes || !walk.texts)
        return NV_ERR_NO_MEMORY;
    walk.texts->out = text;
    nv_texts_add(walk.texts, out->name);
    nv_index_init(&walk.by_id);
    if (count > 0)
        err = note_spans(&walk, &spans->as.array);
    if (err == NV_OK) {
        walk_spans(&walk);
        mention_trace(&trace, out);
    }
    nv_index_release(&walk.by_id);
    return err;
}
