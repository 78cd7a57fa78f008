/*
 * Layouts as they lie in their table: for mapping/engine/layout.c and layout_table.c alone.
 *
 *   table ─▶ bucket ─▶ nv_layout ─▶ nv_layout_kind ─▶ nv_plan
 *            (hash)    next ...    next ...         next ...     all in the table's arena
 */
#ifndef NV_MAPPING_ENGINE_LAYOUT_TABLE_H
#define NV_MAPPING_ENGINE_LAYOUT_TABLE_H

#include "base/known.h"
#include "mapping/engine/layout.h"

#define NV_LAYOUT_BUCKETS 256u

/* A row whose signs hold for all spans of the layout. */
struct nv_layout_row {
    const struct nv_rule *rule;
    uint16_t at; /* attribute, or NV_LAYOUT_FACT and the fact */
};
#define NV_LAYOUT_FACT NV_LAYOUT_ATTRIBUTES_MAX
#define NV_LAYOUT_ROWS 64u

/* Which rows a text lets hold. */
struct nv_layout_answer {
    struct nv_known_text text;
    uint64_t holds;
};

/* A text that rows ask for, with what it was lately. */
#define NV_LAYOUT_ANSWERS 4u
struct nv_layout_source {
    uint64_t rows; /* those that ask for nothing else */
    uint16_t at;   /* as of a row */
    uint8_t next;  /* which answer is given up for a new one */
    struct nv_layout_answer known[NV_LAYOUT_ANSWERS];
};

/* Rows to be asked for each span, a bit each, the first lowest. */
struct nv_layout_asking {
    const struct nv_layout_row *rows;
    struct nv_layout_source *sources;
    uint32_t row_count, source_count;
    uint64_t settled; /* hold for all spans */
    uint64_t others;  /* ask for more than one text: asked one by one */
};

/* Where the value of a sign is found. */
struct nv_layout_value {
    uint16_t sign, at;
};

/* A field of a plan, with its list of candidates. */
struct nv_plan_field {
    uint32_t head, tail; /* 1 + candidate */
    uint16_t field;
    bool unsorted;
};

struct nv_plan {
    struct nv_plan *next;
    uint64_t answers; /* of the rows that ask, a bit each, the first lowest */
    uint64_t rows;    /* looked at without it, for the meter */
    /* rest.len: 1, the value stands for a name; without an attribute: which fact */
    const struct nv_candidate *candidates;
    const struct nv_plan_field *fields; /* those that derive, then the others, in order */
    const struct nv_seen *seen;
    uint32_t candidate_count, deriving_count, touched_count;
    bool facts; /* some candidate's value is a fact */
};

/* What the layout is for spans of one kind. */
struct nv_layout_kind {
    struct nv_layout_kind *next;
    enum nv_kind kind;
    bool closed; /* it has no plans: there is more to ask than they tell apart */
    uint32_t plan_count;
    struct nv_layout_asking asking; /* the rows with conditions that signs don't tell */
    struct nv_plan *plans;
};

/* Layouts that are tried without a hash. */
#define NV_LAYOUT_BEHIND 4u

struct nv_layout {
    struct nv_layout *next; /* of the bucket */
    /* those of the spans that came behind, the last first */
    struct nv_layout *behind[NV_LAYOUT_BEHIND];
    uint64_t hash, absent; /* absent: a bit an attribute */
    struct nv_signs scope, signs;
    uint32_t count, value_count;
    const struct nv_str *keys;
    const struct nv_seen *seen;
    const struct nv_layout_value *values;
    struct nv_layout_asking deciding; /* rows for the kind: the first that holds decides */
    struct nv_layout_kind *kinds;
};

/* What the name of a scope tells. */
#define NV_LAYOUT_SCOPES 8u
#define NV_LAYOUT_SCOPE_BYTES 96u
struct nv_layout_scope {
    struct nv_signs signs;
    uint32_t len; /* 0: free */
    char name[NV_LAYOUT_SCOPE_BYTES];
};

/* What a key is, of those that resources have. */
#define NV_LAYOUT_KEYS 64u
struct nv_layout_key {
    struct nv_known_text text;
    uint16_t key; /* as of nv_key_match */
};

struct nv_layout_table {
    struct nv_arena *arena; /* NULL until something is learnt */
    struct nv_layout *buckets[NV_LAYOUT_BUCKETS];
    /* scopes that were entered lately */
    struct nv_layout_scope scopes[NV_LAYOUT_SCOPES];
    uint32_t next_scope;
    struct nv_layout_key keys[NV_LAYOUT_KEYS];
    uint32_t met[NV_LAYOUT_BUCKETS]; /* hashes of layouts that were met once */
    uint64_t hash, absent;           /* of the span asked for last */
    struct nv_layout *last;          /* its layout, or NULL */
    struct nv_layout_kind *kind;     /* for which a plan may be learnt now; NULL: none */
    uint64_t answers;
};

/* Memory of the table; NULL: it is full, or there is none. Then the table was emptied, and
 * nothing that lay in it may be used. */
void *nv_layout_table_alloc(struct nv_layout_table *table, size_t count,
                            size_t size) NV_MUST_USE;

#endif
