/*
 * What is known of a trace while it is translated: the store that the engine and settle share.
 *
 *   nv_translation ─┬─ nv_mapping         constant, of the program: rules, prices, defaults
 *                   ├─ nv_span_work[]     one a span: source, kind, known fields, place in the tree
 *                   ├─ nv_identity        session, user, project, ... as the spans tell them
 *                   └─ nv_scratch         candidates of the span at hand, reused from span to span
 *
 * One thread at a time has a translation; everything lives in its arena and goes with it.
 */
#ifndef NV_MAPPING_ENGINE_WORK_H
#define NV_MAPPING_ENGINE_WORK_H

#include "mapping/prices/price.h"
#include "mapping/content/evaluations.h"
#include "mapping/engine/logs.h"
#include "mapping/engine/transform.h"
#include "mapping/engine/unflatten.h"
#include "mapping/rules/rule.h"
#include "model/key_index.h"
#include "model/trace.h"

#define NV_NO_SPAN UINT32_MAX

struct nv_prices;       /* mapping/prices/price.h */
struct nv_layout_pool;  /* mapping/engine/layout.h */
struct nv_layout_table; /* there */
struct nv_agents;       /* mapping/settle/agents.h */

/* Facts of a span that rows ask for as for attributes: @name, @scope, @any (true of every
 * span). */
enum nv_fact_key { NV_FACT_NAME, NV_FACT_SCOPE, NV_FACT_ANY, NV_FACT_KEYS };

/* The rows of a fact that spans of one kind may have: numbers within its key's. */
struct nv_fact_rows {
    const uint16_t *at;
    uint32_t count;
};

/* A mapping after nv_mapping_new: constant. */
struct nv_mapping {
    struct nv_arena *arena; /* owns everything here */
    const struct nv_rules *rules;
    struct nv_rules own_rules; /* built-in and the user's, when there is a rules file */
    const struct nv_prices *prices;
    bool keep_all;          /* source attributes go out under their own key, too */
    bool explain;           /* traces say where their values come from */
    bool ai_only;           /* spans that are no part of the AI work are left out */
    uint64_t work_per_byte; /* 0: any */
    struct nv_str project, environment, service_version, gateway_version;
    struct nv_agents *agents;
    struct nv_layout_pool *layouts;   /* not constant: what threads remember of spans */
    uint16_t fact_keys[NV_FACT_KEYS]; /* their keys; UINT16_MAX: no row asks for it */
    struct nv_fact_rows fact_rows[NV_FACT_KEYS][NV_KIND_COUNT];
};

/* A fact about the trace, with the precedence of the row that told it. */
struct nv_fact {
    struct nv_str text; /* ptr NULL: not told */
    uint16_t precedence;
};

struct nv_identity {
    struct nv_fact session, user, request, project, environment, service_version, name;
};

#define NV_NO_ATTRIBUTE UINT32_MAX

/* One candidate for a field. */
struct nv_candidate {
    const struct nv_rule *rule;
    uint32_t attribute;           /* index into the work's source, NV_NO_ATTRIBUTE: derived */
    uint32_t next;                /* 1 + index of the next in the field's list, by precedence */
    uint16_t tree;                /* 1 + index of the tree, 0 for none */
    uint16_t order;               /* precedence with what carries the value */
    struct nv_str rest;           /* {*}: what it stands for */
    const struct nv_value *value; /* the value before the row's steps */
};

/* The end of a field's list of candidates; means something only when the list has a head. */
struct nv_list_end {
    uint32_t tail; /* 1 + last candidate */
    bool unsorted; /* not by precedence: to be sorted before it is read */
};

/* Keys of one prefix that are put together again for one rule. */
struct nv_tree {
    struct nv_unflatten builder;
    const struct nv_rule *rule;
    struct nv_value value;
};

enum nv_seen_state {
    NV_SEEN_PLAIN,     /* goes out under its own key */
    NV_SEEN_EXPRESSED, /* a field says all of it */
    NV_SEEN_KEPT,      /* goes out, whatever else is said */
    NV_SEEN_DROPPED    /* never goes out */
};

/* What is known of one source attribute of the span at hand. */
struct nv_seen {
    uint16_t key;          /* 1 + key index, 0: unknown */
    uint16_t source_rest;  /* {*}: offset in the attribute's key */
    uint8_t state;         /* enum nv_seen_state */
    bool absent;           /* nv_value_absent of its value */
    bool carried : 1;      /* came from an event or a log record, not from the attributes */
    bool parsed_exact : 1; /* of `parsed`: it was JSON, not the repr or the quotes around it */
    uint8_t name;          /* NV_NAME_KNOWN and others (engine.h); 0: nothing is known */
    const struct nv_value *parsed; /* its JSON, once some row has looked into it */
};

/* Conditions that ask the same of a span whichever attribute asks them, where the answer is
 * long to find (a long name, many events): asked once a span. */
struct nv_answers {
    bool any;    /* one is not NV_UNASKED */
    uint8_t *of; /* per test of the rules; NULL: none was asked for in this trace */
};
enum { NV_UNASKED, NV_ANSWER_NO, NV_ANSWER_YES };

struct nv_scratch {
    struct nv_candidate *candidates;
    uint32_t candidate_count, candidate_capacity;
    uint32_t *heads;          /* per field: 1 + first candidate */
    struct nv_list_end *ends; /* per field */
    uint16_t *touched;        /* fields with candidates, in order, but for */
    uint16_t *deriving;       /* those that others derive from: decided first */
    uint32_t touched_count, deriving_count;
    uint32_t later, later_end; /* 1 + first and last candidate of those of {*} fields that wait
                                  for the field of their name */
    struct nv_seen *seen;      /* per source attribute */
    uint32_t *telling;         /* attributes whose rows may tell the kind, in order */
    uint32_t seen_capacity, telling_count;
    struct nv_tree *trees;
    uint32_t tree_count, tree_capacity;
    bool
        in_tree; /* a row of the span at hand puts its attribute in a tree, if it has a value */
    bool output_from_tree; /* the output messages came as single attributes */
    struct nv_signs signs; /* of the span at hand */
    /* attribute of a sign that is there, of those with a value */
    uint32_t value_at[NV_SIGNS_MAX];
    struct nv_answers *answers;       /* of conditions about the span at hand */
    struct nv_key_index sent;         /* of the span's attributes, as far as they are decided */
    struct nv_key_bits taken;         /* bits of what the span sends under its own keys */
    struct nv_key_index tags, custom; /* of the trace's */
    struct nv_provider_memo provider_memo;
    struct nv_said_messages *said; /* by the trace's messages so far; NULL: nothing */
    struct nv_signs scope_signs;   /* of scope_origin */
    const struct nv_origin *scope_origin;
    /* of @name, @scope and @any: those that kind_rows_origin does not rule out */
    const struct nv_origin *kind_rows_origin; /* scope_origin, or NULL: not looked for yet */
    uint16_t *kind_rows;
    uint16_t kind_row_counts[NV_FACT_KEYS];
    struct nv_transform transform;  /* of the span at hand */
    const struct nv_value *failure; /* what it says instead of an answer; NULL: nothing */
};

/* A count that is evidence only, and no attribute of the span. */
struct nv_told_count {
    int64_t count;
    bool told;
};

/* What had to be made up of a span's times (mapping/settle/times.c). */
enum nv_time_mark { NV_TIME_AS_SENT, NV_TIME_MISSING, NV_TIME_BEFORE_START };

struct nv_span_work {
    struct nv_span *span; /* in the trace; its attributes are the translated ones */
    struct nv_attributes source;
    uint32_t own_count; /* source attributes of the span itself; carried ones follow */
    enum nv_kind kind;
    uint16_t kind_rank;          /* of the row that decided it; UINT16_MAX: none */
    uint32_t at[NV_FIELD_KNOWN]; /* 1 + index of a known field in span->attributes */
    uint32_t group;
    uint32_t parent;       /* NV_NO_SPAN: none here */
    uint32_t depth;        /* below the topmost span of its branch */
    uint32_t twin;         /* the other side of a call with the same id; NV_NO_SPAN: none */
    uint32_t source_bytes; /* length of the span as it came */
    enum nv_time_mark start_mark, end_mark;
    const struct nv_log *logs;
    uint32_t log_count;
    struct nv_told_count exclusive_input;  /* without cached tokens */
    struct nv_told_count exclusive_output; /* without reasoning */
    bool last_step; /* a row says that a call of several steps tells the last one's usage */
    bool counts;    /* no call, but nobody below tells its usage: counted and priced there */
    struct nv_str priced_model, priced_provider; /* as what, when it has stepped back */
    struct nv_failure answer; /* does the model's answer say that it failed? */
    struct nv_evaluations evaluations;
    bool fails_if_unset;           /* a row says that it failed, which OTLP's OK goes before */
    uint32_t rest_first, rest_end; /* in span->attributes: what goes out under its own key */
    bool may_repeat;               /* a name may stand twice: looked at when all is done */
    /* rows say that it only announces its parent, that it does not go out (left_out.c) */
    bool placeholder, left_out;
};

/* Prices that were looked up: a trace's calls mostly ask a few models. */
#define NV_PRICE_MEMOS 4
struct nv_price_memo {
    struct nv_str model, provider; /* model.ptr NULL: free */
    uint64_t slot;                 /* of the call: the half hour, NV_PRICE_SLOT_NS */
    bool found;
    struct nv_price price;
};

struct nv_translation {
    const struct nv_mapping *mapping;
    const struct nv_rules *rules;
    struct nv_raw_trace *raw;
    struct nv_arena *arena;
    struct nv_trace *trace;
    struct nv_origin *origins; /* one a group */
    struct nv_span_work *works;
    uint32_t work_count;
    uint32_t root;         /* index of the root, or of the first of the topmost spans */
    uint32_t kinds;        /* NV_KIND_BIT of all kinds that its spans had at first */
    struct nv_log *strays; /* log records that name no span that is here */
    uint32_t stray_count;
    struct nv_scratch scratch;
    struct nv_identity identity;
    struct nv_price_memo price_memos[NV_PRICE_MEMOS];
    unsigned next_price_memo;        /* which is given up for a new one */
    struct nv_layout_table *layouts; /* what this thread remembers of spans; NULL: nothing */
    struct nv_buf *report;           /* explain: where to write, or NULL */
    bool report_json;                /* as JSON (report.h), not for a terminal */
};

/* Readies the scratch for the rules. NV_ERR_NO_MEMORY. */
enum nv_err nv_scratch_init(struct nv_translation *t) NV_MUST_USE;

/* ---- candidates -------------------------------------------------------------------------- */

/* Candidates of a field among which one looks for its place as it comes: lists are mostly of
 * one to four, and a client may make one of thousands. */
#define NV_LIST_LOOKS 16u

/* Puts candidate `number` into its field's list: behind all of the same or a smaller order.
 * Looks for its place among the first few only; in a longer list it goes to the end, and the
 * list is sorted when the field is decided (mapping/engine/resolve.c). */
static inline void nv_candidate_link(struct nv_scratch *scratch, uint16_t field,
                                     uint32_t number)
{
    struct nv_candidate *candidate = &scratch->candidates[number - 1];
    struct nv_list_end *end = &scratch->ends[field];
    uint32_t *link = &scratch->heads[field];
    unsigned looks = 0;
    while (*link != 0 && scratch->candidates[*link - 1].order <= candidate->order &&
           looks++ < NV_LIST_LOOKS)
        link = &scratch->candidates[*link - 1].next;
    if (looks > NV_LIST_LOOKS) {
        struct nv_candidate *last = &scratch->candidates[end->tail - 1];
        end->unsorted = end->unsorted || last->order > candidate->order;
        link = &last->next;
    }
    candidate->next = *link;
    *link = number;
    if (candidate->next == 0)
        end->tail = number;
}

/* Room for one candidate more. NV_ERR_NO_MEMORY. */
enum nv_err nv_candidates_grow(struct nv_translation *t) NV_MUST_USE;

/*
 * A new candidate of a rule in its field's list, behind those that go before it. `carried`: 1
 * when an event or a log record carries the value (borrowed). The caller sets attribute, tree
 * and rest, which are NV_NO_ATTRIBUTE, 0 and empty. NV_ERR_NO_MEMORY. Inline, for it runs once
 * an attribute. Written member by member: a copy of what was just written waits for the writes.
 */
NV_MUST_USE static inline enum nv_err
nv_candidate_add(struct nv_translation *t, const struct nv_rule *rule, unsigned carried,
                 const struct nv_value *value, struct nv_candidate **out)
{
    struct nv_scratch *scratch = &t->scratch;
    *out = NULL;
    if (scratch->candidate_count == scratch->candidate_capacity) {
        enum nv_err err = nv_candidates_grow(t);
        if (err != NV_OK)
            return err;
    }
    if (scratch->heads[rule->field] == 0) {
        scratch->ends[rule->field].unsorted = false;
        if (t->rules->fields[rule->field].key != 0)
            scratch->deriving[scratch->deriving_count++] = rule->field;
        else
            scratch->touched[scratch->touched_count++] = rule->field;
    }
    struct nv_candidate *candidate = &scratch->candidates[scratch->candidate_count++];
    candidate->rule = rule;
    candidate->attribute = NV_NO_ATTRIBUTE;
    candidate->tree = 0;
    candidate->order = (uint16_t)(rule->order + carried);
    candidate->rest.ptr = NULL;
    candidate->rest.len = 0;
    candidate->value = value;
    nv_candidate_link(scratch, rule->field, scratch->candidate_count);
    *out = candidate;
    return NV_OK;
}

/* ---- fields ------------------------------------------------------------------------------ */

/* Tells the trace: keeps `text` (borrowed, of its arena) for `field` when it goes before what
 * was told. */
void nv_identity_tell(struct nv_identity *identity, uint16_t field, struct nv_str text,
                      uint16_t precedence);

/* The value of a known field of a span, or NULL. Borrowed, mutable until the list grows. */
struct nv_value *nv_work_get(const struct nv_span_work *work, enum nv_known_field field);
/* Sets a known field (replaces or appends). NV_ERR_NO_MEMORY. */
enum nv_err nv_work_set(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_value value) NV_MUST_USE;
/* Renames all attributes of a span that start with `prefix` to `before` and their name: they no
 * longer count as fields. NV_ERR_NO_MEMORY. */
enum nv_err nv_work_move(struct nv_translation *t, struct nv_span_work *work,
                         struct nv_str prefix, struct nv_str before) NV_MUST_USE;
/* Gives a known field another name, so that it no longer counts as the field. */
void nv_work_rename(struct nv_span_work *work, enum nv_known_field field, struct nv_str name);

#endif
