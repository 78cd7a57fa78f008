/*
 * Translates raw traces into Noveum's form: the public face of this stage.
 *
 *   nv_raw_trace ─▶ decode ─▶ kinds ─▶ rows ─▶ usage, cost ─▶ identity, agents ─▶ nv_trace
 *                     │          └──────┴── mapping/conventions/<name>.rules
 *                     └─ log records join their spans by span id
 *
 * An nv_mapping is immutable after nv_mapping_new and may be used by any number of threads at
 * once.
 */
#ifndef NV_MAPPING_MAPPING_H
#define NV_MAPPING_MAPPING_H

#include "base/clock.h"
#include "model/trace.h"

struct nv_mapping;
struct nv_agents; /* mapping/settle/agents.h */

/* Source attributes that a row expresses fully: left out, or sent under their own key as
 * well. */
enum nv_keep_source { NV_KEEP_UNMAPPED, NV_KEEP_ALL };
/* Spans that go out: all, or those of the AI work, what connects them and the root. */
enum nv_spans { NV_SPANS_ALL, NV_SPANS_AI };

/* All strings are borrowed during nv_mapping_new only; empty means not set. */
struct nv_mapping_config {
    enum nv_keep_source keep_source;
    enum nv_spans spans;
    /* user's prices, before the built-in ones (form: mapping/prices/price.h) */
    struct nv_str prices_file;
    struct nv_str rules_file;      /* user's rows (mapping/conventions/README.md) */
    struct nv_str project;         /* exporter.noveum.project */
    struct nv_str environment;     /* exporter.noveum.environment */
    struct nv_str service_version; /* exporter.noveum.service_version */
    struct nv_str gateway_version; /* becomes noveum.gateway.version */
    /* each trace says where its values come from (nv_trace.explained): for people who look at
     * it */
    bool explain;
    struct nv_agents *agents; /* registry across traces, borrowed for life; may be NULL */
    /* units of base/meter.h a trace may take for each of its bytes; 0: any */
    uint64_t work_per_byte;
};

/*
 * New mapping, or NULL with `fail` filled: NV_ERR_CONFIG for a rules or prices file that can't
 * be read or is wrong (`path` is `file:line:column`), NV_ERR_NO_MEMORY.
 */
struct nv_mapping *nv_mapping_new(const struct nv_mapping_config *config, struct nv_fail *fail);
/* Frees; NULL is allowed. Traces made with it stay valid. */
void nv_mapping_free(struct nv_mapping *mapping);

/* What even the smallest trace may take: as if it had so many bytes more. */
#define NV_WORK_FREE_BYTES 4096u

/*
 * A trace whose translation takes more than its work (config.work_per_byte), or more memory
 * than its arena may have, leaves untranslated: of lists that do not fit a first part only,
 * otherwise as its spans came, but for the project and what rows drop; the trace's attribute
 * noveum.gateway.untranslated says why, and trace->untranslated is set.
 *
 * A trace of which all spans are left out (trace->left_out) has none: it is to be dropped.
 *
 * Borrows `raw`, which is as it was, whatever came of it: who has an error makes dead letters
 * of its bytes. *out lives beside it in its arena, borrowed too, and has its claim.
 * One nv_arena_free frees both, once the claim is settled. Errors: NV_ERR_NO_MEMORY;
 * NV_ERR_MALFORMED for bytes that never passed the check at the door. Any thread.
 */
enum nv_err nv_mapping_translate(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                                 struct nv_trace **out) NV_MUST_USE;

/*
 * Makes spans of log records (raw->of_records), before it is translated:
 * mapping/engine/turns.h. `*unused`: records that nothing became of. NV_ERR_NO_MEMORY: `raw` is
 * as it was.
 */
enum nv_err nv_mapping_make_spans(struct nv_raw_trace *raw, uint32_t *unused) NV_MUST_USE;

/*
 * For `noveum-gateway explain`: translates as above and appends to `report`, span by span, each
 * target field with the source key that won, its row, and the keys that lost. Text, one line a
 * field. `raw` is borrowed, *out as above; errors as above and the buffer's.
 */
enum nv_err nv_mapping_explain(const struct nv_mapping *mapping, struct nv_raw_trace *raw,
                               struct nv_buf *report, struct nv_trace **out) NV_MUST_USE;

#endif
