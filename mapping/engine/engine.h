/*
 * What the files of this stage share while one trace is translated.
 *
 *   nv_translation ─┬─ nv_span_work[span_count]   one a span: kind, known fields, place in the tree
 *                   ├─ nv_identity                session, user, project, ... as the spans tell
 * them └─ scratch                    candidates of the span at hand, reused
 */
#ifndef NV_MAPPING_ENGINE_ENGINE_H
#define NV_MAPPING_ENGINE_ENGINE_H

#include "mapping/engine/logs.h"
#include "mapping/mapping.h"
#include "mapping/rules/rule.h"
#include "mapping/engine/transform_steps.h"
#include "mapping/engine/unflatten.h"
#include "model/key_index.h"

#define NV_NO_SPAN UINT32_MAX

struct nv_prices;

/* Facts of a span that rows ask for as for attributes: @name, @scope, @any (true of every span). */
enum nv_fact_key { NV_FACT_NAME, NV_FACT_SCOPE, NV_FACT_ANY, NV_FACT_KEYS };

/* A mapping after nv_mapping_new: constant. */
struct nv_mapping {
    struct nv_arena *arena; /* owns everything here */
    const struct nv_rules *rules;
    struct nv_rules own_rules; /* built-in and the user's, when there is a rules file */
    const struct nv_prices *prices;
    enum nv_keep_source keep_source;
    uint64_t work_per_byte; /* 0: any */
    struct nv_str project, environment, service_version, gateway_version;
    struct nv_agents *agents;
    uint16_t fact_keys[NV_FACT_KEYS]; /* their keys; UINT16_MAX: no row asks for it */
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

enum nv_source_state {
    NV_SOURCE_PLAIN,     /* goes out under its own key */
    NV_SOURCE_EXPRESSED, /* a field says all of it */
    NV_SOURCE_KEPT,      /* goes out, whatever else is said */
    NV_SOURCE_DROPPED    /* never goes out */
};

/* What is known of one source attribute of the span at hand. */
struct nv_seen {
    uint16_t key;                  /* 1 + key index, 0: unknown */
    uint16_t source_rest;          /* {*}: offset in the attribute's key */
    uint8_t state;                 /* enum nv_source_state */
    bool absent;                   /* nv_value_absent of its value */
    bool carried;                  /* came from an event or a log record, not from the attributes */
    const struct nv_value *parsed; /* its JSON, once some row has looked into it */
};

/* Conditions that ask the same of a span whichever attribute asks them, where the answer is long to
 * find (a long name, many events): asked once a span. */
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
    struct nv_seen *seen; /* per source attribute */
    uint32_t seen_capacity;
    struct nv_tree *trees;
    uint32_t tree_count, tree_capacity;
    bool output_from_tree;            /* the output messages came as single attributes */
    struct nv_signs signs;            /* of the span at hand */
    uint32_t value_at[NV_SIGNS_MAX];  /* attribute of a sign that is there, of those with a value */
    struct nv_answers *answers;       /* of conditions about the span at hand */
    struct nv_key_index sent;         /* of the span's attributes, as far as they are decided */
    struct nv_key_index tags, custom; /* of the trace's */
    struct nv_provider_memo provider_memo;
    struct nv_signs scope_signs; /* of scope_origin */
    const struct nv_origin *scope_origin;
    uint16_t *kind_rows; /* of @name, @scope and @any: those that scope_origin does not rule out */
    uint16_t kind_row_counts[NV_FACT_KEYS];
    struct nv_transform transform; /* of the span at hand */
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
    bool counts; /* no call, but nobody below tells its usage: counted and priced there */
    struct nv_str priced_model, priced_provider; /* as what, when it has stepped back */
    bool placeholder; /* a row says that it only announces its parent (placeholder.c) */
};

/* Prices that were looked up: a trace's calls mostly ask a few models. */
#define NV_PRICE_MEMOS 4
struct nv_price;
struct nv_price_memo {
    struct nv_str model, provider; /* model.ptr NULL: free */
    uint64_t slot;                 /* of the call: the half hour, NV_PRICE_SLOT_NS */
    const struct nv_price *price;
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
    uint32_t root; /* index of the root, or of the first of the topmost spans */
    struct nv_scratch scratch;
    struct nv_identity identity;
    struct nv_price_memo price_memos[NV_PRICE_MEMOS];
    unsigned next_price_memo; /* which is given up for a new one */
    struct nv_buf *report;    /* explain: where to write, or NULL */
};

/* Readies the scratch for the rules. NV_ERR_NO_MEMORY. */
enum nv_err nv_scratch_init(struct nv_translation *t) NV_MUST_USE;

/*
 * A new candidate of a rule in its field's list, behind those that go before it. `carried`: 1 when
 * an event or a log record carries the value (borrowed). The caller sets attribute, tree and rest,
 * which are NV_NO_ATTRIBUTE, 0 and empty. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_candidate_add(struct nv_translation *t, const struct nv_rule *rule, unsigned carried,
                             const struct nv_value *value, struct nv_candidate **out) NV_MUST_USE;

/* Readies the scratch for the spans of an origin: what its scope tells. */
void nv_scope_enter(struct nv_translation *t, const struct nv_origin *origin);
/* The text of a fact of a span. Borrowed. */
struct nv_str nv_fact_text(const struct nv_span_work *work, enum nv_fact_key fact);
/* Forgets what conditions said of another span, or of this one before it got more attributes. */
void nv_answers_forget(struct nv_translation *t);
/* Decides work->kind from the kind rows. Called by nv_apply_span. */
void nv_kind_decide(struct nv_translation *t, struct nv_span_work *work);
/* Do the conditions that other things than signs tell hold? nv_rule_holds asks it. */
bool nv_rule_tests_hold(const struct nv_translation *t, const struct nv_span_work *work,
                        const struct nv_rule *rule, const struct nv_value *value);
/* Do all of a rule's conditions but the kind hold for a value of the span? */
static inline bool nv_rule_holds(const struct nv_translation *t, const struct nv_span_work *work,
                                 const struct nv_rule *rule, const struct nv_value *value)
{
    const struct nv_rule_filter *filter = &rule->filter;
    uint64_t wrong = 0;
    for (unsigned word = 0; word < NV_SIGNS_MAX / 64; word++)
        wrong |= (filter->need.bits[word] & ~t->scratch.signs.bits[word]) |
                 (filter->lack.bits[word] & t->scratch.signs.bits[word]);
    return wrong == 0 &&
           (rule->test_count == rule->sign_tests || nv_rule_tests_hold(t, work, rule, value));
}

/*
 * Translates one span's source attributes into span->attributes, and what it tells of the trace
 * into t->identity. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_apply_span(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* What a resource tells of the trace. NV_ERR_NO_MEMORY. */
enum nv_err nv_apply_resource(struct nv_translation *t, const struct nv_origin *origin) NV_MUST_USE;
/* Decides every field that has candidates and writes span->attributes. NV_ERR_NO_MEMORY. */
enum nv_err nv_resolve_span(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Masks what rows drop, whatever their conditions: all that is done to a span that goes out as it
 * came. */
void nv_rest_untranslated(const struct nv_rules *rules, struct nv_span *span);
/* The end of nv_resolve_span: what goes out beside the fields. NV_ERR_NO_MEMORY. */
enum nv_err nv_rest_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Tells the trace: keeps `text` for `field` when it goes before what was told. */
void nv_identity_tell(struct nv_identity *identity, uint16_t field, struct nv_str text,
                      uint16_t precedence);

/* Decodes spans and log records, orders them and links the tree: fills t->works, t->origins and
 * t->root. Drops repeated span ids. Errors as nv_decode_span. */
enum nv_err nv_tree_build(struct nv_translation *t) NV_MUST_USE;
/* Index of the root: the first span without a parent, else the first of the topmost ones. */
uint32_t nv_tree_root(const struct nv_translation *t);
/* The spans below a span, numbered one behind the other: [first, first + size), itself the first.
 */
struct nv_branch {
    uint32_t first, size;
};

/* New in the arena: the branch of each span, so that "is it above that one?" is asked without
 * walking. Good until the tree changes. NV_ERR_NO_MEMORY. */
enum nv_err nv_tree_branches(const struct nv_translation *t, struct nv_branch **out) NV_MUST_USE;
/* Is `lower` the span of branch `upper` or below it? */
static inline bool nv_branch_holds(const struct nv_branch *upper, const struct nv_branch *lower)
{
    return lower->first - upper->first < upper->size;
}
/* Leaves out the spans that only announce a span that is here, and counts them in
 * trace->placeholder_count. At least one span stays. NV_ERR_NO_MEMORY. */
enum nv_err nv_placeholders_leave_out(struct nv_translation *t) NV_MUST_USE;
/* Leaves out the vectors of embeddings and of the spans around them. NV_ERR_NO_MEMORY. */
enum nv_err nv_vectors_leave_out(struct nv_translation *t) NV_MUST_USE;
/* Tokens and costs of each call once: repeats of a call and sums of parents are renamed. */
enum nv_err nv_usage_settle(struct nv_translation *t) NV_MUST_USE;
/* The trace's agents: agent_graph.*, agent_workflow.*, the registry. NV_ERR_NO_MEMORY. */
enum nv_err nv_agents_settle(struct nv_translation *t) NV_MUST_USE;
/* Cost of one span's call, told or computed. NV_ERR_NO_MEMORY. */
enum nv_err nv_cost_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Status, status message and exception of a span from its status, events and attributes. */
enum nv_err nv_outcome_settle(struct nv_translation *t, struct nv_span_work *work) NV_MUST_USE;
/* Project, environment, session, name, status, times, attributes of the trace itself. */
enum nv_err nv_trace_settle(struct nv_translation *t) NV_MUST_USE;

/* What a linked part says of the others: id, name, session, user, links. NV_ERR_NO_MEMORY. */
enum nv_err nv_part_settle(struct nv_translation *t) NV_MUST_USE;

/* The value of a known field of a span, or NULL. Borrowed, mutable until the list grows. */
struct nv_value *nv_work_get(const struct nv_span_work *work, enum nv_known_field field);
/* Sets a known field (replaces or appends). NV_ERR_NO_MEMORY. */
enum nv_err nv_work_set(struct nv_translation *t, struct nv_span_work *work,
                        enum nv_known_field field, struct nv_value value) NV_MUST_USE;
/* Gives a known field another name, so that it no longer counts as the field. */
void nv_work_rename(struct nv_span_work *work, enum nv_known_field field, struct nv_str name);

/* ---- identity.c --------------------------------------------------------------------------- */

/* A span id and what it leads to; slots of an open-addressing table. */
struct nv_id_slot {
    uint64_t id;
    uint32_t index; /* 1 + index, 0: free */
};
struct nv_ids {
    struct nv_id_slot *slots;
    uint32_t mask;
};

/* Readies a table for `count` ids and those that are derived from them. NV_ERR_NO_MEMORY. */
enum nv_err nv_ids_init(struct nv_ids *ids, struct nv_arena *arena, uint32_t count);
/* The slot of `id`, or the free one where it belongs. */
struct nv_id_slot *nv_ids_find(const struct nv_ids *ids, uint64_t id);
/* The 8 bytes as a number. */
uint64_t nv_id_number(const uint8_t bytes[NV_SPAN_ID_BYTES]);
/*
 * Enters the span at works[t->work_count], which `t->work_count` does not count yet. True: it is a
 * span of its own, or the other side of a call with the same id. False: it was one sent again, and
 * what is known of it is the better of the two.
 */
bool nv_identity_enter(struct nv_translation *t, const struct nv_ids *ids);
/* Gives the served side of each shared id an id of its own, below the caller. NO_MEMORY. */
enum nv_err nv_identity_separate(struct nv_translation *t, const struct nv_ids *ids);
/* Finds the parent of works[child], which names one: sets `parent`, and the id by which that goes
 * now. A span that names itself has none. NV_ERR_NO_MEMORY. */
enum nv_err nv_identity_link(struct nv_translation *t, const struct nv_ids *ids, uint32_t child);
/* Which span a log record of `origin` means by an id; NV_NO_SPAN: none here. */
uint32_t nv_identity_of_log(const struct nv_translation *t, const struct nv_ids *ids, uint64_t id,
                            const struct nv_origin *origin);

/* ---- times.c ------------------------------------------------------------------------------ */

/* Puts times in the place of those that are missing; parents and depths are known. */
void nv_times_mend(struct nv_translation *t);
/* Says so in the span's attributes. NV_ERR_NO_MEMORY, NV_ERR_LIMIT. */
enum nv_err nv_times_tell(struct nv_translation *t, struct nv_span_work *work);

#endif
