/*
 * Personal data in a text: found, and replaced by stars or by pseudonyms.
 *
 *   text ─▶ hints ─▶ the user's patterns ─────────────▶ longest first ─┐
 *             └────▶ built-in patterns ─▶ checks ─▶ not over those,    ├─▶ text with words
 *                    and telephones                  nor over a date,  │   in their place
 *                                                    longest first ────┘
 *
 * Labels, order and outputs are those of the vendor's SDK (patterns.h). Nothing here knows of
 * traces. Rules are for any thread, a finder is for one.
 */
#ifndef NV_REDACTION_PERSONAL_PERSONAL_H
#define NV_REDACTION_PERSONAL_PERSONAL_H

#include "base/arena.h"
#include "redaction/personal/hints.h"
#include "redaction/personal/patterns.h"

/* Patterns of the user. */
#define NV_PERSONAL_PATTERNS_MAX 64u
#define NV_PERSONAL_LABELS_MAX (NV_PERSONAL_LABEL_COUNT + NV_PERSONAL_PATTERNS_MAX)
/* Bytes of a label; longer ones make keys and texts unreadable. */
#define NV_PERSONAL_LABEL_BYTES_MAX 64u
/* Shorter salts can be tried out one by one. */
#define NV_PERSONAL_SALT_MIN 8u

enum nv_personal_mode { NV_PERSONAL_REDACT, NV_PERSONAL_PSEUDONYMISE };

struct nv_personal_pattern {
    struct nv_str label; /* as it is written in configurations; empty: CUSTOM */
    struct nv_str pattern;
};

/* All borrowed, for the call of nv_personal_new only. */
struct nv_personal_setup {
    enum nv_personal_mode mode;
    struct nv_str salt;
    const struct nv_personal_pattern *patterns;
    size_t pattern_count;
    /* Values that stay: equal in canonical form, or, behind a leading *, at their end. */
    const struct nv_str *allowed;
    size_t allowed_count;
    /* Regions whose telephone numbers are found without their country (phones.h). */
    const struct nv_str *regions;
    size_t region_count;
};

struct nv_personal;
struct nv_personal_finder;

/* How often each label was replaced; those of the user's patterns behind the others. */
struct nv_personal_counts {
    uint64_t of[NV_PERSONAL_LABELS_MAX];
    uint64_t keys; /* values taken for the sake of their keys (nested.h) */
};

/*
 * New rules. NV_ERR_CONFIG: `fail` says which pattern is wrong, where and why (`path` holds its
 * number among the patterns, from 0, or "region" and its number). NV_ERR_NO_MEMORY.
 */
enum nv_err nv_personal_new(const struct nv_personal_setup *setup, struct nv_personal **out,
                            struct nv_fail *fail) NV_MUST_USE;
/* NULL is allowed. */
void nv_personal_free(struct nv_personal *rules);
/* Labels there are, and the name of one. Borrowed from the rules. */
size_t nv_personal_label_count(const struct nv_personal *rules);
struct nv_str nv_personal_label_name(const struct nv_personal *rules, size_t label);
/* What a thread needs to apply the rules, which it borrows; NULL without memory. */
struct nv_personal_finder *nv_personal_finder_new(const struct nv_personal *rules);
/* NULL is allowed. */
void nv_personal_finder_free(struct nv_personal_finder *finder);
/* Frees what large texts needed. */
void nv_personal_finder_shrink(struct nv_personal_finder *finder);

/*
 * Replaces the personal data in *text, whose hints are given: *text stays as it is when there
 * is none, else it becomes a new text in the arena; *counts grow. A text that is a UUID has
 * none. NV_ERR_NO_MEMORY.
 */
enum nv_err nv_personal_text(struct nv_personal_finder *finder, struct nv_arena *arena,
                             struct nv_str *text, const struct nv_hints *hints,
                             struct nv_personal_counts *counts) NV_MUST_USE;
/*
 * The same for a text with escapes, which says `plain` (undo.h), of which the hints are: what
 * is found in that is replaced where it stands in *text; the other escapes stay.
 */
enum nv_err nv_personal_undone(struct nv_personal_finder *finder, struct nv_arena *arena,
                               struct nv_str *text, struct nv_str plain,
                               const struct nv_hints *hints,
                               struct nv_personal_counts *counts) NV_MUST_USE;
/* May nv_personal_text find something in a text of these hints, or in what its escapes
 * (\u0040) stand for? False is sure. */
bool nv_personal_may_hold(const struct nv_personal_finder *finder,
                          const struct nv_hints *hints);
/* A whole number: when all its digits are one match, *text is what replaces it, else empty.
 * Errors as above. */
enum nv_err nv_personal_number(struct nv_personal_finder *finder, struct nv_arena *arena,
                               int64_t number, struct nv_str *text,
                               struct nv_personal_counts *counts) NV_MUST_USE;
/* Is it what nv_personal_whole makes, VALUE_ and 12 digits or stars? */
bool nv_personal_is_whole(struct nv_str text);
/* The word for a value as a whole, whatever it holds: VALUE_ and its pseudonym, or stars.
 * NV_ERR_NO_MEMORY. */
enum nv_err nv_personal_whole(struct nv_personal_finder *finder, struct nv_arena *arena,
                              struct nv_str *text) NV_MUST_USE;

#endif
