/*
 * Filing records of coding agents (filing.h).
 *
 * An agent whose prompts have ids sends some records without one (its configuration, its
 * connections): those belong to no turn and stay what they are, unless they are work, which
 * older versions told of without prompt ids. Work without a prompt id is filed under the
 * session, and its turns are told apart where all of the session's records come together.
 */
#include "otlp/request/filing.h"

#include "base/banned.h"

static uint32_t flags_of(const struct nv_record *record)
{
    static const uint32_t by_role[] = {
        [NV_RECORD_PROMPT] = NV_ITEM_BEGINS | NV_ITEM_MAKES,
        [NV_RECORD_CALL] = NV_ITEM_MAKES,
        [NV_RECORD_TOOL] = NV_ITEM_MAKES | NV_ITEM_CLOSES,
    };
    uint32_t flags = NV_ITEM_RECORD | by_role[record->event->role];
    if (record->prompt.len == 0)
        flags |= NV_ITEM_TURNS;
    if (record->event->traits & NV_RECORD_DUE)
        flags |= NV_ITEM_DUE;
    if (record->event->traits & NV_RECORD_OPENS && record->call.len > 0)
        flags |= NV_ITEM_OPENS;
    return flags;
}

static bool belongs_to_turn(const struct nv_record *record)
{
    return record->prompt.len > 0 || record->agent->prompt.len == 0 ||
           record->event->role >= NV_RECORD_BEGIN;
}

static bool names_trace(const struct nv_item *item)
{
    static const uint8_t none[NV_TRACE_ID_BYTES];
    return memcmp(item->trace_id, none, sizeof none) != 0;
}

enum nv_filing nv_filing_of_record(const struct nv_record_agent *agent,
                                   const struct nv_batch *batch, const struct nv_item *item,
                                   struct nv_item *filed)
{
    const struct nv_group *group = &batch->groups[item->group];
    const struct nv_str bytes = {batch->body + item->offset, item->length};
    struct nv_record record;
    if (!nv_record_read(agent, bytes, group->resource, &record) || !belongs_to_turn(&record))
        return NV_FILING_AS_IT_IS;
    const bool beside = names_trace(item);
    *filed = *item;
    filed->flags = beside && agent->own == NV_RECORD_MARKS ? NV_ITEM_MARK : flags_of(&record);
    memset(filed->span_id, 0, sizeof filed->span_id);
    nv_record_trace_id(group->service_name, &record, filed->trace_id);
    if (record.call.len > 0)
        nv_record_span_id(filed->trace_id, record.call, filed->span_id);
    return beside ? NV_FILING_BESIDE : NV_FILING_INSTEAD;
}

enum nv_filing nv_filing_of_evaluation(const struct nv_batch *batch, const struct nv_item *item,
                                       struct nv_item *filed)
{
    const struct nv_str bytes = {batch->body + item->offset, item->length};
    if (!nv_record_is_evaluation(bytes))
        return NV_FILING_AS_IT_IS;
    *filed = *item;
    filed->flags |= NV_ITEM_EVALUATES;
    if (!names_trace(item)) {
        filed->flags |= NV_ITEM_RECORD | NV_ITEM_MAKES;
        nv_record_identity(bytes, filed->trace_id);
    }
    return NV_FILING_INSTEAD;
}

bool nv_mark_of_span(const struct nv_record_agent *agent, const struct nv_batch *batch,
                     const struct nv_item *item, struct nv_item *mark)
{
    const struct nv_group *group = &batch->groups[item->group];
    const struct nv_str bytes = {batch->body + item->offset, item->length};
    struct nv_record record;
    if (!nv_record_read_span(agent, bytes, group->resource, &record))
        return false;
    *mark = (struct nv_item){.group = item->group,
                             .flags = NV_ITEM_MARK,
                             .offset = item->offset,
                             .length = item->length,
                             .start_ns = item->start_ns,
                             .end_ns = item->end_ns};
    nv_record_trace_id(group->service_name, &record, mark->trace_id);
    return true;
}
