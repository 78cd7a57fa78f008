/*
 * Where a log record of a coding agent is filed: under the trace that is made of its turn.
 *
 *   names no trace ─▶ under the derived id, instead
 *   names a trace ──▶ there, as any record, and beside that under the derived id: as a mark that
 *                     spans tell of this work, or as a record of it (enum nv_record_own)
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
enum nv_filing nv_file_record(const struct nv_record_agent *agent, const struct nv_batch *batch,
                              const struct nv_item *item, struct nv_item *filed);

#endif
