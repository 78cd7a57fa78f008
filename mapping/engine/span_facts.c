/*
 * What rows say of a span outside its attributes.
 *
 *   row with target span.NAME ─▶ resolve.c decides who wins ─▶ the span itself, its work
 */
#include "mapping/engine/engine.h"

#include "base/banned.h"

static enum nv_status status_of(struct nv_str text)
{
    if (nv_str_ieq(text, NV_STR("error")))
        return NV_STATUS_ERROR;
    return nv_str_ieq(text, NV_STR("timeout")) ? NV_STATUS_TIMEOUT : NV_STATUS_OK;
}

bool nv_span_fact_set(struct nv_span_work *work, uint16_t field, struct nv_str text)
{
    switch (field) {
    case NV_FIELD_SPAN_NAME:
        work->span->name = text;
        return true;
    case NV_FIELD_SPAN_PLACEHOLDER:
        work->placeholder = true;
        return true;
    case NV_FIELD_SPAN_LEFT_OUT:
        work->left_out = !nv_str_ieq(text, NV_STR("false"));
        return true;
    case NV_FIELD_SPAN_LAST_STEP:
        work->last_step = true;
        return true;
    case NV_FIELD_SPAN_STATUS_MESSAGE:
        work->span->status_message = text;
        return true;
    case NV_FIELD_SPAN_STATUS:
        work->fails_if_unset = nv_str_eq(text, NV_STR("error_if_unset"));
        work->span->status = status_of(text);
        return true;
    default:
        return false;
    }
}
