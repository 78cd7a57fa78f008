/*
 * What follows of the keys of a span, remembered: programs send spans of a few layouts, over
 * and over.
 *
 *   keys in order, which of them say nothing, what the scope tells ── a layout
 *     └▶ what each key is, signs, the rows that may still decide the kind
 *          └▶ kind ─▶ rows that ask for a value ─▶ their answers ── a plan
 *               └▶ the candidates of all fields, as mapping/engine/apply.c made them
 *
 * Values are never remembered: rows that ask for one are asked every time. What is recalled is
 * what apply.c left in the scratch when it met the layout for the second time, so both ways go
 * on from the same state. Layouts lie in tables of the mapping that one thread has at a time; a
 * table that is full is emptied. Spans with more attributes than a layout may have, with keys
 * that meet in a tree or with content in events take the general way.
 */
#ifndef NV_MAPPING_ENGINE_LAYOUT_H
#define NV_MAPPING_ENGINE_LAYOUT_H

#include "mapping/engine/work.h"

/* Attributes of a span that has a layout. */
#define NV_LAYOUT_ATTRIBUTES_MAX 64u
/* Tables of a mapping: so many threads remember at once, others go without. */
#define NV_LAYOUT_TABLES 16u
/* Plans of one layout and kind: more different answers are not remembered. */
#define NV_LAYOUT_PLANS_MAX 16u

struct nv_layout;
struct nv_layout_table; /* of one thread at a time */
struct nv_layout_pool;  /* the tables of a mapping */

/* New, empty, or NULL without memory. */
struct nv_layout_pool *nv_layout_pool_new(void);
/* Frees it with all tables, which nobody may have. NULL is allowed. */
void nv_layout_pool_free(struct nv_layout_pool *pool);
/* A table for this thread alone, until it is given back; NULL: all are taken, or no memory.
 * Any thread. */
struct nv_layout_table *nv_layout_table_take(struct nv_layout_pool *pool);
/* Gives a table back; NULL is allowed. */
void nv_layout_table_give(struct nv_layout_pool *pool, struct nv_layout_table *table);
/* As nv_rules_scope_signs, which it asks for names that it has forgotten; without a table
 * (NULL) for all. */
struct nv_signs nv_layout_scope_signs(struct nv_layout_table *table,
                                      const struct nv_rules *rules, struct nv_str name);

/* The key that nv_rules_find tells for one of a resource's, which it asks likewise. */
uint16_t nv_layout_key_of(struct nv_layout_table *table, const struct nv_rules *rules,
                          struct nv_str key);

/*
 * The layout of a span whose attributes are its source and whose scope was entered; NULL: none
 * is known. `*due`: it was met before and is to be learnt. Borrowed until the next span.
 */
const struct nv_layout *nv_layout_find(struct nv_translation *t,
                                       const struct nv_span_work *work, bool *due);
/* Learns the layout that nv_layout_find was asked for last, from seen, signs and telling in the
 * scratch, as look-ups left them. NULL: it can't be remembered. Borrowed as above. */
const struct nv_layout *nv_layout_learn(struct nv_translation *t,
                                        const struct nv_span_work *work);
/* Puts what the layout tells into the scratch, which has room for it, and decides the kind. */
void nv_layout_recall(struct nv_translation *t, struct nv_span_work *work,
                      const struct nv_layout *layout);
/*
 * Makes the candidates of the span's kind: *done says whether they are known. They are not:
 * the caller makes them and calls nv_layout_learn_plan. NV_ERR_NO_MEMORY, NV_ERR_LIMIT.
 */
enum nv_err nv_layout_apply(struct nv_translation *t, const struct nv_span_work *work,
                            const struct nv_layout *layout, bool *done) NV_MUST_USE;
/* Learns the candidates in the scratch as those that nv_layout_apply was asked for last. `rows`
 * were looked at for them. */
void nv_layout_learn_plan(struct nv_translation *t, const struct nv_span_work *work,
                          uint64_t rows);

#endif
