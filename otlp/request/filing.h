/*
 * Where a log record of a coding agent is filed: under the trace that is made of its turn.
 *
 *   names no trace ─▶ under the derived id, instead
 *   names a trace ──▶ there, as any record, and beside that under the derived id: as a mark that
 *                     spans tell of this work, or as a record of it (enum nv_record_own)
 *   a span of an agent that names its turn marks that, too
 */
#ifndef NV_OTLP_REQUEST_FILING_H
#define NV_OTLP_REQUEST_FILING_H

#include "model/agent_records.h"

enum nv_filing { NV_FILING_AS_IT_IS, NV_FILING_INSTEAD, NV_FILING_BESIDE };

/*
 * Of an item of a logs request whose group is filled in and belongs to `agent`. But for
 * AS_IT_IS `*filed` is the item to put instead of it or beside it: the same bytes with the
 * derived id, flags and, of a tool's call, span id.
 */
enum nv_filing nv_filing_of_record(const struct nv_record_agent *agent,
                                   const struct nv_batch *batch, const struct nv_item *item,
                                   struct nv_item *filed);

/*
 * An evaluation that is no agent's: of one that names a trace `*filed` says that it is worth a
 * span, one that names none gets a trace of its own. AS_IT_IS: it is no evaluation.
 */
enum nv_filing nv_filing_of_evaluation(const struct nv_batch *batch, const struct nv_item *item,
                                       struct nv_item *filed);
/* The mark that a span of that agent leaves with its turn. False: it tells of none. */
bool nv_mark_of_span(const struct nv_record_agent *agent, const struct nv_batch *batch,
                     const struct nv_item *item, struct nv_item *mark);

#endif
