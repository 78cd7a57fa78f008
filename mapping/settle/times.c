/*
 * Times that were not sent: 0 is "not known" in OTLP, not the year 1970.
 *
 *   start 0          the start of the nearest parent that has one, else the trace's earliest
 *   end 0            the span has not ended: its end is its start
 *   end < start      its end is its start
 *   event at 0       the span's start
 *
 * One span that starts in 1970 would make a trace of 56 years, and every reader of durations
 * wrong. What is made up is said in `noveum.gateway.start_time` and `noveum.gateway.end_time`.
 * Times that are wrong but told (a clock that is years ahead) stay: nothing here knows a better
 * one.
 */
#include "mapping/settle/settle.h"

#include "base/meter.h"

#include <assert.h>

#include "base/banned.h"

/* The earliest start, else the earliest end, else 0: nothing in the trace has a time. */
static uint64_t earliest(const struct nv_translation *t)
{
    uint64_t start_ns = UINT64_MAX, end_ns = UINT64_MAX;
    for (uint32_t i = 0; i < t->work_count; i++) {
        const struct nv_span *span = t->works[i].span;
        if (span->start_ns != 0 && span->start_ns < start_ns)
            start_ns = span->start_ns;
        if (span->end_ns != 0 && span->end_ns < end_ns)
            end_ns = span->end_ns;
    }
    if (start_ns != UINT64_MAX)
        return start_ns;
    return end_ns != UINT64_MAX ? end_ns : 0;
}

/* Gives the spans from `i` up to the first that has a start that start: each is met once. */
static void mend_start(struct nv_translation *t, uint32_t i, uint64_t first_ns)
{
    uint32_t top = i;
    while (top != NV_NO_SPAN && t->works[top].span->start_ns == 0)
        top = t->works[top].parent;
    uint64_t start_ns = top != NV_NO_SPAN ? t->works[top].span->start_ns : first_ns;
    for (uint32_t at = i; at != top; at = t->works[at].parent) {
        t->works[at].span->start_ns = start_ns;
        t->works[at].start_mark = NV_TIME_MISSING;
        (void)nv_meter_spend(1);
    }
}

static void mend_end(struct nv_span_work *work)
{
    struct nv_span *span = work->span;
    if (span->end_ns >= span->start_ns && span->end_ns != 0)
        return;
    work->end_mark = span->end_ns == 0 ? NV_TIME_MISSING : NV_TIME_BEFORE_START;
    span->end_ns = span->start_ns;
}

void nv_times_mend(struct nv_translation *t)
{
    bool missing = false;
    for (uint32_t i = 0; i < t->work_count; i++)
        missing = missing || t->works[i].span->start_ns == 0;
    uint64_t first_ns = missing ? earliest(t) : 0;
    for (uint32_t i = 0; missing && first_ns != 0 && i < t->work_count; i++) {
        if (t->works[i].span->start_ns == 0)
            mend_start(t, i, first_ns);
    }
    for (uint32_t i = 0; i < t->work_count; i++) {
        struct nv_span *span = t->works[i].span;
        mend_end(&t->works[i]);
        for (uint32_t k = 0; k < span->event_count; k++) {
            if (span->events[k].time_ns == 0)
                span->events[k].time_ns = span->start_ns;
        }
    }
}

enum nv_err nv_times_tell(struct nv_translation *t, struct nv_span_work *work)
{
    static const struct nv_str words[] = {[NV_TIME_MISSING] = NV_STR_INIT("missing"),
                                          [NV_TIME_BEFORE_START] = NV_STR_INIT("before start")};
    struct nv_attributes *attributes = &work->span->attributes;
    enum nv_err err = NV_OK;
    if (work->start_mark != NV_TIME_AS_SENT) {
        err = nv_attributes_add(attributes, t->arena, NV_STR("noveum.gateway.start_time"),
                                nv_value_string(words[work->start_mark]));
    }
    if (err == NV_OK && work->end_mark != NV_TIME_AS_SENT) {
        err = nv_attributes_add(attributes, t->arena, NV_STR("noveum.gateway.end_time"),
                                nv_value_string(words[work->end_mark]));
    }
    return err;
}
