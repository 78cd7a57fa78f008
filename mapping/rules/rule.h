/*
 * Mapping rules: the rows of mapping/conventions/ after parsing, and the look-up of a source
 * key.
 *
 *   slots (hash) ─▶ keys ─▶ rules ─▶ tests        conditions
 *                    │        ├────▶ steps        transform
 *                    │        └────▶ fields       target, with the kinds that may have it
 *                    └ signs: conditions ask for this key
 *
 * All arrays are constant: compiled into the program by tools/compile_rules.c, or built at
 * start when the user has a table of his own. Indices are 16 bit, so a set holds at most 65,535
 * rules.
 */
#ifndef NV_MAPPING_RULES_RULE_H
#define NV_MAPPING_RULES_RULE_H

#include "mapping/rules/field.h"
#include "mapping/rules/kind.h"

enum nv_where {
    NV_WHERE_SPAN = 1u << 0,
    NV_WHERE_RESOURCE = 1u << 1,
    NV_WHERE_SCOPE = 1u << 2,
    NV_WHERE_FIELD = 1u << 3 /* derived from a field that has been decided */
};

/* X(id, name in tables, argument: 0 none, 1 optional, 2 required) */
#define NV_STEP_TABLE(X)                                                                       \
    X(NV_STEP_COPY, "copy", 0)                                                                 \
    X(NV_STEP_TEXT, "text", 0)                                                                 \
    X(NV_STEP_LOWER, "lower", 0)                                                               \
    X(NV_STEP_INT, "int", 0)                                                                   \
    X(NV_STEP_FLOAT, "float", 0)                                                               \
    X(NV_STEP_BOOL, "bool", 0)                                                                 \
    X(NV_STEP_JSON, "json", 0)                                                                 \
    X(NV_STEP_ARRAY, "array", 0)                                                               \
    X(NV_STEP_FIRST, "first", 0)                                                               \
    X(NV_STEP_MEMBER, "member", 2)                                                             \
    X(NV_STEP_SUM_OF, "sum_of", 2)                                                             \
    X(NV_STEP_S2MS, "s2ms", 0)                                                                 \
    X(NV_STEP_US2MS, "us2ms", 0)                                                               \
    X(NV_STEP_NS2MS, "ns2ms", 0)                                                               \
    X(NV_STEP_MS, "ms", 0)                                                                     \
    X(NV_STEP_SINCE_START, "since_start", 0)                                                   \
    X(NV_STEP_PROVIDER, "provider", 0)                                                         \
    X(NV_STEP_MODEL_PROVIDER, "model_provider", 0)                                             \
    X(NV_STEP_HOST_PROVIDER, "host_provider", 0)                                               \
    X(NV_STEP_MESSAGES, "messages", 2)                                                         \
    X(NV_STEP_INSTRUCTIONS, "instructions", 0)                                                 \
    X(NV_STEP_OUTPUT_TEXT, "output_text", 0)                                                   \
    X(NV_STEP_TOOL_CALLS, "tool_calls", 0)                                                     \
    X(NV_STEP_FINISH_REASON, "finish_reason", 0)                                               \
    X(NV_STEP_SYSTEM_TEXT, "system_text", 0)                                                   \
    X(NV_STEP_TOOLS, "tools", 0)                                                               \
    X(NV_STEP_CALLS, "calls", 0)                                                               \
    X(NV_STEP_DOCUMENTS, "documents", 0)                                                       \
    X(NV_STEP_EVALUATIONS, "evaluations", 2)                                                   \
    X(NV_STEP_TREE, "tree", 0)                                                                 \
    X(NV_STEP_SCORES, "scores", 0)                                                             \
    X(NV_STEP_COUNT, "count", 0)                                                               \
    X(NV_STEP_NAMES, "names", 0)                                                               \
    X(NV_STEP_QUERY, "query", 0)                                                               \
    X(NV_STEP_TEXTS, "texts", 0)                                                               \
    X(NV_STEP_ARGUMENTS, "arguments", 0)                                                       \
    X(NV_STEP_RESULT, "result", 0)                                                             \
    X(NV_STEP_CONST, "const", 2)                                                               \
    X(NV_STEP_AFTER, "after", 2)                                                               \
    X(NV_STEP_BEFORE, "before", 2)                                                             \
    X(NV_STEP_BETWEEN, "between", 2)                                                           \
    X(NV_STEP_SPREAD, "spread", 0)                                                             \
    X(NV_STEP_VECTOR_LENGTH, "vector_length", 0)                                               \
    X(NV_STEP_KIND, "kind", 1)                                                                 \
    X(NV_STEP_KEEP, "keep", 0)                                                                 \
    X(NV_STEP_DROP, "drop", 0)

enum nv_step_op {
#define NV_STEP_ENUM(id, name, argument) id,
    NV_STEP_TABLE(NV_STEP_ENUM)
#undef NV_STEP_ENUM
        NV_STEP_COUNT_ALL
};

struct nv_step {
    uint8_t op;   /* enum nv_step_op */
    uint8_t kind; /* of NV_STEP_KIND: enum nv_kind, NV_KIND_NONE for "go on" */
    struct nv_str argument;
};

enum nv_test_what {
    NV_TEST_VALUE,
    NV_TEST_SCOPE,
    NV_TEST_NAME,
    NV_TEST_SPAN_KIND,
    NV_TEST_HAS,
    NV_TEST_ATTRIBUTE,
    NV_TEST_EVENT
};

/* Keys that conditions ask for are numbered while a set is built. */
#define NV_WATCHES_MAX 256
struct nv_watch_set {
    uint64_t bits[NV_WATCHES_MAX / 64];
};

/*
 * A sign is a question of conditions that is answered once for a span, for all rules that ask
 * it: "is one of these keys there?" (has, lacks, attr), "does the scope match?". The set holds
 * those that are true.
 */
#define NV_SIGNS_MAX 128
struct nv_signs {
    uint64_t bits[NV_SIGNS_MAX / 64];
};

/* What texts that match globs have in common; most comparisons end here. */
struct nv_glob_filter {
    uint64_t first;   /* bits of the characters they may begin with */
    uint64_t lengths; /* bits of the lengths they may have, the last one for all from 63 on */
};

struct nv_scope_sign {
    struct nv_str globs;
    struct nv_glob_filter filter;
    uint16_t sign;
};

struct nv_test {
    uint8_t what; /* enum nv_test_what */
    bool negate;
    uint16_t first_watch, watch_count; /* HAS, ATTRIBUTE: range of the draft's while parsing */
    uint16_t sign;                     /* HAS, ATTRIBUTE, SCOPE: number of its question */
    struct nv_str globs;               /* comma-separated */
    struct nv_glob_filter filter;      /* of globs */
    struct nv_watch_set mask;          /* HAS, ATTRIBUTE: any of these */
};

enum nv_rule_flags {
    NV_RULE_TREE = 1u << 0, /* collects all keys below its prefix into one value */
    NV_RULE_WILD = 1u << 1, /* its target holds {*}, or takes what all its rows give */
    NV_RULE_KEEP = 1u << 2,
    NV_RULE_DROP = 1u << 3,
    NV_RULE_KIND = 1u << 4,
    NV_RULE_USER = 1u << 5,   /* from the user's table */
    NV_RULE_SPREAD = 1u << 6, /* the members of its value go out one by one */
    NV_RULE_PLAIN = 1u << 7,  /* one step on a scalar: cheap to ask, even of a loser */
    NV_RULE_WHOLE =
        1u << 8, /* what it gives exactly need not go out under the source's key, too */
    NV_RULE_FORMED = 1u << 10, /* as plain, but for the last step, its target's form */
    NV_RULE_ONE = 1u << 9,     /* it gives one attribute of the span, under its target's name */
    /* plain, and gives one attribute whose words are its source's: a value that is as the row
     * wants it goes out as it is */
    NV_RULE_DIRECT = 1u << 11
};

/* What can be said of a rule by bits, without a look at its tests: most are passed over by it.
 * Derived from the tests when the set is built. */
struct nv_rule_filter {
    struct nv_glob_filter value; /* what the value must be like */
    struct nv_signs need, lack;  /* signs that must be and must not be there */
};

struct nv_rule {
    uint16_t key, field;
    uint16_t first_test, first_step;
    uint8_t test_count, step_count;
    /* so many tests, the first ones, are said whole by filter.need and lack */
    uint8_t sign_tests;
    uint8_t where;
    uint16_t flags;
    uint16_t precedence; /* for kinds: rank */
    uint16_t file, line;
    uint32_t kinds; /* bits of the kinds it applies to */
    /* kinds of spans for which it says something of its target; 0 for kind rows */
    uint32_t gives;
    uint16_t order; /* by precedence, the user's first; odd numbers are for what events carry */
    struct nv_rule_filter filter;
};

struct nv_rule_key {
    struct nv_str
        pattern; /* numbers as {i}; a trailing {*} is cut off, its dot kept; a leading one stays */
    uint32_t hash;
    uint16_t first_rule, rule_count; /* those that decide kinds first, by rank */
    uint16_t kind_count;             /* how many decide kinds */
    uint16_t prefix_len;   /* literal text before the first placeholder, without its dot */
    uint32_t gate;         /* kinds that may have an attribute of this very name */
    struct nv_signs signs; /* which it gives */
    bool wild;             /* the pattern ended with {*} */
    bool watched;          /* it gives some */
    bool messages;         /* a row reads messages out of its value */
};

struct nv_field {
    struct nv_str name;
    uint32_t kinds; /* kinds that may have it (fields.rules) */
    uint16_t key;   /* 1 + key whose FIELD rules derive from it, 0 for none */
    bool of_trace;  /* metadata.*, noveum.*, service_version, trace.* */
    bool outside;   /* no attribute of the span: of the trace, or its name or status */
    bool replaces;  /* the source may be left out: a namespace the backend shows whole */
};

/* The first letters of names, as bits: a name of other letters is none of them. */
struct nv_namespaces {
    uint64_t bits[4];
};

static inline unsigned nv_namespace_bit(struct nv_str name)
{
    uint32_t letters = 0;
    if (name.len >= sizeof letters)
        memcpy(&letters, name.ptr, sizeof letters);
    return letters * 0x9E3779B1u >> 24;
}

static inline bool nv_namespaces_may(const struct nv_namespaces *spaces, struct nv_str name)
{
    const unsigned bit = nv_namespace_bit(name);
    return spaces->bits[bit >> 6] >> (bit & 63) & 1;
}

struct nv_rule_file {
    struct nv_str name, convention, title;
};

struct nv_rules {
    const struct nv_rule *rules;
    const struct nv_rule_key *keys;
    /* the known ones (mapping/rules/field.h) first, in their order */
    const struct nv_field *fields;
    const struct nv_test *tests;
    const struct nv_step *steps;
    const uint16_t *watches; /* key index of each watch */
    const uint16_t *slots;   /* 1 + key index, open addressing */
    const struct nv_scope_sign *scopes;
    const struct nv_rule_file *files;
    struct nv_signs valued;       /* signs of keys whose value some condition asks for */
    struct nv_signs scoped;       /* signs of scopes */
    struct nv_glob_filter wild;   /* what the texts before a {*} are like */
    struct nv_namespaces targets; /* of the attributes that rows write */
    struct nv_namespaces settled; /* of those that are written once a span's rows are done */
    uint64_t endings;             /* bits of the last letters of keys that begin with {*} */
    uint32_t rule_count, key_count, field_count, test_count, step_count, watch_count,
        slot_count, scope_count, file_count;
    uint64_t serial; /* 0: the built-in ones; no two others have the same */
};

/* The tables of mapping/conventions/, as compiled in. Borrowed, static. */
const struct nv_rules *nv_rules_builtin(void);

/* Most numbers of a key that are kept aside, longest key that is folded; others pass as they
 * are.
 */
#define NV_KEY_NUMBERS_MAX 8
#define NV_KEY_FOLDED_MAX 512
/* Longest `{*}.PART`; a longer PART is found by no row. */
#define NV_KEY_ENDING_MAX 40

/* A source key as looked up. */
struct nv_key_match {
    uint16_t key;         /* 1 + key index, 0 when no pattern matches */
    uint16_t rest;        /* {*}: offset of what it stands for in `folded` */
    uint16_t source_rest; /* the same in the source key */
    uint8_t number_count;
    uint32_t numbers[NV_KEY_NUMBERS_MAX];
    struct nv_str folded; /* the key itself, or a text in `space` */
    char space[NV_KEY_FOLDED_MAX];
};

/* Finds the best pattern for `key` (exact before long prefixes before short ones). Any
 * thread. */
void nv_rules_find(const struct nv_rules *rules, struct nv_str key, struct nv_key_match *out);
/* Index of the key with exactly this pattern as in `pattern` and `wild`, or UINT16_MAX. */
uint16_t nv_rules_find_exact(const struct nv_rules *rules, struct nv_str pattern, bool wild);
/* The field of this name, NV_FIELD_NONE when there is none. */
uint16_t nv_rules_find_field(const struct nv_rules *rules, struct nv_str name);
/* Stable hash of patterns: the same at build time and at run time. */
uint32_t nv_rule_hash(struct nv_str text);
/* The signs that a scope of this name gives. */
struct nv_signs nv_rules_scope_signs(const struct nv_rules *rules, struct nv_str name);
/* Does `text` match one of the comma-separated globs (`*` any text)? ASCII case is ignored. */
bool nv_glob_any(struct nv_str globs, struct nv_str text);
/* What all texts that match one of the globs have in common. */
struct nv_glob_filter nv_glob_filter_of(struct nv_str globs);
/* The bits of one text, to be held against a filter. */
static inline struct nv_glob_filter nv_glob_bits(struct nv_str text)
{
    unsigned c = text.len > 0 ? (unsigned char)text.ptr[0] : 0;
    c |= c >= 'A' && c <= 'Z' ? 0x20u : 0u;
    return (struct nv_glob_filter){UINT64_C(1) << (c & 63),
                                   UINT64_C(1) << (text.len < 63 ? text.len : 63)};
}
/* May a text of these bits match? */
static inline bool nv_glob_may(const struct nv_glob_filter *filter, struct nv_glob_filter bits)
{
    return (filter->first & bits.first) != 0 && (filter->lengths & bits.lengths) != 0;
}
/* nv_glob_any behind that filter. */
static inline bool nv_glob_any_of(const struct nv_glob_filter *filter, struct nv_str globs,
                                  struct nv_str text)
{
    return nv_glob_may(filter, nv_glob_bits(text)) && nv_glob_any(globs, text);
}

#endif
