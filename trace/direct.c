/*
 * Counts spans into the stages and out of them: what they took is held until its trace is
 * settled or they say that it goes nowhere, so that every span has one place here as well.
 *
 *   held += taken        held -= settled, left out        0: nothing is under way
 */
#include "trace/direct.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* A body is not made larger by further traces past this; the API takes 10 MB. */
#define BODY_BYTES NV_CAP_MIB(4)
/* One trace alone may be larger, as far as this. */
#define BODY_MAX NV_CAP_MIB(64)

/* ---- open and close ---------------------------------------------------------------------- */

/* Settings as the stages take them: pointers to each, NULL at the end; new. */
static const char **list_of(const struct nv_buf *settings)
{
    size_t count = 1;
    for (size_t i = 0; i < settings->len; i++)
        count += settings->bytes[i] == '\0';
    const char **list = calloc(count, sizeof *list);
    const char *text = settings->bytes;
    for (size_t i = 0; list && i + 1 < count; i++) {
        list[i] = text;
        text += strlen(text) + 1;
    }
    return list;
}

noveum_result nv_trace_direct_open(struct nv_trace_direct *direct,
                                   const struct nv_trace_config *config, char *why,
                                   size_t why_size)
{
    const char **settings = list_of(&config->settings);
    *direct = (struct nv_trace_direct){.stages = config->stages};
    nv_buf_init(&direct->body, BODY_MAX);
    why[0] = '\0';
    if (!settings)
        return NOVEUM_NO_MEMORY;
    direct->pipeline = direct->stages->open(settings, why, why_size);
    free(settings);
    return direct->pipeline ? NOVEUM_OK : NOVEUM_INVALID;
}

void nv_trace_direct_close(struct nv_trace_direct *direct)
{
    if (direct->pipeline)
        direct->stages->close(direct->pipeline);
    nv_buf_release(&direct->body);
    nv_trace_direct_forget(direct);
}

void nv_trace_direct_forget(struct nv_trace_direct *direct)
{
    *direct = (struct nv_trace_direct){.stages = NULL};
}

/* ---- in ---------------------------------------------------------------------------------- */

/* Numbers of the stages are not believed beyond what is there: counts must add up. */
static uint64_t answered(struct nv_trace_direct *direct, uint64_t spans)
{
    if (spans > direct->held)
        spans = direct->held;
    direct->held -= spans;
    return spans;
}

enum nv_trace_taken nv_trace_direct_accept(struct nv_trace_direct *direct, struct nv_str body,
                                           uint64_t spans, uint64_t *rejected)
{
    uint64_t not_these = 0;
    *rejected = 0;
    int said = direct->stages->accept(direct->pipeline, body.ptr, body.len, &not_these);
    if (said != 0)
        return said > 0 ? NV_TRACE_NO_ROOM : NV_TRACE_NOT_TAKEN;
    direct->held += spans;
    *rejected = answered(direct, not_these < spans ? not_these : spans);
    return NV_TRACE_TAKEN;
}

uint64_t nv_trace_direct_tick(struct nv_trace_direct *direct)
{
    return direct->stages->tick(direct->pipeline);
}

/* ---- out --------------------------------------------------------------------------------- */

static void pull(struct nv_trace_direct *direct)
{
    size_t bytes = 0;
    if (direct->next < direct->count)
        return;
    direct->next = direct->count = 0;
    direct->alone = false;
    while (direct->count < NV_TRACE_DIRECT_TRACES && bytes < BODY_BYTES &&
           direct->stages->pull(direct->pipeline, &direct->traces[direct->count]) == 1)
        bytes += direct->traces[direct->count++].length;
}

/* {"traces":[...],"timestamp":1764437649.929} */
static enum nv_err write_body(struct nv_trace_direct *direct)
{
    struct nv_buf *body = &direct->body;
    uint64_t now_ms = nv_clock_wall_ns(nv_clock_system()) / NV_NS_PER_MS;
    nv_buf_clear(body);
    direct->in_body = direct->alone ? 1 : direct->count - direct->next;
    for (size_t i = 0; i < direct->in_body; i++) {
        const noveum_stages_payload *trace = &direct->traces[direct->next + i];
        (void)nv_buf_append_str(body, i == 0 ? NV_STR("{\"traces\":[") : NV_STR(","));
        (void)nv_buf_append(body, trace->json, trace->length);
    }
    return nv_buf_printf(body, "],\"timestamp\":%llu.%03u}",
                         (unsigned long long)(now_ms / 1000), (unsigned)(now_ms % 1000));
}

enum nv_err nv_trace_direct_body(struct nv_trace_direct *direct, struct nv_str *body)
{
    *body = (struct nv_str){NULL, 0};
    pull(direct);
    if (direct->next == direct->count)
        return NV_OK;
    enum nv_err err = write_body(direct);
    if (err == NV_OK)
        *body = nv_buf_str(&direct->body);
    return err;
}

bool nv_trace_direct_split(struct nv_trace_direct *direct)
{
    bool splits = direct->in_body > 1;
    direct->alone = true;
    return splits;
}

uint64_t nv_trace_direct_settle(struct nv_trace_direct *direct, bool delivered)
{
    uint64_t spans = 0;
    for (; direct->in_body > 0; direct->in_body--) {
        const noveum_stages_payload *trace = &direct->traces[direct->next++];
        spans += trace->spans;
        direct->stages->settle(direct->pipeline, trace, delivered ? 1 : 0);
    }
    return answered(direct, spans);
}

uint64_t nv_trace_direct_left_out(struct nv_trace_direct *direct)
{
    uint64_t all = direct->stages->left_out(direct->pipeline);
    uint64_t more = all > direct->left_out ? all - direct->left_out : 0;
    direct->left_out += more;
    return answered(direct, more);
}
